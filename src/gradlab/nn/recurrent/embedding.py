"""Vectors in place of tokens."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree, Shaped

from gradlab.errors import DataError, RecipeError
from gradlab.nn.module import Layer
from gradlab.nn.random import RowKey
from gradlab.nn.weights import Weights


class Embedding(Layer):
    """Look up the vector of every token.

    The same numbers as a dense layer on one-hot rows, without the zeros. A token outside the table
    gives NaN rather than another token's vector.

    Args:
        weight: One row per token.
        padding_index: Token that stands for nothing: its vector is zero and is never trained.

    >>> layer = Embedding(jnp.array([[1.0, 2.0], [3.0, 4.0]]), padding_index=0)
    >>> layer(jnp.array([[1, 0]]), ())[0].tolist()
    [[[3.0, 4.0], [0.0, 0.0]]]
    """

    weight: Float[Array | np.ndarray, "n_tokens n_units"]
    padding_index: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        """Refuse a padding token that the table lacks."""
        n_tokens = self.weight.shape[0]
        if self.padding_index is not None and not 0 <= self.padding_index < n_tokens:
            raise RecipeError(
                f"padding_index={self.padding_index} is no token of a table of {n_tokens}; give a "
                f"number from 0 to {n_tokens - 1}, or None."
            )

    @classmethod
    def create(
        cls,
        weights: Weights,
        n_tokens: int,
        n_units: int,
        *,
        padding_index: int | None = None,
    ) -> "Embedding":
        """Draw the vectors; each is one token's alone, so the fan-in is 1.

        Args:
            weights: Source of the initial weights.
            n_tokens: Size of the vocabulary.
            n_units: Width of a vector.
            padding_index: Token that stands for nothing; None for none.
        """
        return cls(weights((n_tokens, n_units), 1, n_units), padding_index)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output from that of one input, both without the batch."""
        return (*input_shape, self.weight.shape[1])

    def __call__(
        self,
        x: Shaped[Array | np.ndarray, "batch *positions"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *positions units"], PyTree]:
        """Map tokens to vectors; the state passes through."""
        return self.look_up(x), state

    def look_up(
        self, tokens: Shaped[Array | np.ndarray, "*positions"]
    ) -> Float[Array, "*positions units"]:
        """Return the vectors of tokens of any shape.

        Raises:
            DataError: If the tokens are no whole numbers.
        """
        tokens = jnp.asarray(tokens)
        if not jnp.issubdtype(tokens.dtype, jnp.integer):
            raise DataError(
                f"Embedding takes tokens, whole numbers; got {tokens.dtype}. Numbers need no "
                "embedding: leave the layer out."
            )
        # `take` counts a negative index from the end.
        tokens = jnp.where(tokens < 0, self.weight.shape[0], tokens)
        vectors = jnp.take(
            jnp.asarray(self.weight), tokens, axis=0, mode="fill", fill_value=jnp.nan
        )
        if self.padding_index is None:
            return vectors
        return jnp.where((tokens == self.padding_index)[..., None], 0, vectors)
