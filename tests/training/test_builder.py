"""What the builder emits, what networks of one's own are warned of, and what defaults are."""

import inspect
import warnings
from collections.abc import Callable

import equinox as eqx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

import gradlab as gl
from gradlab.nn import (
    ACTIVATIONS,
    BLOCK_ORDER,
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    GaussianNoise,
    GroupNorm,
    InstanceNorm,
    Layer,
    LayerNorm,
    PReLU,
    Sequential,
    kinds_of,
    relu,
    sigmoid,
)
from gradlab.nn.perceptron import NodeNetwork, run_network
from gradlab.nn.perceptron.graph import Edge
from gradlab.training.interface import Interface
from gradlab.training.network import build_network
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import network_learner, supervised

RECIPE = Recipe(hidden=(4,))


class MaxPool(Layer):
    """Stands for a pooling layer of a user's own: it says what it is."""

    kind = "pooling"


def dense() -> Dense:
    return Dense(np.ones((4, 4), np.float32), np.zeros(4, np.float32))


def act() -> Activation:
    return Activation(relu)


def kinds(recipe) -> list[str]:
    return kinds_of(build_network(recipe, Interface((3,), 2), seed=0))


class TestOrder:
    """Dense, normalisation, activation, noise, dropout."""

    @pytest.mark.catalogue("NRM-11")
    @given(
        hidden=st.lists(st.integers(1, 4), max_size=3),
        norm=st.sampled_from(["none", "batch", "layer", "group"]),
        activation=st.sampled_from(list(ACTIVATIONS)),
        noise=st.sampled_from([0.0, 0.2]),
        dropout=st.sampled_from([0.0, 0.5]),
        input_noise=st.sampled_from([0.0, 0.1]),
    )
    def test_every_block_is_built_in_the_order_of_the_documents(
        self, hidden, norm, activation, noise, dropout, input_noise
    ):
        recipe = Recipe(
            hidden=tuple(hidden),
            norm=norm,
            activation=activation,
            noise=noise,
            dropout=dropout,
            input_noise=input_noise,
        )
        # convolution or dense → batch normalisation → activation → dropout (→ pooling)
        block = ["linear", *(["normalization"] if norm != "none" else []), "activation"]
        block += [*(["other"] if noise else []), *(["dropout"] if dropout else [])]
        start = ["other"] if input_noise else []
        assert kinds(recipe) == [*start, *(block * len(hidden)), "linear"]
        ranks = [BLOCK_ORDER.index(kind) for kind in block if kind != "other"]
        assert ranks == sorted(ranks)

    def test_the_layers_are_of_those_types(self):
        recipe = Recipe(hidden=(4,), norm="batch", noise=0.1, dropout=0.5, activation="prelu")
        net = build_network(recipe, Interface((3,), 2), seed=0)
        types = [Dense, BatchNorm, PReLU, GaussianNoise, Dropout, Dense]
        assert [type(layer) for layer in net.layers] == types

    def test_an_override_of_one_layer_keeps_the_order(self):
        layers = (gl.Dense(units=3, norm="layer"), gl.Dense(units=2, dropout=0.2))
        assert kinds(Recipe(layers=layers)) == [
            "linear", "normalization", "activation", "linear", "activation", "dropout", "linear",
        ]  # fmt: skip

    def test_every_layer_says_what_it_is(self):
        of_type = {
            Dense: "linear",
            Activation: "activation",
            PReLU: "activation",
            BatchNorm: "normalization",
            LayerNorm: "normalization",
            InstanceNorm: "normalization",
            GroupNorm: "normalization",
            Dropout: "dropout",
            GaussianNoise: "other",
        }
        assert {layer: layer.kind for layer in of_type} == of_type
        assert {kind for kind in of_type.values() if kind != "other"} < set(BLOCK_ORDER)


