"""The settings that the documents print are the defaults here, wherever a default can hold them."""

import inspect
from collections.abc import Callable

import numpy as np
import pytest

import gradlab as gl
from gradlab import optim
from gradlab.cluster import market_groups
from gradlab.lab.photos.segmentation import USUAL_COLOURS
from gradlab.nn.recurrent import LSTMCell
from gradlab.nn.weights import Weights
from gradlab.training.interface import Interface
from gradlab.training.network import build_network
from gradlab.training.recipe import Recipe, keyword_parameters

pytestmark = pytest.mark.catalogue("WE-40")


def default(function: Callable, name: str) -> object:
    return inspect.signature(function).parameters[name].default


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("momentum", "momentum", 0.9),
        ("nesterov", "momentum", 0.9),
        ("rmsprop", "decay", 0.9),
        ("rmsprop", "epsilon", 1e-8),
        ("adadelta", "decay", 0.9),
        ("adam", "beta1", 0.9),
        ("adam", "beta2", 0.999),
        ("adam", "epsilon", 1e-8),
        ("adagrad", "epsilon", 1e-7),
    ],
)
def test_numbers_of_optimizers(kind, name, value):
    assert keyword_parameters(optim.OPTIMIZERS[kind].factory)[name] == value
    assert Recipe(optimizer=kind).hyper()[f"optimizer.{name}"] == value


def test_learning_rates():
    assert optim.OPTIMIZERS["adam"].learning_rate == Recipe(optimizer="adam").rate() == 0.001
    assert optim.OPTIMIZERS["sgd"].learning_rate == 0.1  # the back-propagation example's


@pytest.mark.parametrize(
    ("setting", "value"),
    [("optimizer.epsilon", 1e-6), ("learning_rate", 0.01)],
    ids=["the other epsilon of rmsprop", "the other learning rate"],
)
def test_a_second_printed_value_is_in_range(setting, value):
    recipe = Recipe.model_validate(
        {"optimizer": "rmsprop"}
        | ({"parameters": {setting: value}} if "." in setting else {setting: value})
    )
    assert value in (recipe.hyper().get(setting), recipe.rate())


def test_the_slope_of_the_sigmoid_is_free():
    for slope in (0.5, 1, 7.0):
        recipe = Recipe(activation="sigmoid", parameters={"activation.slope": slope})
        net = build_network(recipe, Interface((3,), 2), seed=0)
        assert float(net.layers[1].numbers["slope"].value) == slope


def test_the_forget_gate_starts_at_one():
    assert default(LSTMCell.create, "forget_bias") == 1.0
    bias = np.asarray(LSTMCell.create(Weights("xavier_uniform"), 2, 3).bias)
    assert bias.tolist() == [0] * 3 + [1] * 3 + [0] * 6


def test_a_discriminator_takes_one_step_before_each_of_the_generator():
    assert default(gl.GAN, "discriminator_steps") == default(gl.DCGAN, "discriminator_steps") == 1


def test_content_counts_a_thousandth_of_style():
    weights = [default(gl.transfer_style, f"{of}_weight") for of in ("content", "style")]
    assert weights[0] / weights[1] == 1e-3


def test_principal_components_keep_seventy_percent():
    assert default(gl.PCA.n_components_for, "share") == 0.7


def test_numbers_of_colours_and_of_sizes():
    assert USUAL_COLOURS == default(gl.segment_colours, "ks") == (2, 3, 10)
    sizes = np.linspace([150.0, 40], [200, 110], 60)
    assert len(default(market_groups, "names")) == 3
    five = market_groups(sizes, names=("XS", "S", "M", "L", "XL"), random_state=0)
    assert len(five.names) == 5


def test_kernels_are_three_by_three_unless_named():
    for text, size in (("conv 32", 3), ("conv 32 4x4", 4)):
        net = build_network(Recipe(layers=(text, "flatten")), Interface((28, 28, 1), 10), seed=0)
        assert net.layers[0].weight.shape[:2] == (size, size)


def test_a_hundred_sparse_units_learn_a_mean_activation_of_a_fifth():
    x = np.random.default_rng(0).uniform(size=(400, 100)).astype(np.float32)  # 10×10 pictures
    network = gl.Autoencoder(
        hidden=(100,), activation="sigmoid", sparsity=0.2, epochs=60, random_state=0
    ).fit(x)
    means = network.transform(x).mean(axis=0)
    assert means.shape == (100,)
    assert abs(means.mean() - 0.2) < 0.03 < abs(0.5 - 0.2)  # sigmoids start at a half
