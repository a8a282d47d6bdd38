import json
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from safetensors import safe_open

from gradlab.errors import RecipeError
from gradlab.nn import n_parameters, row_key
from gradlab.nn.convolution import Conv2D
from gradlab.nn.padded import Padded
from gradlab.nn.pooling import (
    POOLINGS,
    AveragePool1D,
    AveragePool2D,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool1D,
    MaxPool2D,
    StochasticPool2D,
)

with safe_open(
    Path(__file__).parents[1] / "oracles" / "convolution.safetensors", framework="numpy"
) as file:
    ORACLE = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    SETTINGS = json.loads(file.metadata()["settings"])

WORKED = np.array([[4, 3, 4], [2, 4, 3], [2, 3, 4]], float)[None, :, :, None]  # WE-22's map
WINDOW = np.array([[1, 2], [3, 4]], float)[None, :, :, None]


def shared(*shape):
    return jnp.asarray(ORACLE["numbers"][: math.prod(shape)].reshape(shape))


def pooled(layer, x, **options):
    return np.asarray(layer(x, (), **options)[0])


@pytest.mark.catalogue("CNN-08")
@pytest.mark.parametrize("name", list(POOLINGS))
def test_pooling_halves_the_shape_and_has_no_parameters(name):
    layer = POOLINGS[name](2)
    assert layer.output_shape((28, 28, 16)) == (14, 14, 16)
    assert pooled(layer, np.ones((2, 28, 28, 16), np.float32)).shape == (2, 14, 14, 16)
    assert n_parameters(layer) == 0


@pytest.mark.catalogue("CNN-09")
def test_max_pooling_of_the_worked_map_and_its_gradient(float64):
    layer = MaxPool2D(2, stride=1)
    y, pull = jax.vjp(lambda x: layer(x, ())[0], jnp.asarray(WORKED))
    np.testing.assert_array_equal(y[0, :, :, 0], [[4, 4], [4, 4]])
    # Windows: (4 3 / 2 4), (3 4 / 4 3), (2 4 / 2 3), (4 3 / 3 4); the first of equal maxima wins.
    gradient = pull(jnp.array([[1.0, 10], [100, 1000]]).reshape(1, 2, 2, 1))[0]
    np.testing.assert_array_equal(gradient[0, :, :, 0], [[1, 0, 10], [0, 1100, 0], [0, 0, 0]])


@pytest.mark.catalogue("CNN-10")
def test_average_pooling_of_the_worked_map_and_its_gradient(float64):
    layer = AveragePool2D(2, stride=1)
    y, pull = jax.vjp(lambda x: layer(x, ())[0], jnp.asarray(WORKED))
    np.testing.assert_array_equal(y[0, :, :, 0], [[3.25, 3.5], [2.75, 3.5]])
    gradient = pull(jnp.ones((1, 2, 2, 1)))[0]
    expected = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
    np.testing.assert_array_equal(gradient[0, :, :, 0], expected)


@pytest.mark.catalogue("WE-27")
def test_every_pooling_of_the_worked_windows(float64):
    second = np.array([[4, 3], [2, 4]], float)[None, :, :, None]
    for window, expected in ((WINDOW, (4, 2.5, 3.0)), (second, (4, 3.25, 45 / 13))):
        for (name, kind), value in zip(POOLINGS.items(), expected, strict=True):
            assert pooled(kind(2), window).item() == pytest.approx(value), name
    for window in (WINDOW, second):
        slope = jax.grad(lambda x: StochasticPool2D(2)(x, ())[0].sum())(jnp.asarray(window))
        mean = pooled(StochasticPool2D(2), window).item()
        # d/da_i Σ a² / Σ a = (2 a_i − mean) / Σ a, so p_i = (slope + mean / Σ a) / 2.
        got = (np.asarray(slope).ravel() + mean / window.sum()) / 2
        np.testing.assert_allclose(got, window.ravel() / window.sum(), rtol=1e-10)


