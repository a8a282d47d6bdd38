"""Depthwise convolution on a CPU: a kernel of its own for every channel, nothing shared.

There is no product of matrices in it, and XLA's convolution takes 50 to 100 times as long as the
plain sum over taps of shifted image times weight, which compiles to one loop.
"""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from gradlab.nn.convolution.geometry import Geometry
from gradlab.nn.convolution.patches import padded, tap_slice


def convolve_depthwise(
    image: Float[Array, "batch *size channels"],
    weight: Float[Array, "*kernel 1 c_out"],
    geometry: Geometry,
) -> Float[Array, "batch *output c_out"]:
    """Return the signal; channel c gives the c_out / channels outputs from c · c_out / channels.

    >>> from gradlab.nn.convolution.geometry import geometry
    >>> x, w = jnp.array([[[1.0, 10.0], [2.0, 20.0]]]), jnp.array([[[1.0, 2.0]], [[1.0, 3.0]]])
    >>> valid = geometry((2, 2), kernel=(2,), stride=(1,), padding=((0, 0),), groups=2)
    >>> convolve_depthwise(x, w, valid).tolist()
    [[[3.0, 80.0]]]
    """
    image = jnp.repeat(padded(image, geometry), weight.shape[-1] // image.shape[-1], axis=-1)
    total = None
    for taps in itertools.product(*map(range, geometry.kernel)):
        slice_ = tap_slice(image, taps, geometry)
        term = slice_ * jnp.broadcast_to(weight[taps][0], slice_.shape)
        total = term if total is None else total + term
    assert total is not None
    return total


def spread_depthwise(
    signal: Float[Array, "batch *output c_out"],
    weight: Float[Array, "*kernel 1 c_out"],
    geometry: Geometry,
) -> Float[Array, "batch *size channels"]:
    """Return the gradient of the image, or the transposed convolution."""
    channels = geometry.groups
    if any(n > 1 for n in geometry.stride):
        image = jax.ShapeDtypeStruct((len(signal), *geometry.size, channels), signal.dtype)
        transpose = jax.linear_transpose(
            lambda image: convolve_depthwise(image, weight, geometry), image
        )
        return transpose(signal)[0]
    reach = [d * (k - 1) for k, d in zip(geometry.kernel, geometry.dilation, strict=True)]
    borders = [r - before for r, (before, _) in zip(reach, geometry.padding, strict=True)]
    behind = [
        n + r - u - border
        for n, r, u, border in zip(geometry.size, reach, geometry.output, borders, strict=True)
    ]
    # lax.pad crops where a border is negative.
    config = [(0, 0, 0), *((a, b, 0) for a, b in zip(borders, behind, strict=True)), (0, 0, 0)]
    signal = lax.pad(signal, jnp.zeros((), signal.dtype), config)
    turned = jnp.flip(weight, range(len(geometry.kernel)))
    no_border = ((0, 0),) * len(geometry.kernel)
    around = dataclasses.replace(geometry, size=signal.shape[1:-1], padding=no_border)
    image = convolve_depthwise(signal, turned, around)
    return image.reshape(*image.shape[:-1], channels, -1).sum(axis=-1)


def relate_depthwise(
    image: Float[Array, "batch *size channels"],
    signal: Float[Array, "batch *output c_out"],
    geometry: Geometry,
) -> Float[Array, "*kernel 1 c_out"]:
    """Return the weight's gradient.

    Images go one by one and only rows are added up on the way: what is carried is as wide as a row,
    so every sum runs over many channels and columns at once.
    """
    image = jnp.repeat(padded(image, geometry), signal.shape[-1] // image.shape[-1], axis=-1)

    def add(totals: list[Array], pair: tuple[Array, Array]) -> tuple[list[Array], None]:
        image, signal = pair
        products = [
            tap_slice(image[None], taps, geometry)[0] * signal
            for taps in itertools.product(*map(range, geometry.kernel))
        ]
        return [
            total + jnp.sum(product, axis=range(product.ndim - 2))
            for total, product in zip(totals, products, strict=True)
        ], None

    start = jnp.zeros(signal.shape[-2:], signal.dtype)
    taps = [start for _ in itertools.product(*map(range, geometry.kernel))]
    totals, _ = lax.scan(add, taps, (image, signal))
    of_taps = jnp.sum(jnp.stack(totals), axis=1)
    return of_taps.reshape(*geometry.kernel, 1, -1)
