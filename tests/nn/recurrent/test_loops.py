"""The steps in machine code, against scans in numbers of 64 bits."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.native.elementary import sigmoid, tanh
from gradlab.native.kernel import begin, end
from gradlab.native.machine import Registers, registers
from gradlab.nn.recurrent import gru, lstm
from gradlab.nn.recurrent.loops import gru as gru_loops
from gradlab.nn.recurrent.loops import lstm as lstm_loops
from gradlab.nn.weights import Weights

pytestmark = pytest.mark.skipif(registers() is None, reason="no loops for this processor")

SIZES = [(5, 7, 3, 11), (4, 3, 2, 8), (3, 33, 5, 40), (1, 1, 1, 1)]  # steps, batch, inputs, units
CHOICES = list(itertools.product([False, True], repeat=3))  # reverse, masked, sloped


def numbers(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape)


def both(function, loop, arrays, **options):
    """Return the results of a loop on numbers of 32 bits and of a scan on numbers of 64."""
    narrow = [None if a is None else jnp.asarray(a, jnp.float32) for a in arrays]
    ours = jax.jit(lambda *a: loop(*a, **options))(*narrow)
    with jax.enable_x64(True):
        wide = [None if a is None else jnp.asarray(a, jnp.float64) for a in narrow]
        if wide[-1] is not None:
            wide[-1] = wide[-1] != 0  # which steps are real
        theirs = jax.jit(lambda *a: function(*a, **options))(*wide)
    return ours, theirs


def close(ours, theirs):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def real_steps(n_steps, batch):
    lengths = np.random.default_rng(0).integers(0, n_steps + 1, batch)
    return (np.arange(n_steps)[:, None] < lengths).astype(float)


LSTM_SIZES = [(size, True) for size in SIZES] + [(SIZES[0], False), (SIZES[2], False)]


@pytest.mark.parametrize(("size", "whole"), [*LSTM_SIZES, ((9, 33, 3, 5), True)])
@pytest.mark.parametrize(("reverse", "masked", "sloped"), CHOICES)
def test_an_lstms_loops_equal_the_scans(size, whole, reverse, masked, sloped, monkeypatch):
    if not whole:
        monkeypatch.setattr(lstm_loops, "SMALL", 0)
    n_steps, batch, n_inputs, units = size
    real = real_steps(n_steps, batch) if masked else None
    weight = numbers(n_inputs + 1 + units, 4 * units) / units**0.5
    inputs, (c0, h0) = numbers(n_steps, batch, n_inputs), numbers(2, batch, units)
    arrays = inputs, weight, c0, h0, real
    ours, theirs = both(lstm._forward_by_scan, lstm_loops.forward, arrays, reverse=reverse)
    close(ours, theirs)
    slopes = numbers(n_steps, batch, units) if sloped else None
    arrays = inputs, *ours, weight, c0, h0, *numbers(2, batch, units)[::-1], slopes, real
    options = {"reverse": reverse, "deep": masked == sloped}
    ours, theirs = both(lstm._backward_by_scan, lstm_loops.backward, arrays, **options)
    close(ours, theirs)


@pytest.mark.parametrize("n_inputs", [4, 12])
def test_an_lstms_gradient_is_the_scans_whether_or_not_the_inputs_is_asked_for(n_inputs):
    arrays = numbers(6, 5, n_inputs), numbers(n_inputs + 9, 32) / 3, *numbers(2, 5, 8)
    inputs, weight, c0, h0 = (jnp.asarray(a, jnp.float32) for a in arrays)

    def loss(inputs, weight):
        outputs, c, h = lstm._lstm(False, inputs, weight, c0, h0, None)
        return (outputs**2).sum() + (c * h).sum()

    gradients = jax.grad(loss, argnums=(0, 1))(inputs, weight)
    alone = jax.grad(loss, argnums=1)(inputs, weight)
    with jax.enable_x64(True):
        inputs, weight, c0, h0 = (jnp.asarray(a, jnp.float64) for a in arrays)
        close(gradients, jax.grad(loss, argnums=(0, 1))(inputs, weight))
    np.testing.assert_array_equal(alone, gradients[1])


@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("reverse", "masked", "sloped"), CHOICES)
def test_a_grus_loops_equal_the_scans(size, reverse, masked, sloped, reset_after):
    n_steps, batch, _, units = size
    real = real_steps(n_steps, batch) if masked else None
    recurrent = numbers(units, 3 * units) / units**0.5
    bias = numbers(units) if reset_after else None
    h0 = numbers(batch, units)
    arrays = numbers(n_steps, batch, 3 * units), recurrent, bias, h0, real
    ours, theirs = both(gru._forward_by_scan, gru_loops.forward, arrays, reverse=reverse)
    close(ours, theirs)
    h, gates, past = ours
    slopes = numbers(n_steps, batch, units) if sloped else None
    arrays = gates, past, h, h0, recurrent, numbers(batch, units), slopes, real
    options = {"reset_after": reset_after, "reverse": reverse}
    ours, theirs = both(gru._backward_by_scan, gru_loops.backward, arrays, **options)
    close(ours, theirs)


@pytest.mark.parametrize("known", [Registers(16, 6), Registers(64, 8)])
def test_every_width_of_register_gives_the_same_sequence(known, monkeypatch):
    n_steps, batch, n_inputs, units = SIZES[2]
    shapes = (n_steps, batch, n_inputs), (n_inputs + 1 + units, 4 * units), *[(batch, units)] * 2
    arrays = [jnp.asarray(numbers(*shape), jnp.float32) for shape in shapes]
    expected = lstm_loops.forward(*arrays, None, reverse=False)
    sweep = arrays[0], *expected, *arrays[1:], *arrays[2:], None, None
    slopes = lstm_loops.backward(*sweep, reverse=False, deep=True)
    monkeypatch.setattr("gradlab.native.kernel.registers", lambda: known)
    for name in ("_forward_loop", "_backward_loop"):
        monkeypatch.setattr(lstm_loops, name, getattr(lstm_loops, name).__wrapped__)
    found = lstm_loops.forward(*arrays, None, reverse=False)
    found += lstm_loops.backward(*sweep, reverse=False, deep=True)
    for a, b in zip(found, (*expected, *slopes), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_not_a_number_stays_so():
    inputs = jnp.zeros((3, 2, 3)).at[1, 0, 2].set(jnp.nan)
    weight = jnp.concatenate([jnp.zeros((4, 32)).at[2, 5].set(1), jnp.eye(8, 32)])
    state = jnp.zeros((2, 8))
    h, _, gates = lstm_loops.forward(inputs, weight, state, state, None, reverse=False)
    assert np.isnan(gates[1, 0, 5])
    assert np.isnan(h[1, 0, 5])
    assert np.isnan(h[2, 0]).any()
    assert np.isfinite(h[:, 1]).all()


def test_tanh_is_right_to_four_units_of_the_last_digit_and_sigma_to_seven_places():
    x = np.concatenate([np.linspace(-12, 12, 40_000), np.geomspace(1e-30, 1, 10_000)])
    x = np.resize(x, (3136, 16)).astype(np.float32)
    f = begin("test_squash", np.dtype(np.float32), (), inputs=1, outputs=2)
    numbers_in, of_tanh, of_sigmoid, _ = f.arrays
    with f.loop(x.size, f.lanes) as i:
        vector = f.load(f.at(numbers_in, i))
        f.store(tanh(f, vector), f.at(of_tanh, i))
        f.store(sigmoid(f, vector), f.at(of_sigmoid, i))
    found = end(f, scratch=0)([x.shape, x.shape], jnp.asarray(x))
    wide = x.astype(np.float64)
    right = np.tanh(wide)
    units = np.abs(np.asarray(found[0]) - right) / np.spacing(np.abs(right).astype(np.float32))
    assert units.max() <= 4
    assert np.abs(np.asarray(found[1]) - 1 / (1 + np.exp(-wide))).max() < 2e-7


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", [lstm.LSTMCell, gru.GRUCell])
def test_a_sequence_without_steps_ends_where_it_begins(cell, reverse):
    layer = cell.create(Weights("xavier_uniform"), 3, 8)
    state = jax.tree.map(lambda zeros: zeros + 0.5, layer.zero_state(2))

    def total(layer, state):
        outputs, end = layer.sequence(jnp.zeros((0, 2, 3)), state, None, reverse=reverse)
        assert outputs.shape == (0, 2, 8)
        return sum(leaf.sum() for leaf in jax.tree.leaves(end)), end

    slopes, end = jax.grad(total, argnums=(0, 1), has_aux=True)(layer, state)
    assert all((leaf == 0.5).all() for leaf in jax.tree.leaves(end))
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(slopes[0]))
    assert all((leaf == 1).all() for leaf in jax.tree.leaves(slopes[1]))
