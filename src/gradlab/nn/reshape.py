"""Layers that move numbers and change none: flatten, reshape, pad, up-sample."""

import math
from collections.abc import Sequence
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.errors import RecipeError
from gradlab.nn.convolution.geometry import (
    Numbers,
    Padding,
    Pairs,
    as_padding,
    axis_numbers,
    by,
)
from gradlab.nn.module import Layer
from gradlab.nn.random import RowKey


class Flatten(Layer):
    """All numbers of an example in one row, (batch, *shape) -> (batch, numbers).

    It stands between the feature maps and the dense layers. The order is row-major with channels
    last (PyTorch's, with channels first, is another).

    >>> Flatten()(np.zeros((2, 4, 4, 3)), ())[0].shape
    (2, 48)
    """

    kind: ClassVar[str] = "shape"

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """Return (numbers,)."""
        return (math.prod(input_shape),)

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *shape"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch numbers"], PyTree]:
        """Flatten a batch; the state passes through."""
        return jnp.reshape(jnp.asarray(x), (len(x), -1)), state


class Reshape(Layer):
    """Another shape for the numbers of an example, as after a generator's dense layer.

    Args:
        shape: Of one example; row-major, the number of numbers stays.

    >>> Reshape((4, 4, 3))(np.zeros((2, 48)), ())[0].shape
    (2, 4, 4, 3)
    """

    kind: ClassVar[str] = "shape"

    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, shape: Sequence[int]):
        """Keep the shape."""
        self.shape = tuple(shape)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape.

        Raises:
            RecipeError: If it holds another number of numbers.
        """
        if math.prod(input_shape) != math.prod(self.shape):
            raise RecipeError(
                f"Reshape to {by(self.shape)} takes {math.prod(self.shape)} numbers an example; "
                f"got {by(input_shape)}, which are {math.prod(input_shape)}."
            )
        return self.shape

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *shape"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch ..."], PyTree]:
        """Reshape a batch; the state passes through.

        Raises:
            RecipeError: If the shape holds another number of numbers.
        """
        return jnp.reshape(jnp.asarray(x), (len(x), *self.output_shape(x.shape[1:]))), state


class ZeroPad2D(Layer):
    """A border of zeros round every image, so that outputs of a convolution do not shrink.

    Args:
        padding: A number, one for each axis, or pairs ((top, bottom), (left, right)).

    >>> ZeroPad2D(2).output_shape((32, 32, 3))
    (36, 36, 3)
    """

    padding: Pairs = eqx.field(static=True)

    def __init__(self, padding: Padding = 1):
        """Keep the border."""
        pairs = as_padding(padding, 2)
        if isinstance(pairs, str):
            raise RecipeError(f"ZeroPad2D takes its border in numbers; got padding={padding!r}.")
        self.padding = pairs

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape with the border."""
        height, width, channels = input_shape
        (top, bottom), (left, right) = self.padding
        return top + height + bottom, left + width + right, channels

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch height width channels"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch height_out width_out channels"], PyTree]:
        """Pad a batch; the state passes through."""
        return jnp.pad(jnp.asarray(x), ((0, 0), *self.padding, (0, 0))), state


class Upsample2D(Layer):
    """Larger images by repeating every pixel (nearest neighbour).

    Followed by a convolution it is the other way to enlarge, beside `TransposedConv2D`, without the
    checkerboard that kernels leave whose size the stride does not divide.

    Args:
        factor: How often each pixel is repeated, one number or (vertical, horizontal).

    Source: Odena et al. 2016, https://doi.org/10.23915/distill.00003

    >>> Upsample2D(2)(np.array([[[[1.0], [2.0]]]]), ())[0][0, :, :, 0].tolist()
    [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    """

    kind: ClassVar[str] = "other"

    factor: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, factor: Numbers = 2):
        """Keep the factors."""
        self.factor = axis_numbers(factor, 2, "factor")

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """Return the enlarged shape.

        Raises:
            RecipeError: If the input is no image.
        """
        if len(input_shape) != 3:
            raise RecipeError(
                "Upsample2D takes inputs of shape (height, width, channels); got "
                f"{by(input_shape)}."
            )
        height, width, channels = input_shape
        return height * self.factor[0], width * self.factor[1], channels

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch height width channels"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch height_out width_out channels"], PyTree]:
        """Enlarge a batch; the state passes through."""
        x = jnp.asarray(x)
        n, height, width, channels = x.shape
        down, across = self.factor
        wide = jnp.broadcast_to(x[:, :, None, :, None], (n, height, down, width, across, channels))
        return wide.reshape(n, *self.output_shape(x.shape[1:])), state