class TestWarning:
    """A module of one's own with dropout in a poor place."""

    @pytest.mark.catalogue("REG-07")
    def test_dropout_before_the_activation_is_warned_of_once(self):
        net = Sequential((dense(), Dropout(), act(), dense()))
        with pytest.warns(UserWarning, match="dropout") as caught:
            network_learner(net, RECIPE, kind="multiclass")
        (warning,) = caught
        assert str(warning.message) == (
            "Layer 1, dropout, stands before the activation of its block; it works best after it."
        )

    @pytest.mark.catalogue("REG-07")
    def test_dropout_after_pooling_is_warned_of(self):
        net = Sequential((dense(), act(), MaxPool(), Dropout(), dense()))
        with pytest.warns(UserWarning, match="Layer 3, dropout, stands after the pooling"):
            network_learner(net, RECIPE, kind="multiclass")

    def test_several_poor_places_are_one_warning(self):
        block = Sequential((dense(), Dropout(), act()))
        with pytest.warns(UserWarning, match="dropout") as caught:
            network_learner(Sequential((block, block)), RECIPE, kind="multiclass")
        (warning,) = caught
        assert "Layer 1, dropout" in str(warning.message)
        assert "Layer 4, dropout" in str(warning.message)

    @pytest.mark.catalogue("REG-07")
    @pytest.mark.parametrize(
        "layers",
        [
            (dense(), act(), Dropout(), MaxPool(), dense()),
            (Dropout(), dense(), act(), dense()),  # on the inputs
            (dense(), act(), eqx.nn.Identity(), Dropout(), dense()),
        ],
    )
    def test_good_places_are_not(self, layers):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            network_learner(Sequential(layers), RECIPE, kind="multiclass")

    @pytest.mark.catalogue("REG-07")
    @given(st.sampled_from(["none", "batch", "group"]), st.sampled_from([0.0, 0.5]))
    def test_the_builder_never_earns_one(self, norm, dropout):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            recipe = Recipe(hidden=(4, 4), norm=norm, dropout=dropout, noise=0.1, input_noise=0.1)
            supervised(recipe, Interface((3,), 2), kind="multiclass", dtype=np.dtype(np.float32))

    def test_a_module_that_is_no_sequence_is_left_alone(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            network_learner(dense(), RECIPE, kind="multiclass")


def default(function: Callable, name: str):
    return inspect.signature(function).parameters[name].default


@pytest.mark.catalogue("ACT-10", "TAX-03")
class TestGenerations:
    """The activation that each generation of builders takes by default."""

    def test_the_perceptron_answers_by_a_step(self):
        x = np.array([[0.0], [1.0], [2.0], [3.0]])
        model = gl.Perceptron(random_state=0, epochs=1000).fit(x, [0, 0, 1, 1])
        border = -model.intercept_[0] / model.coef_[0, 0]
        near = border + np.array([[-1e-6], [1e-6], [-100.0], [100.0]])
        # No matter how near or far: the answer is one or the other.
        assert model.predict(near).tolist() == [0, 1, 0, 1]
        assert not hasattr(model, "predict_proba")

    def test_the_multilayer_perceptron_answers_by_a_sigmoid(self):
        net = NodeNetwork(("x",), ("o",), (Edge("x", "h", 2.0), Edge("h", "o", -1.5)))
        x = np.linspace(-3, 3, 7)
        outputs = run_network(net, x[:, None])[:, 0]
        np.testing.assert_allclose(outputs, expit(-1.5 * expit(2.0 * x)))
        np.testing.assert_allclose(outputs, sigmoid(-1.5 * sigmoid(2.0 * x)), rtol=1e-6)

    def test_its_functions_for_tables_take_the_other_s_shaped_one(self):
        from gradlab.nn.perceptron import forward
        from gradlab.nn.perceptron.training import scores, train

        s = np.linspace(-4, 4, 9)
        for function in (forward, scores, train):
            np.testing.assert_allclose(default(function, "activation")(s), np.tanh(s), rtol=1e-6)

    def test_a_recipe_takes_relu(self):
        recipe = Recipe(hidden=(4, 3))
        assert [layer.activation for layer in recipe.specs()] == ["relu", "relu"]
        net = build_network(recipe, Interface((3,), 2), seed=0)
        assert [layer.function for layer in net.layers if layer.kind == "activation"] == [relu] * 2
        for estimator in (gl.MLPClassifier, gl.MLPRegressor):
            assert default(estimator, "activation") == "relu"


class TestHidden:
    LAYERS = (gl.Dense(units=5, activation="tanh"), gl.Dense(units=3))

    def test_replaces_the_layers_named_one_by_one(self):
        recipe = Recipe(layers=self.LAYERS).replace(hidden=(8,))
        assert recipe.layers is None
        assert [(layer.units, layer.activation) for layer in recipe.specs()] == [(8, "relu")]

    def test_layers_named_one_by_one_go_before_it(self):
        recipe = Recipe(hidden=(8,)).replace(layers=self.LAYERS)
        assert [layer.units for layer in recipe.specs()] == [5, 3]
        assert recipe.replace(hidden=(8,), layers=self.LAYERS).specs() == recipe.specs()

    def test_other_changes_leave_the_layers(self):
        recipe = Recipe(layers=self.LAYERS).replace(dropout=0.5)
        assert [layer.units for layer in recipe.specs()] == [5, 3]
        assert [layer.dropout for layer in recipe.specs()] == [0.5, 0.5]
