"""How far pre-activations move, measured on numbers known beforehand."""

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import DataError
from gradlab.metrics import drift, pre_activations
from gradlab.nn import Dropout, Sequential, initial_state
from gradlab.training.interface import Interface
from gradlab.training.network import build_network
from gradlab.training.recipe import Recipe


def network(**fields) -> Sequential:
    recipe = Recipe(hidden=(6, 5), activation="tanh", **fields)
    return build_network(recipe, Interface((4,), 3), seed=0)


def test_pre_activations_are_what_the_layers_before_give(rng):
    net, x = network(dropout=0.5, noise=0.3), rng.normal(size=(7, 4)).astype(np.float32)
    first, second = pre_activations(net, initial_state(net), x)
    w1, w2, _ = (layer.weight for layer in net.layers if hasattr(layer, "weight"))
    np.testing.assert_allclose(first, x @ w1, rtol=1e-4, atol=1e-6)
    # Neither dropout nor noise between the layers.
    np.testing.assert_allclose(second, np.tanh(first) @ w2, rtol=1e-4, atol=1e-6)


def test_batch_norm_takes_its_statistics_from_the_rows(rng):
    net, x = network(norm="batch"), 5 + 3 * rng.normal(size=(50, 4)).astype(np.float32)
    for values in pre_activations(net, initial_state(net), x):
        np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-3)


def test_a_module_without_a_kind_is_passed_through():
    class Double:
        def __call__(self, x, state, *, key=None, training=False, mask=None):
            return 2 * x, state

    net = Sequential((Double(), *network().layers))
    x = np.ones((2, 4), np.float32)
    doubled = pre_activations(net, ((), *initial_state(network())), x)
    np.testing.assert_allclose(
        doubled[0], 2 * pre_activations(network(), initial_state(network()), x)[0], rtol=1e-6
    )
    assert not pre_activations(Sequential((Dropout(),)), ((),), jnp.ones((2, 2)))


def test_drift_is_in_starting_deviations(rng):
    start = rng.normal(size=(40, 3))
    moved = drift([[start], [start + 2], [3 * start]])
    sigma = np.sqrt(np.mean(start.std(axis=0) ** 2))
    np.testing.assert_allclose(moved.mean[0, :2], [0, 2 / sigma])
    np.testing.assert_allclose(
        moved.std[0], [0, 0, 2 * start.std(axis=0).mean() / sigma], atol=1e-12
    )


def test_drift_does_not_depend_on_the_scale_of_a_layer(rng):
    snapshots = [[rng.normal(size=(30, 4)), rng.normal(size=(30, 2))] for _ in range(3)]
    scaled = [[100 * first, 0.01 * second] for first, second in snapshots]
    np.testing.assert_allclose(drift(scaled).mean, drift(snapshots).mean)
    np.testing.assert_allclose(drift(scaled).std, drift(snapshots).std)
    assert drift(snapshots).mean.shape == (2, 3)


def test_units_that_move_apart_do_not_cancel():
    start = np.array([[-1.0, -1.0], [1.0, 1.0]])
    apart = start + np.array([[1.0, -1.0]])
    assert drift([[start], [apart]]).mean[0, 1] == 1


def test_constant_values_have_no_unit(rng):
    good = rng.normal(size=(5, 2))
    with pytest.raises(DataError, match="Layer 2 gives every row the same values"):
        drift([[good, np.ones((5, 2))], [good, good]])
