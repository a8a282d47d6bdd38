"""Every cell of the zoo, step by step, against its published equations written out in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.nn.recurrent import unroll
from gradlab.nn.recurrent.zoo import (
    BidirectionalGridLSTMCell,
    CoupledLSTMCell,
    GridLSTMCell,
    GroupedLSTMCell,
    IntersectionRNNCell,
    LayerNormLSTMCell,
    NASCell,
    PeepholeLSTMCell,
    PhasedLSTMCell,
    TimeFrequencyLSTMCell,
    UGRNNCell,
)
from gradlab.nn.weights import Weights

pytestmark = pytest.mark.usefixtures("float64")

N_STEPS, BATCH, N_INPUTS, N_UNITS = 4, 3, 6, 4


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def clip(x, bound):
    return x if bound is None else np.minimum(np.maximum(x, -bound), bound)


def columns(x, k, n=N_UNITS):
    return x[..., k * n : (k + 1) * n]


def made(kind, rng, **options):
    """Make a cell in float64 and give random numbers to all that starts at 0 or 1."""
    cell = kind.create(Weights("xavier_normal", dtype=np.float64), N_INPUTS, N_UNITS, **options)
    return jax.tree.map(lambda a: a + 0.3 * rng.normal(size=a.shape) if a.ndim else a, cell)


def assert_follows(cell, reference, rng, *, inputs=None, atol=1e-12):
    """Compare `unroll` with a loop over a reference step, from a random state."""
    if inputs is None:
        inputs = rng.normal(size=(BATCH, N_STEPS, N_INPUTS))
    start = jax.tree.map(lambda a: rng.normal(size=a.shape), cell.zero_state(BATCH, jnp.float64))
    outputs, end = jax.jit(unroll)(cell, inputs, initial_state=start)
    state, expected = start, []
    for t in range(N_STEPS):
        y, state = reference(inputs[:, t], state)
        expected.append(y)
    np.testing.assert_allclose(outputs, np.stack(expected, axis=1), atol=atol)
    for a, b in zip(jax.tree.leaves(end), jax.tree.leaves(state), strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


def lstm_step(cell, x, c, h, *, n=N_UNITS, peephole=None, cell_clip=None):
    """The LSTM with optional diagonal peepholes (Gers et al. 2002), gate by gate."""
    z = x @ np.asarray(cell.weight_input) + h @ np.asarray(cell.weight_recurrent)
    z = z + np.asarray(cell.bias)
    p = np.zeros((3, n)) if peephole is None else np.asarray(peephole)
    i = sigmoid(columns(z, 0, n) + p[0] * c)
    f = sigmoid(columns(z, 1, n) + p[1] * c)
    c = clip(f * c + i * np.tanh(columns(z, 2, n)), cell_clip)
    o = sigmoid(columns(z, 3, n) + p[2] * c)
    return c, o * np.tanh(c)


@pytest.mark.parametrize(
    ("peepholes", "n_projection", "cell_clip"),
    [(False, None, None), (True, None, 0.3), (True, 2, None), (False, 2, 0.3)],
)
def test_peephole_lstm(peepholes, n_projection, cell_clip, rng):
    projection_clip = None if n_projection is None else 0.2
    cell = made(
        PeepholeLSTMCell,
        rng,
        peepholes=peepholes,
        n_projection=n_projection,
        cell_clip=cell_clip,
        projection_clip=projection_clip,
    )

    def reference(x, state):
        c, h = lstm_step(cell, x, *state, peephole=cell.weight_peephole, cell_clip=cell_clip)
        if n_projection is not None:
            h = clip(h @ np.asarray(cell.weight_projection), projection_clip)
        return h, (c, h)

    assert_follows(cell, reference, rng)


def layer_norm(z, scale, shift, epsilon):
    mean = z.mean(axis=1, keepdims=True)
    variance = ((z - mean) ** 2).mean(axis=1, keepdims=True)
    return (z - mean) / np.sqrt(variance + epsilon) * scale + shift


def test_layer_norm_lstm(rng):
    cell = made(LayerNormLSTMCell, rng, epsilon=1e-3)

    def reference(x, state):
        c, h = state
        z = x @ np.asarray(cell.weight_input) + h @ np.asarray(cell.weight_recurrent)
        i, f, g, o = (
            layer_norm(columns(z, k), columns(cell.scale, k), columns(cell.bias, k), 1e-3)
            for k in range(4)
        )
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        c = layer_norm(c, np.asarray(cell.scale_memory), np.asarray(cell.shift_memory), 1e-3)
        h = sigmoid(o) * np.tanh(c)
        return h, (c, h)

    # The variance is E[c²] − E[c]² in one pass, a few more roundings than in two.
    assert_follows(cell, reference, rng, atol=1e-10)


@pytest.mark.parametrize(
    ("peepholes", "n_projection", "normalize"),
    [(False, None, False), (True, None, True), (True, 2, False), (False, 2, True)],
)
def test_coupled_lstm(peepholes, n_projection, normalize, rng):
    projection_clip = None if n_projection is None else 0.2
    cell = made(
        CoupledLSTMCell,
        rng,
        peepholes=peepholes,
        n_projection=n_projection,
        projection_clip=projection_clip,
        normalize=normalize,
    )

    def reference(x, state):
        c, h = state
        z = x @ np.asarray(cell.weight_input) + h @ np.asarray(cell.weight_recurrent)
        if normalize:
            f, g, o = (
                layer_norm(columns(z, k), columns(cell.scale, k), columns(cell.bias, k), 1e-5)
                for k in range(3)
            )
        else:
            f, g, o = (columns(z + np.asarray(cell.bias), k) for k in range(3))
        p = np.asarray(cell.weight_peephole) if peepholes else np.zeros((2, N_UNITS))
        f = sigmoid(f + p[0] * c)
        c = f * c + (1 - f) * np.tanh(g)
        if normalize:
            c = layer_norm(c, np.asarray(cell.scale_memory), np.asarray(cell.shift_memory), 1e-5)
        h = sigmoid(o + p[1] * c) * np.tanh(c)
        if n_projection is not None:
            h = clip(h @ np.asarray(cell.weight_projection), projection_clip)
        return h, (c, h)

    assert_follows(cell, reference, rng, atol=1e-9)


def test_ugrnn(rng):
    cell = made(UGRNNCell, rng)

    def reference(x, s):
        z = x @ np.asarray(cell.weight_input) + s @ np.asarray(cell.weight_recurrent)
        z = z + np.asarray(cell.bias)
        g = sigmoid(columns(z, 0))
        s = g * s + (1 - g) * np.tanh(columns(z, 1))
        return s, s

    assert_follows(cell, reference, rng)


@pytest.mark.catalogue("TFC-18")
def test_intersection_rnn(rng):
    cell = made(IntersectionRNNCell, rng, project_inputs=True)

    def reference(x, s):
        x = x @ np.asarray(cell.weight_projection) + np.asarray(cell.bias_projection)
        z = x @ np.asarray(cell.weight_input) + s @ np.asarray(cell.weight_recurrent)
        z = z + np.asarray(cell.bias)
        g_state, g_y = sigmoid(columns(z, 0)), sigmoid(columns(z, 2))
        y = g_y * x + (1 - g_y) * np.maximum(columns(z, 3), 0)
        return y, g_state * s + (1 - g_state) * np.tanh(columns(z, 1))

    assert_follows(cell, reference, rng)
    with pytest.raises(ValueError, match=r"got n_inputs=6 and n_units=4. Set project_inputs=True"):
        IntersectionRNNCell.create(Weights(), N_INPUTS, N_UNITS)


@pytest.mark.catalogue("TFC-26")
@pytest.mark.parametrize(("bias", "n_projection"), [(False, None), (True, 2)])
def test_nas(bias, n_projection, rng):
    cell = made(NASCell, rng, bias=bias, n_projection=n_projection)

    def reference(x, state):
        c, m = state
        u, v = x @ np.asarray(cell.weight_input), m @ np.asarray(cell.weight_recurrent)
        if bias:
            v = v + np.asarray(cell.bias)
        a = [columns(u + v, k) for k in range(8)]
        a[0], a[2], a[5], a[7] = (sigmoid(a[k]) for k in (0, 2, 5, 7))
        a[1] = np.maximum(a[1], 0)
        a[3] = np.maximum(columns(u * v, 3), 0)
        a[4], a[6] = np.tanh(a[4]), np.tanh(a[6])
        l0 = np.tanh(np.tanh(a[0] * a[1]) + c)
        l1, l2, l3 = np.tanh(a[2] + a[3]), np.tanh(a[4] * a[5]), sigmoid(a[6] + a[7])
        c = l0 * l1
        m = np.tanh(c * np.tanh(l2 + l3))
        if n_projection is not None:
            m = m @ np.asarray(cell.weight_projection)
        return m, (c, m)

    assert_follows(cell, reference, rng)
    assert NASCell.create(Weights(), N_INPUTS, N_UNITS).bias is None


def openness(t, period, shift, ratio, leak):
    """The time gate of Neil et al. 2016, eq. 6, one number at a time."""
    phase = ((t - shift) % period) / period
    if phase < ratio / 2:
        return 2 * phase / ratio
    if phase < ratio:
        return 2 - 2 * phase / ratio
    return leak * phase


@pytest.mark.parametrize(("time", "peepholes"), [("column", True), ("steps", False)])
def test_phased_lstm(time, peepholes, rng):
    cell = PhasedLSTMCell.create(
        Weights("xavier_normal", dtype=np.float64),
        N_INPUTS,
        N_UNITS,
        time=time,
        peepholes=peepholes,
        ratio=0.6,
        leak=0.01,
        longest_period=10.0,
    )
    inputs = rng.normal(size=(BATCH, N_STEPS, N_INPUTS))
    if time == "column":
        inputs[:, :, 0] = np.cumsum(rng.exponential(3.0, size=(BATCH, N_STEPS)), axis=1)

    def reference(x, state):
        (c_old, h_old), steps = state
        clock = x[:, 0] if time == "column" else np.asarray(steps)[:, 0]
        x = x[:, 1:] if time == "column" else x
        c, h = lstm_step(cell, x, c_old, h_old, peephole=cell.weight_peephole)
        clocks = zip(cell.period, cell.shift, cell.ratio, strict=True)
        k = np.array([[openness(t, *unit, 0.01) for t in clock] for unit in clocks]).T
        c, h = k * c + (1 - k) * c_old, k * h + (1 - k) * h_old
        return h, ((c, h), None if time == "column" else np.asarray(steps) + 1)

    assert_follows(cell, reference, rng, inputs=inputs)


@pytest.mark.parametrize("n_projection", [None, 2])
def test_grouped_lstm(n_projection, rng):
    cell = made(GroupedLSTMCell, rng, n_groups=2, n_projection=n_projection)

    def reference(x, state):
        c, h = state
        new_c, new_h = [], []
        for m in range(2):
            x_m, c_m = columns(x, m, N_INPUTS // 2), columns(c, m, N_UNITS // 2)
            h_m = columns(h, m, h.shape[1] // 2)
            z = x_m @ np.asarray(cell.weight_input[m]) + h_m @ np.asarray(cell.weight_recurrent[m])
            i, f, g, o = (
                columns(z, k, 2) + columns(np.asarray(cell.bias)[k], m, 2) for k in range(4)
            )
            c_m = sigmoid(f) * c_m + sigmoid(i) * np.tanh(g)
            new_c.append(c_m)
            new_h.append(sigmoid(o) * np.tanh(c_m))
        h = np.concatenate(new_h, axis=1)
        if n_projection is not None:
            h = h @ np.asarray(cell.weight_projection)
        return h, (np.concatenate(new_c, axis=1), h)

    assert_follows(cell, reference, rng)


@pytest.mark.parametrize(("peepholes", "cell_clip"), [(False, None), (True, 0.3)])
def test_time_frequency_lstm(peepholes, cell_clip, rng):
    cell = made(
        TimeFrequencyLSTMCell,
        rng,
        feature_size=3,
        frequency_skip=2,
        peepholes=peepholes,
        cell_clip=cell_clip,
    )
    assert cell.n_slices == 2

    def reference(x, state):
        c, h = (np.array(a) for a in state)
        below = np.zeros((BATCH, N_UNITS))
        for k in range(2):
            joined = np.concatenate([x[:, 2 * k : 2 * k + 3], h[:, k], below], axis=1)
            weight = np.concatenate(
                [cell.weight_input, cell.weight_recurrent, cell.weight_frequency]
            )
            z = joined @ weight + np.asarray(cell.bias)
            p = np.asarray(cell.weight_peephole) if peepholes else np.zeros((3, N_UNITS))
            i, f = sigmoid(columns(z, 0) + p[0] * c[:, k]), sigmoid(columns(z, 1) + p[1] * c[:, k])
            c[:, k] = clip(f * c[:, k] + i * np.tanh(columns(z, 2)), cell_clip)
            h[:, k] = sigmoid(columns(z, 3) + p[2] * c[:, k]) * np.tanh(c[:, k])
            below = h[:, k]
        return h.reshape(BATCH, -1), (c, h)

    assert_follows(cell, reference, rng)


def grid_step(cell, x, state, *, slices, peepholes, coupled, shared, cell_clip):
    """One time step of the grid; `slices` says (band, first column) in the order of the climb."""
    c, h = (np.array(a) for a in state)
    outputs, band_before = [], None
    for k, (band, first) in enumerate(slices):
        if band != band_before:
            c_freq = h_freq = np.zeros((BATCH, N_UNITS))
        band_before = band
        joined = np.concatenate([x[:, first : first + 2], h[:, k], h_freq], axis=1)
        of_gates, new_c = [], []
        for lstm, memory in ((0, c_freq), (1, c[:, k])):
            own = 0 if shared else lstm
            weight = np.concatenate(
                [a[own, band] for a in (cell.weight_input, cell.weight_recurrent)]
                + [cell.weight_frequency[own, band]]
            )
            z = joined @ weight + np.asarray(cell.bias)[own, band]
            if peepholes:
                p, q = np.asarray(cell.weight_peephole)[own, band]
            else:
                p = q = np.zeros((3, N_UNITS))
            i = sigmoid(columns(z, 0) + p[0] * c_freq + q[0] * c[:, k])
            if coupled:
                f, g, o = 1 - i, columns(z, 1), columns(z, 2)
            else:
                f = sigmoid(columns(z, 1) + p[1] * c_freq + q[1] * c[:, k])
                g, o = columns(z, 2), columns(z, 3)
            new_c.append(clip(f * memory + i * np.tanh(g), cell_clip))
            of_gates.append((o, p[-1], q[-1]))
        c_freq, c[:, k] = new_c
        h_freq, h[:, k] = (
            sigmoid(o + p * c_freq + q * c[:, k]) * np.tanh(memory)
            for (o, p, q), memory in zip(of_gates, (c_freq, c[:, k]), strict=True)
        )
        outputs += [h[:, k].copy(), h_freq]
    return np.concatenate(outputs, axis=1), (c, h)


GRIDS = [
    {"peepholes": False, "coupled": False, "share_weights": False, "cell_clip": None},
    {"peepholes": True, "coupled": False, "share_weights": False, "cell_clip": 0.3},
    {"peepholes": True, "coupled": True, "share_weights": False, "cell_clip": None},
    {"peepholes": True, "coupled": False, "share_weights": True, "cell_clip": None},
    {"peepholes": False, "coupled": True, "share_weights": True, "cell_clip": 0.3},
]


def reference_options(options):
    return {"shared" if name == "share_weights" else name: value for name, value in options.items()}


@pytest.mark.parametrize("options", GRIDS)
def test_grid_lstm(options, rng):
    # Two bands of slices of 2 features, one feature apart.
    cell = made(GridLSTMCell, rng, feature_size=2, bands=((0, 4), (3, 6)), **options)
    slices = [(0, 0), (0, 1), (0, 2), (1, 3), (1, 4)]
    assert cell.n_slices == len(slices)

    def reference(x, state):
        return grid_step(cell, x, state, slices=slices, **reference_options(options))

    assert_follows(cell, reference, rng)


@pytest.mark.parametrize(("options", "offset"), [(GRIDS[0], 1), (GRIDS[1], -1)])
def test_bidirectional_grid_lstm(options, offset, rng):
    cell = made(
        BidirectionalGridLSTMCell,
        rng,
        feature_size=2,
        frequency_skip=2,
        down_offset=offset,
        **options,
    )
    up, down = [(0, 0), (0, 2), (0, 4)], [(0, 4), (0, 2), (0, 0)]

    def reference(x, state):
        given = reference_options(options)
        rising, s_up = grid_step(cell.up, x, state[0], slices=up, **given)
        shifted = np.zeros_like(x)
        for j in range(N_INPUTS):
            if 0 <= j + offset < N_INPUTS:
                shifted[:, j] = x[:, j + offset]
        falling, s_down = grid_step(cell.down, shifted, state[1], slices=down, **given)
        return np.concatenate([rising, falling], axis=1), (s_up, s_down)

    assert_follows(cell, reference, rng)
