"""The transposed convolution of images, which makes them larger."""

import math
from collections.abc import Sequence
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.errors import RecipeError
from gradlab.nn.convolution.geometry import (
    Geometry,
    Numbers,
    Padding,
    Pairs,
    as_padding,
    axis_numbers,
    by,
)
from gradlab.nn.convolution.layer import check_channels, check_groups
from gradlab.nn.convolution.maps import spread
from gradlab.nn.module import Layer
from gradlab.nn.random import RowKey
from gradlab.nn.weights import Weights


class TransposedConv2D(Layer):
    """Transposed convolution ("deconvolution"): every input pixel adds its kernel to the output.

    It is the transpose of `Conv2D` with the same weight: ⟨conv(x), y⟩ = ⟨x, transposed(y)⟩. An axis
    of n pixels becomes one of

        (n − 1) s + d (k − 1) + 1 − P_before − P_behind + output_padding

    pixels, PyTorch's rule; padding="same" makes it n s.

    Args:
        weight: Shape (kernel height, kernel width, c_out / groups, c_in), the weight of the
            convolution that it transposes. PyTorch's `ConvTranspose2d`, which has
            (c_in, c_out / groups, height, width), becomes it by `transpose(2, 3, 1, 0)`.
        bias: Shape (c_out,); None for none.
        stride: s, the up-sampling.
        padding: "valid" (none), "same", a number, one for each axis, or pairs: what is cut off the
            border of the output.
        dilation: d, distance of the kernel's taps.
        groups: As in `Conv2D`.
        output_padding: Rows and columns added at the end, where several sizes have the same
            convolution; less than the stride.
        chunk: As in `Conv2D`.

    Source: Dumoulin & Visin 2016, section 4, https://arxiv.org/abs/1603.07285; by one small
    convolution for each phase of the output as in Shi et al. 2016, https://arxiv.org/abs/1609.05158

    >>> layer = TransposedConv2D(np.ones((2, 2, 1, 1)), stride=2)
    >>> layer(np.array([[[[1.0], [2.0]]]]), ())[0][0, :, :, 0].tolist()
    [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    """

    kind: ClassVar[str] = "linear"

    weight: Float[Array | np.ndarray, "height width c_out_of_group c_in"]
    bias: Float[Array | np.ndarray, " c_out"] | None
    stride: tuple[int, ...] = eqx.field(static=True)
    padding: str | Pairs = eqx.field(static=True)
    dilation: tuple[int, ...] = eqx.field(static=True)
    groups: int = eqx.field(static=True)
    output_padding: tuple[int, ...] = eqx.field(static=True)
    chunk: int | None = eqx.field(static=True)

    def __init__(
        self,
        weight: Float[Array | np.ndarray, "height width c_out_of_group c_in"],
        bias: Float[Array | np.ndarray, " c_out"] | None = None,
        *,
        stride: Numbers = 1,
        padding: Padding = "valid",
        dilation: Numbers = 1,
        groups: int = 1,
        output_padding: int | Sequence[int] = 0,
        chunk: int | None = None,
    ):
        """Keep the weights and how the kernel moves."""
        check_groups(groups, c_in=weight.shape[-1])
        self.weight, self.bias = weight, bias
        self.stride = axis_numbers(stride, 2, "stride")
        self.padding = as_padding(padding, 2)
        self.dilation = axis_numbers(dilation, 2, "dilation")
        more = (output_padding,) * 2 if isinstance(output_padding, int) else tuple(output_padding)
        if len(more) != 2 or any(not 0 <= n < s for n, s in zip(more, self.stride, strict=True)):
            raise RecipeError(
                f"output_padding is >= 0 and less than the stride {by(self.stride)}, for a larger "
                f"one would add rows that no input reaches; got {output_padding}."
            )
        if self.padding == "same" and any(more):
            raise RecipeError(
                "padding='same' settles the output's size; leave out output_padding, or give the "
                f"padding in numbers. Got output_padding={output_padding}."
            )
        self.groups, self.output_padding, self.chunk = groups, more, chunk

    @classmethod
    def create(
        cls,
        weights: Weights,
        n_in: int,
        n_out: int,
        *,
        kernel: Numbers,
        stride: Numbers = 1,
        padding: Padding = "valid",
        dilation: Numbers = 1,
        groups: int = 1,
        output_padding: int | Sequence[int] = 0,
        bias: bool = True,
        chunk: int | None = None,
    ) -> "TransposedConv2D":
        """Return the layer with initial weights; biases start at zero.

        An output pixel sees about kernel size / stride² pixels of the input, each with n_in
        channels, and that is the fan-in of the initialiser.

        Args:
            weights: Where they come from.
            n_in: Channels of the input.
            n_out: Channels of the output.
            kernel: Taps along each axis.
            stride: As in the class, and so the rest.
            padding: See there.
            dilation: See there.
            groups: See there.
            output_padding: See there.
            bias: Whether there is one.
            chunk: See there.
        """
        kernel = axis_numbers(kernel, 2, "kernel")
        check_groups(groups, c_in=n_in, c_out=n_out)
        taps = math.prod(kernel)
        reached = max(1, taps // math.prod(axis_numbers(stride, 2, "stride")))
        return cls(
            weights(
                (*kernel, n_out // groups, n_in),
                n_in=reached * n_in // groups,
                n_out=taps * n_out // groups,
            ),
            weights.zeros(n_out) if bias else None,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            output_padding=output_padding,
            chunk=chunk,
        )

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """Return the output's shape, both without the batch.

        Raises:
            RecipeError: If the channels are others, or the padding cuts everything off.
        """
        return (*self._geometry(input_shape).size, self.weight.shape[-2] * self.groups)

    def workspace(self, input_shape: Sequence[int]) -> int:
        """Return how many products one example takes for one input channel; see `Conv2D`."""
        return math.prod(input_shape[:-1]) * math.prod(self.weight.shape[:-1]) * self.groups

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch height_in width_in c_in"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch height_out width_out c_out"], PyTree]:
        """Map a batch; the state passes through."""
        dtype = jnp.result_type(x, self.weight)
        shape = self._geometry(x.shape[1:])
        y = spread(jnp.asarray(x, dtype), jnp.asarray(self.weight, dtype), shape)
        return y if self.bias is None else y + jnp.broadcast_to(self.bias, y.shape), state

    def _geometry(self, input_shape: Sequence[int]) -> Geometry:
        """Return the geometry of the convolution that this transposes; its output is our input."""
        check_channels("TransposedConv2D", input_shape, self.weight.shape[-1])
        if len(input_shape) != 3:
            raise RecipeError(
                "TransposedConv2D takes inputs of shape (height, width, channels); got "
                f"{by(input_shape)}."
            )
        kernel = self.weight.shape[:2]
        reach = [d * (k - 1) + 1 for k, d in zip(kernel, self.dilation, strict=True)]
        if isinstance(self.padding, str):
            size = tuple(n * s for n, s in zip(input_shape, self.stride, strict=False))
            total = [max(r - s, 0) for r, s in zip(reach, self.stride, strict=True)]
            padding = tuple((n // 2, n - n // 2) for n in total)
        else:
            padding = self.padding
            size = tuple(
                (n - 1) * s + r - sum(pair) + more
                for n, s, r, pair, more in zip(
                    input_shape, self.stride, reach, padding, self.output_padding, strict=False
                )
            )
        if min(size) < 1:
            raise RecipeError(
                f"TransposedConv2D makes {by(size)} pixels of an input of {by(input_shape)}: its "
                f"padding {padding} cuts everything off. Take less padding or a larger kernel."
            )
        return Geometry(size, kernel, self.stride, padding, self.dilation, self.groups, self.chunk)
