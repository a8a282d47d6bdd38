"""Networks of every kind: gradients equal those of the engine and of finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import DataError, RecipeError
from gradlab.estimators import MLPClassifier, MLPRegressor
from gradlab.explanation import explain
from gradlab.nn import BatchNorm, Dense, Dropout
from gradlab.nn.activations import Activation, sigmoid, tanh
from gradlab.nn.convolution import Conv2D
from gradlab.nn.module import Sequential
from gradlab.nn.padded import Padded
from gradlab.nn.pooling import MaxPool2D
from gradlab.nn.random import row_key
from gradlab.nn.recurrent import Bidirectional, GRUCell, LSTMCell, OverTime, Recurrent, RNNCell
from gradlab.nn.reshape import Flatten
from gradlab.nn.weights import Weights
from gradlab.training.recipe import Recipe

SGD = Recipe(optimizer="sgd", learning_rate=0.1)


def drawn(layer):
    return Weights("xavier_uniform", seed=1, layer=layer, dtype=np.float64)


def dense(n_in, n_out, layer):
    return Dense(drawn(layer)((n_in, n_out), n_in, n_out), np.full(n_out, 0.1))


def errors(e):
    return max(p.error for p in e.parameters)


@pytest.mark.catalogue("BPG-04")
@pytest.mark.parametrize("depth", [0, 1, 2, 5])
def test_layer_by_layer_equals_automatic_differentiation_at_any_depth(depth, rng, float64):
    widths = [3, *[4] * depth, 2]
    layers = []
    for i in range(depth + 1):
        layers.append(dense(widths[i], widths[i + 1], i))
        layers.append(Activation(tanh))
    network = Sequential(tuple(layers))
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    e = explain(network, x, y, recipe=SGD)

    def loss(network):
        return ((network(x, network.initial_state())[0] - y) ** 2).sum(axis=1).mean()

    expected = jax.tree.leaves(jax.grad(loss)(network))
    for parameter, gradient in zip(e.parameters, expected, strict=True):
        np.testing.assert_allclose(parameter.gradient, gradient, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(parameter.numerical, gradient, rtol=1e-6, atol=1e-9)
    # By hand, one layer at a time: the gradient of a weight is δ of its unit times its input.
    delta = None
    for i in reversed(range(depth + 1)):
        h = e.layers[2 * i + 1].before
        back = 2 * (h - y) / len(y) if delta is None else delta @ layers[2 * i + 2].weight.T
        delta = back * (1 - h**2)
        inputs = x if i == 0 else e.layers[2 * i - 1].before
        np.testing.assert_allclose(e.layers[2 * i].blame, delta, atol=1e-12)
        np.testing.assert_allclose(e.parameters[2 * i].gradient, inputs.T @ delta, atol=1e-12)
        np.testing.assert_allclose(e.parameters[2 * i + 1].gradient, delta.sum(0), atol=1e-12)


def test_batch_norm_shows_the_statistics_of_the_batch_and_dropout_its_mask(rng):
    layers = (dense(3, 4, 0), BatchNorm(4), Activation(sigmoid), Dropout(rate=0.5), dense(4, 3, 1))
    x, y = rng.normal(size=(6, 3)), np.array([0, 1, 2, 0, 1, 2])
    e = explain(Sequential(layers), x, y, recipe=SGD, seed=3, step=2)
    assert errors(e) < 1e-8
    norm, drop = e.layers[1], e.layers[3]
    sums = e.layers[0].before
    np.testing.assert_allclose(norm.details["mean"], sums.mean(0))
    np.testing.assert_allclose(norm.details["variance"], sums.var(0))
    key = row_key(np.uint32(3), np.uint32(2), jnp.arange(6)).fold(3)
    kept = ~np.asarray(key.bernoulli(0.5, (4,)))
    assert np.array_equal(drop.details["kept"], kept)
    assert np.array_equal(drop.before != 0, kept)
    told = e.markdown()
    assert "keeps" in told
    assert "over the batch: mean" in told
    still = explain(Sequential(layers), x, y, recipe=SGD, training=False)
    assert "kept" not in still.layers[3].details
    np.testing.assert_array_equal(still.layers[1].details["mean"], np.zeros(4))


def test_a_convolution_is_summed_up_and_one_unit_of_it_written_out(rng):
    convolution = Conv2D.create(drawn(0), 1, 2, kernel=3)
    layers = (convolution, MaxPool2D(2), Activation(tanh), Flatten(), dense(8, 3, 1))
    x, y = rng.normal(size=(2, 6, 6, 1)), np.array([0, 2])
    where = {"weight": "layer 1[1, 1, 0, 1]", "unit": "layer 1[1, 2, 0]", "row": 1}
    e = explain(Sequential(layers), x, y, recipe=SGD, **where)
    assert errors(e) < 1e-8
    unit = e.unit
    assert unit.n_terms == 9
    total = sum(term.product for term in unit.terms) + unit.bias
    assert total == pytest.approx(unit.output, rel=1e-12)
    assert unit.output == pytest.approx(e.layers[0].before[1, 1, 2, 0])
    _, ways = e.chosen
    assert ways.row == 1
    assert sum(p.product for p in ways.paths) + ways.rest == pytest.approx(ways.of_rows[1])
    assert "layer 1 max pool2d" in e.markdown()


CELLS = {
    "rnn": (RNNCell, ("a", "h")),
    "lstm": (LSTMCell, ("i", "f", "g", "o", "c", "h")),
    "gru": (GRUCell, ("r", "z", "n", "h")),
}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("outputs", ["last", "sequence"])
def test_recurrent_cells_are_unrolled(name, outputs, rng):
    cell, shown = CELLS[name]
    more = (OverTime("mean"),) if outputs == "sequence" else ()
    layer = Recurrent(cell.create(drawn(0), 2, 3), outputs=outputs)
    x, y = rng.normal(size=(2, 4, 2)), np.array([0.5, -1.0])
    network = Sequential((layer, *more, dense(3, 1, 1)))
    e = explain(network, x, y, recipe=SGD)
    assert errors(e) < 1e-8
    (times,) = e.layers[0].times
    assert tuple(times.numbers) == shown
    before = e.layers[0].before
    last = before if outputs == "last" else before[:, -1]
    np.testing.assert_allclose(times.numbers["h"][-1], last, atol=1e-12)
    if name == "rnn":
        # ∂E/∂h of a step is that of its output and what comes back from the next step.
        blame = e.layers[0].blame
        own = [blame] if outputs == "last" else list(np.moveaxis(blame, 1, 0))
        later, recurrent = own[-1], np.asarray(layer.cell.weight_recurrent)
        for t in (2, 1, 0):
            slope = 1 - times.numbers["h"][t + 1] ** 2
            later = (later * slope) @ recurrent.T + (own[t] if outputs == "sequence" else 0)
            np.testing.assert_allclose(times.blame["h"][t], later, atol=1e-12)


def test_both_directions_of_sequences_of_unlike_length(rng):
    cells = (GRUCell.create(drawn(0), 2, 3), LSTMCell.create(drawn(1), 2, 2))
    network = Sequential((Bidirectional(*cells, outputs="last"), dense(5, 2, 2)))
    x = Padded(rng.normal(size=(2, 4, 2)), np.array([4, 2]))
    e = explain(network, x, np.array([0, 1]), recipe=SGD)
    assert errors(e) < 1e-8
    forth, back = e.layers[0].times
    assert (forth.title, back.title) == ("forward", "backward")
    assert back.times == (3, 2, 1, 0)
    assert back.real[:, 1].tolist() == [False, False, True, True]
    np.testing.assert_allclose(forth.numbers["h"][-1], e.layers[0].before[:, :3], atol=1e-12)
    np.testing.assert_allclose(back.numbers["h"][-1], e.layers[0].before[:, 3:], atol=1e-12)


def test_penalties_clipping_and_decay_are_told_apart(rng):
    recipe = Recipe(optimizer="adam", l1=0.01, l2=0.1, weight_decay=0.2, clip_norm=0.01)
    x, y = rng.normal(size=(4, 2)), np.array([0, 1, 1, 0])
    e = explain(Sequential((dense(2, 2, 0),)), x, y, recipe=recipe)
    weight, bias = e.parameters
    added = 0.01 * np.sign(weight.value) + 0.1 * weight.value
    np.testing.assert_allclose(weight.gradient - weight.data_gradient, added, atol=1e-14)
    np.testing.assert_array_equal(bias.gradient, bias.data_gradient)
    clipped = np.sqrt(sum((p.clipped**2).sum() for p in e.parameters))
    assert clipped == pytest.approx(0.01)
    np.testing.assert_allclose(weight.parts.decay, -recipe.rate() * 0.2 * weight.value)
    assert bias.parts.decay is None
    assert e.penalty == pytest.approx(
        0.01 * np.abs(weight.value).sum() + 0.05 * (weight.value**2).sum()
    )
    assert errors(e) < 1e-8


@pytest.mark.parametrize("optimizer", ["adam", "nesterov"])
def test_a_fitted_estimator_goes_on_as_partial_fit_would(optimizer, rng):
    x, y = rng.normal(size=(16, 3)), np.array(["a", "b", "c", "a"] * 4)
    options = {"hidden": (4,), "optimizer": optimizer, "batch_size": 16, "shuffle": False}
    fitted = MLPClassifier(**options, epochs=3, random_state=0).fit(x, y)
    e = explain(fitted, x, y)
    fitted.partial_fit(x, y)
    at = [p.new if p.evaluated is None else p.evaluated for p in e.parameters]
    for ours, theirs in zip(at, jax.tree.leaves(fitted.model_.network), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_targets_of_a_regressor_are_scaled_as_in_its_fit(rng):
    x, y = rng.normal(size=(12, 3)), 100 + 10 * rng.normal(size=12)
    fitted = MLPRegressor(hidden=(3,), epochs=2, random_state=0).fit(x, y)
    e = explain(fitted, x[:4], y[:4])
    scaled = (y[:4] - fitted.model_.target_shift) / fitted.model_.target_scale
    np.testing.assert_allclose(np.asarray(e.step.y)[:, 0], np.ravel(scaled))
    again = explain(fitted.model_, x[:4], y[:4])
    assert again.loss == pytest.approx(e.loss)


def test_a_large_network_is_told_layer_by_layer(rng):
    recipe = Recipe(hidden=(100,), optimizer="sgd")
    e = explain(recipe, rng.normal(size=(2, 784)), np.array([3, 7]), weight="layer 1[5, 7]")
    assert not e.is_textbook
    checked = sum(np.isfinite(p.numerical).sum() for p in e.parameters)
    assert 20 <= checked <= 2001
    assert np.isfinite(e.parameters[0].numerical[5, 7])
    assert errors(e) < 1e-7
    told = e.markdown()
    assert "∂E/∂layer 1 weight[5, 7]" in told
    assert len(told) < 40_000


BAD = {
    "no answers": ((Dense(np.ones((2, 1))), np.ones((1, 2)), None), "give y, one for each row"),
    "too few": ((Dense(np.ones((2, 1))), np.ones((2, 2)), [1.0]), "X has 2 rows, but y has 1"),
    "one row": ((Dense(np.ones((2, 1))), np.ones(2), [1.0]), r"One row is X\[:1\]"),
    "words": ((Dense(np.ones((2, 1))), np.array([["a", "b"]]), [1.0]), "X must hold numbers"),
    "infinite": ((Dense(np.ones((2, 1))), np.array([[1, np.nan]]), [1.0]), "not finite"),
    "strange class": ((Dense(np.ones((2, 3))), np.ones((1, 2)), [5]), "from 0 to 2"),
    "nothing": ((Dense(np.ones((2, 3))),), "give X and y"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_rows_are_told(case):
    arguments, message = BAD[case]
    with pytest.raises(DataError, match=message):
        explain(*arguments)


def test_bad_subjects_weights_and_units_are_told(rng):
    with pytest.raises(RecipeError, match="explain takes a network, an estimator"):
        explain(3.5, np.ones((1, 2)), [1.0])
    with pytest.raises(RecipeError, match=r"There is no weight 'w9'\. Name one as w1 … "):
        explain(weight="w9")
    with pytest.raises(RecipeError, match=r"has shape \(2, 2\), so its indices run from"):
        explain(weight="layer 1[3, 2]")
    with pytest.raises(RecipeError, match="There is no unit 'layer 9"):
        explain(unit="layer 9[0]")
    with pytest.raises(DataError, match="The batch has 1 rows; there is no row 4"):
        explain(row=4)
    with pytest.raises(RecipeError, match="run names a run of a study"):
        explain(run="abc")
    x, y = rng.normal(size=(8, 2)), np.array([0, 1] * 4)
    fitted = MLPClassifier(hidden=(2,), epochs=1, random_state=0).fit(x, y)
    with pytest.raises(DataError, match="The model knows the classes 0, 1; y holds 7"):
        explain(fitted, x[:1], [7])
    with pytest.raises(RecipeError, match="has a recipe of its own"):
        explain(fitted, x, y, recipe=SGD)
