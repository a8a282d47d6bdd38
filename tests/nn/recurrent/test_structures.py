"""The five wirings of input and output, and two applications that train."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gradlab.nn.dense import Dense
from gradlab.nn.losses import cross_entropy
from gradlab.nn.module import initial_state
from gradlab.nn.padded import Padded
from gradlab.nn.recurrent import (
    STRUCTURES,
    Decoder,
    Embedding,
    LSTMCell,
    RNNCell,
    delayed,
    one_to_many,
    unroll,
)
from gradlab.nn.recurrent.wrappers import OutputProjectionWrapper
from gradlab.nn.weights import Weights


@pytest.mark.catalogue("RNN-03")
def test_the_five_structures_give_outputs_of_the_right_lengths():
    models = {name: build(4, 8, 5) for name, build in STRUCTURES.items()}
    rows, sequences = np.ones((2, 4), np.float32), np.ones((2, 7, 4), np.float32)
    tokens = np.ones((2, 7), np.int32)
    shapes = {
        name: models[name](x, initial_state(models[name]))[0].shape
        for name, x in {
            "one to one": rows,
            "many to one": sequences,
            "many to many": sequences,
        }.items()
    }
    shapes["one to many"] = models["one to many"].write(rows, start=0, n_steps=3).shape
    shapes["delayed"] = models["delayed"].write(tokens, start=0, n_steps=3).shape
    assert shapes == {
        "one to one": (2, 5),
        "one to many": (2, 3),
        "many to one": (2, 5),
        "many to many": (2, 7, 5),
        "delayed": (2, 3),
    }


def test_greedy_writes_what_the_scores_say():
    model = one_to_many(n_inputs=4, n_units=8, n_tokens=5)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    written = model.write(x, start=0, n_steps=6)
    before = jnp.concatenate([jnp.zeros((3, 1), written.dtype), written[:, :-1]], axis=1)
    np.testing.assert_array_equal(model.scores(x, before).argmax(-1), written)


def test_after_the_stop_token_comes_nothing_else():
    model = one_to_many(n_inputs=4, n_units=8, n_tokens=5)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    free = np.asarray(model.write(x, start=0, n_steps=6))
    stop = int(free[0, 2])
    stopped = np.asarray(model.write(x, start=-1 % 5, n_steps=6, stop=stop))
    for row in stopped:
        at = np.flatnonzero(row == stop)
        if at.size:
            assert (row[at[0] :] == stop).all()


def test_sampling_follows_the_probabilities_and_the_temperature():
    """One token is always written after the start: its frequency is its probability."""
    decoder = Decoder(
        Embedding(np.zeros((3, 2), np.float32)),
        RNNCell.create(Weights(), 2, 2),
        Dense(np.zeros((2, 3), np.float32), np.log(np.array([0.6, 0.3, 0.1], np.float32))),
    )
    state, first = decoder.zero_state(4000), np.zeros(4000, np.int32)
    shares = {}
    for temperature in (1.0, 0.05):
        drawn = decoder.sample(state, first, n_steps=1, seed=0, temperature=temperature)
        shares[temperature] = np.bincount(drawn[:, 0], minlength=3) / 4000
    # Four standard errors of a share of 4000 draws.
    np.testing.assert_allclose(shares[1.0], [0.6, 0.3, 0.1], atol=4 * 0.5 / 4000**0.5)
    assert shares[0.05][0] == 1
    again = decoder.sample(state, first, n_steps=1, seed=0)
    np.testing.assert_array_equal(again, decoder.sample(state, first, n_steps=1, seed=0))


@pytest.mark.catalogue("RNN-14")
def test_an_own_matrix_a_wrapper_and_a_dense_layer_give_the_same_scores(float64):
    weights = Weights("xavier_uniform", dtype=np.float64)
    cell = LSTMCell.create(weights, 3, 4)
    v, b = weights((4, 2), 4, 2, part=7), weights((2,), 1, 2, part=8)
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    outputs, _ = unroll(cell, x)
    dense = Dense(v, b)(outputs, ())[0]
    np.testing.assert_allclose(outputs @ v + b[None, None], dense, atol=1e-14)
    wrapped = OutputProjectionWrapper(cell, v, b)
    np.testing.assert_allclose(unroll(wrapped, x)[0], dense, atol=1e-14)


def trained(model, batches, loss, *, rate=1e-2):
    """Train a model with Adam on a stack of batches, in one compiled loop."""
    optimizer = optax.adam(rate)

    @jax.jit
    def run(model):
        def step(carry, batch):
            model, state = carry
            updates, state = optimizer.update(jax.grad(loss)(model, *batch), state)
            return (optax.apply_updates(model, updates), state), None

        return jax.lax.scan(step, (model, optimizer.init(model)), batches)[0][0]

    return run(jax.tree.map(jnp.asarray, model))


def next_token_loss(model, x, tokens):
    """Cross-entropy of every token given those before it, beginning after token 0."""
    before = jnp.concatenate([jnp.zeros_like(tokens[:, :1]), tokens[:, :-1]], axis=1)
    scores = model.scores(x, before)
    flat = scores.reshape(-1, scores.shape[-1])
    total, weight = cross_entropy(flat, tokens.reshape(-1), jnp.ones(tokens.size))
    return total / weight


@pytest.mark.catalogue("RNN-18")
def test_a_tiny_translator_reverses_strings_and_a_tiny_captioner_names_features():
    rng = np.random.default_rng(0)
    # Translation: three letters (1-4), written backwards; token 0 begins a text.
    strings = rng.integers(1, 5, size=(600, 32, 3)).astype(np.int32)
    translator = trained(
        delayed(n_inputs=5, n_units=24, n_tokens=5),
        (strings, strings[:, :, ::-1].copy()),
        next_token_loss,
    )
    unseen = np.array([[1, 2, 3], [4, 4, 1], [2, 1, 3], [3, 4, 2]], np.int32)
    np.testing.assert_array_equal(translator.write(unseen, start=0, n_steps=3), unseen[:, ::-1])

    # Captions: two features of a picture, named one after the other.
    features = rng.normal(size=(300, 32, 2)).astype(np.float32)
    words = np.where(features > 0, [1, 3], [2, 4]).astype(np.int32)
    captioner = trained(one_to_many(2, 16, 5), (features, words), next_token_loss)
    clear = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]], np.float32)
    written = captioner.write(clear, start=0, n_steps=2)
    np.testing.assert_array_equal(written, [[1, 3], [1, 4], [2, 3]])


def test_the_encoder_does_not_read_padding():
    model = delayed(n_inputs=5, n_units=8, n_tokens=5)
    short = np.array([[1, 2]], np.int32)
    padded = Padded(np.array([[1, 2, 4, 4]], np.int32), np.array([2], np.int32))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6),
        model.first_state(padded),
        model.first_state(short),
    )
