"""What convolutions along one and two axes have in common."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

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
    geometry,
)
from gradlab.nn.convolution.maps import convolve
from gradlab.nn.convolution.unlike_lengths import lengths_after, with_padding
from gradlab.nn.module import Layer
from gradlab.nn.padded import Padded
from gradlab.nn.random import RowKey
from gradlab.nn.weights import Weights


class Convolution(Layer):
    """A kernel that is shared by every place of its input; the layers are `Conv1D` and `Conv2D`."""

    kind: ClassVar[str] = "linear"
    n_axes: ClassVar[int]
    """Spatial axes."""

    weight: Float[Array | np.ndarray, "*kernel c_in_of_group c_out"]
    bias: Float[Array | np.ndarray, " c_out"] | None
    stride: tuple[int, ...] = eqx.field(static=True)
    padding: str | Pairs = eqx.field(static=True)
    dilation: tuple[int, ...] = eqx.field(static=True)
    groups: int = eqx.field(static=True)
    chunk: int | None = eqx.field(static=True)

    def __init__(
        self,
        weight: Float[Array | np.ndarray, "*kernel c_in_of_group c_out"],
        bias: Float[Array | np.ndarray, " c_out"] | None = None,
        *,
        stride: Numbers = 1,
        padding: Padding = "valid",
        dilation: Numbers = 1,
        groups: int = 1,
        chunk: int | None = None,
    ):
        """Keep the weights and how the kernel moves."""
        if weight.ndim != self.n_axes + 2 or 0 in weight.shape:
            raise RecipeError(
                f"{type(self).__name__} takes a weight with {self.n_axes} kernel axes, then input "
                f"channels of a group and output channels; got shape {weight.shape}."
            )
        check_groups(groups, c_out=weight.shape[-1])
        if chunk is not None and chunk < 1:
            raise RecipeError(f"chunk counts images, so it is >= 1 or None; got {chunk}.")
        self.weight, self.bias = weight, bias
        self.stride = axis_numbers(stride, self.n_axes, "stride")
        self.padding = as_padding(padding, self.n_axes)
        self.dilation = axis_numbers(dilation, self.n_axes, "dilation")
        self.groups, self.chunk = groups, chunk

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
        bias: bool = True,
        chunk: int | None = None,
    ) -> "Convolution":
        """Return the layer with initial weights; biases start at zero.

        Args:
            weights: Where they come from.
            n_in: Channels of the input.
            n_out: Channels of the output, the number of kernels.
            kernel: Taps along each axis.
            stride: As in the class, and so the rest.
            padding: See there.
            dilation: See there.
            groups: See there; as many as n_in for a depthwise convolution.
            bias: Whether there is one.
            chunk: See there.

        Raises:
            RecipeError: If the groups do not divide both numbers of channels.
        """
        kernel = axis_numbers(kernel, cls.n_axes, "kernel")
        check_groups(groups, c_in=n_in, c_out=n_out)
        taps = math.prod(kernel)
        return cls(
            weights(
                (*kernel, n_in // groups, n_out),
                n_in=taps * n_in // groups,
                n_out=taps * n_out // groups,
            ),
            weights.zeros(n_out) if bias else None,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            chunk=chunk,
        )

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """Return the output's shape, both without the batch.

        Raises:
            RecipeError: If the kernel does not fit, or the channels are others.
        """
        return (*self._geometry(input_shape).output, self.weight.shape[-1])

    def workspace(self, input_shape: Sequence[int]) -> int:
        """Return how many numbers of one example the kernel sees, over all places and taps.

        It is the size of the im2col matrix (which is never made): a measure of how much of the
        batch a core's cache can hold.
        """
        output = math.prod(self._geometry(input_shape).output)
        return output * math.prod(self.weight.shape[:-1]) * self.groups

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *size c_in"] | Padded,
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Any, PyTree]:
        """Convolve a batch; the state passes through.

        Raises:
            RecipeError: If the kernel does not fit, or the channels are others.
        """
        if isinstance(x, Padded):
            y, state = self(with_padding(x, 0.0), state)
            return Padded(
                y, lengths_after(x, self._geometry(x.values.shape[1:]), self.padding)
            ), state
        dtype = jnp.result_type(x, self.weight)
        shape = self._geometry(x.shape[1:])
        bias = None if self.bias is None else jnp.asarray(self.bias, dtype)
        y = convolve(jnp.asarray(x, dtype), jnp.asarray(self.weight, dtype), bias, shape)
        return y, state

    def _geometry(self, input_shape: Sequence[int]) -> Geometry:
        *kernel, c_in, _ = self.weight.shape
        check_channels(type(self).__name__, input_shape, c_in * self.groups)
        return geometry(
            input_shape,
            kernel=tuple(kernel),
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            chunk=self.chunk,
        )


def check_groups(groups: int, **channels: int) -> None:
    """Raise a RecipeError unless the groups divide every number of channels.

    >>> check_groups(2, n_in=4, n_out=8)
    """
    if groups < 1 or any(n % groups for n in channels.values()):
        given = " and ".join(str(n) for n in channels.values())
        raise RecipeError(
            f"groups must divide the {given} channels; got groups={groups}. "
            "A depthwise convolution has as many groups as input channels."
        )


def check_channels(layer: str, input_shape: Sequence[int], c_in: int) -> None:
    """Raise a RecipeError unless the input's last axis has the channels of the weights."""
    if not input_shape or input_shape[-1] != c_in:
        raise RecipeError(
            f"{layer} was built for inputs of {c_in} channels (the last axis); got an input of "
            f"{by(input_shape)}. Build it for the channels that come, or put the channels last."
        )
