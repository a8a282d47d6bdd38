"""The plain cells against hand-computed numbers and their own formulas."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import DataError, RecipeError
from gradlab.nn.dense import Dense, n_parameters
from gradlab.nn.recurrent import Cell, FusedCell, GRUCell, LSTMCell, LSTMState, RNNCell, unroll
from gradlab.nn.weights import Weights

CELLS = {
    "rnn": lambda weights, d, h: RNNCell.create(weights, d, h),
    "lstm": lambda weights, d, h: LSTMCell.create(weights, d, h),
    "gru": lambda weights, d, h: GRUCell.create(weights, d, h),
    "gru_after": lambda weights, d, h: GRUCell.create(weights, d, h, reset_after=True),
}


def halves(cell_type, n_gates: int, **options) -> Cell:
    """Return a cell of one input and one unit whose every weight is 0.5."""
    bias = {"bias_recurrent": np.zeros(1)} if options.get("reset_after") else {}
    rows = np.full((1, n_gates), 0.5)
    return cell_type(rows, rows, np.zeros(n_gates), **bias, **options)


X, H, C = np.ones((1, 1)), np.full((1, 1), 0.5), np.full((1, 1), 0.25)


def lstm(forget_bias: float) -> LSTMCell:
    cell = halves(LSTMCell, 4)
    return LSTMCell(
        cell.weight_input, cell.weight_recurrent, np.array([0.0, forget_bias, 0.0, 0.0])
    )


@pytest.mark.catalogue("RNN-02", "TFC-03")
def test_rnn_step_by_hand(float64):
    output, state = halves(RNNCell, 1)(X, H)
    assert output.item() == pytest.approx(0.635149, abs=5e-7)
    assert state.item() == output.item()
    assert halves(RNNCell, 1, activation="sigmoid")(X, H)[0].item() == pytest.approx(
        0.679179, abs=5e-7
    )


@pytest.mark.catalogue("RNN-05")
@pytest.mark.parametrize(
    ("forget_bias", "c", "h"), [(0.0, 0.601174, 0.365320), (1.0, 0.644368, 0.385683)]
)
def test_lstm_step_by_hand(float64, forget_bias, c, h):
    output, state = lstm(forget_bias)(X, LSTMState(C, H))
    assert state.c.item() == pytest.approx(c, abs=5e-7)
    assert output.item() == state.h.item() == pytest.approx(h, abs=5e-7)


@pytest.mark.catalogue("RNN-10", "TFC-14")
def test_gru_step_by_hand(float64):
    assert halves(GRUCell, 3)(X, H)[0].item() == pytest.approx(0.527220, abs=5e-7)


def test_the_two_forms_of_the_gru_differ_with_more_than_one_unit():
    cell = GRUCell.create(Weights("xavier_uniform"), 3, 4)
    after = GRUCell(
        cell.weight_input, cell.weight_recurrent, cell.bias, np.zeros(4, np.float32), True
    )
    x, h = np.ones((2, 3), np.float32), np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    assert np.abs(cell(x, h)[0] - after(x, h)[0]).max() > 1e-3
    zero = np.zeros_like(h)  # where there is no past, resetting it changes nothing
    np.testing.assert_array_equal(cell(x, zero)[0], after(x, zero)[0])


def gates_at(i: float, f: float, o: float, candidate: float = 0.3) -> LSTMCell:
    """Return a scalar LSTM that ignores input and output; gates are 0 or 1 by their biases."""
    far = 800.0
    bias = [far * (2 * i - 1), far * (2 * f - 1), np.arctanh(candidate), far * (2 * o - 1)]
    return LSTMCell(np.zeros((1, 4)), np.zeros((1, 4)), np.array(bias))


@pytest.mark.catalogue("RNN-06")
def test_a_forget_gate_of_one_keeps_the_memory_exactly(float64):
    _, state = gates_at(i=0, f=1, o=1)(X, LSTMState(C, H))
    assert state.c.item() == C.item()
    # The memory of WE-32 with a forget gate of 0.679179 and of 0.851953.
    kept = [
        (lstm(bias)(X, LSTMState(C, H))[1].c - lstm(bias)(X, LSTMState(0 * C, H))[1].c) / C
        for bias in (0.0, 1.0)
    ]
    assert [k.item() for k in kept] == pytest.approx([0.679179, 0.851953], abs=5e-7)


@pytest.mark.catalogue("RNN-07")
def test_open_input_and_closed_forget_gate_pass_the_candidate(float64):
    output, state = gates_at(i=1, f=0, o=1)(X, LSTMState(C, H))
    assert state.c.item() == pytest.approx(0.3, abs=1e-15)
    assert output.item() == pytest.approx(np.tanh(0.3), abs=1e-15)


@pytest.mark.catalogue("RNN-08")
def test_the_memorys_own_path_has_the_forget_gate_as_slope(float64):
    slope = jax.grad(lambda c: lstm(1.0)(X, LSTMState(c, H))[1].c.sum())(jnp.asarray(C))
    assert slope.item() == pytest.approx(0.851953, abs=5e-7)


@pytest.mark.catalogue("RNN-09")
def test_the_output_is_bounded_and_a_closed_output_gate_gives_zero(float64):
    assert gates_at(i=1, f=1, o=0)(X, LSTMState(C, H))[0].item() == 0
    cell = LSTMCell.create(Weights("he_normal", dtype=np.float64), 3, 5)
    x = 50 * np.random.default_rng(0).normal(size=(100, 3))
    state = LSTMState(np.full((100, 5), 30.0), np.zeros((100, 5)))
    # Strictly below 1 in exact numbers; in float64 tanh(30) rounds to 1.
    assert np.abs(cell(x, state)[0]).max() <= 1


@pytest.mark.catalogue("TFC-02")
def test_the_forget_bias_is_one_by_default():
    assert inspect.signature(LSTMCell.create).parameters["forget_bias"].default == 1.0
    bias = LSTMCell.create(Weights(), 3, 2).bias
    np.testing.assert_array_equal(bias, [0, 0, 1, 1, 0, 0, 0, 0])


@pytest.mark.catalogue("RNN-13")
@pytest.mark.parametrize(("d", "h", "o"), [(3, 8, 2), (5, 1, 4)])
def test_inputs_and_units_fix_the_weights(d, h, o):
    cell = RNNCell.create(Weights(), d, h)
    assert cell.weight_input.shape == (d, h)
    assert cell.weight_recurrent.shape == (h, h)
    assert n_parameters(cell) == h * (d + h + 1)
    assert n_parameters(LSTMCell.create(Weights(), d, h)) == 4 * h * (d + h + 1)
    assert n_parameters(GRUCell.create(Weights(), d, h)) == 3 * h * (d + h + 1)
    head = Dense(Weights()((h, o), h, o))
    assert head(cell(np.ones((2, d), np.float32), cell.zero_state(2))[0], ())[0].shape == (2, o)


@pytest.mark.catalogue("RNN-19")
def test_names_and_defaults_are_those_of_the_documents():
    rnn = inspect.signature(RNNCell.create).parameters
    assert rnn["activation"].default == "tanh"
    for create in CELLS.values():
        cell = create(Weights(), 3, 8)
        assert cell.n_units == 8
        state = cell.zero_state(2)
        assert cell(np.ones((2, 3), np.float32), state)[0].shape == (2, 8)
        # Weights come from an initialiser, biases start at zero (but an LSTM's forget gate).
        same = create(Weights(), 3, 8)
        np.testing.assert_array_equal(cell.weight_input, same.weight_input)
        other = create(Weights("xavier_uniform", seed=1), 3, 8)
        assert np.abs(cell.weight_input - other.weight_input).max() > 0


@pytest.mark.catalogue("TFC-23")
def test_lstm_state_is_a_pair():
    c, h = state = LSTMCell.create(Weights(), 3, 2).zero_state(4)
    assert state._fields == ("c", "h")
    assert state.c is c
    assert state.h is h


@pytest.mark.catalogue("TFC-29")
def test_the_base_names_what_a_cell_has():
    cell = LSTMCell.create(Weights(), 3, 2)
    assert cell.state_size == LSTMState(2, 2)
    assert RNNCell.create(Weights(), 3, 2).state_size == 2
    for leaf in jax.tree.leaves(cell.zero_state(4)):
        assert leaf.shape == (4, 2)
        assert not leaf.any()
    with pytest.raises(NotImplementedError, match="Cell has no __call__"):
        Cell()(jnp.zeros((1, 1)), ())
    with pytest.raises(NotImplementedError, match="n_units"):
        Cell().zero_state(3)


@pytest.mark.catalogue("TFC-10", "TFC-21")
def test_a_fused_cell_must_bring_its_sequence():
    class Half(FusedCell):
        def zero_state(self, batch_size, dtype):
            return jnp.zeros((batch_size, 1), dtype)

    with pytest.raises(NotImplementedError, match=r"Half has no sequence\(\)"):
        unroll(Half(), jnp.zeros((2, 3, 1)))


@pytest.mark.parametrize("create", CELLS.values(), ids=CELLS)
def test_a_wrong_width_is_refused(create):
    cell = create(Weights(), 3, 8)
    with pytest.raises(DataError, match=r"one time step, \(batch, 3\); got x of shape \(2, 4\)"):
        cell(np.ones((2, 4), np.float32), cell.zero_state(2))


def test_an_unknown_activation_is_refused():
    with pytest.raises(Exception, match="softsign"):  # by beartype here, by RecipeError elsewhere
        RNNCell(np.ones((1, 1)), np.ones((1, 1)), np.zeros(1), "softsign")
    assert issubclass(RecipeError, Exception)


def test_a_gru_refuses_biases_of_the_other_form():
    weights = np.ones((3, 24)), np.ones((8, 24)), np.ones(24)
    with pytest.raises(RecipeError, match="Give both, or neither"):
        GRUCell(*weights, np.ones(8))
    with pytest.raises(RecipeError, match="Give both, or neither"):
        GRUCell(*weights, reset_after=True)
