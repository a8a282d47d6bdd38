"""The fire module, SqueezeNet's building block."""

from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.nn.convolution import Conv2D
from gradlab.nn.convolution.layer import Convolution
from gradlab.nn.module import Layer
from gradlab.nn.random import RowKey
from gradlab.nn.weights import Weights


class Fire(Layer):
    """Few channels by 1x1 kernels ("squeeze"), then many by 1x1 and 3x3 kernels side by side.

        s = relu(squeeze1x1(x)),   y = [relu(expand1x1(s)), relu(expand3x3(s))]

    The costly 3x3 kernels see only the few channels of s.

    Source: Iandola et al. 2016, section 3.2, https://arxiv.org/abs/1602.07360

    >>> sources = (Weights(seed=0, layer=i) for i in range(3))
    >>> Fire.create(sources, 64, n_squeezed=16, n_expanded=64).output_shape((56, 56, 64))
    (56, 56, 128)
    """

    squeeze1x1: Convolution
    expand1x1: Convolution
    expand3x3: Convolution

    @classmethod
    def create(
        cls, sources: Iterator[Weights], n_in: int, *, n_squeezed: int, n_expanded: int
    ) -> "Fire":
        """Return the block with initial weights.

        Args:
            sources: Of each convolution's weights in turn; three are taken.
            n_in: Channels of the input.
            n_squeezed: Channels between.
            n_expanded: Channels of each of the two halves of the output.
        """
        return cls(
            Conv2D.create(next(sources), n_in, n_squeezed, kernel=1),
            Conv2D.create(next(sources), n_squeezed, n_expanded, kernel=1),
            Conv2D.create(next(sources), n_squeezed, n_expanded, kernel=3, padding=1),
        )

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """Return the output's shape, both without the batch."""
        squeezed = self.squeeze1x1.output_shape(input_shape)
        *size, narrow = self.expand1x1.output_shape(squeezed)
        return (*size, narrow + self.expand3x3.output_shape(squeezed)[-1])

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch height width c_in"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch height width c_out"], PyTree]:
        """Map a batch; the state passes through."""
        squeezed = jax.nn.relu(self.squeeze1x1(x, ())[0])
        halves = self.expand1x1(squeezed, ())[0], self.expand3x3(squeezed, ())[0]
        return jax.nn.relu(jnp.concatenate(halves, axis=-1)), state
