"""Naive Bayes as a judge and as a generator."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from gradlab.errors import DataError, RecipeError
from gradlab.generative.naive_bayes import NaiveBayes


def test_density_is_the_sum_over_classes():
    X, y = load_iris(return_X_y=True)
    model = NaiveBayes().fit(X, y)
    plain = sum(
        np.mean(y == k) * norm(X[y == k].mean(0), X[y == k].std(0)).pdf(X).prod(axis=1)
        for k in range(3)
    )
    assert model.score_samples(X) == pytest.approx(np.log(plain), rel=1e-5, abs=1e-5)
    assert model.predict_proba(X) == pytest.approx(GaussianNB().fit(X, y).predict_proba(X))


@pytest.mark.catalogue("GEN-01")
def test_a_judge_and_a_maker_of_the_same_two_classes(rng):
    """A classifier (discriminative) finds the classes of new data, the sampler makes new data.

    What the sampler makes of a class the classifier, fitted to the same real rows, knows as it.
    """
    y = np.repeat([0, 1], 300)
    X = rng.normal(np.where(y == 0, -2.0, 2.0)[:, None], 1.0, (600, 2))
    judge = LogisticRegression().fit(X, y)
    maker = NaiveBayes().fit(X, y)
    new, labels = rng.normal([[2.0, 2.0]], 1.0, (200, 2)), np.ones(200)
    assert judge.score(new, labels) > 0.97
    made, kinds = maker.sample_labelled(2000, seed=3)
    assert kinds.mean() == pytest.approx(0.5, abs=0.05)
    assert made[kinds == 1].mean(axis=0) == pytest.approx([2, 2], abs=0.2)
    assert made[kinds == 0].std(axis=0) == pytest.approx([1, 1], abs=0.15)
    assert judge.score(made, kinds) > 0.97
    assert (maker.sample(5, seed=3) == maker.sample_labelled(5, seed=3)[0]).all()


def test_pixels_that_are_there_or_not():
    digits = load_digits()
    X, y = digits.data / 16, digits.target
    model = NaiveBayes("bernoulli").fit(X, y)
    assert model.score(X, y) > 0.8
    threes = model.sample(500, label=3)
    assert set(np.unique(threes)) == {0.0, 1.0}
    smoothed = ((X[y == 3] > 0.5).sum(axis=0) + 1) / ((y == 3).sum() + 2)
    assert threes.mean(axis=0) == pytest.approx(smoothed, abs=0.1)
    assert np.mean(model.predict(threes) == 3) > 0.8


def test_features_that_never_vary(rng):
    X = np.concatenate([np.ones((20, 1)), rng.normal(size=(20, 1))], axis=1)
    y = np.arange(20) % 2
    for table in (X, np.ones((20, 2))):
        model = NaiveBayes().fit(table, y)
        assert np.isfinite(model.score_samples(table)).all()
        assert model.sample(9)[:, 0] == pytest.approx(1, abs=0.01)
    one = NaiveBayes().fit([[1.0, 2.0]], ["only"])
    assert one.sample(2) == pytest.approx(np.array([[1.0, 2.0]] * 2), abs=1e-4)


@pytest.mark.parametrize(
    ("settings", "X", "y", "error", "words"),
    [
        ({"features": "poisson"}, np.eye(2), [0, 1], RecipeError, "Known: gaussian, bernoulli"),
        ({"smoothing": -1}, np.eye(2), [0, 1], RecipeError, "smoothing"),
        ({"features": "bernoulli", "threshold": None}, np.eye(2), [0, 1], RecipeError, "thresh"),
        ({}, [["a"], ["b"]], [0, 1], ValueError, "could not convert"),
        ({}, [[np.nan], [0.0]], [0, 1], ValueError, "NaN"),
        ({}, np.eye(2), [0.5, 1.7], ValueError, "Unknown label type"),
    ],
)
def test_bad_input(settings, X, y, error, words):
    with pytest.raises(error, match=words):
        NaiveBayes(**settings).fit(X, y)


def test_unknown_label():
    with pytest.raises(DataError, match=r"one of \[0, 1\]"):
        NaiveBayes().fit(np.eye(2), [0, 1]).sample(3, label=7)
