from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.errors import RecipeError
from gradlab.nn import (
    BLOCK_ORDER,
    Dense,
    Dropout,
    GaussianNoise,
    Sequential,
    activation_layer,
    check_block_order,
    he_normal,
    initial_state,
    row_key,
    standard_normal,
)


def key(rows, *, seed=0, step=0):
    return row_key(seed, step, jnp.arange(rows))


def many_masks(layer, x, n):
    """Training outputs of the same rows under n masks, shape (n, *x.shape)."""
    rows = jnp.arange(len(x))
    draw = jax.jit(
        jax.vmap(
            lambda step: layer(x, initial_state(layer), key=row_key(0, step, rows), training=True)[
                0
            ]
        )
    )
    return draw(jnp.arange(n))


@pytest.mark.catalogue("REG-06", "CMP-35", "ERR-18")
@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_the_mean_in_training_is_the_output_at_test_time(rate, rng):
    x = jnp.asarray(rng.uniform(1, 2, size=(4, 25)), jnp.float32)
    layer, n = Dropout(rate=rate), 4000
    trained = many_masks(layer, x, n)
    test_output, _ = layer(x, ())
    np.testing.assert_array_equal(test_output, x)
    # A kept unit is x / kept with probability kept: its deviation is x sqrt(rate / kept).
    kept = 1 - rate
    tolerance = 5 * 2 * np.sqrt(rate / kept / n)
    np.testing.assert_allclose(trained.mean(axis=0), test_output, atol=tolerance)
    assert jnp.mean(trained == 0) == pytest.approx(rate, abs=5 * np.sqrt(rate * kept / (n * 100)))
    # The documents' form: masks without scaling, and a factor at test time. Only the kept ratio
    # gives the training mean; the deleted ratio, which one of them prints, does not.
    unscaled = np.mean(np.where(trained == 0, 0, x[None]))
    assert unscaled == pytest.approx(kept * float(x.mean()), rel=0.02)
    assert unscaled != pytest.approx(rate * float(x.mean()), rel=0.2)


@pytest.mark.catalogue("REG-09")
def test_the_full_network_predicts_like_the_mean_of_its_sub_networks(rng):
    widths = (6, 64, 64, 3)
    layers = []
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        weight = he_normal(standard_normal(0, i, (n_in, n_out)), n_in, n_out)
        layers.append(Dense(jnp.asarray(weight), jnp.zeros(n_out)))
        if n_out != 3:
            layers += [activation_layer("relu", n_out, {}), Dropout(rate=0.2)]
    net = Sequential(tuple(layers))
    x = jnp.asarray(rng.normal(size=(50, 6)), jnp.float32)
    full, _ = net(x, initial_state(net))
    outputs = many_masks(net, x, 1000)
    ensemble = outputs.mean(axis=0)
    single_error = np.sqrt(np.mean((outputs[0] - full) ** 2))
    ensemble_error = np.sqrt(np.mean((ensemble - full) ** 2))
    assert ensemble_error < 0.25 * single_error
    assert np.corrcoef(ensemble.ravel(), full.ravel())[0, 1] > 0.99


def test_rate_zero_is_the_identity_to_the_bit_and_rate_one_gives_zeros(rng):
    x = jnp.asarray(rng.normal(size=(8, 16)), jnp.float32)

    def output(rate, v):
        return Dropout(rate=rate)(v, (), key=key(8), training=True)[0]

    np.testing.assert_array_equal(output(0.0, x), x)
    np.testing.assert_array_equal(output(1.0, x), jnp.zeros_like(x))
    gradient = jax.grad(lambda v: jnp.sum(output(1.0, v) ** 2))(x)
    np.testing.assert_array_equal(gradient, jnp.zeros_like(x))


@given(st.permutations(range(6)), st.integers(0, 2**31 - 1), st.integers(0, 10_000))
def test_a_row_gets_the_same_mask_wherever_it_stands(order, seed, step):
    rows, order = np.arange(100, 106), np.array(order)
    together = disturb(seed, step, rows)
    moved, alone = disturb(seed, step, rows[order]), disturb(seed, step, rows[:1])
    for y, y_moved, y_alone in zip(together, moved, alone, strict=True):
        np.testing.assert_array_equal(y_moved, np.asarray(y)[order])
        np.testing.assert_array_equal(y_alone[0], y[0])


