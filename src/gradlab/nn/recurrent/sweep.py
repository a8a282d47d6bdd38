"""What the hand-written passes through a whole sequence have in common.

The gradient of `lax.scan` keeps every intermediate of every step and adds the weights' gradient up
step by step. The hand-written passes keep what they need, each in an array of its own, and form the
gradient of all weights in one product at the end, of the rows [x, 1, h] of all steps. The steps of
an LSTM and a GRU are loops in machine code on a CPU (`loops`), scans elsewhere and in numbers of 64
bits.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

from gradlab.nn.recurrent.loops.steps import can_sweep

Matrix = Float[Array | np.ndarray, "_ n_out"]
Row = Float[Array | np.ndarray, " n_out"]
Steps = Float[Array, "time batch _"]


def stacked(weight_input: Matrix, bias: Row, weight_recurrent: Matrix) -> Array:
    """Return the weights of rows [x, 1, h], one below the other."""
    return jnp.concatenate([weight_input, bias[None], weight_recurrent])


def row(x: Array, h: Array) -> Array:
    """Return [x, 1, h] for every example.

    >>> row(jnp.array([[2.0, 3.0]]), jnp.array([[4.0]])).tolist()
    [[2.0, 3.0, 1.0, 4.0]]
    """
    return jnp.concatenate([x, jnp.ones((len(h), 1), h.dtype), h], axis=1)


def of_inputs(inputs: Steps, weight: Array, n_units: int) -> Steps:
    """Return x W + b for every step, of the stacked weights."""
    projected = jnp.matmul(inputs, weight[: -n_units - 1])
    return projected + jnp.broadcast_to(weight[-n_units - 1], projected.shape)


def before(states: Steps, begin: Float[Array, "batch _"], reverse: bool) -> Steps:
    """Return the state before every step, from those after the steps and the first."""
    if reverse:
        return jnp.concatenate([states, begin[None]])[1:]
    return jnp.concatenate([begin[None], states])[:-1]


def last(states: Steps, begin: Float[Array, "batch _"], reverse: bool) -> Float[Array, "batch _"]:
    """Return the state after the last step that is taken: the first if there is none."""
    if not len(states):
        return begin
    return states[0] if reverse else states[-1]


def rows(inputs: Steps, outputs: Steps) -> Steps:
    """Return [x, 1, h] for every step and example, h the output before the step."""
    return jnp.concatenate(
        [inputs, jnp.ones((*inputs.shape[:2], 1), inputs.dtype), outputs], axis=2
    )


def swept(by_loop: Callable[..., Any], by_scan: Callable[..., Any], *arguments: Any) -> Any:
    """Return what the loop gives on a CPU that has one for such numbers, else what the scan gives.

    The first argument says what numbers they are. Truths go as 0 and 1, as the loops read them.
    """
    if not can_sweep(arguments[0].dtype):
        return by_scan(*arguments)
    numbers = jax.tree.map(lambda x: x.astype(jnp.float32) if x.dtype == bool else x, arguments)
    return jax.lax.platform_dependent(*numbers, cpu=by_loop, default=by_scan)


def after(rows: Steps, last: Float[Array, "batch n_units"], reverse: bool) -> Steps:
    """Return the output of every step, from the rows before the steps and the last output."""
    outputs = rows[:, :, -last.shape[1] :]
    if reverse:
        return jnp.concatenate([last[None], outputs[:-1]])
    return jnp.concatenate([outputs[1:], last[None]])


def parts(weight: Array, n_units: int) -> tuple[Array, Array]:
    """Return the stacked weights' transposes for the gradient of x and for that of h."""
    return weight[: -n_units - 1].T, weight[-n_units:].T


def values(arguments: Any) -> Any:
    """Return the values that a forward rule with symbolic zeros is given wrapped."""
    return jax.tree.map(lambda each: each.value, arguments, is_leaf=_is_wrapped)


def _is_wrapped(x: Any) -> bool:
    return hasattr(x, "perturbed")


def is_wanted(argument: Any) -> bool:
    """Return whether anybody asks for the slope of an argument of a forward rule."""
    return any(each.perturbed for each in jax.tree.leaves(argument, is_leaf=_is_wrapped))


def of_every_step(slope: Any) -> Array | None:
    """Return the slope of the outputs; None where nothing depends on them (but the last)."""
    return None if isinstance(slope, SymbolicZero) else slope


def of_last(slope: Any) -> Array:
    """Return the slope of a last state, zeros where nothing depends on it."""
    if isinstance(slope, SymbolicZero):
        kind: Any = slope
        return jnp.zeros(kind.shape, kind.dtype)
    return slope


def add(slope: Array, more: Array | None) -> Array:
    """Add what reaches the output of a step from outside, if anything does."""
    return slope if more is None else slope + more


def turned(rows: Steps) -> Float[Array, "_ rows"]:
    """Return the transpose of the rows of all steps and examples."""
    # XLA on a CPU multiplies by a transpose without transposing, at two thirds of the speed.
    return jax.lax.optimization_barrier(rows.reshape(-1, rows.shape[2]).T)


def weight_gradient(columns: Float[Array, "n_in rows"], slopes: Steps) -> Float[Array, "n_in _"]:
    """Return the sum over steps and examples of row · slope, one product; `turned` rows."""
    return jnp.matmul(columns, slopes.reshape(-1, slopes.shape[2]))


def slopes_of_products(
    dz: Steps,
    inputs: Steps,
    outputs: Steps,
    h0: Float[Array, "batch n_units"],
    weight: Array,
    reverse: bool,
    deep: bool,
) -> tuple[Steps | None, Array]:
    """Return the slopes of inputs and stacked weights, from those of z = [x, 1, h] · weights.

    Args:
        dz: Slopes of z.
        inputs: Of every step.
        outputs: Of every step.
        h0: The first output.
        weight: The stacked weights.
        reverse: Whether the last step came first.
        deep: Whether the inputs' are asked for; None comes instead.
    """
    columns = turned(rows(inputs, before(outputs, h0, reverse)))
    to_inputs = jnp.matmul(dz, weight[: -h0.shape[1] - 1].T) if deep else None
    return to_inputs, weight_gradient(columns, dz)


def hold(real: Any, new: Array, old: Array) -> Array:
    """Return `new` where a step is real, `old` where it is padding; `new` if there is none."""
    return new if real is None else jnp.where(real[:, None], new, old)


def only(real: Any, slope: Array) -> Array:
    """Return the slope where a step is real, else 0."""
    return slope if real is None else jnp.where(real[:, None], slope, jnp.zeros_like(slope))


def rest(real: Any, total: Array, slope: Array) -> Array:
    """Add to the slope what reached a held state and passes by the step."""
    if real is None:
        return slope
    return slope + jnp.where(real[:, None], jnp.zeros_like(total), total)
