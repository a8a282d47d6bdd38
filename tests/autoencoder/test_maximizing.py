"""The inputs that excite hidden units most."""

import numpy as np
import pytest

from gradlab.autoencoder import Autoencoder, linear_maximizers, maximizing_inputs
from gradlab.errors import RecipeError
from gradlab.nn import Sequential


@pytest.fixture(scope="module")
def patches():
    """Return 10x10 patches of random waves."""
    rng = np.random.default_rng(0)
    row, column = np.mgrid[:10, :10]
    direction, phase = rng.uniform(0, np.pi, (2, 600, 1, 1))
    wave = np.sin(row * np.cos(direction) + column * np.sin(direction) + 2 * phase)
    return wave.reshape(600, 100).astype(np.float32)


@pytest.mark.catalogue("AUT-11")
def test_a_hundred_units_have_a_hundred_inputs_of_unit_norm(patches):
    network = Autoencoder(hidden=(100,), activation="sigmoid", sparsity=0.2, epochs=3)
    network.set_params(random_state=0).fit(patches)
    inputs = maximizing_inputs(network)
    assert inputs.shape == (100, 100)
    np.testing.assert_allclose(np.linalg.norm(inputs, axis=1), 1, rtol=1e-5)
    weight = np.asarray(network.network_.encoder.layers[0].weight)
    np.testing.assert_allclose(inputs, (weight / np.linalg.norm(weight, axis=0)).T, rtol=1e-5)
    alike = inputs @ inputs.T - np.eye(100)
    assert alike.max() < 0.9999  # no two are equal
    # No other input of norm 1 excites a unit more.
    others = np.random.default_rng(1).normal(size=(500, 100))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    assert ((inputs @ weight).diagonal() > (others @ weight).max(axis=0)).all()


def test_climbing_finds_the_closed_form(patches):
    network = Autoencoder(hidden=(5, 4), activation="linear", epochs=2, random_state=0).fit(patches)
    first, _, second, _ = network.network_.encoder.layers
    expected = linear_maximizers(np.asarray(first.weight) @ np.asarray(second.weight))
    np.testing.assert_allclose(maximizing_inputs(network), expected, atol=1e-3)


def test_deeper_units_are_excited_more_than_by_any_data(patches):
    network = Autoencoder(hidden=(20, 6), epochs=10, random_state=0).fit(patches)
    unit_norm = patches / np.linalg.norm(patches, axis=1, keepdims=True)
    layers = network.network_.encoder.layers[:-1]  # before the last activation
    before = Sequential(layers)

    def value(x):
        return np.asarray(before(x, before.initial_state())[0])

    found = maximizing_inputs(network, units=[4, 1])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    values = value(found)
    assert (values[[0, 1], [4, 1]] >= value(unit_norm)[:, [4, 1]].max(axis=0)).all()


def test_units_exist(patches):
    network = Autoencoder(hidden=(3,), epochs=1, random_state=0).fit(patches)
    with pytest.raises(RecipeError, match="units are from 0 to 2"):
        maximizing_inputs(network, units=[3])


def test_a_unit_without_weights_has_no_direction():
    assert linear_maximizers(np.zeros((3, 1))).tolist() == [[0, 0, 0]]
