"""The five ways to connect input and output of a recurrent network, each as a small model.

one to one       an ordinary network: one input, one output
one to many      one input, a sequence of tokens: a picture and its caption
many to one      a sequence, one output: the mood of a sentence
many to many     a sequence, an output at every step: the frames of a film
delayed          a sequence, then another: translation (encoder and decoder)
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree, Shaped

from gradlab.nn.activations import Activation, tanh
from gradlab.nn.dense import Dense
from gradlab.nn.module import Sequential
from gradlab.nn.padded import Padded
from gradlab.nn.recurrent.decoder import Decoder
from gradlab.nn.recurrent.embedding import Embedding
from gradlab.nn.recurrent.layer import Recurrent
from gradlab.nn.recurrent.lstm import LSTMCell
from gradlab.nn.recurrent.unroll import unroll
from gradlab.nn.weights import Weights


def one_to_one(n_inputs: int, n_units: int, n_outputs: int, *, seed: int = 0) -> Sequential:
    """Return an ordinary network: (batch, n_inputs) to (batch, n_outputs)."""
    source = _sources(seed)
    layers = _dense(next(source), n_inputs, n_units), Activation(tanh)
    return Sequential((*layers, _dense(next(source), n_units, n_outputs)))


def many_to_one(n_inputs: int, n_units: int, n_outputs: int, *, seed: int = 0) -> Sequential:
    """Return a network from (batch, time, n_inputs) to (batch, n_outputs)."""
    source = _sources(seed)
    layer = Recurrent(LSTMCell.create(next(source), n_inputs, n_units), outputs="last")
    return Sequential((layer, _dense(next(source), n_units, n_outputs)))


def many_to_many(n_inputs: int, n_units: int, n_outputs: int, *, seed: int = 0) -> Sequential:
    """Return a network from (batch, time, n_inputs) to (batch, time, n_outputs)."""
    source = _sources(seed)
    layer = Recurrent(LSTMCell.create(next(source), n_inputs, n_units))
    return Sequential((layer, _dense(next(source), n_units, n_outputs)))


class OneToMany(eqx.Module):
    """A text from one row of numbers, which sets the decoder's first state.

    Args:
        entrances: One dense layer for every array of the state.
        decoder: Writes the text.

    >>> model = one_to_many(n_inputs=4, n_units=8, n_tokens=5)
    >>> model.write(jnp.ones((2, 4)), start=0, n_steps=3).shape
    (2, 3)
    """

    entrances: tuple[Dense, ...]
    decoder: Decoder

    def first_state(self, x: Float[Array | np.ndarray, "batch features"]) -> PyTree:
        """Return the decoder's state before its first token."""
        arrays = [jnp.tanh(entrance(x, ())[0]) for entrance in self.entrances]
        return jax.tree.unflatten(jax.tree.structure(self.decoder.zero_state(1)), arrays)

    def scores(
        self,
        x: Float[Array | np.ndarray, "batch features"],
        tokens: Int[Array | np.ndarray, "batch time"],
    ) -> Float[Array, "batch time tokens"]:
        """Return the scores of the token after each of the given ones (teacher forcing)."""
        return self.decoder.scores(tokens, self.first_state(x))

    def write(
        self,
        x: Float[Array | np.ndarray, "batch features"],
        *,
        start: int,
        n_steps: int,
        stop: int | None = None,
    ) -> Int[Array, "batch {n_steps}"]:
        """Write the likeliest tokens, beginning after `start`."""
        first = jnp.full(len(x), start, jnp.int32)
        return self.decoder.greedy(self.first_state(x), first, n_steps=n_steps, stop=stop)


class SequenceToSequence(eqx.Module):
    """A sequence from another: the encoder's last state is the decoder's first.

    Args:
        entrance: Makes vectors of the input (an `Embedding`); None for inputs that are vectors.
        encoder: Cell that reads; its state must be of the decoder's shape.
        decoder: Writes.

    Source: Sutskever et al. 2014, https://arxiv.org/abs/1409.3215

    >>> model = delayed(n_inputs=5, n_units=8, n_tokens=5)
    >>> model.write(jnp.array([[1, 2, 3]]), start=0, n_steps=3).shape
    (1, 3)
    """

    entrance: Embedding | None
    encoder: Any
    decoder: Decoder

    def first_state(self, x: Shaped[Array | np.ndarray, "batch time ..."] | Padded) -> PyTree:
        """Return what the encoder hands over: its state after the last real step."""
        values, lengths = (x.values, x.lengths) if isinstance(x, Padded) else (x, None)
        values = values if self.entrance is None else self.entrance.look_up(values)
        return unroll(self.encoder, values, lengths=lengths)[1]

    def scores(
        self,
        x: Shaped[Array | np.ndarray, "batch time ..."] | Padded,
        tokens: Int[Array | np.ndarray, "batch written"],
    ) -> Float[Array, "batch written tokens"]:
        """Return the scores of the token after each of the given ones (teacher forcing)."""
        return self.decoder.scores(tokens, self.first_state(x))

    def write(
        self,
        x: Shaped[Array | np.ndarray, "batch time ..."] | Padded,
        *,
        start: int,
        n_steps: int,
        stop: int | None = None,
    ) -> Int[Array, "batch {n_steps}"]:
        """Write the likeliest tokens, beginning after `start`."""
        batch_size = len(x.values) if isinstance(x, Padded) else len(x)
        first = jnp.full(batch_size, start, jnp.int32)
        return self.decoder.greedy(self.first_state(x), first, n_steps=n_steps, stop=stop)


def one_to_many(n_inputs: int, n_units: int, n_tokens: int, *, seed: int = 0) -> OneToMany:
    """Return a model that writes tokens about (batch, n_inputs)."""
    source = _sources(seed)
    decoder = _decoder(source, n_tokens, n_units)
    n_arrays = len(jax.tree.leaves(decoder.zero_state(1)))
    entrances = tuple(_dense(next(source), n_inputs, n_units) for _ in range(n_arrays))
    return OneToMany(entrances, decoder)


def delayed(n_inputs: int, n_units: int, n_tokens: int, *, seed: int = 0) -> SequenceToSequence:
    """Return a model that reads tokens of one vocabulary, then writes tokens of another."""
    source = _sources(seed)
    entrance = Embedding.create(next(source), n_inputs, n_units)
    encoder = LSTMCell.create(next(source), n_units, n_units)
    return SequenceToSequence(entrance, encoder, _decoder(source, n_tokens, n_units))


def _sources(seed: int) -> Any:
    layer = 0
    while True:
        yield Weights("xavier_uniform", seed=seed, layer=layer)
        layer += 1


def _dense(weights: Weights, n_in: int, n_out: int) -> Dense:
    return Dense(weights((n_in, n_out), n_in, n_out), weights.zeros(n_out))


def _decoder(source: Any, n_tokens: int, n_units: int) -> Decoder:
    embedding = Embedding.create(next(source), n_tokens, n_units)
    cell = LSTMCell.create(next(source), n_units, n_units)
    return Decoder(embedding, cell, _dense(next(source), n_units, n_tokens))


STRUCTURES: dict[str, Callable[..., Any]] = {
    "one to one": one_to_one,
    "one to many": one_to_many,
    "many to one": many_to_one,
    "many to many": many_to_many,
    "delayed": delayed,
}
"""Name -> function that builds a small model of the structure."""
