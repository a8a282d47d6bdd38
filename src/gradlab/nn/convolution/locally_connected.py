"""Local connectivity without weight sharing: a kernel of its own at every place.

Between a dense layer, where every output sees every input, and a convolution, where all outputs
share one kernel, it shows which of the two, locality or sharing, makes a difference.
"""

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
    geometry,
)
from gradlab.nn.convolution.layer import check_channels
from gradlab.nn.convolution.patches import patches
from gradlab.nn.module import Layer
from gradlab.nn.padded import Padded
from gradlab.nn.random import RowKey
from gradlab.nn.weights import Weights


class LocallyConnected(Layer):
    """What `LocallyConnected1D` and `LocallyConnected2D` have in common."""

    kind: ClassVar[str] = "linear"
    n_axes: ClassVar[int]
    takes_padded: ClassVar[bool] = True  # to refuse them

    weight: Float[Array | np.ndarray, "*output_and_kernel c_in c_out"]
    bias: Float[Array | np.ndarray, "*output c_out"] | None
    stride: tuple[int, ...] = eqx.field(static=True)
    padding: str | Pairs = eqx.field(static=True)

    def __init__(
        self,
        weight: Float[Array | np.ndarray, "*output_and_kernel c_in c_out"],
        bias: Float[Array | np.ndarray, "*output c_out"] | None = None,
        *,
        stride: Numbers = 1,
        padding: Padding = "valid",
    ):
        """Keep the weights and how the kernels lie."""
        if weight.ndim != 2 * self.n_axes + 2:
            raise RecipeError(
                f"{type(self).__name__} takes a weight with {self.n_axes} axes of the output, "
                f"{self.n_axes} of the kernel, then channels in and out; got shape {weight.shape}."
            )
        self.weight, self.bias = weight, bias
        self.stride = axis_numbers(stride, self.n_axes, "stride")
        self.padding = as_padding(padding, self.n_axes)

    @classmethod
    def create(
        cls,
        weights: Weights,
        input_shape: Sequence[int],
        n_out: int,
        *,
        kernel: Numbers,
        stride: Numbers = 1,
        padding: Padding = "valid",
        bias: bool = True,
    ) -> "LocallyConnected":
        """Return the layer with initial weights; biases start at zero.

        Args:
            weights: Where they come from.
            input_shape: Of one example, (*size, channels): the weights belong to its places.
            n_out: Channels of the output.
            kernel: Taps along each axis.
            stride: As in `Conv2D`.
            padding: As in `Conv2D`.
            bias: Whether there is one, a number for every place and channel.

        Raises:
            RecipeError: If the kernel does not fit the input.
        """
        shape = geometry(
            input_shape,
            kernel=axis_numbers(kernel, cls.n_axes, "kernel"),
            stride=axis_numbers(stride, cls.n_axes, "stride"),
            padding=as_padding(padding, cls.n_axes),
        )
        taps, c_in = math.prod(shape.kernel), input_shape[-1]
        return cls(
            weights(
                (*shape.output, *shape.kernel, c_in, n_out), n_in=taps * c_in, n_out=taps * n_out
            ),
            weights.zeros(*shape.output, n_out) if bias else None,
            stride=stride,
            padding=padding,
        )

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """Return the output's shape, both without the batch.

        Raises:
            RecipeError: If the input is not of the size that the weights belong to.
        """
        return (*self._geometry(input_shape).output, self.weight.shape[-1])

    def workspace(self, input_shape: Sequence[int]) -> int:
        """Return how many numbers of one example the kernels see; see `Conv2D`."""
        return math.prod(self.weight.shape[:-1])

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *size c_in"] | Padded,
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *output c_out"], PyTree]:
        """Map a batch; the state passes through.

        Raises:
            RecipeError: If the input is of another size, or sequences of unlike length.
        """
        if isinstance(x, Padded):
            raise RecipeError(
                f"{type(self).__name__} has weights for every place, so it takes inputs of one "
                "length; got sequences of unlike length. Take Conv1D, or cut windows of one length."
            )
        shape = self._geometry(x.shape[1:])
        dtype = jnp.result_type(x, self.weight)
        seen = patches(jnp.asarray(x, dtype), shape)
        places = math.prod(shape.output)
        rows = seen.reshape(len(x), places, -1)
        kernels = self.weight.reshape(places, rows.shape[-1], -1)
        y = jnp.einsum("npk,pko->npo", rows, jnp.asarray(kernels, dtype))
        y = y.reshape(len(x), *shape.output, -1)
        return y if self.bias is None else y + jnp.broadcast_to(self.bias, y.shape), state

    def _geometry(self, input_shape: Sequence[int]) -> Geometry:
        axes = self.weight.shape
        check_channels(type(self).__name__, input_shape, axes[-2])
        shape = geometry(
            input_shape,
            kernel=axes[self.n_axes : 2 * self.n_axes],
            stride=self.stride,
            padding=self.padding,
        )
        if shape.output != axes[: self.n_axes]:
            raise RecipeError(
                f"{type(self).__name__} has a kernel for each of {by(axes[: self.n_axes])} places; "
                f"an input of {by(input_shape)} gives {by(shape.output)}. Its weights belong to "
                "one size of input: build it for this one."
            )
        return shape


class LocallyConnected1D(LocallyConnected):
    """A kernel of its own at every place, y[t, o] = b[t, o] + Σ_{i, c} w[t, i, c, o] x[s t + i, c].

    Args:
        weight: w, shape (places, taps, c_in, c_out).
        bias: b, shape (places, c_out); None for none.
        stride: s.
        padding: As in `Conv2D`.

    Seven inputs and three outputs: 21 weights if all are connected, 9 with three taps at stride 2,
    and 3 if the outputs share them.

    >>> layer = LocallyConnected1D.create(Weights(), (7, 1), 1, kernel=3, stride=2, bias=False)
    >>> layer.weight.size, layer.output_shape((7, 1))
    (9, (3, 1))
    """

    n_axes: ClassVar[int] = 1


class LocallyConnected2D(LocallyConnected):
    """A kernel of its own at every place of an image: local as `Conv2D`, its weights not shared.

        y[u, v, o] = b[u, v, o] + Σ_{i, j, c} w[u, v, i, j, c, o] · x[s u + i − p, s v + j − p, c]

    Args:
        weight: w, shape (height, width of the output, kernel height, kernel width, c_in, c_out).
        bias: b, shape (height, width of the output, c_out); None for none.
        stride: s.
        padding: p, as in `Conv2D`.

    Source: Taigman et al. 2014 (DeepFace), section 3, https://doi.org/10.1109/CVPR.2014.220

    >>> layer = LocallyConnected2D.create(Weights(), (8, 8, 3), 4, kernel=3)
    >>> layer.weight.shape, layer.output_shape((8, 8, 3))
    ((6, 6, 3, 3, 3, 4), (6, 6, 4))
    """

    n_axes: ClassVar[int] = 2
