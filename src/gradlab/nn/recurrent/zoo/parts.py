"""Pieces that several cells share."""

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from gradlab.errors import RecipeError
from gradlab.nn.module import Fixed
from gradlab.nn.normalization import statistics
from gradlab.nn.weights import PARTS, Weights
from gradlab.scalars import Scalar

Numbers = Float[Array | np.ndarray, "..."]


def draw_gates(
    weights: Weights, n_inputs: int, n_recurrent: int, n_units: int, n_gates: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the two matrices of all gates, (n_inputs, n_gates · n_units) and for the recurrence."""
    columns = n_gates * n_units
    return (
        weights.kernel((n_inputs, columns), n_units),
        weights.kernel((n_recurrent, columns), n_units, part=1),
    )


def biases(weights: Weights, n_units: int, *starts: Scalar) -> np.ndarray:
    """Return the biases of all gates, each gate's starting at its own number."""
    return np.repeat(np.asarray(starts, weights.dtype), n_units)


def fixed(value: Scalar | None, dtype: DTypeLike) -> Fixed | None:
    """Keep a number that is not trained; None stays None."""
    return None if value is None else Fixed(jnp.asarray(value, dtype))


def affine(x: Numbers, weight: Numbers, bias: Numbers) -> Array:
    """Return x W + b."""
    return add(jnp.matmul(x, weight), bias)


def add(x: Numbers, row: Numbers) -> Array:
    """Add a row to every row of a batch."""
    x = jnp.asarray(x)
    return x + jnp.broadcast_to(jnp.asarray(row), x.shape)


def scaled(x: Numbers, row: Numbers) -> Array:
    """Multiply every row of a batch by a row: a diagonal matrix product.

    >>> scaled(jnp.ones((2, 2)), jnp.array([1.0, 3.0])).tolist()
    [[1.0, 3.0], [1.0, 3.0]]
    """
    x = jnp.asarray(x)
    return x * jnp.broadcast_to(jnp.asarray(row), x.shape)


def clipped(x: Array, bound: Fixed | None) -> Array:
    """Return x with |x| <= bound; x itself without a bound."""
    if bound is None:
        return x
    return jnp.clip(x, -bound.value.astype(x.dtype), bound.value.astype(x.dtype))


def projected(h: Array, weight: Numbers | None, bound: Fixed | None) -> Array:
    """Return the projection h W, clipped; h itself without a projection."""
    return h if weight is None else clipped(jnp.matmul(h, weight), bound)


def standardized(x: Array, epsilon: Fixed) -> Array:
    """Return x with mean 0 and variance 1 along its last axis."""
    mean, variance = statistics(x, x.ndim - 1)
    spread = jnp.sqrt(variance + epsilon.value.astype(x.dtype))
    return (x - jnp.broadcast_to(mean, x.shape)) / jnp.broadcast_to(spread, x.shape)


def normalized_gates(z: Array, n_gates: int, scale: Numbers, epsilon: Fixed) -> Array:
    """Standardise every gate of every example over its units, then scale."""
    gates = jnp.reshape(z, (len(z), n_gates, -1))
    return scaled(jnp.reshape(standardized(gates, epsilon), z.shape), scale)


def check_bound_of_projection(n_projection: int | None, projection_clip: Scalar | None) -> None:
    """Refuse a bound of something that is not there."""
    if n_projection is None and projection_clip is not None:
        raise RecipeError(
            f"projection_clip={projection_clip} bounds the projected output, but there is no "
            "projection. Give n_projection too, or bound the memory with cell_clip."
        )


def other_parts(weights: Weights, first: int) -> Weights:
    """Return the same source whose part 0 is part `first`: the draws of a cell within a cell."""
    return Weights(
        None if weights.is_default else weights.initializer,
        seed=weights.seed,
        layer=weights.layer + first * PARTS,
        parameters=weights.parameters,
        dtype=weights.dtype,
    )
