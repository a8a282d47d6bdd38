"""Norms of weights, and the penalties that a loss adds to keep them small.

A penalty reads the leaves named `weight` of a model: biases and the scales of a normalisation
don't make a network over-fit and are left alone. It is added to the *mean* loss.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from gradlab.scalars import NonNegative


def l1_norm(x: Float[Array | np.ndarray, "*shape"]) -> Float[Array, ""]:
    """Return Σ |x_i|, with the subgradient sign(x_i), 0 at 0.

    >>> float(l1_norm(jnp.array([1.0, 2.0, 3.0, 4.0, 5.0])))
    15.0
    """
    # Not jnp.abs, whose derivative at 0 is 1: the subgradient of a weight at rest is 0.
    return jnp.sum(x * jax.lax.stop_gradient(jnp.sign(x)))


def l2_norm(x: Float[Array | np.ndarray, "*shape"]) -> Float[Array, ""]:
    """Return √(Σ x_i²).

    >>> round(float(l2_norm(jnp.array([1.0, 2.0, 3.0, 4.0, 5.0]))), 4)
    7.4162
    """
    return jnp.sqrt(jnp.sum(jnp.square(x)))


def weights_of(model: PyTree) -> list[Array]:
    """Return the leaves of a model whose name begins with `weight`, in the order of its layers."""
    leaves = jax.tree_util.tree_leaves_with_path(model)
    return [leaf for path, leaf in leaves if is_weight(path)]


def is_weight(path: tuple) -> bool:
    """Tell whether the leaf at a path of a model is a weight by its name, not a bias or gain."""
    return str(getattr(path[-1], "name", "")).startswith("weight")


def l1_penalty(model: PyTree, strength: NonNegative) -> Float[Array, ""]:
    """Return strength · Σ |w|; its subgradient is strength · sign(w), 0 at w = 0."""
    return strength * _sum(l1_norm(w) for w in weights_of(model))


def l2_penalty(model: PyTree, strength: NonNegative) -> Float[Array, ""]:
    """Return ½ strength · Σ w²; its gradient is strength · w.

    Under plain gradient descent this is weight decay: w ← w (1 − learning_rate · strength) − ….
    """
    return 0.5 * strength * _sum(jnp.sum(jnp.square(w)) for w in weights_of(model))


def _sum(terms) -> Array:
    return sum(terms, start=jnp.zeros(()))


def lattice_paths(steps: Sequence[int]) -> int:
    """Return how many shortest paths along the axes join two corners of a grid.

    The L1 distance Σ |steps| is the length of each of them; the L2 distance has one path only.

    Args:
        steps: Signed whole steps along each axis.

    >>> lattice_paths([6, 6])
    924
    """
    lengths = [abs(step) for step in steps]
    return math.factorial(sum(lengths)) // math.prod(math.factorial(n) for n in lengths)
