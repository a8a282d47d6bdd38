"""All generative models, side by side."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression

from gradlab.errors import DataError
from gradlab.generative import (
    BoltzmannMachine,
    HiddenMarkov,
    MixtureOfGaussians,
    NaiveBayes,
    diversity,
    exponential,
    nearest_neighbours,
)
from gradlab.generative.gan import GAN
from gradlab.plots.inverse_transform import inverse_transform_figure
from gradlab.plots.judge_and_maker import judge_and_maker_figure


@pytest.mark.catalogue("GEN-02")
def test_each_named_model_samples_what_it_has_learnt():
    """Mixture, hidden Markov model, naive Bayes, Boltzmann machine, GAN: fitted and sampled."""
    X, y = load_iris(return_X_y=True)
    models = {
        "mixture": MixtureOfGaussians(3, random_state=0).fit(X),
        "hidden Markov": HiddenMarkov(3, random_state=0).fit(X),
        "naive Bayes": NaiveBayes().fit(X, y),
        "Boltzmann": BoltzmannMachine(8, epochs=20, random_state=0).fit(X),
        "GAN": GAN(hidden=(16,), epochs=100, measure_every=None, random_state=0).fit(X),
    }
    spread = np.sqrt(X.var(axis=0).sum())
    for name, model in models.items():
        samples = model.sample(400, seed=1)
        assert samples.shape == (400, 4), name
        assert (samples == model.sample(400, seed=1)).all(), name
        assert (samples != model.sample(400, seed=2)).any(), name
        # Nearer to the data's mean than its rows are, and neither one point nor noise.
        assert np.linalg.norm(samples.mean(axis=0) - X.mean(axis=0)) < spread, name
        assert 0.2 < diversity(samples, X) < 2, name


def test_made_digits_are_new():
    digits = load_digits().data / 16
    for model in (
        MixtureOfGaussians(20, variance_floor=0.05, random_state=0).fit(digits),
        BoltzmannMachine(64, epochs=20, random_state=0).fit(digits),
    ):
        found = nearest_neighbours(model.sample(50, seed=0), digits)
        assert not found.is_copy.any()
        assert np.median(found.ratio) < 3


def test_picture_of_a_judge_and_a_maker(rng):
    y = np.repeat([0, 1], 50)
    X = rng.normal(np.where(y == 0, -2.0, 2.0)[:, None], 1.0, (100, 2))
    axis = np.linspace(-5, 5, 21)
    places = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    judged = LogisticRegression().fit(X, y).predict_proba(places)[:, 1].reshape(21, 21)
    figure = judge_and_maker_figure(
        X, y, (axis, axis), judged, *NaiveBayes().fit(X, y).sample_labelled(80)
    )
    shown = [trace.name for trace in figure.data if trace.name]
    assert shown == ["class 0", "class 1", "class 0, made", "class 1, made"]
    assert sum(len(trace.x) for trace in figure.data[-2:]) == 80


def test_picture_of_the_inverse():
    law = exponential(1.0)
    bars, ways, curve = inverse_transform_figure(law.cdf, law.sample(500)).data
    assert curve.y[-1] > 0.98
    assert len(bars.x) > 490
    corner = np.array([point for point in ways.x if point is not None]).reshape(-1, 3)[:, 1]
    assert corner == pytest.approx(-np.log(1 - (np.arange(9) + 0.5) / 9), abs=0.3)
    with pytest.raises(DataError, match="numbers that differ"):
        inverse_transform_figure(law.cdf, np.ones(5))
