"""The residual block of the networks for CIFAR."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.nn.convolution import Conv2D
from gradlab.nn.convolution.layer import Convolution
from gradlab.nn.module import Layer
from gradlab.nn.normalization import BatchNorm
from gradlab.nn.random import RowKey
from gradlab.nn.weights import Weights


class ResidualBlock(Layer):
    """Two 3x3 convolutions whose result is added to their input, y = relu(F(x) + shortcut(x)).

        F(x) = norm2(conv2(relu(norm1(conv1(x)))))

    The shortcut has no weights (the paper's option A): where the block widens, it takes every
    second pixel and adds channels of zeros, as many before as behind.

    State: those of norm1 and norm2.

    Source: He et al. 2016, sections 3.2 and 4.2, https://arxiv.org/abs/1512.03385

    >>> sources = (Weights(seed=0, layer=i) for i in range(2))
    >>> ResidualBlock.create(sources, 16, 32, stride=2).output_shape((32, 32, 16))
    (16, 16, 32)
    """

    couples_examples: ClassVar[bool] = True

    conv1: Convolution
    norm1: BatchNorm
    conv2: Convolution
    norm2: BatchNorm
    stride: int = eqx.field(static=True)

    @classmethod
    def create(
        cls, sources: Iterator[Weights], n_in: int, n_out: int, *, stride: int = 1
    ) -> "ResidualBlock":
        """Return the block with initial weights.

        Args:
            sources: Of each convolution's weights in turn; two are taken.
            n_in: Channels of the input.
            n_out: Channels of the output, at least n_in.
            stride: Of the first convolution and of the shortcut.
        """
        return cls(
            Conv2D.create(
                next(sources), n_in, n_out, kernel=3, stride=stride, padding=1, bias=False
            ),
            BatchNorm(n_out),
            Conv2D.create(next(sources), n_out, n_out, kernel=3, padding=1, bias=False),
            BatchNorm(n_out),
            stride,
        )

    def initial_state(self) -> PyTree:
        """Return the states of the two normalisations."""
        return self.norm1.initial_state(), self.norm2.initial_state()

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """Return the output's shape, both without the batch."""
        return self.conv2.output_shape(self.conv1.output_shape(input_shape))

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch height width c_in"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch height_out width_out c_out"], PyTree]:
        """Map a batch; in training the states move towards the batch's statistics."""
        state1, state2 = state
        y, _ = self.conv1(x, ())
        y, state1 = self.norm1(y, state1, training=training, mask=mask)
        y, _ = self.conv2(jax.nn.relu(y), ())
        y, state2 = self.norm2(y, state2, training=training, mask=mask)
        return jax.nn.relu(y + self._shortcut(x, y.shape[-1])), (state1, state2)

    def _shortcut(self, x: Array | np.ndarray, n_out: int) -> Array:
        before = (n_out - x.shape[-1]) // 2
        border = (before, n_out - x.shape[-1] - before)
        return jnp.pad(x[:, :: self.stride, :: self.stride], ((0, 0), (0, 0), (0, 0), border))
