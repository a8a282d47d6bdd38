"""Training one network on the engine, from scratch or from where an earlier training stood."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float, Int, Num, PyTree, Shaped, UInt32

from gradlab.errors import RecipeError
from gradlab.estimators.initial import begin_with
from gradlab.nn.module import Sequential
from gradlab.training.executors import Checkpoint, Progressed, RunResult, execute, trained_network
from gradlab.training.network import build_network
from gradlab.training.packing import pack_on_host
from gradlab.training.plan import Plan, Run, plan
from gradlab.training.population import HISTORY, initial_control
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import initial_arrays
from gradlab.training.task import Task, TaskKind

PADDED_BYTES = 64 * 2**20
"""Inputs up to this size are padded to a rounder number of rows: copying them is cheaper than
compiling again for a fold with one row more."""


@dataclasses.dataclass(frozen=True)
class Examples:
    """What a network sees.

    Args:
        x: Inputs, one row an example; images as bytes are read as shares of 255.
        lengths: Real steps of each sequence, where they differ.
        n_tokens: Size of the vocabulary, where x holds tokens.
        dtype: To compute in.
    """

    x: Num[np.ndarray, "rows *shape"]
    lengths: Int[np.ndarray, " rows"] | None = None
    n_tokens: int | None = None
    dtype: np.dtype = dataclasses.field(default_factory=lambda: np.dtype(np.float32))

    def followed_by(self, more: "Examples") -> "Examples":
        """Return these rows and then more of them."""
        lengths = None
        if self.lengths is not None or more.lengths is not None:
            lengths = np.concatenate([self._all_lengths(), more._all_lengths()])
        x = np.concatenate([self.x, more.x.astype(self.x.dtype, copy=False)])
        return dataclasses.replace(self, x=x, lengths=lengths)

    def _all_lengths(self) -> Int[np.ndarray, " rows"]:
        whole = np.full(len(self.x), self.x.shape[1], np.int32)
        return whole if self.lengths is None else self.lengths


@dataclasses.dataclass(frozen=True)
class Trained:
    """A network and everything needed to train it on.

    Args:
        recipe: The last one it was trained by.
        seed: Of weights, order and masks; the same in every part of its training.
        state: The training program's state after `best_epoch`, in words.
        history: As in `population.HISTORY`, a row an epoch.
        best_epoch: Epoch (from 1) whose weights the network has.
        network, states: The network and its layers' states.
    """

    recipe: Recipe
    seed: int
    state: UInt32[np.ndarray, " words"]
    history: Float[np.ndarray, "epochs 3"]
    best_epoch: int
    network: PyTree
    states: PyTree

    @property
    def epochs(self) -> int:
        """Epochs trained in all."""
        return len(self.history)


def train_on(
    task: Task,
    recipe: Recipe,
    start: Trained | None,
    *,
    seed: int,
    epochs: int,
    initial: Any = None,
) -> Trained:
    """Train for some epochs more; with a constant learning rate 2 and 3 epochs are the same as 5.

    Args:
        task: The data, with one split.
        recipe: `recipe.epochs` is the length of the schedule, counted from the first epoch of all.
        start: Where to go on; None begins with the weights of the seed.
        seed: Not used with `start`, which has its own.
        epochs: How many more; fewer are trained if the recipe's patience ends.
        initial: Weights of the first layers, see `begin_with`; not used with `start`.

    Raises:
        RecipeError: If the loss stops being finite, or the recipe is of another network than
            `start` or of another optimizer.
    """
    seed, done = (seed, 0) if start is None else (start.seed, start.epochs)
    run = Run(recipe, seed)
    planned = _in_calls_of(plan(task, [run], workers=1), epochs)
    if start is None:
        network = build_network(recipe, task.interface, seed=seed, dtype=task.dtype)
        if initial is not None:
            assert isinstance(network, Sequential)  # autoencoders have their own pre-training
            network = begin_with(network, initial)
        words = planned.programs[0].layouts.state_words
        state = pack_on_host(initial_arrays(network), words)
    else:
        _check_goes_on(planned, recipe, start)
        state = start.state
    # What was best on an earlier fit's validation rows says nothing about these.
    control = initial_control(done + epochs, recipe.patience, task.dtype)._replace(
        epoch=np.int32(done), best_epoch=np.int32(done)
    )
    begin = Checkpoint(state, np.zeros(0, np.uint32), control, np.zeros((0, len(HISTORY))), 0.0)
    end = result = None
    for event in execute(planned, workers=1, checkpoints={0: begin}, keep_ends=True):
        if isinstance(event, Progressed):
            end = event.checkpoint
        elif isinstance(event, RunResult):
            result = event
    assert end is not None
    assert result is not None
    network, states = trained_network(planned, recipe, result.weights)
    # The last step may break weights whose loss nothing has measured.
    finite = all(
        np.isfinite(leaf).all()
        for leaf in jax.tree.leaves((eqx.filter(network, eqx.is_array), states))
    )
    if result.status == "diverged" or not finite:
        raise RecipeError(
            f"Training diverged in epoch {result.epochs}: the loss is not finite. Lower "
            f"learning_rate (it was {recipe.rate():g}), scale the inputs, or set clip_norm=1."
        )
    history = result.history.astype(np.float64)
    _, validation = task.splits[0]
    if len(validation):
        history[:, 2] = [task.score(value, validation) for value in history[:, 2]]
    if start is not None:
        history = np.concatenate([start.history, history])
    if recipe.patience is None:
        return Trained(recipe, seed, end.state, history, len(history), network, states)
    return Trained(recipe, seed, end.best, history, result.best_epoch, network, states)


def task_of(
    examples: Examples,
    y: Shaped[np.ndarray, "rows ..."],
    weight: Float[np.ndarray, " rows"],
    validation: Int[np.ndarray, " validation"],
    *,
    kind: TaskKind,
    n_outputs: int,
    classes: tuple = (),
) -> Task:
    """Return the task of arrays that are scaled already.

    Args:
        examples: Inputs.
        y: Class numbers, or numbers of shape (rows, outputs).
        weight: Of each row; only their ratios matter.
        validation: Rows that are held out.
        kind: What sort of target.
        n_outputs: Scores of the network.
        classes: Labels.
    """
    x, lengths = examples.x, examples.lengths
    train = np.setdiff1d(np.arange(len(x), dtype=np.int32), validation)
    weight = (weight / weight.max()).astype(examples.dtype)
    if x.nbytes <= PADDED_BYTES:
        unit = 1 << max(0, len(x).bit_length() - 4)  # at most an eighth more rows
        extra = -len(x) % unit
        x, y = (np.pad(a, [(0, extra)] + [(0, 0)] * (a.ndim - 1)) for a in (x, y))
        weight = np.pad(weight, (0, extra), constant_values=1)
        if lengths is not None:
            lengths = np.pad(lengths, (0, extra), constant_values=1)
    return Task(
        x=x,
        y=y,
        weight=weight,
        splits=((train, validation.astype(np.int32)),),
        test=np.zeros(0, np.int32),
        kind=kind,
        n_outputs=n_outputs,
        classes=classes,
        lengths=lengths,
        n_tokens=examples.n_tokens,
    )


def held_out(
    n_rows: int, fraction: float, seed: int, labels: Int[np.ndarray, " rows"] | None = None
) -> Int[np.ndarray, " validation"]:
    """Return a share of the rows, drawn at random; with labels, the same share of each class.

    Raises:
        RecipeError: If nothing would be left on one side.

    >>> np.bincount(np.arange(90)[held_out(90, 0.2, 0, np.arange(90) % 3)] % 3)
    array([6, 6, 6])
    """
    size = round(fraction * n_rows)
    if not 0 < size < n_rows:
        raise RecipeError(
            f"validation_fraction={fraction:g} of {n_rows} rows holds out {size}; at least 1 row "
            "must be left for training and 1 for validation. Give another share, or patience=None."
        )
    order = np.random.default_rng(seed).permutation(n_rows)
    if labels is not None:
        # Evenly spaced among the rows sorted by class: every class gives its share, to one row.
        order = order[np.argsort(labels[order], kind="stable")]
    chosen = ((np.arange(size) + 0.5) * n_rows / size).astype(int)
    return np.sort(order[chosen]).astype(np.int32)


def _in_calls_of(planned: Plan, epochs: int) -> Plan:
    """Return the plan with calls no longer than what is to do: the schedule may be longer."""
    (program,) = planned.programs
    shape = dataclasses.replace(program.shape, epochs=min(program.shape.epochs, epochs))
    return dataclasses.replace(planned, programs=(dataclasses.replace(program, shape=shape),))


def _check_goes_on(planned: Plan, recipe: Recipe, start: Trained) -> None:
    (program,) = planned.programs
    words = program.layouts.states[0].words
    changed = [
        name
        for name, same in {
            "layers": start.recipe.specs() == recipe.specs(),
            "optimizer": start.recipe.optimizer == recipe.optimizer,
            "parameters": all(
                start.recipe.family_parameters(family) == recipe.family_parameters(family)
                for family in ("activation", "norm")
            ),
            "optimizer state": len(start.state) == words,
        }.items()
        if not same
    ]
    if changed:
        raise RecipeError(
            f"Training goes on with the network and the optimizer of the last fit, but the "
            f"parameters describe another {' and '.join(changed)}. Set them back, or train anew "
            "with warm_start=False."
        )