@pytest.mark.parametrize("name", [n for n in SETTINGS if n.startswith(("max.", "average."))])
def test_pooling_equals_pytorch(name, float64):
    kind = {"max": MaxPool2D, "average": AveragePool2D}[name.split(".")[0]]
    options = dict(SETTINGS[name])
    layer = kind(options.pop("window"), **options)
    x = shared(2, 7, 6, 2)
    y, pull = jax.vjp(jax.jit(lambda v: layer(v, ())[0]), x)
    assert layer.output_shape((7, 6, 2)) == y.shape[1:]
    np.testing.assert_allclose(y, ORACLE[f"{name}.y"], rtol=1e-12)
    np.testing.assert_allclose(
        pull(shared(*y.shape))[0], ORACLE[f"{name}.x.grad"], rtol=1e-12, atol=1e-14
    )
    check_grads(jax.jit(lambda v: layer(v, ())[0]), (x,), order=1, modes=["rev"], rtol=1e-6)


def test_a_tie_gives_the_gradient_to_the_first_wherever_windows_overlap(float64):
    layer = MaxPool2D(3, stride=2, padding=1)
    x = jnp.zeros((1, 5, 5, 1))
    gradient = jax.grad(lambda v: layer(v, ())[0].sum())(x)[0, :, :, 0]
    expected = np.zeros((5, 5))
    expected[np.ix_([0, 1, 3], [0, 1, 3])] = 1  # the first real pixel of each of 3 x 3 windows
    np.testing.assert_array_equal(gradient, expected)


# Stochastic pooling


def draws(x, n, layer=None):
    """Outputs of n rows that all hold the image x."""
    key = row_key(seed=0, step=0, rows=jnp.arange(n))
    layer = StochasticPool2D(2) if layer is None else layer
    batch = jnp.broadcast_to(jnp.asarray(x, jnp.float32), (n, *x.shape[1:]))
    return np.asarray(layer(batch, (), key=key, training=True)[0])


@pytest.mark.catalogue("CNN-11")
def test_stochastic_pooling_draws_by_share():
    n = 20_000
    for window, shares in (([4.0, 3, 2, 5], (4, 3, 2, 5)), ([0.0, 1, 0, 3], (0, 1, 0, 3))):
        drawn = draws(np.reshape(window, (1, 2, 2, 1)), n).ravel()
        assert set(drawn) <= {a for a in window if a > 0}
        for a, weight in zip(window, shares, strict=True):
            p = weight / sum(shares)
            assert abs(np.mean(drawn == a) - p) * (a > 0) <= 4 * math.sqrt(p * (1 - p) / n)
        expected = sum(a * a for a in window) / sum(window)
        assert pooled(StochasticPool2D(2), np.reshape(window, (1, 2, 2, 1))).item() == (
            pytest.approx(expected)
        )
        assert drawn.mean() == pytest.approx(expected, abs=0.1)


def test_stochastic_pooling_of_an_empty_window_is_zero_with_a_finite_gradient():
    x = jnp.zeros((1, 2, 2, 1))
    np.testing.assert_array_equal(draws(x, 50), 0)
    value, slope = jax.value_and_grad(lambda v: StochasticPool2D(2)(v, ())[0].sum())(x)
    assert value == 0
    assert np.all(np.isfinite(slope))


def test_only_the_drawn_number_gets_a_gradient():
    x = jnp.asarray(np.random.default_rng(0).uniform(1, 2, size=(8, 4, 4, 3)), jnp.float32)
    key = row_key(seed=1, step=2, rows=jnp.arange(8))
    y, pull = jax.vjp(lambda v: StochasticPool2D(2)(v, (), key=key, training=True)[0], x)
    gradient = np.asarray(pull(jnp.ones_like(y))[0])
    np.testing.assert_array_equal(pooled(MaxPool2D(2), jnp.where(gradient == 1, x, 0)), y)
    np.testing.assert_array_equal(pooled(AveragePool2D(2), gradient), 0.25)


