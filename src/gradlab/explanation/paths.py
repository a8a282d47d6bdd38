"""The chain rule along paths: from the loss back to one weight, factor by factor.

A gradient is the sum, over every way that leads from the weight to the loss, of the product of the
derivatives on the way. With few ways all are listed; with many the strongest, and what the others
add up to.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gradlab.explanation.names import Address
from gradlab.explanation.passes import Passed, values_of
from gradlab.explanation.step import Step, on_device, parameters_of, parted
from gradlab.explanation.taps import elementary
from gradlab.nn.module import apply, initial_state
from gradlab.nn.padded import Padded

MOST_PATHS = 12
BEAM = 400
"""Beginnings of paths that are followed at once."""

MOST_DERIVATIVES = 4_000_000
"""Numbers in the Jacobian of one layer for one row; with more, paths are not followed."""


@dataclasses.dataclass(frozen=True)
class Path:
    """One way from the weight to the loss.

    Args:
        places: Layer and number within its output, from the weight's layer to the last.
        factors: ∂output/∂w first, then the derivative of each output by the one before, and
            ∂E/∂output of the last layer at the end.
    """

    places: tuple[tuple[int, tuple[int, ...]], ...]
    factors: tuple[float, ...]

    @property
    def product(self) -> float:
        """What this way adds to the gradient."""
        return math.prod(self.factors)


@dataclasses.dataclass(frozen=True)
class WeightPaths:
    """Ways from one weight to the loss, for one row of the batch.

    Args:
        layer: Position of the layer that holds the weight.
        row: Row of the batch.
        of_rows: What each row adds to the gradient.
        direct: Places that the weight reaches in its layer: (index, ∂output/∂w, ∂E/∂output), the
            strongest first.
        paths: The strongest first.
        rest: What all other ways of this row add.
        complete: Whether the paths are all there are.
        penalty: What the penalties add to the gradient.
    """

    layer: int
    row: int
    of_rows: Float[np.ndarray, " rows"]
    direct: tuple[tuple[tuple[int, ...], float, float], ...]
    paths: tuple[Path, ...]
    rest: float
    complete: bool
    penalty: float


class PathFinder:
    """Finds the ways of weights of one step; what it compiles serves all of them.

    Args:
        step, passed: The step and its passes.
    """

    def __init__(self, step: Step, passed: Passed) -> None:
        """Compile nothing yet."""
        self.step, self.passed = step, passed
        self.slopes: dict[int, Callable[[Any], np.ndarray]] = {}
        self.jacobians: dict[int, list[np.ndarray | None]] = {}

    def __call__(self, address: Address, *, row: int | None = None) -> WeightPaths | None:
        """Return the ways of one weight; None where no layer by itself holds it.

        Args:
            address: The weight.
            row: Row of the batch; None for the one that adds most.
        """
        layer = owner_of(self.step, address)
        return None if layer is None else self._ways(address, layer, row)

    def _ways(self, address: Address, layer: int, row: int | None) -> WeightPaths:
        step, passed = self.step, self.passed
        if layer not in self.slopes:
            self.slopes[layer] = _by_weight(step, passed, layer)
        leaf = jax.tree.leaves(parameters_of(step.network))[address.parameter]
        outward, blame = self.slopes[layer]((leaf, address.index)), passed.blame[layer]
        terms = (outward * blame).reshape(step.n_rows, -1)
        of_rows = terms.sum(axis=1)
        row = int(np.abs(of_rows).argmax()) if row is None else row
        if row not in self.jacobians:
            self.jacobians[row] = _jacobians(step, passed, row)
        later = self.jacobians[row][layer + 1 :]
        starts = outward[row].ravel()
        reached = np.flatnonzero(starts)
        reached = reached[np.argsort(-np.abs(terms[row, reached]), kind="stable")]
        shape = blame.shape[1:]
        direct = [
            (_index(int(n), shape), float(starts[n]), float(blame[row].ravel()[n])) for n in reached
        ]
        found, complete = _followed(starts, passed, layer, row, later)
        shown = tuple(sorted(found, key=lambda path: -abs(path.product))[:MOST_PATHS])
        return WeightPaths(
            layer=layer,
            row=row,
            of_rows=of_rows,
            direct=tuple(direct[: 4 * MOST_PATHS]),
            paths=shown,
            rest=float(of_rows[row]) - sum(path.product for path in shown),
            complete=complete and len(shown) == len(found),
            penalty=_number(passed.gradients, address) - _number(passed.data_gradients, address),
        )


def owner_of(step: Step, address: Address) -> int | None:
    """Return the position of the layer that holds a parameter; None if several do, or none."""
    leaf = jax.tree.leaves(parameters_of(step.network))[address.parameter]
    owners = [
        i
        for i, layer in enumerate(elementary(step.network))
        if any(own is leaf for own in jax.tree.leaves(parameters_of(layer)))
    ]
    return owners[0] if len(owners) == 1 else None


def _number(tree: Any, address: Address) -> float:
    return float(jax.tree.leaves(tree)[address.parameter][address.index])


def _called(step: Step, passed: Passed, position: int, layer: Any, x: Any) -> Array:
    """Return what a layer gives for another input, or with other weights, all else as it was."""
    seen = passed.seen[position]
    state = initial_state(layer) if step.training else seen.state
    mask = jnp.asarray(step.weight > 0)
    return values_of(apply(on_device(layer), x, state, seen.key, step.training, mask)[0])


def _by_weight(step: Step, passed: Passed, position: int) -> Callable[[Any], np.ndarray]:
    """Return a function of a weight (by its leaf and index): ∂output/∂w of its layer.

    Some layers have a gradient that is written by hand, and no derivative forwards. The gradient
    of u · output by the weight is linear in u, and its own gradient by u is ∂output/∂w.
    """
    layer, x = elementary(step.network)[position], passed.seen[position].input
    arrays, fixed = parted(layer)

    def slope(u: Array, direction: Any) -> Array:
        def total(arrays: Any) -> Array:
            return jnp.sum(u * _called(step, passed, position, eqx.combine(arrays, fixed), x))

        pairs = zip(
            jax.tree.leaves(jax.grad(total)(arrays)), jax.tree.leaves(direction), strict=True
        )
        return jnp.stack([jnp.sum(g * d) for g, d in pairs]).sum()

    outward = jax.jit(jax.grad(slope))
    nothing = np.zeros_like(passed.blame[position])

    def of(leaf: np.ndarray, index: tuple[int, ...]) -> np.ndarray:
        def mark(own: np.ndarray) -> np.ndarray:
            direction = np.zeros_like(own)
            if own is leaf:
                direction[index] = 1
            return direction

        return np.asarray(outward(nothing, jax.tree.map(mark, arrays)))

    return lambda chosen: of(*chosen)


def _jacobians(step: Step, passed: Passed, row: int) -> list[np.ndarray | None]:
    """Return ∂output/∂input of one row for every layer; None where it is too large or no array."""
    layers = elementary(step.network)

    def fits(i: int) -> bool:
        x = passed.seen[i].input
        if isinstance(x, Padded) or not np.issubdtype(x.dtype, np.floating):
            return False
        return x[row].size * passed.blame[i][row].size <= MOST_DERIVATIVES

    def one(i: int, x: Array) -> Array:
        def of_row(values: Array) -> Array:
            inputs = x.at[row].set(values.reshape(x.shape[1:]))
            return _called(step, passed, i, layers[i], inputs)[row].ravel()

        return jax.jacrev(of_row)(x[row].ravel())

    chosen = [i for i in range(1, len(layers)) if fits(i)]
    inputs = [jnp.asarray(passed.seen[i].input) for i in chosen]
    made = jax.jit(lambda xs: [one(i, x) for i, x in zip(chosen, xs, strict=True)])(inputs)
    found: list[np.ndarray | None] = [None] * len(layers)
    for i, jacobian in zip(chosen, made, strict=True):
        found[i] = np.asarray(jacobian)
    return found


def _followed(
    outward: np.ndarray, passed: Passed, layer: int, row: int, jacobians: list
) -> tuple[list[Path], bool]:
    """Return paths to the last layer, and whether they are all."""
    if any(jacobian is None for jacobian in jacobians):
        return [], False
    shapes = [blame.shape[1:] for blame in passed.blame]
    open_: list[tuple[list, list, float]] = [
        ([(layer, int(n))], [float(outward[n])], float(outward[n])) for n in np.flatnonzero(outward)
    ]
    complete = True
    for distance, jacobian in enumerate(jacobians, 1):
        position = layer + distance
        blame = passed.blame[position][row].ravel()
        longer = []
        for places, factors, product in open_:
            column = jacobian[:, places[-1][1]]
            longer += [
                ([*places, (position, int(n))], [*factors, float(column[n])], product * column[n])
                for n in np.flatnonzero(column)
            ]
        longer.sort(key=lambda path: -abs(path[2] * blame[path[0][-1][1]]))
        complete = complete and len(longer) <= BEAM
        open_ = longer[:BEAM]
    last = passed.blame[-1][row].ravel()
    ends = [
        Path(
            tuple((i, _index(n, shapes[i])) for i, n in places),
            (*factors, float(last[places[-1][1]])),
        )
        for places, factors, _ in open_
        if last[places[-1][1]] != 0
    ]
    return ends, complete


def _index(n: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(n, shape)) if shape else ()
