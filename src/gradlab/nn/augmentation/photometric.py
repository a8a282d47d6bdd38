"""Brightness and contrast of images."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def photometric(
    x: Float[Array, "batch *shape"],
    gain: Float[Array, "batch *ones"],
    offset: Float[Array, "batch *ones"],
) -> Float[Array, "batch *shape"]:
    """Return gain · x + offset, clipped to what a pixel can be.

    A pixel can be 0 to 1, and whatever else its image holds: pixels that were centred and scaled
    are clipped to the range of their image. So gain 1 and offset 0 change nothing.

    Args:
        x: Images.
        gain: Contrast of each image.
        offset: Brightness of each image, in the units of x.

    >>> one = jnp.ones((1, 1))
    >>> photometric(jnp.array([[0.25, 0.75]]), 2 * one, 0 * one).tolist()
    [[0.5, 1.0]]
    """
    axes = tuple(range(1, x.ndim))
    low = jnp.minimum(x.min(axes, keepdims=True), 0)
    high = jnp.maximum(x.max(axes, keepdims=True), 1)
    return jnp.clip(gain * x + offset, low, high)
