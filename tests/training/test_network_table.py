"""The table of a network: shapes and counts of parameters, and what locality and sharing save."""

import jax
import numpy as np
import pytest

from gradlab.nn.penalties import is_weight
from gradlab.training.interface import Interface
from gradlab.training.network import build_network, network_table
from gradlab.training.recipe import Recipe

SEVEN = Interface((7, 1), 1)
"""Seven inputs in a row."""


def n_weights(network) -> int:
    """Count weights without biases."""
    leaves = jax.tree_util.tree_leaves_with_path(network)
    return sum(np.size(leaf) for path, leaf in leaves if is_weight(path))


def first_layer(text: str):
    return build_network(Recipe(layers=[text], activation="linear"), SEVEN, seed=0).layers[0]


def hidden_weights(text: str) -> int:
    return n_weights([first_layer(text)])


@pytest.mark.catalogue("WE-26")
def test_counts_of_the_worked_example():
    letters = Interface((256,), 26)
    recipe = Recipe(hidden=(100,))
    assert n_weights(build_network(recipe, letters, seed=0)) == 28_200
    assert sum(row.n_parameters for row in network_table(recipe, letters)) == 28_326
    network = build_network(Recipe(hidden=(3,)), Interface((7,), 1), seed=0)
    assert n_weights([network.layers[0]]) == 21
    assert hidden_weights("local 1 3 stride 2 padding valid") == 9
    assert hidden_weights("conv 1 3 stride 2 padding valid") == 3


def test_the_table_counts_a_bias_for_each_unit_and_one_for_a_shared_one():
    def row(text):
        found = network_table(Recipe(layers=[text]), SEVEN)[0]
        return found.output_shape, found.n_parameters

    assert row("dense 3") == ((3,), 21 + 3)
    assert row("local 1 3 stride 2 padding valid") == ((3, 1), 9 + 3)
    assert row("conv 1 3 stride 2 padding valid") == ((3, 1), 3 + 1)


@pytest.mark.catalogue("CNN-14")
def test_a_local_unit_sees_its_neighbours_alone(rng):
    network = build_network(Recipe(hidden=(3,)), Interface((7,), 1), seed=0)
    assert n_weights([network.layers[0]]) == 21
    layer = first_layer("local 1 3 stride 2 padding valid")
    assert n_weights([layer]) == 9
    x = rng.standard_normal((1, 7, 1)).astype(np.float32)
    before = np.asarray(layer(x, ())[0])[0, :, 0]
    for changed in range(7):
        other = x.copy()
        other[0, changed] += 1
        moved = np.asarray(layer(other, ())[0])[0, :, 0] != before
        # Unit u sees the inputs 2u to 2u + 2.
        assert moved.tolist() == [2 * u <= changed <= 2 * u + 2 for u in range(3)]


@pytest.mark.catalogue("CNN-15")
def test_shared_weights_are_fewer_and_move_with_the_input(rng):
    assert hidden_weights("local 1 3 stride 2 padding valid") == 9
    assert hidden_weights("conv 1 3 stride 2 padding valid") == 3
    layer = first_layer("conv 1 3 padding valid")
    pattern = rng.standard_normal(3).astype(np.float32)
    x = np.zeros((2, 7, 1), np.float32)
    x[0, 1:4, 0] = x[1, 3:6, 0] = pattern
    here, moved = np.asarray(layer(x, ())[0])[:, :, 0]
    np.testing.assert_allclose(moved[2:], here[:-2], atol=1e-6)
    local = np.asarray(first_layer("local 1 3 padding valid")(x, ())[0])[:, :, 0]
    assert np.abs(local[1][2:] - local[0][:-2]).max() > 0.1


def test_shapes_and_counts_of_lenet_on_mnist():
    table = network_table(Recipe(layers="lenet"), Interface((28, 28, 1), 10))
    assert [(row.layer, row.output_shape, row.n_parameters) for row in table] == [
        ("conv 16", (28, 28, 16), 16 * (3 * 3 * 1 + 1)),
        ("pool 2", (14, 14, 16), 0),
        ("conv 32", (14, 14, 32), 32 * (3 * 3 * 16 + 1)),
        ("pool 2", (7, 7, 32), 0),
        ("dense 128", (128,), 128 * (7 * 7 * 32 + 1)),
        ("output 10", (10,), 10 * 129),
    ]


def test_the_counts_are_those_of_the_network():
    from gradlab.nn.dense import n_parameters

    for recipe, interface in [
        (Recipe(layers="vgg"), Interface((8, 8, 3), 10)),
        (Recipe(layers=["lstm 5 bidirectional", "dense 4 norm batch"]), Interface((6, 2), 1)),
        (Recipe(layers="text"), Interface((9,), 2, n_tokens=30, padded=True)),
    ]:
        counted = sum(row.n_parameters for row in network_table(recipe, interface))
        assert counted == n_parameters(build_network(recipe, interface, seed=0))