@jax.jit
def disturb(seed, step, rows):
    """Ones under dropout, and under noise."""
    x, key = jnp.ones((len(rows), 5)), row_key(seed, step, rows)
    layers = (Dropout(rate=0.5), GaussianNoise(std=1.0))
    return [layer(x, (), key=key, training=True)[0] for layer in layers]


def test_masks_differ_between_steps_seeds_and_layers():
    x = jnp.ones((20, 50))
    keys = [key(20), key(20, step=1), key(20, seed=1), key(20).fold(0), key(20).fold(1)]
    masks = [np.asarray(Dropout(rate=0.5)(x, (), key=k, training=True)[0] == 0) for k in keys]
    for i in range(len(masks)):
        for j in range(i):
            agree = np.mean(masks[i] == masks[j])
            assert agree == pytest.approx(0.5, abs=5 * 0.5 / 1000**0.5)


def test_one_program_serves_every_rate():
    traces = []

    @jax.jit
    def output(layer, x):
        traces.append(1)
        return layer(x, (), key=key(3), training=True)[0]

    for rate in (0.0, 0.3, 1.0):
        output(Dropout(rate=rate), jnp.ones((3, 4)))
    assert len(traces) == 1


@pytest.mark.catalogue("AUG-08")
def test_noise_on_inputs_has_the_stated_deviation():
    x = jnp.full((200, 100), 3.0)
    for std in (0.1, 2.0):
        y, _ = GaussianNoise(std=std)(x, (), key=key(200), training=True)
        assert jnp.std(y) == pytest.approx(std, rel=4 / np.sqrt(2 * x.size))
        assert jnp.mean(y) == pytest.approx(3, abs=4 * std / np.sqrt(x.size))
    same, _ = GaussianNoise(std=0.0)(x, (), key=key(200), training=True)
    np.testing.assert_array_equal(same, x)


@pytest.mark.catalogue("AUG-09")
def test_noise_on_hidden_nodes_is_absent_at_test_time():
    weight = jnp.asarray(he_normal(standard_normal(0, 0, (4, 4)), 4, 4))
    hidden = (Dense(weight, jnp.zeros(4)), activation_layer("tanh", 4, {}))
    noisy, clean = Sequential((*hidden, GaussianNoise(std=1.0))), Sequential(hidden)
    x = jnp.ones((3, 4))
    state = initial_state(noisy)
    expected = clean(x, initial_state(clean))[0]
    for _ in range(2):
        np.testing.assert_array_equal(noisy(x, state, key=key(3))[0], expected)
    assert not np.array_equal(noisy(x, state, key=key(3), training=True)[0], expected)


@pytest.mark.parametrize("bits", [32, 64])
def test_dtype_is_kept(bits):
    with jax.enable_x64(bits == 64):
        x = np.ones((2, 3), f"float{bits}")
        for layer in (Dropout(rate=0.5), GaussianNoise(std=0.5)):
            for training in (False, True):
                assert layer(x, (), key=key(2), training=training)[0].dtype == x.dtype


@pytest.mark.parametrize("layer", [Dropout(rate=0.5), GaussianNoise(std=0.5)])
def test_training_without_a_key_is_refused(layer):
    with pytest.raises(RecipeError, match=r"got key=None.*Pass key=row_key\(seed, step, rows\)"):
        layer(jnp.ones((2, 2)), (), training=True)


@pytest.mark.parametrize(
    ("kinds", "warned"),
    [
        (list(BLOCK_ORDER), []),
        (["dropout", "linear", "activation", "dropout", "linear"], []),
        (["linear", "activation", "linear", "dropout", "activation"], ["Layer 3, dropout,"]),
        (["linear", "activation", "pooling", "dropout"], ["Layer 3, dropout,"]),
        (["linear", "activation", "normalization"], ["Layer 2, normalization,"]),
        (["normalization", "linear", "activation"], []),
        (["linear", "dropout", "activation", "normalization"], ["Layer 1", "Layer 3"]),
        ([], []),
    ],
)
def test_dropout_and_normalisation_in_a_poor_place_are_named(kinds, warned):
    messages = check_block_order(kinds)
    assert len(messages) == len(warned)
    for message, start in zip(messages, warned, strict=True):
        assert message.startswith(start)
