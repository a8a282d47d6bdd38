"""A cell run over sequences: the same as a loop, whatever the way."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import DataError
from gradlab.nn.random import row_key
from gradlab.nn.recurrent import (
    Cell,
    GRUCell,
    LSTMCell,
    LSTMState,
    RNNCell,
    StackedCells,
    of_sequence,
    unroll,
)
from gradlab.nn.weights import Weights

TIME, BATCH, FEATURES, UNITS = 7, 4, 3, 5
LENGTHS = np.array([7, 0, 3, 1], np.int32)
CELLS = {
    "rnn": lambda weights: RNNCell.create(weights, FEATURES, UNITS),
    "rnn_sigmoid": lambda weights: RNNCell.create(weights, FEATURES, UNITS, activation="sigmoid"),
    "rnn_linear": lambda weights: RNNCell.create(weights, FEATURES, UNITS, activation="linear"),
    "lstm": lambda weights: LSTMCell.create(weights, FEATURES, UNITS),
    "gru": lambda weights: GRUCell.create(weights, FEATURES, UNITS),
    "gru_after": lambda weights: GRUCell.create(weights, FEATURES, UNITS, reset_after=True),
}
each_cell = pytest.mark.parametrize("name", CELLS)


def cell_of(name: str, dtype=np.float64) -> Cell:
    """Return a cell all of whose weights, biases too, are random."""
    cell = CELLS[name](Weights("xavier_normal", dtype=dtype))
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(dtype) / 2, cell)


def inputs_of(dtype=np.float64) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(BATCH, TIME, FEATURES)).astype(dtype)


def start_of(cell: Cell):
    state = cell.zero_state(BATCH, jnp.float64)
    rng = np.random.default_rng(2)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), state)


def by_hand(cell, x, state, lengths=None, reverse=False):
    """Loop over cell calls in Python."""
    outputs = [None] * x.shape[1]
    for t in reversed(range(x.shape[1])) if reverse else range(x.shape[1]):
        output, new = cell(x[:, t], state)
        real = (t < lengths if lengths is not None else np.ones(len(x), bool))[:, None]
        state = jax.tree.map(lambda a, b, real=real: jnp.where(real, a, b), new, state)
        outputs[t] = jnp.where(real, output, 0)
    return jnp.stack(outputs, axis=1), state


def assert_close(a, b, tolerance=1e-12):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=tolerance, rtol=0), a, b)


@pytest.mark.catalogue("RNN-01", "RNN-12", "RNN-16", "TFC-34")
@each_cell
def test_unroll_is_the_loop_over_cell_calls(float64, name):
    cell, x = cell_of(name), inputs_of()
    for reverse in (False, True):
        for lengths in (None, LENGTHS):
            start = start_of(cell)
            expected = by_hand(cell, x, start, lengths, reverse)
            options = {"initial_state": start, "lengths": lengths, "reverse": reverse}
            assert_close(unroll(cell, x, **options), expected)
            outputs, state = unroll(cell, x.swapaxes(0, 1), time_major=True, **options)
            assert_close((outputs.swapaxes(0, 1), state), expected)
    # Without a state it starts at zero.
    zero = cell.zero_state(BATCH, jnp.float64)
    assert_close(unroll(cell, x), unroll(cell, x, initial_state=zero))


@each_cell
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
def test_hand_written_gradients_are_those_of_the_loop(float64, name, lengths, reverse):
    x, cell = jnp.asarray(inputs_of()), jax.tree.map(jnp.asarray, cell_of(name))
    weigh = np.random.default_rng(3).normal(size=(BATCH, TIME, UNITS))

    def total(run):
        def function(cell, x, state):
            outputs, final = run(cell, x, state)
            return (outputs * weigh).sum() + sum((s**2).sum() for s in jax.tree.leaves(final))

        return jax.jit(jax.grad(function, argnums=(0, 1, 2)))

    def fast(cell, x, state):
        return unroll(cell, x, lengths=lengths, initial_state=state, reverse=reverse)

    def slow(cell, x, state):
        return by_hand(cell, x, state, lengths, reverse)

    start = start_of(cell)
    assert_close(total(fast)(cell, x, start), total(slow)(cell, x, start), 1e-11)


@each_cell
def test_hand_written_gradients_are_finite_differences(float64, name):
    x, cell = jnp.asarray(inputs_of()), jax.tree.map(jnp.asarray, cell_of(name))

    @jax.jit
    def total(cell):
        return (unroll(cell, x, lengths=LENGTHS)[0] ** 2).sum()

    gradient = jax.grad(total)(cell)
    rng = np.random.default_rng(4)
    direction = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), cell)
    step = 1e-6
    ahead, behind = (
        total(jax.tree.map(lambda a, b, sign=sign: a + sign * step * b, cell, direction))
        for sign in (1, -1)
    )
    along = sum(
        (a * b).sum()
        for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(direction), strict=True)
    )
    assert float(along) == pytest.approx(float(ahead - behind) / (2 * step), rel=1e-8)


@each_cell
def test_float32_agrees_with_float64(name):
    outputs, _ = jax.jit(unroll)(cell_of(name, np.float32), inputs_of(np.float32))
    assert outputs.dtype == np.float32
    with jax.enable_x64(True):
        assert_close(outputs, unroll(cell_of(name), inputs_of())[0], 1e-4)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_what_stands_in_the_padding_is_of_no_account(float64, name):
    cell, x = jax.tree.map(jnp.asarray, cell_of(name)), inputs_of()
    spoilt = x.copy()
    spoilt[np.arange(TIME)[None] >= LENGTHS[:, None]] = np.nan

    def total(cell, x):
        outputs, state = unroll(cell, x, lengths=LENGTHS)
        return outputs.sum() + sum(leaf.sum() for leaf in jax.tree.leaves(state)), outputs

    gradient = jax.value_and_grad(total, has_aux=True)
    assert_close(gradient(cell, spoilt), gradient(cell, x), 0)
    outputs = gradient(cell, x)[0][1]
    assert not outputs[1].any()
    assert not outputs[2, 3:].any()


@pytest.mark.catalogue("RNN-21", "ERR-54")
def test_outputs_and_states_of_the_three_cells_of_the_documents(float64):
    for name in ("rnn", "lstm", "gru"):
        outputs, state = unroll(cell_of(name), inputs_of())
        assert outputs.shape == (BATCH, TIME, UNITS)
        assert isinstance(state, LSTMState) == (name == "lstm")
        h = state.h if name == "lstm" else state
        np.testing.assert_array_equal(h, outputs[:, -1])


@pytest.mark.catalogue("RNN-23")
def test_the_order_of_the_inputs_matters(float64):
    x = inputs_of()
    for name in ("rnn", "lstm", "gru"):
        cell = cell_of(name)
        forth, back = (unroll(cell, x[:, ::way])[0][:, -1] for way in (1, -1))
        assert np.abs(forth - back).max() > 0.01
    bags = [x[:, ::way].sum(axis=1) for way in (1, -1)]  # what an ordinary network could be given
    np.testing.assert_allclose(*bags, atol=1e-12)


@pytest.mark.catalogue("RNN-15", "TFC-25", "TFC-35")
def test_a_stack_is_one_cell_after_the_other(float64):
    below = cell_of("lstm")
    above = GRUCell.create(Weights("xavier_normal", dtype=np.float64, layer=1), UNITS, 2)
    stack, x = StackedCells((below, above)), inputs_of()
    outputs, state = unroll(stack, x, lengths=LENGTHS)
    hidden, below_state = unroll(below, x, lengths=LENGTHS)
    expected, above_state = unroll(above, hidden, lengths=LENGTHS)
    assert len(state) == 2
    assert_close(outputs, expected)
    assert_close(state, (below_state, above_state))
    zero = stack.zero_state(BATCH, jnp.float64)
    assert_close(by_hand(stack, x, zero, LENGTHS), (outputs, state))


class Draws(Cell):
    """Outputs the numbers that it draws: one of the step, one of the whole sequence."""

    n_units = 2

    def __call__(self, x, state, *, key=None, training=False):
        draws = [key.uniform((1,)), of_sequence(key).uniform((1,))]
        return jnp.concatenate(draws, axis=1), state


def test_every_step_draws_its_own_numbers_and_a_sequence_its_own():
    key = row_key(3, 5, jnp.arange(BATCH))
    outputs, _ = unroll(Draws(), inputs_of(np.float32), key=key, training=True)
    of_steps, whole = outputs[..., 0], outputs[..., 1]
    assert len(np.unique(of_steps)) == BATCH * TIME
    assert len(np.unique(whole)) == BATCH
    np.testing.assert_array_equal(whole[:, 0], key.uniform((1,))[:, 0])
    # A stack folds the key alike whether it is run cell by cell or step by step.
    stack = StackedCells((RNNCell.create(Weights(), 3, 3), Draws()))
    by_cell, _ = unroll(stack, inputs_of(np.float32), key=key, training=True)
    assert len(np.unique(np.concatenate([by_cell.ravel(), of_steps.ravel()]))) > BATCH * TIME


def test_a_stack_refuses_widths_that_do_not_follow():
    with pytest.raises(Exception, match="Cell 1 of the stack takes 4 inputs, but cell 0") as caught:
        StackedCells((RNNCell.create(Weights(), 3, 5), RNNCell.create(Weights(), 4, 5)))
    assert type(caught.value).__name__ == "RecipeError"


def test_wrong_input_is_refused_with_what_came():
    cell = CELLS["rnn"](Weights())
    with pytest.raises(DataError, match=r"shape \(5,\)"):
        unroll(cell, np.ones(5, np.float32))
    with pytest.raises(DataError, match=r"with 3 inputs .* got steps of shape \(2,\)"):
        unroll(cell, np.ones((4, 6, 2), np.float32))
    with pytest.raises(DataError, match="2 lengths for 4 sequences"):
        unroll(cell, np.ones((4, 6, 3), np.float32), lengths=np.array([1, 2]))
    with pytest.raises(DataError, match="without a step"):
        unroll(cell, np.ones((4, 0, 3), np.float32))


def test_side_by_side_runs_give_the_numbers_of_each_alone(float64):
    cells = [cell_of("lstm"), jax.tree.map(lambda leaf: leaf + 0.1, cell_of("lstm"))]
    x = jnp.asarray(inputs_of())
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *cells)

    def gradient(cell):
        return eqx.filter_grad(lambda cell: (unroll(cell, x, lengths=LENGTHS)[0] ** 2).sum())(cell)

    together = jax.vmap(gradient)(stacked)
    for number, cell in enumerate(cells):
        alone = gradient(jax.tree.map(jnp.asarray, cell))
        assert_close(jax.tree.map(lambda leaf, n=number: leaf[n], together), alone, 1e-10)