def test_draws_belong_to_the_row_and_not_to_its_place():
    x = jnp.asarray(np.random.default_rng(0).uniform(size=(6, 4, 4, 2)), jnp.float32)
    order = np.array([3, 0, 5, 1, 4, 2])

    def drawn(rows):
        key = row_key(seed=0, step=7, rows=jnp.asarray(rows))
        return StochasticPool2D(2)(x[rows], (), key=key, training=True)[0]

    np.testing.assert_array_equal(drawn(order), drawn(np.arange(6))[order])


def test_stochastic_pooling_needs_a_key_to_draw():
    with pytest.raises(RecipeError, match=r"StochasticPool2D draws .* got key=None"):
        StochasticPool2D(2)(jnp.ones((1, 2, 2, 1)), (), training=True)


# Robustness, global pooling, sequences, errors


@pytest.mark.catalogue("CNN-17")
def test_pooled_features_change_less_under_a_shift(rng):
    x = rng.uniform(size=(16, 17, 17, 1)).astype(np.float32)
    convolution = Conv2D(rng.normal(size=(3, 3, 1, 8)).astype(np.float32), padding="same")
    here, there = (pooled(convolution, x[:, :, i : i + 16]) for i in (0, 1))

    def difference(a, b):
        return np.linalg.norm(a - b) / np.linalg.norm(a)

    plain = difference(here, there)
    for window in (2, 4):
        for kind in (MaxPool2D, AveragePool2D):
            assert difference(pooled(kind(window), here), pooled(kind(window), there)) < plain


def test_global_pooling_gives_one_number_a_channel(float64, rng):
    x = rng.normal(size=(3, 4, 5, 2))
    np.testing.assert_allclose(pooled(GlobalAveragePool(), x), x.mean(axis=(1, 2)))
    np.testing.assert_array_equal(pooled(GlobalMaxPool(), x), x.max(axis=(1, 2)))
    assert GlobalMaxPool().output_shape((4, 5, 2)) == (2,)
    tie = jnp.ones((1, 2, 2, 1))
    gradient = jax.grad(lambda v: GlobalMaxPool()(v, ())[0].sum())(tie)
    np.testing.assert_array_equal(gradient.ravel(), [1, 0, 0, 0])


@pytest.mark.parametrize("kind", [GlobalAveragePool, GlobalMaxPool])
def test_global_pooling_sees_real_steps_alone(kind, rng):
    values = rng.normal(size=(3, 6, 2)).astype(np.float32)
    lengths = np.array([6, 2, 0], np.int32)
    y, _ = kind()(Padded(values, lengths), ())
    for i in (0, 1):
        np.testing.assert_allclose(y[i], pooled(kind(), values[i : i + 1, : lengths[i]])[0])
    np.testing.assert_array_equal(y[2], 0)


@pytest.mark.parametrize("kind", [MaxPool1D, AveragePool1D])
@pytest.mark.parametrize("options", [{}, {"padding": "same"}, {"stride": 1}])
def test_pooling_of_sequences_sees_real_steps_alone(kind, options, rng):
    values = rng.normal(size=(2, 8, 3)).astype(np.float32)
    lengths = np.array([8, 5], np.int32)
    together, _ = kind(2, **options)(Padded(values, lengths), ())
    for i, n in enumerate(lengths):
        alone = pooled(kind(2, **options), values[i : i + 1, :n])
        assert together.lengths[i] == alone.shape[1]
        np.testing.assert_allclose(together.values[i, : alone.shape[1]], alone[0], rtol=1e-6)


@pytest.mark.parametrize("name", list(POOLINGS))
def test_a_window_that_does_not_fit_is_refused(name):
    with pytest.raises(RecipeError, match="A 3x3 window does not fit an input of 2x2x8"):
        POOLINGS[name](3).output_shape((2, 2, 8))
    with pytest.raises(RecipeError, match=r"takes inputs of shape \(height, width, channels\)"):
        POOLINGS[name](3).output_shape((50,))


def test_global_pooling_of_a_row_is_refused():
    with pytest.raises(RecipeError, match="nothing left to pool"):
        GlobalAveragePool().output_shape((50,))
