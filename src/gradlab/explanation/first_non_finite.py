"""Where in a run a number first stops being finite: the exact step, the layer, and which number.

Training looks at its losses alone, and at layers now and then. What it does not keep can be had
again: the run is trained anew from its seed, to the same numbers, and looked at between its steps.
So a run that stays finite pays nothing.
"""

import dataclasses
import functools
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PyTree

from gradlab.explanation.retraining import Retraining, Stand
from gradlab.explanation.taps import call
from gradlab.nn.losses import LOSSES
from gradlab.nn.module import trainable
from gradlab.nn.padded import Padded
from gradlab.nn.random import row_key
from gradlab.nn.sparsity import sparsity_penalty
from gradlab.training.network import build_network
from gradlab.training.order import PADDING
from gradlab.training.plan import Run
from gradlab.training.population import NOT_DIVERGED, gather_batch
from gradlab.training.precision import precision
from gradlab.training.sites import has_weights, layers_of, states_of
from gradlab.training.supervised import compared, loss_name
from gradlab.training.task import Task

What = Literal[
    "inputs", "activations", "loss", "gradients", "weights", "state", "optimizer", "validation"
]


@dataclasses.dataclass(frozen=True)
class NonFinite:
    """The first number of a run that is not finite.

    Attributes:
        step: Of the run, from 1.
        epoch: Of the step, from 1.
        what: "inputs" of the network, "activations" that a layer gives, "loss" of the batch,
            "gradients" of a layer's weights, "weights" after the update, "state" of a layer
            (running statistics), what the "optimizer" keeps, or the loss of the "validation" rows
            after the epoch.
        layer: Among the layers with weights, from 0; None where none is meant, and before the
            first. What follows such a layer, up to the next, belongs to it.
        own: Whether it is that layer's own number, and not one of what follows it.
    """

    step: int
    epoch: int
    what: What
    layer: int | None = None
    own: bool = False


def first_non_finite(task: Task, run: Run) -> NonFinite | None:
    """Train a run again and return its first number that is not finite; None if all are.

    Whole epochs are trained until one ends badly, and within that one the step is found by
    halving: what has left the finite range does not come back.

    Args:
        task: What is learnt.
        run: Of a recipe.

    >>> from gradlab.data import load_dataset
    >>> from gradlab.lab.preparation import prepare
    >>> from gradlab.lab.question import Question
    >>> from gradlab.training.recipe import Recipe
    >>> task, _ = prepare(load_dataset("iris"), Question())
    >>> wild = Recipe(hidden=(4,), epochs=2, optimizer="sgd", learning_rate=1e30)
    >>> first_non_finite(task, Run(wild, 0)).step
    2
    """
    look = _Look(Retraining(task, run))
    stand, epoch = look.again.start(), 0
    found = look.at(stand, 0, 0)
    if found is not None:
        return found
    while bool(stand.control.active):
        begun, stand = stand, look.again.epochs(epoch + 1, stand)
        n_steps = look.n_steps(epoch)
        found = look.behind(stand, epoch, n_steps)
        if found is None and bool(stand.control.active):
            found = look.ahead(stand, epoch + 1, 0)
        if found is not None:
            return _first(look, begun, epoch, n_steps, found)
        epoch += 1
        if int(stand.control.diverged) != NOT_DIVERGED:
            return NonFinite(look.number(epoch - 1, n_steps), epoch, "validation")
    return None


def _first(look: "_Look", begun: Stand, epoch: int, n_steps: int, found: NonFinite) -> NonFinite:
    """Return the first number of an epoch that is not finite, if `found` is at its end."""
    clean, bad = 0, n_steps
    while bad - clean > 1:
        middle = (clean + bad) // 2
        earlier = look.at(begun, epoch, middle)
        if earlier is None:
            clean = middle
        else:
            bad, found = middle, earlier
    return found


