"""What the pooling layers have in common: a window that moves over space, channel by channel."""

from collections.abc import Sequence
from typing import ClassVar

import equinox as eqx

from gradlab.nn.convolution.geometry import (
    Geometry,
    Numbers,
    Padding,
    Pairs,
    as_padding,
    axis_numbers,
    geometry,
)
from gradlab.nn.module import Layer


class Pooling(Layer):
    """A window over one or two spatial axes; it has no parameters."""

    kind: ClassVar[str] = "pooling"
    n_axes: ClassVar[int] = 2

    window: tuple[int, ...] = eqx.field(static=True)
    stride: tuple[int, ...] = eqx.field(static=True)
    padding: str | Pairs = eqx.field(static=True)
    ceil: bool = eqx.field(static=True)

    def __init__(
        self,
        window: Numbers = 2,
        *,
        stride: Numbers | None = None,
        padding: Padding = "valid",
        ceil: bool = False,
    ):
        """Keep how the window moves; a stride of None is the window."""
        self.window = axis_numbers(window, self.n_axes, "window")
        self.stride = axis_numbers(self.window if stride is None else stride, self.n_axes, "stride")
        self.padding = as_padding(padding, self.n_axes)
        self.ceil = ceil

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """Return the output's shape, both without the batch.

        Raises:
            RecipeError: If the window does not fit.
        """
        return (*self.geometry(input_shape).output, input_shape[-1])

    def geometry(self, input_shape: Sequence[int]) -> Geometry:
        """Return how the windows lie on an input of one shape (*size, channels)."""
        shape = geometry(
            input_shape,
            kernel=self.window,
            stride=self.stride,
            padding=self.padding,
            what="window",
        )
        if not self.ceil:
            return shape
        pairs = []
        for n, k, s, (before, behind) in zip(
            shape.size, shape.kernel, shape.stride, shape.padding, strict=True
        ):
            over = (n + before + behind - k) % s
            start = n + before + behind - over - k + s  # of the window that would be cut off
            hangs_over = over > 0 and start < n + before
            pairs.append((before, behind + (s - over if hangs_over else 0)))
        return Geometry(shape.size, shape.kernel, shape.stride, tuple(pairs), shape.dilation)
