"""Pooling over all of space or time: one number a channel."""

from collections.abc import Sequence
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.errors import RecipeError
from gradlab.nn.convolution.geometry import by
from gradlab.nn.module import Layer
from gradlab.nn.padded import Padded
from gradlab.nn.random import RowKey


def _rows(x: Array | np.ndarray | Padded) -> tuple[Array, Array | None]:
    """Return the input as (batch, places, channels), and which places are real, shape alike."""
    values = jnp.asarray(x.values if isinstance(x, Padded) else x)
    if values.ndim < 3:
        raise RecipeError(
            "Global pooling takes (batch, *space, channels); got an input of shape "
            f"{values.shape}. A dense layer's output has nothing left to pool: leave it out."
        )
    rows = values.reshape(len(values), -1, values.shape[-1])
    if not isinstance(x, Padded):
        return rows, None
    real = x.real.reshape(len(values), -1, 1) if values.ndim == 3 else None
    if real is None:
        raise RecipeError(
            "Global pooling of sequences of unlike length takes (batch, time, features); got "
            f"values of shape {values.shape}."
        )
    return rows, jnp.broadcast_to(real, rows.shape)


def _output_shape(input_shape: Sequence[int]) -> tuple[int, ...]:
    if len(input_shape) < 2:
        raise RecipeError(
            f"Global pooling takes (*space, channels); got an input of {by(input_shape)}. "
            "A dense layer's output has nothing left to pool: leave it out."
        )
    return (input_shape[-1],)


class GlobalAveragePool(Layer):
    """Mean of every channel over space or time; of padded sequences over the real steps.

    Source: Lin et al. 2014, section 3.2, https://arxiv.org/abs/1312.4400

    >>> GlobalAveragePool()(np.array([[[1.0, 2.0], [3.0, 6.0]]]), ())[0].tolist()
    [[2.0, 4.0]]
    """

    kind: ClassVar[str] = "pooling"
    takes_padded: ClassVar[bool] = True

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """Return (channels,)."""
        return _output_shape(input_shape)

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *size channels"] | Padded,
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch channels"], PyTree]:
        """Pool a batch; the state passes through. A sequence of no steps gives 0."""
        rows, real = _rows(x)
        if real is None:
            return jnp.mean(rows, axis=1), state
        n = jnp.maximum(jnp.sum(real, axis=1), 1).astype(rows.dtype)
        return jnp.sum(jnp.where(real, rows, 0), axis=1) / n, state


class GlobalMaxPool(Layer):
    """Largest number of every channel over space or time; of padded sequences the real steps'.

    >>> GlobalMaxPool()(np.array([[[1.0, 2.0], [3.0, 0.0]]]), ())[0].tolist()
    [[3.0, 2.0]]
    """

    kind: ClassVar[str] = "pooling"
    takes_padded: ClassVar[bool] = True

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """Return (channels,)."""
        return _output_shape(input_shape)

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *size channels"] | Padded,
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch channels"], PyTree]:
        """Pool a batch; the state passes through. A sequence of no steps gives 0."""
        rows, real = _rows(x)
        seen = rows if real is None else jnp.where(real, rows, -jnp.inf)
        first = jnp.argmax(seen, axis=1)
        places = jnp.arange(rows.shape[1])[None, :, None]
        mine = jnp.broadcast_to(places, rows.shape) == first[:, None]
        if real is not None:
            mine = mine & real
        # The gradient of a sum of one number goes there; of a maximum it is shared among equals.
        return jnp.sum(jnp.where(mine, rows, 0), axis=1), state
