"""What the hand-written passes through a whole sequence have in common.

The gradient of `lax.scan` keeps every intermediate of every step and multiplies the recurrent
weights' gradient together step by step. The hand-written passes project the inputs of all steps
in one product, keep only what the gradient needs, each in an array of its own, and form the
weights' gradient in one product at the end: an LSTM step in training takes two thirds of the time.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

Matrix = Float[Array | np.ndarray, "n_in n_out"]
Row = Float[Array | np.ndarray, " n_out"]
Steps = Float[Array, "time batch _"]
Real = Bool[Array, "time batch"] | None


@jax.custom_vjp
def project(inputs: Steps, weight: Matrix, bias: Row) -> Steps:
    """Return x W + b for every step in one product."""
    time, batch, n_in = inputs.shape
    rows = jnp.matmul(inputs.reshape(time * batch, n_in), weight)
    return (rows + jnp.broadcast_to(bias, rows.shape)).reshape(time, batch, -1)


def _project_forward(inputs, weight, bias):
    return project(inputs, weight, bias), (inputs, weight)


def _project_backward(saved, slopes):
    inputs, weight = saved
    to_inputs = jnp.matmul(slopes, weight.T)
    return to_inputs, weight_gradient(inputs, slopes), slopes.sum((0, 1))


project.defvjp(_project_forward, _project_backward)


def before(states: Steps, first: Float[Array, "batch n_out"], reverse: bool) -> Steps:
    """Return the state before every step, from the states after the steps and the first one."""
    if reverse:
        return jnp.concatenate([states[1:], first[None]])
    return jnp.concatenate([first[None], states[:-1]])


def weight_gradient(
    inputs: Float[Array, "time batch n_in"], slopes: Steps
) -> Float[Array, "n_in n_out"]:
    """Return the sum over steps and examples of input · slope, one product."""
    # XLA on a CPU multiplies by a transpose without transposing, at two thirds of the speed.
    transposed = jax.lax.optimization_barrier(inputs.reshape(-1, inputs.shape[2]).T)
    return jnp.matmul(transposed, slopes.reshape(-1, slopes.shape[2]))


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
