"""The three maps of a convolution, each the derivative of the others.

A convolution ties three arrays together: an image x, a weight w and a signal y,

    y[u, o] = b[o] + sum over taps i and channels c of
              w[i, c, o] · x[stride u + dilation i - padding, c]

(a cross-correlation: the kernel is not flipped). It is linear in each, so there are three maps,

    convolve(x, w, b) = y      the convolution
    spread(y, w)      = x      the gradient of the image; by itself, the transposed convolution
    relate(x, y)      = w, b   the gradient of the weight and, with it, of the bias

and the derivatives of any of them are the other two, to any order.

**On a CPU the maps are loops of our own in machine code** (`products`): for all of them there the
numbers are read where they lie. XLA's own convolution is good forward only: what automatic
differentiation makes of `lax.conv_general_dilated` is 20 to 150 times slower in a loop, and
gathering columns for a matrix product (im2col) reads and writes the image once for every tap. Maps
too narrow for our loops, and processors that these do not know, take **forward convolutions**:
spread with the kernel flipped, one for each phase of the stride, relate with batch and channels
exchanged (images as channels, the signal as kernel). On other platforms the vendor's gradients are
used.

>>> from gradlab.nn.convolution.geometry import geometry
>>> valid = geometry((3, 1), kernel=(2,), stride=(1,), padding=((0, 0),))
>>> x, w = jnp.array([[[1.0], [2.0], [3.0]]]), jnp.array([[[1.0]], [[10.0]]])
>>> y = convolve(x, w, None, valid)
>>> y[..., 0].tolist(), spread(y, w, valid)[..., 0].tolist()
([[21.0, 32.0]], [[21.0, 242.0, 320.0]])
>>> weight, bias = relate(x, y, valid)
>>> weight[:, 0, 0].tolist(), bias.tolist()
([85.0, 138.0], [53.0])
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from gradlab.nn.convolution import products
from gradlab.nn.convolution.depthwise import (
    convolve_depthwise,
    relate_depthwise,
    spread_depthwise,
)
from gradlab.nn.convolution.geometry import Geometry, Pairs

Image = Float[Array, "batch *size c_in"]
Weight = Float[Array, "*kernel c_in_of_group c_out"]
Bias = Float[Array, " c_out"]
Signal = Float[Array, "batch *output c_out"]


def _convolve(image: Image, weight: Weight, bias: Bias | None, geometry: Geometry) -> Signal:
    """Return the signal of an image: the convolution."""
    if geometry.is_pointwise:
        return _plus(image @ weight.reshape(weight.shape[-2:]), bias)
    return lax.platform_dependent(
        image,
        weight,
        bias,
        cpu=partial(_convolve_by_hand, geometry=geometry),
        default=lambda x, w, b: _plus(_vendor(x, w, geometry), b),
    )


def _spread(signal: Signal, weight: Weight, geometry: Geometry) -> Image:
    """Return the image whose every pixel sums what its signals send back: the transpose."""
    if geometry.is_pointwise:
        return signal @ weight.reshape(weight.shape[-2:]).T
    return lax.platform_dependent(
        signal,
        weight,
        cpu=partial(_spread_by_hand, geometry=geometry),
        default=partial(_vendor_spread, geometry=geometry),
    )


def _relate(image: Image, signal: Signal, geometry: Geometry) -> tuple[Weight, Bias]:
    """Return sums over images and positions: pixel times signal, for every tap; signal alone."""
    if geometry.is_pointwise:
        rows, columns = (x.reshape(-1, x.shape[-1]) for x in (image, signal))
        weight = (rows.T @ columns).reshape(*geometry.kernel, image.shape[-1], signal.shape[-1])
        return weight, _total(signal)
    return lax.platform_dependent(
        image,
        signal,
        cpu=partial(_relate_by_hand, geometry=geometry),
        default=lambda x, y: (_vendor_relate(x, y, geometry), _total(y)),
    )


def _plus(signal: Array, bias: Array | None) -> Array:
    return signal if bias is None else signal + jnp.broadcast_to(bias, signal.shape)


def _total(signal: Array) -> Array:
    return jnp.sum(signal, axis=range(signal.ndim - 1))


convolve = jax.custom_vjp(_convolve, nondiff_argnums=(3,))
spread = jax.custom_vjp(_spread, nondiff_argnums=(2,))
relate = jax.custom_vjp(_relate, nondiff_argnums=(2,))


def _convolve_backward(geometry: Geometry, saved: tuple, cotangent: Array) -> tuple:
    image, weight, bias = saved
    of_weight, of_bias = relate(image, cotangent, geometry)
    return spread(cotangent, weight, geometry), of_weight, None if bias is None else of_bias


convolve.defvjp(
    lambda image, weight, bias, geometry: (
        convolve(image, weight, bias, geometry),
        (image, weight, bias),
    ),
    _convolve_backward,
)
spread.defvjp(
    lambda signal, weight, geometry: (spread(signal, weight, geometry), (signal, weight)),
    lambda geometry, saved, cotangent: (
        convolve(cotangent, saved[1], None, geometry),
        relate(cotangent, saved[0], geometry)[0],
    ),
)
relate.defvjp(
    lambda image, signal, geometry: (relate(image, signal, geometry), (image, signal)),
    lambda geometry, saved, cotangents: (
        spread(saved[1], cotangents[0], geometry),
        convolve(saved[0], *cotangents, geometry),
    ),
)


# The vendor's convolution, and its gradients by automatic differentiation (cuDNN's on a GPU)


def _vendor(image: Array, weight: Array, geometry: Geometry) -> Array:
    return forward(
        image,
        weight,
        stride=geometry.stride,
        padding=geometry.padding,
        dilation=geometry.dilation,
        groups=geometry.groups,
    )


def _vendor_spread(signal: Array, weight: Array, geometry: Geometry) -> Array:
    c_in = weight.shape[-2] * geometry.groups
    image = jax.ShapeDtypeStruct((len(signal), *geometry.size, c_in), signal.dtype)
    transpose = jax.linear_transpose(partial(_vendor, weight=weight, geometry=geometry), image)
    return transpose(signal)[0]


def _vendor_relate(image: Array, signal: Array, geometry: Geometry) -> Array:
    c_in = image.shape[-1] // geometry.groups
    shape = (*geometry.kernel, c_in, signal.shape[-1])
    weight = jax.ShapeDtypeStruct(shape, image.dtype)
    transpose = jax.linear_transpose(lambda weight: _vendor(image, weight, geometry), weight)
    return transpose(signal)[0]


def forward(
    image: Array,
    weight: Array,
    *,
    stride: tuple[int, ...],
    padding: Pairs,
    dilation: tuple[int, ...],
    groups: int = 1,
) -> Array:
    """Return the forward convolution; negative padding crops (XLA's fast kernel knows none)."""
    for axis, (before, behind) in enumerate(padding, start=1):
        last = image.shape[axis] - max(0, -behind)
        image = lax.slice_in_dim(image, max(0, -before), last, axis=axis)
    letters = "XYZ"[: len(stride)]
    return lax.conv_general_dilated(
        image,
        weight,
        stride,
        [(max(0, before), max(0, behind)) for before, behind in padding],
        rhs_dilation=dilation,
        feature_group_count=groups,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
    )


# By hand, for the CPU


def _convolve_by_hand(image: Array, weight: Array, bias: Array | None, geometry: Geometry) -> Array:
    if geometry.groups == 1:
        return _convolve_one(image, weight, bias, geometry)
    depthwise = geometry.groups == image.shape[-1]
    by_hand = convolve_depthwise if depthwise else _convolve_by_groups
    return _plus(by_hand(image, weight, geometry), bias)


def _convolve_one(image: Array, weight: Array, bias: Array | None, geometry: Geometry) -> Array:
    if products.can_multiply(image.dtype, weight.shape[-1]):
        return products.gather(image, weight, bias, geometry, backwards=False)
    return _plus(_vendor(image, weight, geometry), bias)


def _convolve_by_groups(image: Array, weight: Array, geometry: Geometry) -> Array:
    of_group = partial(_convolve_one, bias=None, geometry=dataclasses.replace(geometry, groups=1))
    return _joined(
        lax.map(
            lambda pair: of_group(*pair),
            (_grouped(image, geometry.groups), _grouped(weight, geometry.groups)),
        )
    )


def _spread_by_hand(signal: Array, weight: Array, geometry: Geometry) -> Array:
    if geometry.groups > 1 and weight.shape[-2] == 1:
        return spread_depthwise(signal, weight, geometry)
    if geometry.groups > 1:
        of_group = partial(_spread_by_hand, geometry=dataclasses.replace(geometry, groups=1))
        groups = geometry.groups
        pairs = (_grouped(signal, groups), _grouped(weight, groups))
        return _joined(lax.map(lambda pair: of_group(*pair), pairs))
    if products.can_multiply(signal.dtype, weight.shape[-2]):
        return products.gather(signal, weight, None, geometry, backwards=True)
    return _spread_by_phases(signal, weight, geometry)


def _spread_by_phases(signal: Array, weight: Array, geometry: Geometry) -> Array:
    """Return the image by one convolution for each phase of the stride, interleaved.

    Pixel r takes signal u through tap i where r + padding = stride u + dilation i, so the pixels
    with one remainder of r + padding by the stride see the taps with that remainder alone: no zeros
    are inserted, none multiplied.
    """
    if any(d > 1 < s for d, s in zip(geometry.dilation, geometry.stride, strict=True)):
        weight, geometry = _with_zeros_between(weight, geometry)
    turned = jnp.flip(weight, range(len(geometry.kernel))).swapaxes(-1, -2)
    return _interleaved(signal, turned, geometry, ())


def _with_zeros_between(weight: Array, geometry: Geometry) -> tuple[Array, Geometry]:
    """Write the dilation into the kernel; rare beside a stride, so its zeros may be multiplied."""
    gaps = [(0, 0, d - 1) for d in geometry.dilation]
    weight = lax.pad(weight, jnp.zeros((), weight.dtype), [*gaps, (0, 0, 0), (0, 0, 0)])
    once = (1,) * len(geometry.kernel)
    return weight, dataclasses.replace(geometry, kernel=weight.shape[:-2], dilation=once)


def _interleaved(signal: Array, turned: Array, geometry: Geometry, padding: Pairs) -> Array:
    """Return the image from the axis after those whose phase and padding are settled."""
    axis = len(padding)
    if axis == len(geometry.kernel):
        if 0 in turned.shape:  # a stride beyond the kernel leaves phases without a tap
            size = (-(-n // s) for n, s in zip(geometry.size, geometry.stride, strict=True))
            return jnp.zeros((len(signal), *size, turned.shape[-1]), signal.dtype)
        once = (1,) * axis
        return forward(signal, turned, stride=once, padding=padding, dilation=geometry.dilation)
    size, stride, taps = geometry.size[axis], geometry.stride[axis], geometry.kernel[axis]
    before = geometry.padding[axis][0]
    rows = -(-size // stride)  # of one phase
    phases = []
    for phase in range(stride):
        shift, first = divmod(phase + before, stride)
        # Taps first, first + stride, … of the kernel, as they lie in the turned one.
        start = (taps - 1 - first) % stride if first < taps else taps
        of_phase = lax.slice_in_dim(turned, start, taps, stride, axis=axis)
        reach = geometry.dilation[axis] * (of_phase.shape[axis] - 1)
        ahead = reach - shift
        pair = (ahead, rows + reach - signal.shape[axis + 1] - ahead)
        phases.append(_interleaved(signal, of_phase, geometry, (*padding, pair)))
    if stride == 1:
        return phases[0]
    stacked = jnp.stack(phases, axis=axis + 2)
    merged = stacked.reshape(*stacked.shape[: axis + 1], -1, *stacked.shape[axis + 3 :])
    return lax.slice_in_dim(merged, 0, size, axis=axis + 1)


def _relate_by_hand(image: Array, signal: Array, geometry: Geometry) -> tuple[Array, Array]:
    if geometry.groups == 1 and products.can_multiply(image.dtype, signal.shape[-1]):
        return products.relate(image, signal, geometry)
    return _relate_in_chunks(image, signal, geometry), _total(signal)


def _relate_in_chunks(image: Array, signal: Array, geometry: Geometry) -> Array:
    """Return the sum over chunks of the batch, each of which stays in the cache."""
    batch = len(image)
    n = geometry.images_per_chunk(batch, image.shape[-1], signal.shape[-1])
    rest = batch % n
    product = _relate_one if geometry.groups == 1 else _relate_by_groups

    def add(total: Array, pair: tuple[Array, Array]) -> tuple[Array, None]:
        return total + product(*pair, geometry), None

    c_in = image.shape[-1] // geometry.groups
    total = jnp.zeros((*geometry.kernel, c_in, signal.shape[-1]), image.dtype)
    if rest:
        total = product(image[batch - rest :], signal[batch - rest :], geometry)
    images, signals = (x[: batch - rest].reshape(-1, n, *x.shape[1:]) for x in (image, signal))
    return lax.scan(add, total, (images, signals))[0]


def _relate_one(image: Array, signal: Array, geometry: Geometry) -> Array:
    """Return the weight's gradient as a convolution over the batch.

    Channels of the image are its batch, images its channels, the signal its kernel; stride and
    dilation change places.
    """
    padding = tuple(
        (before, dilation * (k - 1) + stride * (u - 1) + 1 - n - before)
        for n, k, u, stride, (before, _), dilation in zip(
            geometry.size,
            geometry.kernel,
            geometry.output,
            geometry.stride,
            geometry.padding,
            geometry.dilation,
            strict=True,
        )
    )
    by_channel = forward(
        jnp.swapaxes(image, 0, -1),
        jnp.moveaxis(signal, 0, -2),
        stride=geometry.dilation,
        padding=padding,
        dilation=geometry.stride,
    )
    return jnp.moveaxis(by_channel, 0, -2)


def _relate_by_groups(image: Array, signal: Array, geometry: Geometry) -> Array:
    if geometry.groups == image.shape[-1]:
        return relate_depthwise(image, signal, geometry)
    of_group = partial(_relate_one, geometry=dataclasses.replace(geometry, groups=1))
    pairs = (_grouped(image, geometry.groups), _grouped(signal, geometry.groups))
    return _joined(lax.map(lambda pair: of_group(*pair), pairs))


def _grouped(x: Array, groups: int) -> Array:
    """Split the last axis into groups, which go first."""
    return jnp.moveaxis(x.reshape(*x.shape[:-1], groups, -1), -2, 0)


def _joined(x: Array) -> Array:
    """Join the groups, which stand first, on the last axis."""
    joined = jnp.moveaxis(x, 0, -2)
    return joined.reshape(*joined.shape[:-2], -1)
