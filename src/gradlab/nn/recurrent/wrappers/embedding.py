"""Tokens as the input of a recurrent cell."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Integer, PyTree

from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell
from gradlab.nn.recurrent.embedding import Embedding
from gradlab.nn.recurrent.zoo.parts import other_parts
from gradlab.nn.weights import Weights


class EmbeddingWrapper(Cell):
    """Look up the vector of a token and give it to the cell: cell(E[token]).

    The same numbers as a dense layer on one-hot rows. A token outside the table gives NaN.

    Args:
        cell: The wrapped cell.
        weight: E, one row per token.

    >>> from gradlab.nn.recurrent import RNNCell
    >>> weights = Weights("xavier_uniform")
    >>> cell = RNNCell.create(weights, 16, 8)
    >>> wrapped = EmbeddingWrapper.create(weights, cell, n_tokens=100, n_embedding=16)
    >>> wrapped(jnp.array([3, 99]), wrapped.zero_state(2))[0].shape
    (2, 8)
    """

    cell: Any
    weight: Float[Array | np.ndarray, "n_tokens n_embedding"]

    @classmethod
    def create(
        cls, weights: Weights, cell: Any, *, n_tokens: int, n_embedding: int
    ) -> "EmbeddingWrapper":
        """Draw the vectors; a row is looked up alone, so the fan-in is 1.

        Args:
            weights: Source of the initial weights; may be that of the cell.
            cell: The cell to wrap, made for n_embedding inputs.
            n_tokens: Rows of the table: tokens are 0 … n_tokens − 1.
            n_embedding: Length of a vector.
        """
        return cls(cell, other_parts(weights, 56)((n_tokens, n_embedding), 1, n_embedding))

    @property
    def n_units(self) -> int:
        """Width of the output."""
        return self.cell.n_units

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> PyTree:
        """Return the cell's own."""
        return self.cell.zero_state(batch_size, dtype)

    def __call__(
        self,
        x: Integer[Array | np.ndarray, " batch"] | Integer[Array | np.ndarray, "batch 1"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Array, PyTree]:
        """Take one time step."""
        token = jnp.reshape(jnp.asarray(x), (-1,))
        unknown = len(self.weight)  # a negative index would count from the end
        embedded = Embedding(self.weight).look_up(jnp.where(token < 0, unknown, token))
        return self.cell(embedded, state, key=key, training=training)
