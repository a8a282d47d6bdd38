"""The pixels that a kernel sees at every place, tap by tap."""

import itertools

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from gradlab.nn.convolution.geometry import Geometry


def padded(
    image: Float[Array, "batch *size channels"], geometry: Geometry, value: float = 0.0
) -> Float[Array, "batch *padded channels"]:
    """Return the image with its border."""
    if not any(map(any, geometry.padding)):
        return image
    border = [(0, 0), *geometry.padding, (0, 0)]
    return jnp.pad(image, border, constant_values=value)


def tap_slice(
    image: Float[Array, "batch *padded channels"], taps: tuple[int, ...], geometry: Geometry
) -> Float[Array, "batch *output channels"]:
    """Return what one tap of the kernel sees of a padded image, at every place of the output."""
    starts, stops, strides = [0], [image.shape[0]], [1]
    for tap, n, stride, dilation in zip(
        taps, geometry.output, geometry.stride, geometry.dilation, strict=True
    ):
        starts.append(tap * dilation)
        stops.append(tap * dilation + stride * (n - 1) + 1)
        strides.append(stride)
    return lax.slice(image, [*starts, 0], [*stops, image.shape[-1]], [*strides, 1])


def tap_slices(
    image: Float[Array, "batch *size channels"], geometry: Geometry, value: float = 0.0
) -> list[Float[Array, "batch *output channels"]]:
    """Return what every tap sees, in row-major order of the taps."""
    image = padded(image, geometry, value)
    return [
        tap_slice(image, taps, geometry) for taps in itertools.product(*map(range, geometry.kernel))
    ]


def patches(
    image: Float[Array, "batch *size channels"], geometry: Geometry
) -> Float[Array, "batch *output taps channels"]:
    """Return the windows themselves, taps in row-major order (im2col).

    >>> from gradlab.nn.convolution.geometry import geometry
    >>> valid = geometry((3, 1), kernel=(2,), stride=(1,), padding=((0, 0),))
    >>> patches(jnp.array([[[1.0], [2.0], [3.0]]]), valid)[..., 0].tolist()
    [[[1.0, 2.0], [2.0, 3.0]]]
    """
    return jnp.stack(tap_slices(image, geometry), axis=-2)
