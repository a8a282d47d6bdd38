"""Gradient clipping, as links that stand before the optimizer in `optax.chain`."""

import jax
import jax.numpy as jnp
import optax

from gradlab.optim.arithmetic import keep_dtypes
from gradlab.scalars import NonNegative


def clip_by_value(limit: NonNegative) -> optax.GradientTransformation:
    """Cut every element of the gradient to [−limit, limit]. This may change its direction.

    Args:
        limit: Largest size of an element, in units of g; infinity leaves all as it is.

    >>> link = clip_by_value(1.0)
    >>> link.update(jnp.array([3.0, -0.5]), optax.EmptyState())[0]
    Array([ 1. , -0.5], dtype=float32)

    Source: Mikolov 2012, thesis, section 3.2.2. Same as `optax.clip`.
    """
    return keep_dtypes(optax.clip(limit))


def clip_by_norm(limit: NonNegative) -> optax.GradientTransformation:
    """Shorten the whole gradient to length `limit` if it is longer. Its direction stays.

        g ← g · min(1, limit / ‖g‖),    ‖g‖ over all weights of all layers

    The norm is taken relative to the largest element, so it does not overflow where an exploding
    gradient still fits its type (the squares of 1e20 do not fit float32).

    Args:
        limit: Largest norm, in units of g; infinity leaves all as it is.

    >>> link = clip_by_norm(1.0)
    >>> link.update(jnp.array([3.0, -4.0]), optax.EmptyState())[0]
    Array([ 0.6, -0.8], dtype=float32)

    Source: Pascanu et al. 2013, algorithm 1, https://arxiv.org/abs/1211.5063
    """

    def init(params):
        del params
        return optax.EmptyState()

    def update(updates, state, params=None):
        del params
        largest = jax.tree.reduce(
            jnp.maximum, jax.tree.map(lambda g: jnp.max(jnp.abs(g), initial=0), updates)
        )
        unit = jnp.where(largest > 0, largest, 1)
        relative = optax.tree.norm(jax.tree.map(lambda g: g / unit, updates))
        # limit / norm, divided twice because the norm itself may be too large for its type.
        shrink = jnp.minimum(1, limit / unit / jnp.where(relative > 0, relative, 1))
        return jax.tree.map(lambda g: g * shrink, updates), state

    return keep_dtypes(optax.GradientTransformation(init, update))
