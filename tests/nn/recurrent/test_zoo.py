"""What every cell of the zoo keeps to, and what is claimed of each."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import DataError, RecipeError
from gradlab.nn.dense import n_parameters
from gradlab.nn.module import trainable
from gradlab.nn.random import row_key
from gradlab.nn.recurrent import GRUCell, LSTMCell, RNNCell, unroll
from gradlab.nn.recurrent.lstm import LSTMState
from gradlab.nn.recurrent.zoo import (
    ZOO,
    BidirectionalGridLSTMCell,
    CoupledLSTMCell,
    GridLSTMCell,
    GroupedLSTMCell,
    IntersectionRNNCell,
    LayerNormLSTMCell,
    PeepholeLSTMCell,
    PhasedLSTMCell,
    TimeFrequencyLSTMCell,
    UGRNNCell,
)
from gradlab.nn.weights import Weights

run = jax.jit(unroll, static_argnames="training")

WIDTH = 4  # of inputs and units alike: the intersection RNN needs no projection


def made(kind, dtype=np.float32, **options):
    return kind.create(Weights("xavier_normal", dtype=dtype), WIDTH, WIDTH, **options)


def shaken(tree, rng):
    """Add random numbers to all arrays but single numbers, so that nothing is left at 0 or 1."""
    return jax.tree.map(
        lambda a: a + (0.3 * rng.normal(size=np.shape(a))).astype(a.dtype) if np.ndim(a) else a,
        tree,
    )


@pytest.fixture(params=ZOO)
def kind(request):
    return ZOO[request.param]


def test_padding_gives_zeros_and_holds_the_state(kind, rng):
    cell = shaken(made(kind), rng)
    x = rng.normal(size=(3, 5, WIDTH)).astype(np.float32)
    x[2] = x[1]
    padded = x.copy()
    padded[1, 2:] = np.nan  # of no account
    start = cell.zero_state(3)
    outputs, state = run(cell, padded, lengths=np.array([5, 2, 0]), initial_state=start)
    full, _ = run(cell, x, lengths=np.array([5, 5, 5]), initial_state=start)
    assert outputs.shape == (3, 5, cell.n_units)
    np.testing.assert_array_equal(outputs[0], full[0])
    np.testing.assert_array_equal(outputs[1, :2], full[1, :2])
    assert not outputs[1, 2:].any()
    assert not outputs[2].any()
    # Two more steps from the held state are steps 2 and 3 of the unbroken sequence.
    rest = np.roll(x, -2, axis=1)
    onwards, _ = run(cell, rest, lengths=np.array([0, 3, 0]), initial_state=state)
    np.testing.assert_allclose(onwards[1, :3], full[1, 2:], atol=1e-6)
    for held, before in zip(jax.tree.leaves(state), jax.tree.leaves(start), strict=True):
        np.testing.assert_array_equal(held[2], before[2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_numbers_keep_the_dtype_of_the_weights(kind, dtype, float64):
    cell = made(kind, dtype)
    shapes = jax.eval_shape(unroll, cell, np.ones((2, 3, WIDTH), dtype))
    assert {leaf.dtype for leaf in jax.tree.leaves((cell, shapes))} == {np.dtype(dtype)}


def test_gradients_agree_with_finite_differences(kind, rng, float64):
    cell = shaken(made(kind, np.float64), rng)
    x = rng.normal(size=(2, 3, WIDTH))
    weights_of_sum = rng.normal(size=(2, 3, cell.n_units))

    @jax.jit
    @jax.value_and_grad
    def value(arguments):
        outputs, state = unroll(*arguments)
        of_state = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(state))
        return jnp.sum(outputs * weights_of_sum) + of_state

    _, gradient = value((cell, x))
    along_weights = jax.tree.map(
        lambda a, is_trained: rng.normal(size=np.shape(a)) * is_trained, cell, trainable(cell)
    )
    none, step = jax.tree.map(jnp.zeros_like, cell), 1e-6
    for direction in ((along_weights, 0 * x), (none, rng.normal(size=x.shape))):
        ahead, behind = (
            value(jax.tree.map(lambda a, d: a + sign * step * d, (cell, x), direction))[0]  # noqa: B023
            for sign in (1, -1)
        )
        slope = sum(jax.tree.leaves(jax.tree.map(lambda g, d: (g * d).sum(), gradient, direction)))
        np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-6)


def test_another_number_of_features_is_refused(kind):
    cell = made(kind)
    with pytest.raises(DataError, match=r"one time step, \(batch, 4\); got x of shape \(2, 5\)"):
        cell(jnp.ones((2, 5)), cell.zero_state(2))


def one_step(kind, **options):
    """WE-32: one unit, all weights 0.5, x = 1, h = 0.5, c = 0.25."""
    cell = kind.create(Weights("constant", parameters={"value": 0.5}), 1, 1, **options)
    if options.get("peepholes"):
        cell = eqx.tree_at(lambda c: c.weight_peephole, cell, replace_fn=lambda p: p + 0.5)
    state = jax.tree.map(lambda _: jnp.full((1, 1), 0.5), cell.zero_state(1))
    if isinstance(state, LSTMState):
        state = state._replace(c=jnp.full((1, 1), 0.25))
    return cell(jnp.ones((1, 1)), state)


REFERENCE = [
    (RNNCell, {}, None, 0.635149),
    (RNNCell, {"activation": "sigmoid"}, None, 0.679179),
    (LSTMCell, {"forget_bias": 0.0}, 0.601174, 0.365320),
    (LSTMCell, {"forget_bias": 1.0}, 0.644368, 0.385683),
    (PeepholeLSTMCell, {"peepholes": True, "forget_bias": 0.0}, 0.624725, 0.412005),
    (PeepholeLSTMCell, {"peepholes": True, "forget_bias": 1.0}, 0.665038, 0.434517),
    (PeepholeLSTMCell, {"peepholes": False, "forget_bias": 0.0}, 0.601174, 0.365320),
    (PeepholeLSTMCell, {"peepholes": False, "forget_bias": 1.0}, 0.644368, 0.385683),
    (CoupledLSTMCell, {"forget_bias": 0.0}, 0.373564, 0.242538),
    (CoupledLSTMCell, {"forget_bias": 1.0}, 0.307020, 0.202208),
    (GRUCell, {}, None, 0.527220),
    (UGRNNCell, {"forget_bias": 1.0}, None, 0.520008),
]


@pytest.mark.catalogue("WE-32", "RNN-11", "TFC-06", "TFC-33")
@pytest.mark.parametrize(("kind", "options", "c", "h"), REFERENCE)
def test_one_step_gives_the_reference_values(kind, options, c, h):
    output, state = one_step(kind, **options)
    assert float(output[0, 0]) == pytest.approx(h, abs=1e-6)
    if c is None:
        assert float(state[0, 0]) == float(output[0, 0])
    else:
        assert float(state.c[0, 0]) == pytest.approx(c, abs=1e-6)


def as_lstm(cell):
    """The plain LSTM with the weights of a cell whose gates are i, f, g, o."""
    return LSTMCell(cell.weight_input, cell.weight_recurrent, cell.bias)


def assert_same_run(cell, other, x, atol=1e-6):
    outputs, state = run(cell, x)
    expected, expected_state = run(other, x)
    np.testing.assert_allclose(outputs, expected, atol=atol)
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(expected_state), strict=True):
        np.testing.assert_allclose(np.reshape(a, b.shape), b, atol=atol)


@pytest.fixture
def sequences(rng):
    return rng.normal(size=(3, 5, WIDTH)).astype(np.float32)


@pytest.mark.catalogue("TFC-22")
def test_without_projection_and_with_fresh_peepholes_it_is_the_plain_lstm(sequences, rng):
    cell = made(PeepholeLSTMCell, peepholes=True)
    assert_same_run(cell, as_lstm(cell), sequences)
    assert_same_run(cell, made(LSTMCell), sequences)  # the same draws too: a paired comparison
    cell = shaken(made(PeepholeLSTMCell, peepholes=False), rng)
    assert_same_run(cell, as_lstm(cell), sequences)
    projected = made(PeepholeLSTMCell, n_projection=2)
    assert jax.eval_shape(unroll, projected, sequences)[0].shape == (3, 5, 2)


@pytest.mark.catalogue("RNN-20")
def test_clips_bound_memory_and_projection(sequences):
    # Large weights and inputs drive both far beyond their bounds.
    cell = PeepholeLSTMCell.create(
        Weights("small_normal", parameters={"std": 5.0}),
        WIDTH,
        WIDTH,
        cell_clip=0.25,
        n_projection=3,
        projection_clip=0.125,
    )
    outputs, state = run(cell, 10 * sequences)
    assert outputs.shape[-1] == state.h.shape[-1] == 3
    assert float(abs(state.c).max()) == 0.25
    assert float(abs(outputs).max()) == 0.125


def test_a_bound_of_no_projection_is_refused():
    for kind in (PeepholeLSTMCell, CoupledLSTMCell):
        with pytest.raises(RecipeError, match=r"projection_clip=0.5 bounds the projected output"):
            made(kind, projection_clip=0.5)


@pytest.mark.catalogue("TFC-24")
def test_layer_norm_lstm_without_norm_and_dropout_is_the_plain_lstm(sequences):
    cell = made(LayerNormLSTMCell, normalize=False)
    assert_same_run(cell, as_lstm(cell), sequences)
    cell = made(LayerNormLSTMCell, normalize=False, dropout=0.0)
    outputs, _ = run(cell, sequences, training=True, key=row_key(0, 0, jnp.arange(3)))
    np.testing.assert_allclose(outputs, run(as_lstm(cell), sequences)[0], atol=1e-6)


def test_layer_norm_makes_the_lstm_blind_to_the_scale_of_its_weights(sequences):
    # But for the recurrence, which starts at 0: so the first step alone.
    cell = made(LayerNormLSTMCell, epsilon=1e-12)
    large = LayerNormLSTMCell.create(
        Weights("xavier_normal", parameters={"gain": 100.0}), WIDTH, WIDTH, epsilon=1e-12
    )
    assert_same_run(cell, large, sequences[:, :1], atol=1e-4)


def test_recurrent_dropout_strikes_new_content_and_not_the_memory(sequences):
    cell = made(LayerNormLSTMCell, normalize=False, dropout=1.0, forget_bias=100.0)
    memory = jnp.full((3, WIDTH), 0.5)
    start = LSTMState(memory, memory)
    _, end = run(
        cell, sequences, initial_state=start, training=True, key=row_key(0, 0, jnp.arange(3))
    )
    np.testing.assert_allclose(end.c, memory)
    masks = run(
        made(LayerNormLSTMCell, normalize=False, dropout=0.5),
        np.ones((1, 8, WIDTH), np.float32),
        training=True,
        key=row_key(0, 0, jnp.arange(1)),
    )[0]
    assert len(np.unique(np.diff(masks[0, :, 0]).round(5))) > 2  # each step has its own mask


def test_coupled_memory_stays_within_one(sequences):
    cell = CoupledLSTMCell.create(Weights("small_normal", parameters={"std": 5.0}), WIDTH, WIDTH)
    _, state = run(cell, 10 * sequences)
    assert float(abs(state.c).max()) <= 1


def test_coupled_lstm_has_a_quarter_fewer_parameters_than_the_lstm():
    assert n_parameters(made(CoupledLSTMCell)) == 0.75 * n_parameters(made(LSTMCell))


@pytest.mark.catalogue("TFC-12")
def test_one_group_is_the_lstm_and_k_groups_have_its_kth_part_of_weights(sequences):
    cell = made(GroupedLSTMCell, n_groups=1)
    plain = LSTMCell(cell.weight_input[0], cell.weight_recurrent[0], np.ravel(cell.bias))
    assert_same_run(cell, plain, sequences)
    sizes = [
        n_parameters(GroupedLSTMCell.create(Weights(), 64, 64, n_groups=k)) - 4 * 64 for k in (1, 4)
    ]
    assert sizes[0] == 4 * sizes[1]


def test_groups_do_not_see_each_other(sequences):
    cell = made(GroupedLSTMCell, n_groups=2)
    changed = sequences + np.array([0, 0, 1, 1], np.float32)
    before, after = run(cell, sequences)[0], run(cell, changed)[0]
    np.testing.assert_array_equal(before[..., :2], after[..., :2])
    assert (before[..., 2:] != after[..., 2:]).all()


@pytest.mark.parametrize(
    ("widths", "message"),
    [((5, 4), "n_groups=2 for n_inputs=5"), ((4, 5), "n_groups=2 for n_units=5")],
)
def test_groups_must_divide_the_widths(widths, message):
    with pytest.raises(RecipeError, match=message):
        GroupedLSTMCell.create(Weights(), *widths, n_groups=2)


def clock(rng, *, period, shift, ratio=0.1, leak=0.0):
    """A phased LSTM whose units all have the same clock, and the plain LSTM inside it."""
    cell = shaken(made(PhasedLSTMCell, time="column", leak=leak), rng)
    of_clock = [np.full(WIDTH, value, np.float32) for value in (period, shift, ratio)]
    cell = eqx.tree_at(lambda c: (c.period, c.shift, c.ratio), cell, of_clock)
    return cell, as_lstm(cell)


@pytest.mark.catalogue("TFC-28")
def test_a_closed_gate_holds_everything_and_an_open_one_is_an_lstm_step(rng):
    cell, plain = clock(rng, period=10.0, shift=2.0, ratio=0.2)
    state = shaken(cell.zero_state(3), rng)
    x = rng.normal(size=(3, WIDTH)).astype(np.float32)
    x[:, 0] = 7.0  # phase 0.5: shut
    output, new = cell(x, state)
    np.testing.assert_array_equal(output, state.cell.h)
    np.testing.assert_array_equal(new.cell.c, state.cell.c)
    x[:, 0] = 13.0  # phase 0.1, half the ratio: wide open
    output, new = cell(x, state)
    expected, expected_state = plain(x[:, 1:], LSTMState(*state.cell))
    np.testing.assert_allclose(output, expected, atol=1e-5)
    np.testing.assert_allclose(new.cell.c, expected_state.c, atol=1e-5)


def test_the_time_gate_rises_falls_and_leaks(rng):
    cell, _ = clock(rng, period=10.0, shift=2.0, ratio=0.2, leak=0.01)
    times = np.array([2.0, 2.5, 3.0, 3.5, 4.0, 7.0, 12.5, -7.5], np.float32)[:, None]
    expected = [0, 0.5, 1, 0.5, 0.002, 0.005, 0.5, 0.5]
    np.testing.assert_allclose(cell.openness(times)[:, 0], expected, atol=1e-6)


def test_a_float64_time_stamp_reaches_a_float32_cell_unrounded(rng, float64):
    # Seconds since 1970 to the millisecond: float32 knows them to 128 s.
    cell, _ = clock(rng, period=1.0, shift=0.0, ratio=1.0)
    stamp = np.array([[1_700_000_000.25]])
    assert float(cell.openness(stamp)[0, 0]) == pytest.approx(0.5)
    assert float(cell.openness(stamp.astype(np.float32))[0, 0]) == pytest.approx(0.0)
    x = np.concatenate([stamp, np.ones((1, WIDTH - 1))], axis=1)
    outputs, _ = run(cell, x[:, None])
    assert outputs.dtype == np.float32


def test_counted_steps_are_the_time_0_1_2(sequences):
    counted = made(PhasedLSTMCell, time="steps")
    clocked = PhasedLSTMCell.create(Weights("xavier_normal"), WIDTH + 1, WIDTH, time="column")
    steps = np.broadcast_to(np.arange(5, dtype=np.float32)[None, :, None], (3, 5, 1))
    with_time = np.concatenate([steps, sequences], axis=2)
    np.testing.assert_allclose(run(counted, sequences)[0], run(clocked, with_time)[0], atol=1e-6)


def test_periods_are_spread_evenly_over_their_orders_of_magnitude():
    cell = PhasedLSTMCell.create(Weights(), 1, 1000)
    shares = np.histogram(np.log10(cell.period), bins=[0, 1, 2, 3])[0] / 1000
    four_deviations = 4 * (1 / 3 * 2 / 3 / 1000) ** 0.5
    np.testing.assert_allclose(shares, 1 / 3, atol=four_deviations)
    assert ((cell.shift >= 0) & (cell.shift < cell.period)).all()
    # Mean of 1000 numbers uniform in (0, 1), deviation 1 / √12 each.
    assert float(np.mean(cell.shift / cell.period)) == pytest.approx(0.5, abs=4 / 12_000**0.5)


def test_a_fixed_ratio_is_not_trained():
    free, fixed = (made(PhasedLSTMCell, trainable_ratio=t) for t in (True, False))
    assert n_parameters(free) == n_parameters(fixed) + WIDTH


def test_a_time_without_features_is_refused():
    with pytest.raises(RecipeError, match=r"the time and at least one feature; got n_inputs=1"):
        PhasedLSTMCell.create(Weights(), 1, 4, time="column")
    with pytest.raises(RecipeError, match=r"got 5.0 and 1.0. Swap them"):
        PhasedLSTMCell.create(Weights(), 1, 4, shortest_period=5.0, longest_period=1.0)


@pytest.mark.catalogue("TFC-31")
@pytest.mark.parametrize(
    ("n_inputs", "feature_size", "skip"), [(40, 8, 2), (40, 8, 3), (7, 7, 1), (7, 1, 7), (5, 2, 2)]
)
def test_slices_are_as_many_as_fit(n_inputs, feature_size, skip):
    options = {"feature_size": feature_size, "frequency_skip": skip}
    cell = TimeFrequencyLSTMCell.create(Weights(), n_inputs, 2, **options)
    assert cell.n_slices == (n_inputs - feature_size) // skip + 1
    output, state = jax.eval_shape(cell, jnp.ones((1, n_inputs)), cell.zero_state(1))
    assert output.shape == (1, 2 * cell.n_slices)
    assert state.c.shape == (1, cell.n_slices, 2)


def test_one_slice_is_the_lstm(sequences):
    cell = made(TimeFrequencyLSTMCell, feature_size=WIDTH)
    assert_same_run(cell, as_lstm(cell), sequences)


@pytest.mark.parametrize("kind", [TimeFrequencyLSTMCell, GridLSTMCell])
def test_slices_wider_than_the_features_are_refused(kind):
    with pytest.raises(RecipeError, match=r"feature_size=5 features.*do not fit into 4 features"):
        made(kind, feature_size=5)


@pytest.mark.catalogue("TFC-15")
@pytest.mark.parametrize("share_weights", [False, True])
def test_the_grid_gives_two_outputs_a_slice(share_weights):
    cell = GridLSTMCell.create(
        Weights(), 9, 3, feature_size=3, frequency_skip=2, share_weights=share_weights
    )
    output, _ = jax.eval_shape(cell, jnp.ones((2, 9)), cell.zero_state(2))
    assert output.shape == (2, 2 * 3 * 4)


def test_the_time_lstm_of_one_slice_is_the_lstm(sequences):
    cell = made(GridLSTMCell, feature_size=WIDTH)
    weights = (cell.weight_input[1, 0], cell.weight_recurrent[1, 0], cell.bias[1, 0])
    outputs, _ = run(cell, sequences)
    expected, _ = run(LSTMCell(*weights), sequences)
    np.testing.assert_allclose(outputs[..., :WIDTH], expected, atol=1e-6)


def test_a_band_outside_the_features_is_refused():
    with pytest.raises(RecipeError, match=r"within the 4 features.*got \(2, 6\)"):
        made(GridLSTMCell, bands=((0, 2), (2, 6)))


@pytest.mark.catalogue("TFC-04")
def test_mirrored_spectra_swap_the_halves_of_the_bidirectional_grid(sequences, rng):
    one_way = shaken(made(GridLSTMCell), rng)
    both = BidirectionalGridLSTMCell(one_way, one_way)
    assert both.n_units == 2 * one_way.n_units
    outputs, _ = run(both, sequences)
    mirrored, _ = run(both, sequences[..., ::-1])
    half = one_way.n_units
    np.testing.assert_allclose(mirrored[..., :half], outputs[..., half:], atol=1e-6)
    np.testing.assert_allclose(mirrored[..., half:], outputs[..., :half], atol=1e-6)


def test_both_directions_start_from_different_weights():
    both = made(BidirectionalGridLSTMCell)
    assert (both.up.weight_input != both.down.weight_input).all()


def test_the_intersection_passes_input_and_state_through_open_gates(sequences):
    cell = made(IntersectionRNNCell, forget_bias=100.0)
    outputs, state = run(cell, sequences)
    np.testing.assert_allclose(outputs, sequences, atol=1e-6)
    assert not state.any()


def test_an_open_gate_of_the_ugrnn_keeps_the_state(sequences):
    start = jnp.full((3, WIDTH), 0.7)
    _, state = run(made(UGRNNCell, forget_bias=100.0), sequences, initial_state=start)
    np.testing.assert_allclose(state, start)
