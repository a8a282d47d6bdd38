"""How far a gradient reaches back through time."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from gradlab.nn.recurrent.cell import Cell, float_dtype


def gradient_through_time(
    cell: Cell,
    inputs: Float[Array | np.ndarray, "time features"],
    initial_state: PyTree = None,
) -> Float[Array, " time"]:
    """Return the norm of ∂s_T/∂s_k for k = 0 … T − 1: what the last state feels of each earlier.

    The chain rule makes it a product of T − k Jacobians of one step. Where it falls to nothing,
    nothing is learnt about so early a step; where it grows, training explodes. An LSTM's path
    through its memory has the forget gates as factors.

    Args:
        cell: The cell; its whole state counts.
        inputs: One sequence.
        initial_state: s_0, with a batch of one; None for zeros.

    Returns:
        Spectral norms (largest singular values), the initial state's first.

    Source: Bengio et al. 1994, https://doi.org/10.1109/72.279181; Pascanu et al. 2013, eq. 5

    >>> from gradlab.nn.recurrent import RNNCell
    >>> cell = RNNCell(jnp.ones((1, 1)), jnp.full((1, 1), 0.5), jnp.zeros(1), "linear")
    >>> gradient_through_time(cell, jnp.zeros((3, 1))).tolist()
    [0.125, 0.25, 0.5]
    """
    if initial_state is None:
        initial_state = cell.zero_state(1, float_dtype(cell))
    flat, unravel = ravel_pytree(initial_state)

    def step(flat: Array, x: Array) -> tuple[Array, Array]:
        def after(flat: Array) -> Array:
            return ravel_pytree(cell(x[None], unravel(flat))[1])[0]

        return after(flat), jax.jacrev(after)(flat)

    def back(product: Array, jacobian: Array) -> tuple[Array, Array]:
        product = product @ jacobian
        return product, jnp.linalg.norm(product, ord=2)

    _, jacobians = jax.lax.scan(step, flat, jnp.asarray(inputs))
    return jax.lax.scan(back, jnp.eye(flat.size, dtype=flat.dtype), jacobians, reverse=True)[1]
