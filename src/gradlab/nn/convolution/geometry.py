"""How a kernel moves over an image: sizes, strides and padding, worked out once for all layers.

With n numbers along an axis, P_before + P_behind of padding, a kernel of k taps at a distance of d
(dilation), and stride s, the output has

    floor((n + P_before + P_behind - d (k - 1) - 1) / s) + 1

numbers. Padding is named by

    "valid"        none
    "same"         as much as makes the output ceil(n / s) long; an odd number goes behind, as in
                   TensorFlow and JAX (PyTorch pads so for stride 1 alone)
    2, (1, 2)      so much on both sides of every axis, or of each axis in turn
    ((0, 1), …)    before and behind, for each axis
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from gradlab.errors import RecipeError

Numbers = int | Sequence[int]
"""One number for every spatial axis, or one for each."""

Pairs = tuple[tuple[int, int], ...]

Padding = str | int | Sequence[int | Sequence[int]]
"""What a layer takes: see the module's docstring."""

CHUNK_NUMBERS = 2**18
"""Numbers of image and signal in one chunk of the weight gradient: 1 MB of float32, a core's L2."""


@dataclasses.dataclass(frozen=True)
class Geometry:
    """One kernel over one size of image; every tuple has one entry a spatial axis."""

    size: tuple[int, ...]
    """Of the image, without padding."""
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Pairs
    dilation: tuple[int, ...]
    groups: int = 1
    chunk: int | None = None
    """Images per product of the weight gradient; None to choose by size."""

    @property
    def output(self) -> tuple[int, ...]:
        """Spatial size of the output."""
        return tuple(map(_output, self.size, self.kernel, self.stride, self.padding, self.dilation))

    @property
    def is_pointwise(self) -> bool:
        """Whether it is a 1x1 convolution that takes every pixel: a product of matrices."""
        plain = all(n == 1 for n in (*self.kernel, *self.stride, self.groups))
        return plain and not any(map(any, self.padding))

    def images_per_chunk(self, batch: int, c_in: int, c_out: int) -> int:
        """Return how many images one product of the weight gradient takes, by size 4 to 16."""
        if self.chunk is not None:
            return min(self.chunk, batch)
        numbers = math.prod(self.size) * c_in + math.prod(self.output) * c_out
        fitting = max(1, CHUNK_NUMBERS // numbers)
        return min(batch, max(4, min(16, 2 ** (fitting.bit_length() - 1))))


def _output(size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int) -> int:
    return (size + sum(padding) - dilation * (kernel - 1) - 1) // stride + 1


def axis_numbers(value: Numbers, n_axes: int, name: str) -> tuple[int, ...]:
    """Return one number for each spatial axis.

    Raises:
        RecipeError: If one is below 1, or there are more or fewer than axes.

    >>> axis_numbers(3, 2, "kernel"), axis_numbers((3, 5), 2, "kernel")
    ((3, 3), (3, 5))
    """
    numbers = (value,) * n_axes if isinstance(value, int) else tuple(value)
    if len(numbers) != n_axes or any(number < 1 for number in numbers):
        raise RecipeError(
            f"{name} takes a number >= 1, or {n_axes} of them, one for each spatial axis; "
            f"got {value}."
        )
    return numbers


def as_padding(padding: Padding, n_axes: int) -> str | Pairs:
    """Return "same", or the pair (before, behind) of each axis.

    Raises:
        RecipeError: If it names no padding, is negative, or does not fit the axes.

    >>> as_padding(1, 2), as_padding((1, 2), 2), as_padding(((0, 1), (0, 1)), 2)
    (((1, 1), (1, 1)), ((1, 1), (2, 2)), ((0, 1), (0, 1)))
    """
    if padding == "same":
        return "same"
    if padding == "valid":
        padding = 0
    sides: list[Any] = [padding] * n_axes if isinstance(padding, int) else list(padding)
    pairs = [[side, side] if isinstance(side, int) else list(side) for side in sides]
    numbers = [n for pair in pairs for n in pair]
    right = all(isinstance(n, int) and n >= 0 for n in numbers)
    if not right or len(pairs) != n_axes or any(len(pair) != 2 for pair in pairs):
        raise RecipeError(
            "padding is 'valid', 'same', a number >= 0, or for each of the "
            f"{n_axes} spatial axes a number or a pair (before, behind); got {padding!r}."
        )
    return tuple((before, behind) for before, behind in pairs)


def geometry(
    input_shape: Sequence[int],
    *,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: str | Pairs,
    dilation: tuple[int, ...] | None = None,
    groups: int = 1,
    chunk: int | None = None,
    what: str = "kernel",
) -> Geometry:
    """Return the geometry of a kernel on an input of one shape (*size, channels).

    Raises:
        RecipeError: If the input has another number of axes, or the kernel does not fit.

    >>> geometry((5, 5, 1), kernel=(3, 3), stride=(2, 2), padding=((0, 0), (0, 0))).output
    (2, 2)
    """
    size = tuple(input_shape[:-1])
    dilation = (1,) * len(kernel) if dilation is None else dilation
    if len(size) != len(kernel):
        axes = {1: "(length, channels)", 2: "(height, width, channels)"}[len(kernel)]
        raise RecipeError(
            f"A {by(kernel)} {what} takes inputs of shape {axes}; got {by(input_shape)}. "
            "Leave out what flattens the input before it, or choose the layer for its axes."
        )
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if padding == "same":
        padding = tuple(map(_same, size, reach, stride))
    assert not isinstance(padding, str)
    if any(n < 1 or n + sum(pair) < r for n, pair, r in zip(size, padding, reach, strict=True)):
        dilated = f" (dilated to {by(reach)})" if reach != kernel else ""
        padded = tuple(n + sum(pair) for n, pair in zip(size, padding, strict=True))
        with_border = f" (with its padding {by(padded)})" if padded != size else ""
        raise RecipeError(
            f"A {by(kernel)} {what}{dilated} does not fit an input of "
            f"{by(input_shape)}{with_border}; take a smaller {what}, padding='same', or fewer "
            "pooling or strided layers before it."
        )
    return Geometry(size, kernel, stride, padding, dilation, groups, chunk)


def _same(size: int, reach: int, stride: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def by(shape: Sequence[int]) -> str:
    """Return a shape as people write it.

    >>> by((28, 28, 1))
    '28x28x1'
    """
    return "x".join(map(str, shape))
