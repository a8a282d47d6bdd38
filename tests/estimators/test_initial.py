"""Networks that begin with the weights of another."""

import numpy as np
import pytest
from sklearn.base import clone

from gradlab.errors import RecipeError
from gradlab.estimators import ConvClassifier, MLPClassifier, MLPRegressor

X = np.random.default_rng(0).standard_normal((60, 6)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
UNMOVED = {"epochs": 1, "learning_rate": 1e-9, "random_state": 1}
"""A fit that leaves the weights where they were."""


def weighted(estimator) -> list:
    return [layer for layer in estimator.model_.network.layers if hasattr(layer, "weight")]


@pytest.fixture(scope="module")
def trained():
    return MLPClassifier(hidden=(5, 4), epochs=3, random_state=0).fit(X, Y)


def assert_begins_with(estimator, source, n_layers):
    own, given = ([np.asarray(x.weight) for x in weighted(e)] for e in (estimator, source))
    for mine, theirs in zip(own[:n_layers], given[:n_layers], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    mine, theirs = own[n_layers], given[n_layers]
    assert mine.shape != theirs.shape or np.abs(mine - theirs).max() > 1e-3


def test_all_layers_of_a_network_but_the_output(trained):
    for initial in (trained, trained.model_):
        other = MLPClassifier(hidden=(5, 4), initial=initial, **UNMOVED).fit(X, Y)
        assert_begins_with(other, trained, 2)


def test_of_a_deeper_network_the_layers_that_fit(trained):
    other = MLPRegressor(hidden=(5, 3), initial=trained, **UNMOVED).fit(X, X[:, :2])
    assert_begins_with(other, trained, 1)


def test_pairs_of_weight_and_bias(trained):
    pairs = [(np.full((6, 5), 0.25), np.arange(5.0)), (np.ones((5, 4)), None)]
    other = MLPClassifier(hidden=(5, 4), initial=pairs, **UNMOVED).fit(X, Y)
    first, second, _ = weighted(other)
    np.testing.assert_allclose(first.weight, pairs[0][0], atol=1e-6)
    np.testing.assert_allclose(first.bias, pairs[0][1], atol=1e-6)
    np.testing.assert_allclose(second.weight, 1, atol=1e-6)
    np.testing.assert_allclose(second.bias, 0, atol=1e-6)


def test_convolutions_too():
    images = np.random.default_rng(0).uniform(size=(30, 6, 6)).astype(np.float32)
    labels = np.arange(30) % 2
    first = ConvClassifier(layers=["conv 3", "dense 4"], epochs=2, random_state=0)
    first.fit(images, labels)
    other = ConvClassifier(layers=["conv 3", "dense 7"], initial=first, **UNMOVED)
    other.fit(images, labels)
    assert_begins_with(other, first, 1)


def test_an_autoencoders_encoder():
    from gradlab.autoencoder import Autoencoder, pretrained_layers

    autoencoder = Autoencoder(hidden=(5, 4), epochs=1, random_state=0).fit(X)
    pairs = pretrained_layers(autoencoder)
    for initial in (pairs, autoencoder):
        other = MLPClassifier(hidden=(5, 4), initial=initial, **UNMOVED).fit(X, Y)
        for layer, (weight, _) in zip(weighted(other), pairs, strict=False):
            np.testing.assert_allclose(layer.weight, weight, atol=1e-6)


def test_a_file_does_not_need_what_it_began_with(trained, tmp_path):
    model = MLPClassifier(hidden=(5, 4), initial=trained, epochs=2, random_state=0).fit(X, Y)
    loaded = MLPClassifier.load(model.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.initial is None


@pytest.mark.parametrize(
    ("initial", "match"),
    [
        ([(np.ones((6, 9)), None)], r"weight of layer 1 has shape \(6, 9\).* has \(6, 5\)"),
        ([(np.ones((6, 5)), np.ones(2))], r"bias of layer 1 has shape \(2,\)"),
        ([np.ones((6, 5))], "number 1 is no pair"),
        ([], "got 0 for a network of 3 layers"),
        ([(np.ones((6, 5)), None)] * 4, "got 4 for a network of 3 layers"),
        ("weights.safetensors", "initial takes a fitted network, a Model, or a list"),
        (MLPClassifier(), r"Fit it first .scikit-learn's clone forgets a fit: give its model_"),
    ],
)
def test_what_does_not_fit_is_said(initial, match):
    with pytest.raises(RecipeError, match=match):
        MLPClassifier(hidden=(5, 4), initial=initial, **UNMOVED).fit(X, Y)


def test_a_network_of_other_sizes_is_refused(trained):
    with pytest.raises(RecipeError, match="No layer of initial fits: its first is Dense"):
        MLPClassifier(hidden=(7,), initial=trained, **UNMOVED).fit(X, Y)


def test_a_model_survives_cloning(trained):
    other = clone(MLPClassifier(hidden=(5, 4), initial=trained.model_, **UNMOVED)).fit(X, Y)
    assert_begins_with(other, trained, 2)
