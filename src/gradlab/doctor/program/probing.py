"""What is measured inside a program at a point of its training.

The compiled part goes through the network forth and back and no more: what is made of its numbers
is computed by NumPy, which needs no compiling and takes next to no time for so few rows. The
quantities are those of `doctor.evidence.Probes`.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PyTree

from gradlab.doctor.evidence import Probes
from gradlab.doctor.program.activations import ACTIVATIONS, STEEPEST
from gradlab.doctor.program.network import WEIGHTED, Place, places
from gradlab.doctor.program.settings import BatchNorm, Recurrent, Settings
from gradlab.doctor.program.training import Batch, Data, State, functions, gather
from gradlab.nn.random import row_key
from gradlab.training.measure import ALIKE
from gradlab.training.probes import OF_LAYERS, PARTS, SCALARS
from gradlab.training.sites import FLAT


class Seen(NamedTuple):
    """What one pass forth and back shows, in equal parts of the rows on the first axis."""

    loss: Any
    """Sum over the rows of a part; `weight` is the sum of their weights."""
    weight: Any
    gradients: PyTree
    """Of the sum of a part's losses."""
    after: list
    """What each weighted layer gives; units on the last axis."""
    flat: list
    """Where the slope of its activation is flat; None where it never is."""
    slopes: list
    """Gradient of each row's own loss with respect to what the layer gives."""
    scores: Any
    """What the last activation got."""
    outputs: Any
    targets: Any
    states: PyTree
    """Running statistics after having seen the part."""


