"""An epoch's steps with pauses in which a run is measured."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, PyTree

from gradlab.training.probes import ENGINE, ProbeTimes


class Probes(NamedTuple):
    """The measurements of a call so far."""

    rows: Float[Array, "points columns"]
    n: Int[Array, ""]


def empty_probes(times: ProbeTimes | None, n_epochs: int, numbers: int, dtype: Any) -> Probes:
    """Return room for all measurements of a call."""
    assert times is not None
    room = times.stops.shape[-1] + n_epochs - 1
    return Probes(jnp.full((room, len(ENGINE) + numbers), jnp.nan, dtype), jnp.int32(0))


def measured_steps(
    one_step: Callable[[tuple, tuple], tuple[tuple, None]],
    carry: tuple,
    scanned: tuple[Array, Array],
    measure: Callable[[PyTree, PyTree], Array],
    weights_of: Callable[[PyTree], PyTree],
    times: ProbeTimes,
    standing: tuple[Array, Array],
    probes: Probes,
) -> tuple[tuple, Probes]:
    """Take the steps of an epoch as `lax.scan` does, pausing to measure.

    The instructions of a step and those of a measurement are compiled once each: a loop over the
    pauses holds a loop over the steps that lead to the next.

    Args:
        one_step: Of the scan; the carry begins with the state and the sum of losses.
        carry: What it begins with.
        scanned: Batch order and learning rates of the epoch.
        measure: (state, weights before its last step) -> numbers.
        weights_of: state -> weights.
        times: When this member is measured.
        standing: Epochs done, and epochs wanted.
        probes: So far.
    """
    order, rates = scanned
    n_steps, (epoch, epochs) = order.shape[0], standing
    dtype, columns = probes.rows.dtype, probes.rows.shape[1]
    is_first = epoch == 0
    # Folds of unlike length leave steps without a row at an epoch's end, which move nothing.
    real = jnp.sum(order[:, 0] >= 0).astype(jnp.int32)
    due = is_first | ((epoch + 1) % times.every == 0) | (epoch + 1 == epochs)

    def step(i: Array, carried: tuple) -> tuple:
        inner, failed = carried
        inner, _ = one_step(inner, (order[i], rates[i]))
        return inner, jnp.where((failed == n_steps) & ~jnp.isfinite(inner[1]), i, failed)

    def pause(j: Array, carried: tuple) -> tuple:
        inner, failed, before, at, probes = carried
        # Each point has two pauses: before the step that leads to it, to keep the weights, and
        # at the point itself, to measure.
        is_point = j % 2 == 1
        point = jnp.minimum(jnp.where(is_first, times.stops[j // 2], n_steps), real)
        stop = jnp.where(is_point, point, jnp.maximum(point - 1, at))
        inner, failed = lax.fori_loop(at, stop, step, (inner, failed))
        wanted = is_point & (due | (failed < n_steps))  # what breaks is looked at
        numbers = lax.cond(
            wanted,
            lambda state, before: _filled(measure(state, before), columns - len(ENGINE)),
            lambda state, before: jnp.full(columns - len(ENGINE), jnp.nan, dtype),
            inner[0],
            before,
        )
        of_failure = jnp.where(failed < n_steps, _time(epoch, failed, real, dtype), jnp.nan)
        engine = jnp.stack([_time(epoch, stop, real, dtype), of_failure])
        # A row that is not wanted is written over by the next.
        rows = probes.rows.at[probes.n].set(jnp.concatenate([engine, numbers]), mode="drop")
        return inner, failed, weights_of(inner[0]), stop, Probes(rows, probes.n + wanted)

    n_pauses = 2 * jnp.where(is_first, times.n_stops, 1)
    start = (carry, jnp.int32(n_steps), weights_of(carry[0]), jnp.int32(0), probes)
    # An epoch that is not measured at its end needs no weights kept.
    inner, *_, probes = lax.fori_loop(jnp.where(due, 0, 1), n_pauses, pause, start)
    return inner, probes


def _time(epoch: Array, step: Array, n_steps: Array, dtype: Any) -> Array:
    """Return epochs done."""
    return epoch.astype(dtype) + step.astype(dtype) / n_steps.astype(dtype)


def _filled(numbers: Array, size: int) -> Array:
    """Return the numbers with NaN up to the width of the program's widest kind."""
    return jnp.pad(numbers, (0, size - len(numbers)), constant_values=jnp.nan)
