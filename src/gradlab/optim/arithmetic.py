"""The few operations that the written-out optimizers share."""

from typing import Literal

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PyTree

from gradlab.scalars import NonNegative, Scalar

EpsilonPlacement = Literal["inside", "outside"]
"""Where the small constant stands under an accumulated square: √(s + ε) or √s + ε."""


def zeros(params: PyTree) -> PyTree:
    """Return zeros of the shapes and dtypes of the parameters."""
    return jax.tree.map(jnp.zeros_like, params)


def average(decay: Scalar, past: PyTree, new: PyTree) -> PyTree:
    """Return decay · past + (1 − decay) · new, leaf by leaf."""
    return jax.tree.map(lambda p, n: decay * p + (1 - decay) * n, past, new)


def average_of_squares(decay: Scalar, past: PyTree, new: PyTree) -> PyTree:
    """Return decay · past + (1 − decay) · new², leaf by leaf."""
    return jax.tree.map(lambda p, n: decay * p + (1 - decay) * n * n, past, new)


def divide_by_root(
    numerator: Float[Array, "*shape"],
    squares: Float[Array, "*shape"],
    epsilon: NonNegative,
    placement: EpsilonPlacement,
) -> Float[Array, "*shape"]:
    """Return numerator / √(squares + ε), or numerator / (√squares + ε).

    A zero denominator gives 0: with ε = 0 a weight that never had a gradient stays where it is
    instead of becoming NaN.

    >>> divide_by_root(jnp.array([0.0, 6.0]), jnp.array([0.0, 4.0]), 0.0, "inside")
    Array([0., 3.], dtype=float32)
    """
    if placement == "inside":
        denominator = jnp.sqrt(squares + epsilon)
    else:
        denominator = jnp.sqrt(squares) + epsilon
    nonzero = denominator > 0
    return jnp.where(nonzero, numerator / jnp.where(nonzero, denominator, 1), 0)


def require_params(params: PyTree) -> None:
    """Raise a ValueError if an update that depends on the weights did not get them."""
    if params is None:
        raise ValueError(
            "This optimizer changes weights by their size, but update() got no params. "
            "Call update(gradients, state, params)."
        )


def keep_dtypes(transformation: optax.GradientTransformation) -> optax.GradientTransformation:
    """Give updates and state the dtypes they came in with.

    A float64 hyperparameter would widen the state of float32 weights, and `lax.scan` refuses a
    carry that changes its type.
    """

    def update(updates, state, params=None):
        new_updates, new_state = transformation.update(updates, state, params)
        return _cast(new_updates, updates), _cast(new_state, state)

    return optax.GradientTransformation(transformation.init, update)


def _cast(tree: PyTree, like: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf, old: jnp.asarray(leaf, jnp.asarray(old).dtype), tree, like)