@functools.lru_cache(maxsize=128)
def probe(structure: Settings) -> Any:
    """Return the compiled (state, data, rows, numbers) -> Seen.

    Nothing is dropped; batch norm takes the statistics of the rows.
    """
    found = places(structure.model)
    weighted = weighted_places(found)
    total = functions(structure).loss  # pyright: ignore[reportArgumentType]

    def look(state: State, data: Data, rows: Array, numbers: dict) -> Seen:
        batch = gather(data, rows)
        n = batch.weight.shape[0]
        parts = PARTS if n % PARTS == 0 else 1
        cut = jax.tree.map(lambda x: x.reshape(parts, -1, *x.shape[1:]), batch)
        still = {
            name: jnp.zeros(()) if name.endswith((".rate", ".stddev")) else value
            for name, value in numbers.items()
        }
        key = row_key(0, 0, jnp.arange(n // parts))

        def of_rows(arrays: PyTree, nudges: Any, part: Batch) -> tuple[Array, Any]:
            return total(arrays, state.layers, part, still, key, training=True, nudges=nudges)

        one = jax.tree.map(lambda x: x[0], cut)
        shapes = jax.eval_shape(of_rows, state.arrays, None, one)[1][1].after
        nudges = [jnp.zeros(s.shape, s.dtype) for s in shapes]

        def of_part(_: None, part: Batch) -> tuple[None, Seen]:
            (loss, (weight, flow, targets)), (own, slopes) = jax.value_and_grad(
                of_rows, argnums=(0, 1), has_aux=True
            )(state.arrays, nudges, part)
            sites = zip(weighted, flow.before, flow.after, strict=True)
            flat = [_flat(place, before, after) for place, before, after in sites]
            return None, Seen(
                loss,
                weight,
                own,
                flow.after,
                flat,
                slopes,
                flow.before[-1],
                flow.outputs,
                targets,
                flow.states,
            )

        return lax.scan(of_part, None, cut)[1]

    return jax.jit(look)


def weighted_places(found: Sequence[Place]) -> list[Place]:
    """Return the places with an activation, which are the columns of probes."""
    return [place for place in found if isinstance(place.words, WEIGHTED)]


def _flat(place: Place, x: Array, y: Array) -> Array | None:
    """Return where the slope is below a share `FLAT` of the function's largest."""
    name = place.words.activation
    if isinstance(place.words, Recurrent):
        # What comes out is a share of the activation's value; its own slope is what remains.
        return 1 - y**2 < FLAT if name == "tanh" else None
    if name == "linear":
        return None
    if name in ("softmax", "log_softmax"):
        share = jax.nn.softmax(x, axis=-1)
        return share * (1 - share) < FLAT * 0.25
    function = ACTIVATIONS[name]

    def slope(x: Array) -> Array:
        return jnp.abs(jax.jvp(function, (x,), (jnp.ones_like(x),))[1])

    return slope(x) < FLAT * STEEPEST[name]


def measured(
    structure: Settings, seen: Seen, state: State, before: PyTree, numbers: dict[str, Any]
) -> dict[str, Any]:
    """Return the quantities of one point by name: `SCALARS`, and a number a layer of `OF_LAYERS`.

    Mean and spread of the last layer are those of its scores; the shares of zero and flat numbers
    are those of what its activation makes of them.

    Args:
        structure: Of the program.
        seen: At the point.
        state: There.
        before: Weights before the step that led there.
        numbers: Of the run.
    """
    found = places(structure.model)
    weighted = weighted_places(found)
    seen, arrays, before = jax.tree.map(np.asarray, (seen, state.arrays, before))
    weight = float(seen.weight.sum())
    sizes = sum(
        (leaf.reshape(len(leaf), -1).astype(np.float64) ** 2).sum(axis=1)
        for leaf in jax.tree.leaves(seen.gradients)
    )
    gradients = jax.tree.map(lambda g: g.sum(axis=0) / weight, seen.gradients)
    outputs, targets = (_together(x) for x in (seen.outputs, seen.targets))
    with np.errstate(all="ignore"):  # a run that diverges gives what it gives
        point: dict[str, Any] = {
            "loss": seen.loss.sum() / weight,
            "penalty": _penalty(found, arrays, numbers),
            "noise": _noise(sizes / seen.weight**2, _square(gradients), len(outputs)),
            "output_std": _spread(outputs, targets, structure.task == "regression"),
            "norm_gap": _gap(found, jax.tree.map(np.asarray, state.layers), seen.states),
        }
        columns = []
        for i, place in enumerate(weighted):
            after = _together(seen.after[i])
            flat = None if seen.flat[i] is None else _together(seen.flat[i])
            values = _together(seen.scores) if i == len(weighted) - 1 else after
            columns.append(
                {
                    **_of_activations(values, after, flat),
                    "gradient_out": np.sqrt(np.mean(np.square(seen.slopes[i], dtype=np.float64))),
                    **_of_weights(place, gradients, arrays, before),
                }
            )
    return {**point, **{name: [c[name] for c in columns] for name in OF_LAYERS}}


def _together(parts: np.ndarray) -> np.ndarray:
    """Return the rows of all parts."""
    return parts.reshape(-1, *parts.shape[2:])


def _of_activations(
    values: np.ndarray, after: np.ndarray, flat: np.ndarray | None
) -> dict[str, float]:
    axes = tuple(range(after.ndim - 1))
    zero = after == 0
    level = np.zeros_like(zero) if flat is None else flat
    return {
        "mean": values.mean(dtype=np.float64),
        "std": values.std(dtype=np.float64),
        "zero": zero.mean(),
        "saturated": level.mean(),
        "dead": zero.all(axis=axes).mean(),
        "stuck": level.all(axis=axes).mean(),
    }


def _of_weights(
    place: Place, gradients: PyTree, arrays: PyTree, before: PyTree
) -> dict[str, float]:
    own, i = arrays[place.index], place.index
    weight = np.sqrt(_square(own))
    step = {name: value - before[i][name] for name, value in own.items()}
    kernel = own["weight"]
    units = place.words.units if isinstance(place.words, Recurrent) else kernel.shape[-1]
    return {
        "gradient": np.sqrt(_square(gradients[i])),
        "weight": weight,
        "update": np.sqrt(_square(step)) / weight,
        "alike": alike_share(kernel.reshape(-1, units)),
    }


def alike_share(columns: Float[np.ndarray, "inputs units"]) -> float:
    """Return the share of units, columns of weights, that equal another one.

    Units are told apart by their projections on two fixed directions; what differs by less than
    a share `ALIKE` of the usual norm is equal, for twins drift apart by rounding alone.

    >>> round(alike_share(np.array([[1.0, 2.0, 1.0], [0.0, 0.0, 0.0]])), 3)
    0.667
    """
    n_in, n_units = columns.shape
    places = np.random.Generator(np.random.Philox(key=0)).normal(size=(2, n_in)) @ columns
    limit = ALIKE * np.sqrt(np.sum(np.square(columns)) / n_units)
    order = np.argsort(places[0])
    near = np.abs(np.diff(places[:, order])).max(axis=0) <= limit
    twin = np.zeros(n_units, bool)
    twin[order[1:]] |= near
    twin[order[:-1]] |= near
    return float(twin.mean())


def _square(tree: PyTree) -> float:
    """Return the sum of all squares."""
    return float(sum(np.square(x, dtype=np.float64).sum() for x in jax.tree.leaves(tree)))


def _penalty(found: Sequence[Place], arrays: PyTree, numbers: dict[str, Any]) -> float:
    total = 0.0
    for place in found:
        for name, of in (("l1", np.abs), ("l2", np.square)):
            factor = numbers.get(f"{place.path}.{name}")
            if factor:
                kernels = [v for k, v in arrays[place.index].items() if k.startswith("weight")]
                total += float(factor) * sum(float(of(kernel).sum()) for kernel in kernels)
    return total


def _noise(sizes: Float[np.ndarray, " parts"], whole: float, rows: int) -> float:
    """Return tr(Σ) / ‖G‖², from E‖G_b‖² = ‖G‖² + tr(Σ) / b for gradients of b rows.

    It is inf where the noise hides the gradient, and NaN of a single part.

    Source: McCandlish et al. 2018, appendix A.1, https://arxiv.org/abs/1812.06162
    """
    parts, small = len(sizes), float(sizes.mean())
    if parts == 1 or not np.isfinite(small) or small <= 0:
        return np.nan
    variance = max(small - whole, 0.0) * rows / (parts - 1)
    signal = (parts * whole - small) / (parts - 1)
    return variance / signal if signal > 0 else np.inf


def _spread(outputs: np.ndarray, targets: np.ndarray, relative: bool) -> float:
    """Return the standard deviation of the outputs over the rows, against that of numbers."""

    def deviation(x: np.ndarray) -> float:
        return float(np.sqrt(x.reshape(len(x), -1).var(axis=0, dtype=np.float64).mean()))

    return deviation(outputs) / deviation(targets) if relative else deviation(outputs)


def _gap(found: Sequence[Place], old: PyTree, new: PyTree) -> float:
    """Return the largest distance of running statistics from the rows', in deviations."""
    largest = np.nan
    for place, before, after in zip(found, old, new, strict=True):
        if not isinstance(place.words, BatchNorm) or place.words.momentum >= 1:
            continue
        keep = place.words.momentum
        # The layer has just moved its statistics towards those of a part by a share 1 − keep.
        own = {k: (after[k] - keep * before[k][None]) / (1 - keep) for k in before}
        mean = own["mean"].mean(axis=0)
        variance = np.maximum(own["variance"].mean(axis=0) + own["mean"].var(axis=0), 0)
        std = np.sqrt(variance + 1e-5)
        off = np.mean(((before["mean"] - mean) / std) ** 2)
        scaled = np.mean((np.sqrt(before["variance"] + 1e-5) / std - 1) ** 2)
        largest = np.fmax(largest, np.sqrt(max(off, scaled)))
    return float(largest)


def as_probes(time: Sequence[float], points: Sequence[dict[str, Any]]) -> Probes:
    """Return the measurements of a run."""
    names = (*SCALARS, *OF_LAYERS)
    table = {name: np.array([point[name] for point in points], np.float64) for name in names}
    return Probes(time=np.asarray(time, np.float64), **table)
