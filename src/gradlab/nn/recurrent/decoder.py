"""A recurrent network that writes tokens, each from what it has written before."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from gradlab.errors import DataError
from gradlab.nn.dense import Dense
from gradlab.nn.recurrent.cell import float_dtype
from gradlab.nn.recurrent.embedding import Embedding
from gradlab.nn.recurrent.unroll import unroll
from gradlab.scalars import Positive, Scalar


class Decoder(eqx.Module):
    """Writes tokens: embedding, cell, and a dense layer that scores the next token.

    `scores` trains it (every step is given the true token before it, "teacher forcing"); `greedy`
    and `sample` write on their own, each token becoming the next step's input.

    Args:
        embedding: Vectors of the tokens.
        cell: Recurrent cell.
        head: Scores of all tokens from the cell's output.

    >>> from gradlab.nn.recurrent import LSTMCell
    >>> from gradlab.nn.weights import Weights
    >>> embedding = Embedding.create(Weights(layer=0), 5, 3)
    >>> cell = LSTMCell.create(Weights(layer=1), 3, 8)
    >>> decoder = Decoder(embedding, cell, Dense(jnp.ones((8, 5)), jnp.zeros(5)))
    >>> decoder.greedy(cell.zero_state(2), first=jnp.array([1, 2]), n_steps=4).shape
    (2, 4)
    """

    embedding: Embedding
    cell: Any
    head: Dense

    def scores(
        self, tokens: Int[Array | np.ndarray, "batch time"], state: PyTree = None
    ) -> Float[Array, "batch time tokens"]:
        """Return the scores of the token after each of the given ones.

        Args:
            tokens: What stands before: for a target abc, the tokens start, a, b.
            state: Before the first; None for the cell's zeros.
        """
        outputs, _ = unroll(self.cell, self.embedding.look_up(tokens), initial_state=state)
        return self.head(outputs, ())[0]

    def greedy(
        self,
        state: PyTree,
        first: Int[Array | np.ndarray, " batch"],
        *,
        n_steps: int,
        stop: int | None = None,
    ) -> Int[Array, "batch {n_steps}"]:
        """Write the likeliest token, n_steps times.

        Args:
            state: Before the first token.
            first: Token to begin with; it is not repeated in what is returned.
            n_steps: Tokens to write.
            stop: Token that ends a text: once written, it is written to the end.
        """

        def choose(scores: Array, step: Array) -> Array:
            return jnp.argmax(scores, axis=1)

        return self._write(state, first, n_steps, stop, choose)

    def sample(
        self,
        state: PyTree,
        first: Int[Array | np.ndarray, " batch"],
        *,
        n_steps: int,
        seed: Scalar,
        temperature: Positive = 1.0,
        stop: int | None = None,
    ) -> Int[Array, "batch {n_steps}"]:
        """Draw tokens from softmax(scores / temperature).

        Args:
            state: Before the first token.
            first: Token to begin with; it is not repeated in what is returned.
            n_steps: Tokens to write.
            seed: Of the draws.
            temperature: Towards 0 it becomes `greedy`, at 1 it follows the learnt probabilities,
                above it strays.
            stop: Token that ends a text: once written, it is written to the end.
        """
        key = jax.random.key(seed)

        def choose(scores: Array, step: Array) -> Array:
            return jax.random.categorical(jax.random.fold_in(key, step), scores / temperature)

        return self._write(state, first, n_steps, stop, choose)

    def _write(self, state: PyTree, first: Any, n_steps: int, stop: int | None, choose: Any):
        if not jnp.issubdtype(jnp.asarray(first).dtype, jnp.integer):
            raise DataError(f"A decoder begins with tokens, whole numbers; got {first.dtype}.")

        def step(carry: Any, number: Array) -> tuple[Any, Array]:
            token, state = carry
            output, state = self.cell(self.embedding.look_up(token), state)
            scores = self.head(output, ())[0]
            written = choose(scores, number).astype(token.dtype)
            if stop is not None:
                written = jnp.where(token == stop, token, written)
            return (written, state), written

        start = (jnp.asarray(first), state)
        _, written = jax.lax.scan(step, start, jnp.arange(n_steps, dtype=jnp.int32))
        return written.T

    def zero_state(self, batch_size: int) -> PyTree:
        """Return the cell's zero state in the dtype of its weights."""
        return self.cell.zero_state(batch_size, float_dtype(self.cell))
