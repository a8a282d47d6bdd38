"""Cells around cells: their equations in NumPy, and what is claimed of each."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import DataError, RecipeError
from gradlab.nn.dense import Dense, n_parameters
from gradlab.nn.module import trainable
from gradlab.nn.random import row_key
from gradlab.nn.recurrent import GRUCell, LSTMCell, LSTMState, RNNCell, unroll
from gradlab.nn.recurrent.wrappers import (
    WRAPPERS,
    AttentionCellWrapper,
    DropoutWrapper,
    EmbeddingWrapper,
    HighwayWrapper,
    InputProjectionWrapper,
    OutputProjectionWrapper,
    ResidualWrapper,
)
from gradlab.nn.recurrent.zoo import PhasedLSTMCell
from gradlab.nn.weights import Weights

WIDTH, BATCH, N_STEPS = 4, 3, 5

run = jax.jit(unroll, static_argnames="training")


def drawn(kind=LSTMCell, dtype=np.float32):
    return kind.create(Weights("xavier_normal", dtype=dtype), WIDTH, WIDTH)


def wrapped(name, dtype=np.float32):
    """One of each wrapper, around an LSTM."""
    weights, cell = Weights("xavier_normal", layer=1, dtype=dtype), drawn(dtype=dtype)
    return {
        "dropout": lambda: DropoutWrapper.create(cell, state_rate=0.5, variational=True),
        "residual": lambda: ResidualWrapper(cell),
        "highway": lambda: HighwayWrapper.create(weights, cell, coupled=False),
        "input_projection": lambda: InputProjectionWrapper.create(
            weights, cell, n_inputs=6, n_projection=WIDTH, activation=jnp.tanh
        ),
        "output_projection": lambda: OutputProjectionWrapper.create(weights, cell, n_outputs=2),
        "embedding": lambda: EmbeddingWrapper.create(weights, cell, n_tokens=7, n_embedding=WIDTH),
        "attention": lambda: AttentionCellWrapper.create(weights, cell, n_inputs=WIDTH, length=3),
    }[name]()


def inputs_of(name, rng, dtype=np.float32):
    if name == "embedding":
        return rng.integers(7, size=(BATCH, N_STEPS)).astype(np.int32)
    width = 6 if name == "input_projection" else WIDTH
    return rng.normal(size=(BATCH, N_STEPS, width)).astype(dtype)


@pytest.fixture
def sequences(rng):
    return rng.normal(size=(BATCH, N_STEPS, WIDTH)).astype(np.float32)


@pytest.fixture
def key():
    return row_key(0, 0, jnp.arange(BATCH))


@pytest.mark.parametrize("name", WRAPPERS)
def test_padding_gives_zeros_and_holds_the_state(name, rng):
    cell, x = wrapped(name), inputs_of(name, rng)
    start = cell.zero_state(BATCH)
    outputs, state = run(cell, x, lengths=np.array([5, 2, 0]), initial_state=start)
    full, _ = run(cell, x, lengths=np.array([5, 5, 5]), initial_state=start)
    assert outputs.shape == (BATCH, N_STEPS, cell.n_units)
    np.testing.assert_array_equal(outputs[0], full[0])
    np.testing.assert_array_equal(outputs[1, :2], full[1, :2])
    assert not outputs[1, 2:].any()
    onwards, _ = run(cell, np.roll(x, -2, axis=1), lengths=np.array([0, 3, 0]), initial_state=state)
    np.testing.assert_allclose(onwards[1, :3], full[1, 2:], atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", WRAPPERS)
def test_all_numbers_keep_the_dtype_of_the_weights(name, dtype, rng, float64):
    cell, x = wrapped(name, dtype), inputs_of(name, rng, dtype)
    shapes = jax.eval_shape(unroll, cell, x)
    assert {leaf.dtype for leaf in jax.tree.leaves((cell, shapes))} == {np.dtype(dtype)}


@pytest.mark.parametrize("name", WRAPPERS)
def test_gradients_agree_with_finite_differences(name, rng, float64):
    cell, x = wrapped(name, np.float64), inputs_of(name, rng, np.float64)
    weights_of_sum = rng.normal(size=(BATCH, N_STEPS, cell.n_units))

    @jax.jit
    @jax.value_and_grad
    def value(cell):
        # The masks of dropout are part of the function, the same at every call.
        key = row_key(0, 0, jnp.arange(BATCH))
        return jnp.sum(unroll(cell, x, key=key, training=True)[0] * weights_of_sum)

    _, gradient = value(cell)
    direction = jax.tree.map(
        lambda a, is_trained: rng.normal(size=np.shape(a)) * is_trained, cell, trainable(cell)
    )
    step = 1e-6
    ahead, behind = (
        value(jax.tree.map(lambda a, d: a + sign * step * d, cell, direction))[0]  # noqa: B023
        for sign in (1, -1)
    )
    slope = sum(jax.tree.leaves(jax.tree.map(lambda g, d: (g * d).sum(), gradient, direction)))
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-6)


@pytest.mark.catalogue("TFC-30")
def test_residual_adds_the_input(sequences):
    cell = drawn()
    plain, plain_state = run(cell, sequences)
    outputs, state = run(ResidualWrapper(cell), sequences)
    np.testing.assert_allclose(outputs - plain, sequences, atol=1e-6)
    np.testing.assert_allclose(state.c, plain_state.c, atol=1e-6)


def test_mixing_input_and_output_needs_one_width():
    cell = RNNCell.create(Weights(), 3, 4)
    x, state = jnp.ones((2, 3)), cell.zero_state(2)
    with pytest.raises(RecipeError, match=r"got 3 features and a cell of n_units=4"):
        ResidualWrapper(cell)(x, state)
    with pytest.raises(RecipeError, match=r"HighwayWrapper mixes.*got 3 features"):
        HighwayWrapper.create(Weights(), cell)


@pytest.mark.catalogue("TFC-16")
@pytest.mark.parametrize("coupled", [True, False])
def test_highway_follows_its_equation_and_carries_all_at_a_bias_of_infinity(
    coupled, sequences, rng
):
    weights, cell = Weights("xavier_normal", layer=1), drawn()
    highway = HighwayWrapper.create(weights, cell, coupled=coupled)
    outputs, _ = run(highway, sequences)
    plain, _ = run(cell, sequences)
    carry = 1 / (1 + np.exp(-(sequences @ highway.weight_carry + 1)))
    transform = 1 - carry
    if not coupled:
        transform = 1 / (1 + np.exp(-(sequences @ highway.weight_transform - 1)))
    np.testing.assert_allclose(outputs, carry * sequences + transform * plain, atol=1e-6)
    carried = HighwayWrapper.create(weights, cell, coupled=coupled, carry_bias=np.inf)
    np.testing.assert_array_equal(run(carried, sequences)[0], sequences)


@pytest.mark.catalogue("TFC-17")
def test_input_projection_is_a_dense_layer_before_the_cell(rng):
    cell = drawn()
    x = rng.normal(size=(BATCH, N_STEPS, 6)).astype(np.float32)
    wrapper = InputProjectionWrapper.create(
        Weights("xavier_normal"), cell, n_inputs=6, n_projection=WIDTH
    )
    projected, _ = Dense(wrapper.weight, wrapper.bias)(x, ())
    assert projected.shape[-1] == WIDTH
    np.testing.assert_allclose(run(wrapper, x)[0], run(cell, projected)[0], atol=1e-6)
    squashed = eqx.tree_at(lambda w: w.bias, wrapper, wrapper.bias + 1)
    squashed = InputProjectionWrapper(cell, squashed.weight, squashed.bias, jnp.tanh)
    expected, _ = run(cell, np.tanh(x @ wrapper.weight + 1))
    np.testing.assert_allclose(run(squashed, x)[0], expected, atol=1e-6)
    with pytest.raises(DataError, match=r"InputProjectionWrapper"):
        run(wrapper, x[..., :5])


@pytest.mark.catalogue("TFC-27", "RNN-14")
def test_output_projection_is_a_dense_layer_on_the_outputs(sequences):
    cell = drawn()
    wrapper = OutputProjectionWrapper.create(Weights("xavier_normal"), cell, n_outputs=2)
    outputs, state = run(wrapper, sequences)
    plain, plain_state = run(cell, sequences)
    of_dense, _ = Dense(wrapper.weight, wrapper.bias)(plain, ())
    np.testing.assert_allclose(outputs, of_dense, atol=1e-6)
    np.testing.assert_allclose(
        outputs, np.asarray(plain) @ wrapper.weight + wrapper.bias, atol=1e-6
    )
    np.testing.assert_allclose(state.h, plain_state.h, atol=1e-6)


@pytest.mark.catalogue("TFC-09")
def test_embedding_gives_the_cell_the_row_of_the_token(rng):
    cell = drawn()
    wrapper = EmbeddingWrapper.create(Weights("xavier_normal"), cell, n_tokens=7, n_embedding=WIDTH)
    tokens = rng.integers(7, size=(BATCH, N_STEPS)).astype(np.int32)
    expected, _ = run(cell, wrapper.weight[tokens])
    np.testing.assert_allclose(run(wrapper, tokens)[0], expected, atol=1e-6)
    as_column, _ = run(wrapper, tokens[..., None])
    np.testing.assert_array_equal(as_column, run(wrapper, tokens)[0])


@pytest.mark.parametrize("token", [7, -1])
def test_a_token_outside_the_table_shows_as_nan(token):
    wrapper = wrapped("embedding")
    tokens = jnp.array([token, 0], jnp.int32)
    output, _ = wrapper(tokens, wrapper.zero_state(2))
    assert bool(jnp.isnan(output[0]).all())
    assert not bool(jnp.isnan(output[1]).any())


@pytest.mark.catalogue("TFC-08")
def test_dropout_of_nothing_is_the_cell_and_the_mean_is_kept(sequences, key):
    cell = drawn()
    plain, _ = run(cell, sequences)
    none = DropoutWrapper.create(cell, input_rate=0.0, state_rate=0.0, output_rate=0.0)
    outputs, _ = run(none, sequences, key=key, training=True)
    np.testing.assert_allclose(outputs, plain, atol=1e-6)
    # Of the outputs alone, a linear place: 4 standard errors of √(rate / kept) |y| / √n each.
    n = 4000
    dropped = DropoutWrapper.create(cell, output_rate=0.3)
    x = np.repeat(sequences[:1, :1], n, axis=0)
    outputs, _ = run(dropped, x, key=row_key(0, 0, jnp.arange(n)), training=True)
    errors = abs(outputs[:, 0].mean(axis=0) - plain[0, 0])
    assert (errors <= 4 * (0.3 / 0.7 / n) ** 0.5 * abs(plain[0, 0])).all()


class Recording(eqx.Module):
    """A cell that gives out what it was given."""

    n_units: ClassVar[int] = WIDTH

    def zero_state(self, batch_size, dtype=jnp.float32):
        return jnp.ones((batch_size, self.n_units), dtype)

    def __call__(self, x, state, *, key=None, training=False):
        return jnp.concatenate([x, state], axis=1), jnp.ones_like(state)


@pytest.mark.parametrize("variational", [False, True])
def test_masks_are_of_the_step_or_of_the_sequence(variational, key):
    cell = DropoutWrapper.create(
        Recording(), input_rate=0.5, state_rate=0.5, variational=variational
    )
    x = np.ones((BATCH, 40, WIDTH), np.float32)
    outputs, _ = run(cell, x, key=key, training=True)
    inputs, states = np.split(np.asarray(outputs[:, 1:]), 2, axis=2)  # the first state is whole
    for seen in (inputs, states):
        assert set(np.unique(seen)) == {0.0, 2.0}
        assert (seen == seen[:, :1]).all() == variational
    assert (inputs != states).any()
    again, _ = run(cell, x, key=key, training=True)
    np.testing.assert_array_equal(again, outputs)
    other, _ = run(cell, x, key=row_key(0, 1, key.rows), training=True)
    assert (other != outputs).any()


def test_state_dropout_spares_the_memory_of_an_lstm(sequences, key):
    plain_output, plain = drawn()(sequences[:, 0], drawn().zero_state(BATCH))
    for kind in (LSTMCell, PhasedLSTMCell):
        cell = DropoutWrapper.create(drawn(kind), state_rate=1.0)
        _, state = run(cell, sequences, key=key, training=True)
        state = getattr(state, "cell", state)
        assert state.c.any()
        assert not state.h.any()
    dropped = DropoutWrapper.create(drawn(), state_rate=1.0)
    output, state = dropped(sequences[:, 0], drawn().zero_state(BATCH), key=key, training=True)
    np.testing.assert_array_equal(output, plain_output)  # taken before the state is dropped
    np.testing.assert_array_equal(state.c, plain.c)
    _, state = run(
        DropoutWrapper.create(drawn(GRUCell), state_rate=1.0), sequences, key=key, training=True
    )
    assert not state.any()


def test_state_dropout_leaves_the_window_of_attention_alone(sequences, key):
    cell = DropoutWrapper.create(wrapped("attention"), state_rate=1.0)
    _, state = run(cell, sequences, key=key, training=True)
    assert not state.cell.h.any()
    assert state.window.all()


def test_rates_are_no_parameters():
    cell = drawn()
    dropped = DropoutWrapper.create(cell, input_rate=0.1, state_rate=0.1, output_rate=0.1)
    assert n_parameters(dropped) == n_parameters(cell)


def test_dropout_without_a_key_is_refused(sequences):
    with pytest.raises(RecipeError, match="Dropout draws random numbers in training"):
        run(DropoutWrapper.create(drawn(), input_rate=0.5), sequences, training=True)


@pytest.mark.catalogue("TFC-01")
def test_attention_follows_its_equations(rng, float64):
    weights = Weights("xavier_normal", dtype=np.float64)
    inner = LSTMCell.create(weights, 5, WIDTH)
    cell = AttentionCellWrapper.create(
        weights, inner, n_inputs=WIDTH, length=3, size=2, n_hidden=6, n_inputs_of_cell=5
    )
    cell = jax.tree.map(lambda a: a + 0.3 * rng.normal(size=a.shape), cell)
    x = rng.normal(size=(BATCH, N_STEPS, WIDTH))
    outputs, end = run(cell, x)

    state = cell.cell.zero_state(BATCH, jnp.float64)
    attention, window = np.zeros((BATCH, 2)), [np.zeros((BATCH, 2))] * 3
    for t in range(N_STEPS):
        joined = np.concatenate([x[:, t], attention], axis=1)
        o, state = cell.cell(joined @ cell.weight_input + np.asarray(cell.bias_input), state)
        query = np.concatenate(state, axis=1) @ cell.weight_query + np.asarray(cell.bias_query)
        scores = np.stack(
            [np.tanh(h @ cell.weight_key + query) @ cell.weight_score for h in window]
        )
        shares = np.exp(scores) / np.exp(scores).sum(axis=0)
        given = cell.attend(jnp.stack(window, axis=1), state)
        np.testing.assert_allclose(given, shares.T, atol=1e-12)
        np.testing.assert_allclose(np.asarray(given).sum(axis=1), 1, atol=1e-12)
        attention = np.sum(shares[:, :, None] * np.stack(window), axis=0)
        y = np.concatenate([o, attention], axis=1) @ cell.weight_output
        y = y + np.asarray(cell.bias_output)
        window = [*window[1:], y]
        np.testing.assert_allclose(outputs[:, t], y, atol=1e-12)
    assert end.window.shape == (BATCH, 3, 2)  # of five outputs the last three
    np.testing.assert_allclose(end.window, np.stack(window, axis=1), atol=1e-12)


def test_attention_to_no_outputs_is_refused():
    with pytest.raises(RecipeError, match=r"at least one output; got length=0"):
        AttentionCellWrapper.create(Weights(), drawn(), n_inputs=WIDTH, length=0)


def test_wrappers_wrap_wrappers(sequences, key):
    weights = Weights("xavier_normal", layer=1)
    cell = ResidualWrapper(HighwayWrapper.create(weights, drawn()))
    cell = DropoutWrapper.create(cell, input_rate=0.5, variational=True)
    cell = OutputProjectionWrapper.create(weights, cell, n_outputs=2)
    outputs, state = run(cell, sequences, lengths=np.array([5, 3, 0]), key=key, training=True)
    assert outputs.shape == (BATCH, N_STEPS, 2)
    assert isinstance(state, LSTMState)


def test_a_wrapper_draws_other_weights_than_the_cell_from_the_same_source():
    weights = Weights("xavier_normal")
    cell = RNNCell.create(weights, WIDTH, WIDTH)
    highway = HighwayWrapper.create(weights, cell, coupled=False)
    attention = AttentionCellWrapper.create(weights, cell, n_inputs=WIDTH, length=2)
    flat = [np.ravel(a) for a in jax.tree.leaves((highway, attention)) if np.ndim(a) == 2]
    drawn_numbers = np.concatenate([*flat])
    distinct = n_parameters((highway, attention)) - n_parameters(cell)  # the cell is in both
    n_biases = sum(np.size(a) for a in jax.tree.leaves((highway, attention)) if np.ndim(a) == 1)
    assert len(np.unique(drawn_numbers.round(6))) == distinct - n_biases + WIDTH