class _Look:
    """What can be seen of a run between two of its steps."""

    def __init__(self, again: Retraining) -> None:
        self.again = again
        task, recipe = again.task, again.run.recipe
        with precision(task.dtype):
            template = build_network(recipe, task.interface, seed=None, dtype=task.dtype)
        arrays, self._static = eqx.partition(template, eqx.is_array)
        self._spec = trainable(arrays)
        self._layers = layers_of(template)
        self._flags = jax.jit(self._pass)
        # Some optimizers begin with an infinity.
        start = again.state(again.part(again.start(), 0, 0))
        self._begins = [_finite(leaf) for leaf in jax.tree.leaves(start.optimizer)]

    def n_steps(self, epoch: int) -> int:
        """Return the steps of an epoch that have rows."""
        return int((self.again.order(epoch)[0, :, 0] != PADDING).sum())

    def number(self, epoch: int, place: int) -> int:
        """Return how many steps of the run are done after so many of an epoch."""
        return epoch * self.n_steps(0) + place

    def at(self, begun: Stand, epoch: int, place: int) -> NonFinite | None:
        """Look back and ahead after so many steps of an epoch."""
        there = self.again.part(begun, epoch, place)
        return self.behind(there, epoch, place) or self.ahead(there, epoch, place)

    def behind(self, there: Stand, epoch: int, place: int) -> NonFinite | None:
        """Return what the last step left: weights, states, the sum of the losses."""
        state = self.again.state(there)
        found = functools.partial(NonFinite, self.number(epoch, place), epoch + 1)
        network = eqx.combine(state.model, self._static)
        for i, layer in enumerate(layers_of(eqx.filter(network, eqx.is_array))):
            if not _finite(layer):
                return found("weights", *self._owner(i))
        for i, own in enumerate(states_of(network, state.layers)):
            if not _finite(own):
                return found("state", *self._owner(i))
        kept = jax.tree.leaves(state.optimizer)
        if any(
            begins and not _finite(leaf) for begins, leaf in zip(self._begins, kept, strict=True)
        ):
            return found("optimizer")
        if place and not np.isfinite(there.history[-1][0]):  # 0 steps have no mean
            return found("loss")
        return None

    def ahead(self, there: Stand, epoch: int, place: int) -> NonFinite | None:
        """Return what the next step meets: activations, the loss, gradients."""
        task = self.again.task
        state, rows = self.again.state(there), self.again.order(epoch)[0, place]
        number = epoch * self.again.program.shape.n_steps + place  # as the engine's masks count
        with precision(task.dtype), np.errstate(all="ignore"):
            flags = self._flags(state.model, state.layers, rows, np.uint32(number), self.again.data)
            inputs, activations, loss, gradients = jax.tree.map(np.asarray, flags)
        found = functools.partial(NonFinite, self.number(epoch, place) + 1, epoch + 1)
        if not inputs:
            return found("inputs")
        if not activations.all():
            return found("activations", *self._owner(int(activations.argmin())))
        if not loss:
            return found("loss")
        if not gradients.all():  # computed from the last layer to the first
            last = len(gradients) - 1 - int(gradients[::-1].argmin())
            return found("gradients", *self._owner(last))
        return None

    def _owner(self, i: int) -> tuple[int | None, bool]:
        before = sum(map(has_weights, self._layers[: i + 1]))
        return (before - 1 if before else None), has_weights(self._layers[i])

    def _pass(self, model: PyTree, states: PyTree, rows: Array, number: Array, data: Any) -> tuple:
        """Return whether inputs, each layer's outputs, loss and each layer's gradient are finite.

        As the engine computes them: the loss is summed over the rows and divided afterwards.
        """
        task, run = self.again.task, self.again.run
        recipe, kind = run.recipe, task.kind
        batch = gather_batch(data, jnp.int32(run.split), rows, task.dtype)
        key = row_key(np.uint32(run.seed % 2**32), number, rows)
        params, fixed = eqx.partition(model, self._spec)
        loss = LOSSES[loss_name(recipe, kind)].loss

        def total(params: PyTree) -> tuple[Array, tuple]:
            network = eqx.combine(params, fixed, self._static)
            none = [None] * len(self._layers)
            named = (batch.x, key, True, batch.weight > 0)
            answers, code, seen = call(network, states, none, *named)
            weights = batch.weight
            if recipe.class_weight == "balanced":
                weights = weights * jnp.asarray(batch.balanced)
            value, weight = loss(*compared(answers, batch, weights, kind))
            minimised = value
            if recipe.sparsity is not None:
                hyper = recipe.hyper()
                minimised += weight * sparsity_penalty(
                    code,
                    batch.weight,
                    target=hyper["sparsity"],
                    strength=hyper["sparsity_weight"],
                )
            return minimised, (value, [_all_finite(one.output) for one in seen])

        (_, (value, outputs)), gradients = jax.value_and_grad(total, has_aux=True)(params)
        of_layers = [_all_finite(own) for own in layers_of(gradients)]
        return _all_finite(batch.x), jnp.stack(outputs), _all_finite(value), jnp.stack(of_layers)


def _all_finite(tree: PyTree) -> Bool[Array, ""]:
    """Return whether all numbers of a tree are finite; traceable."""
    values = tree.values if isinstance(tree, Padded) else tree
    leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(values)]
    flags = [jnp.isfinite(x).all() for x in leaves if jnp.issubdtype(x.dtype, jnp.inexact)]
    return jnp.stack(flags).all() if flags else jnp.asarray(True)


def _finite(tree: PyTree) -> bool:
    """Return whether all numbers of a tree of NumPy arrays are finite."""
    leaves = map(np.asarray, jax.tree.leaves(tree))
    return all(bool(np.isfinite(x).all()) for x in leaves if x.dtype.kind == "f")
