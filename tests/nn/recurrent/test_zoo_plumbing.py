"""What TensorFlow 1 had classes for and JAX does by itself: the numbers stay the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.nn.recurrent import FusedCell, GRUCell, LSTMCell, unroll
from gradlab.nn.recurrent.zoo import PeepholeLSTMCell, UGRNNCell
from gradlab.nn.weights import Weights

LENGTHS = np.array([5, 2, 0])


def drawn(kind):
    return kind.create(Weights("xavier_normal"), 4, 6)


@pytest.fixture
def sequences(rng):
    return rng.normal(size=(3, 5, 4)).astype(np.float32)


def by_hand(cell, sequences, lengths=(5, 5, 5)):
    """Loop over cell calls; past a sequence's end zeros, and the state of its last step."""
    state, outputs = cell.zero_state(len(sequences)), []
    for t in range(sequences.shape[1]):
        real = jnp.asarray(t < np.asarray(lengths))[:, None]
        output, new = cell(sequences[:, t], state)
        state = jax.tree.map(lambda a, b, real=real: jnp.where(real, a, b), new, state)
        outputs.append(jnp.where(real, output, 0))
    return jnp.stack(outputs, axis=1), state


def assert_equal_runs(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.catalogue("TFC-05", "TFC-07")
def test_compiling_a_cell_or_naming_its_device_changes_no_number(sequences):
    cell = drawn(UGRNNCell)
    plain = cell(sequences[:, 0], cell.zero_state(3))
    compiled = jax.jit(lambda cell, x, state: cell(x, state))
    assert_equal_runs(compiled(cell, sequences[:, 0], cell.zero_state(3)), plain)
    device = jax.devices()[-1]
    on_device = jax.device_put((cell, sequences[:, 0], cell.zero_state(3)), device)
    result = compiled(*on_device)
    assert_equal_runs(result, plain)
    assert {d for leaf in jax.tree.leaves(result) for d in leaf.devices()} == {device}


@pytest.mark.catalogue("TFC-13", "TFC-19", "TFC-20")
@pytest.mark.parametrize("kind", [GRUCell, LSTMCell])
def test_the_fused_way_through_a_sequence_gives_the_numbers_of_single_steps(kind, sequences):
    cell = drawn(kind)
    assert isinstance(cell, FusedCell)
    one_step = unroll(cell, sequences[:, :1])
    assert_equal_runs(one_step, by_hand(cell, sequences[:, :1]))
    assert_equal_runs(unroll(cell, sequences, lengths=LENGTHS), by_hand(cell, sequences, LENGTHS))


@pytest.mark.catalogue("TFC-10", "TFC-21")
def test_a_fused_cell_must_say_its_way_through_a_sequence(sequences):
    class WithoutSequence(FusedCell):
        @property
        def n_units(self) -> int:
            return 4

    with pytest.raises(NotImplementedError, match=r"WithoutSequence has no sequence\(\)"):
        unroll(WithoutSequence(), sequences)


@pytest.mark.catalogue("TFC-11")
def test_any_cell_runs_over_time_major_sequences(sequences):
    cell = drawn(PeepholeLSTMCell)
    outputs, state = unroll(cell, sequences.swapaxes(0, 1), lengths=LENGTHS, time_major=True)
    expected, expected_state = by_hand(cell, sequences, LENGTHS)
    np.testing.assert_allclose(outputs, expected.swapaxes(0, 1), atol=1e-6)
    assert_equal_runs(state, expected_state)


@pytest.mark.catalogue("TFC-32")
@pytest.mark.parametrize("kind", [LSTMCell, PeepholeLSTMCell])
def test_running_backwards_is_reversing_each_sequence_before_and_after(kind, sequences):
    def turned(values):
        values = np.array(values)
        for row, length in zip(values, LENGTHS, strict=True):
            row[:length] = row[:length][::-1].copy()
        return values

    cell = drawn(kind)
    outputs, state = unroll(cell, sequences, lengths=LENGTHS, reverse=True)
    expected, expected_state = unroll(cell, turned(sequences), lengths=LENGTHS)
    np.testing.assert_allclose(outputs, turned(expected), atol=1e-6)
    assert_equal_runs(state, expected_state)
