"""The step of a whole network: taken by the optimizer, split array by array."""

import dataclasses
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jaxtyping import PyTree

from gradlab.explanation.step import Step, decaying, links_of, optimizer_numbers, parameters_of
from gradlab.explanation.update import SPLITS, Parts
from gradlab.training.recipe import keyword_parameters

LOOKING_AHEAD = ("nesterov", "rmsprop_nesterov")
"""Optimizers whose parameters are the point ahead of the weights."""

COUNTS = ("steps", "count")
"""Fields of a state that are one number for all arrays."""


class Taken(NamedTuple):
    """A step that was taken; a list has one entry an array of parameters."""

    clipped: list[np.ndarray] | None  # gradients after clipping, where there is any
    parts: list[Parts] | None  # None of an optimizer that is opaque
    change: list[np.ndarray]  # Δw, by the optimizer itself
    new: PyTree  # parameters after the step
    evaluated: list[np.ndarray] | None  # weights behind a look-ahead point, else None
    state: PyTree  # of the optimizer

    @property
    def mismatch(self) -> float:
        """Largest difference between the sum of the parts and Δw."""
        pairs = zip(self.parts or [], self.change, strict=False)
        return max((float(np.abs(p.change - c).max(initial=0)) for p, c in pairs), default=0.0)


def take_step(step: Step, gradients: PyTree) -> Taken:
    """Return the step, from the optimizer's own code, and what its formula says of it."""
    params = parameters_of(step.network)
    links = links_of(step.network, step.recipe, step.rate)
    update, met, clipped, after = gradients, _leaves(gradients), None, []
    for name, link, state in _with_states(links, step.optimizer):
        if name == "step":
            met = _leaves(update)
        update, new_state = jax.jit(link.update)(update, state, params)
        after.append(new_state)
        if name.startswith("clip"):
            clipped = _leaves(update)
    new = optax.apply_updates(params, update)
    position = [name for name, _ in links].index("step")
    own = _with_states(links, step.optimizer)[position][2]
    kind = step.recipe.optimizer_kind()
    evaluated = None
    if kind.name in LOOKING_AHEAD:
        numbers = optimizer_numbers(step.recipe)
        evaluated = _leaves(kind.evaluation_params(new, after[position], numbers))
    return Taken(
        clipped=clipped,
        parts=_split(step, met, own),
        change=_leaves(update),
        new=jax.tree.map(np.asarray, new),
        evaluated=evaluated,
        state=jax.tree.map(np.asarray, tuple(after) if len(after) > 1 else after[0]),
    )


def _with_states(links: list, state: PyTree) -> list[tuple[str, Any, PyTree]]:
    states = state if len(links) > 1 else (state,)
    return [(name, link, own) for (name, link), own in zip(links, states, strict=True)]


def _split(step: Step, gradients: list[np.ndarray], state: PyTree) -> list[Parts] | None:
    kind = step.recipe.optimizer_kind()
    if not isinstance(step.recipe.optimizer, str) or kind.name not in SPLITS:
        return None
    numbers = {**keyword_parameters(kind.factory), **optimizer_numbers(step.recipe)}
    weights = _leaves(parameters_of(step.network))
    memory = _by_array(state, len(weights))
    parts = [
        SPLITS[kind.name](g, w, old, step.rate, numbers)
        for g, w, old in zip(gradients, weights, memory, strict=True)
    ]
    if "weight_decay" not in step.hyper:
        return parts
    # The recipe's own decay, after an optimizer that has none.
    share = step.rate * step.hyper["weight_decay"]
    decays = jax.tree.leaves(decaying(step.network))
    return [
        dataclasses.replace(part, decay=-share * w) if shrinks else part
        for part, w, shrinks in zip(parts, weights, decays, strict=True)
    ]


def _by_array(state: PyTree, n: int) -> list[dict[str, Any]]:
    """Return the fields of an optimizer's state for each of the n arrays, by their names."""
    fields: dict[str, list[np.ndarray]] = {}

    def visit(node: Any) -> None:
        for name in getattr(node, "_fields", ()):
            found = _leaves(getattr(node, name))
            if name in COUNTS:
                fields[name] = found * n
            elif len(found) == n:
                fields[name] = found
        if isinstance(node, tuple):
            for part in node:
                visit(part)

    visit(state)
    return [{name: found[i] for name, found in fields.items()} for i in range(n)]


def _leaves(tree: PyTree) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]
