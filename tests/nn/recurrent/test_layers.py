"""The layers around cells: Recurrent, Bidirectional, OverTime, Embedding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import DataError, RecipeError
from gradlab.nn.dense import Dense
from gradlab.nn.module import Sequential
from gradlab.nn.padded import Padded
from gradlab.nn.recurrent import (
    CELLS,
    Bidirectional,
    Embedding,
    GRUCell,
    LSTMCell,
    OverTime,
    Recurrent,
    RNNCell,
    unroll,
)
from gradlab.nn.weights import Weights

LENGTHS = np.array([4, 0, 2], np.int32)
X = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
CELL = LSTMCell.create(Weights("xavier_uniform"), 2, 5)


@pytest.mark.parametrize("reverse", [False, True])
def test_last_is_the_output_of_the_step_taken_last(reverse):
    for x in (X, Padded(X, LENGTHS)):
        lengths = x.lengths if isinstance(x, Padded) else None
        _, state = unroll(CELL, X, lengths=lengths, reverse=reverse)
        last = Recurrent(CELL, reverse=reverse, outputs="last")(x, ())[0]
        np.testing.assert_array_equal(last, state.h)


def test_a_sequence_of_outputs_stays_padded():
    y, _ = Recurrent(CELL)(Padded(X, LENGTHS), ())
    np.testing.assert_array_equal(y.lengths, LENGTHS)
    np.testing.assert_array_equal(y.values, unroll(CELL, X, lengths=LENGTHS)[0])
    assert Recurrent(CELL)(X, ())[0].shape == (3, 4, 5)


def test_a_shorter_padding_changes_nothing():
    network = Sequential(
        (
            Recurrent(CELL),
            Bidirectional(
                GRUCell.create(Weights(layer=1), 5, 3), GRUCell.create(Weights(layer=2), 5, 3)
            ),
            OverTime("mean"),
            Dense(Weights()((6, 1), 6, 1)),
        )
    )
    long = np.concatenate([X, np.full((3, 3, 2), 7, np.float32)], axis=1)
    state = network.initial_state()
    short = network(Padded(X, LENGTHS), state)[0]
    np.testing.assert_allclose(network(Padded(long, LENGTHS), state)[0], short, rtol=1e-6)


def test_bidirectional_last_joins_both_ends():
    back = LSTMCell.create(Weights("xavier_uniform", layer=1), 2, 3)
    both = Bidirectional(CELL, back, outputs="last")(Padded(X, LENGTHS), ())[0]
    np.testing.assert_array_equal(both[:, :5], unroll(CELL, X, lengths=LENGTHS)[1].h)
    np.testing.assert_array_equal(both[:, 5:], unroll(back, X, lengths=LENGTHS, reverse=True)[1].h)
    assert not both[1].any()


@pytest.mark.parametrize("take", ["last", "mean", "max"])
def test_over_time_takes_real_steps_only(take):
    spoilt = X.copy()
    spoilt[np.arange(4)[None] >= LENGTHS[:, None]] = np.nan
    rows = OverTime(take)(Padded(spoilt, LENGTHS), ())[0]
    reduce = {"last": lambda x: x[-1], "mean": lambda x: x.mean(0), "max": lambda x: x.max(0)}[take]
    for row, x, length in zip(rows, X, LENGTHS, strict=True):
        expected = reduce(x[:length]) if length else np.zeros(2)
        np.testing.assert_allclose(row, expected, rtol=1e-6)
    full = OverTime(take)(X, ())[0]
    np.testing.assert_allclose(full, [reduce(x) for x in X], rtol=1e-6)


def test_over_time_of_padding_has_finite_gradients():
    for take in ("last", "mean", "max"):
        gradient = jax.grad(lambda x, take=take: OverTime(take)(Padded(x, LENGTHS), ())[0].sum())
        slopes = gradient(jnp.asarray(X))
        assert np.isfinite(slopes).all()
        assert not slopes[1].any()


def test_embedding_is_a_dense_layer_on_one_hot_rows():
    layer = Embedding.create(Weights("xavier_uniform"), 6, 3)
    tokens = np.array([[0, 5, 2], [2, 2, 1]], np.int32)
    one_hot = np.eye(6, dtype=np.float32)[tokens]
    np.testing.assert_array_equal(layer(tokens, ())[0], Dense(layer.weight)(one_hot, ())[0])


def test_embedding_takes_padded_tokens_through_sequential():
    tokens = Padded(np.array([[1, 2], [2, 0]], np.int32), np.array([2, 1], np.int32))
    cell = RNNCell.create(Weights(layer=1), 3, 4)
    network = Sequential(
        (Embedding.create(Weights(), 3, 3, padding_index=0), Recurrent(cell, outputs="last"))
    )
    assert network(tokens, network.initial_state())[0].shape == (2, 4)


def test_shapes_are_told_and_refused():
    assert Recurrent(CELL).output_shape((7, 2)) == (7, 5)
    assert Recurrent(CELL, outputs="last").output_shape((7, 2)) == (5,)
    assert Bidirectional(CELL, CELL).output_shape((7, 2)) == (7, 10)
    assert OverTime("max").output_shape((7, 5)) == (5,)
    assert Embedding.create(Weights(), 9, 3).output_shape((7,)) == (7, 3)
    with pytest.raises(RecipeError, match=r"\(time, 2\); got \(7, 3\)"):
        Recurrent(CELL).output_shape((7, 3))
    with pytest.raises(RecipeError, match=r"got \(7,\)"):
        Bidirectional(CELL, CELL).output_shape((7,))
    with pytest.raises(RecipeError, match=r"got \(7,\)"):
        OverTime().output_shape((7,))
    with pytest.raises(RecipeError, match="padding_index=9 is no token of a table of 9"):
        Embedding.create(Weights(), 9, 3, padding_index=9)
    with pytest.raises(DataError, match="whole numbers; got float32"):
        Embedding.create(Weights(), 9, 3).look_up(np.ones((2, 2), np.float32))


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_runs_as_a_layer(name):
    cell = CELLS[name].create(Weights("xavier_uniform"), 4, 4)
    x = np.ones((2, 3, 4), np.float32)
    y = jax.jit(lambda x: Recurrent(cell)(Padded(x, jnp.array([3, 1])), ())[0])(x)
    assert y.values.shape == (2, 3, cell.n_units)
    assert not y.values[1, 1:].any()
