"""Mixtures of Gaussians: densities, samples and awkward tables."""

import numpy as np
import pytest
from scipy.stats import ks_2samp, multivariate_normal
from sklearn.datasets import load_digits, load_iris

from gradlab.errors import DataError, RecipeError
from gradlab.generative.mixture import COVARIANCES, MixtureOfGaussians


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_samples_have_the_density_that_scores_them(covariance, rng):
    """Samples and score describe one distribution: E[−ln p] of both halves agree, and moments."""
    X = load_iris().data
    mixture = MixtureOfGaussians(2, covariance=covariance, random_state=0).fit(X)
    samples = mixture.sample(20000, seed=1)
    assert (samples == mixture.sample(20000, seed=1)).all()
    assert samples.mean(axis=0) == pytest.approx(mixture.weights_ @ mixture.means_, abs=0.05)
    known = mixture.model_.sample(20000)[0]
    for j in range(4):
        assert ks_2samp(samples[:, j], known[:, j]).pvalue > 1e-3
    assert mixture.score(samples) == pytest.approx(mixture.score(known), abs=0.05)
    if covariance == "full":
        plain = sum(
            w * multivariate_normal(m, c).pdf(X)
            for w, m, c in zip(
                mixture.weights_, mixture.means_, mixture.model_.covariances_, strict=True
            )
        )
        assert mixture.score_samples(X) == pytest.approx(np.log(plain))
    assert mixture.predict_proba(X).sum(axis=1) == pytest.approx(1)


def test_samples_come_in_random_order(rng):
    X = np.concatenate([rng.normal(-9, 1, (50, 1)), rng.normal(9, 1, (50, 1))])
    sides = MixtureOfGaussians(2, random_state=0).fit(X).sample(200)[:, 0] > 0
    assert np.count_nonzero(sides[1:] != sides[:-1]) > 60


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_units_do_not_matter(scale):
    X = load_iris().data
    plain = MixtureOfGaussians(3, random_state=0).fit(X)
    scaled = MixtureOfGaussians(3, random_state=0).fit(X * scale)
    assert scaled.score_samples(X * scale) + 4 * np.log(scale) == pytest.approx(
        plain.score_samples(X), rel=1e-3, abs=1e-2
    )


def test_bic_tells_the_number_of_components(rng):
    X = np.concatenate([rng.normal(m, 1, (200, 2)) for m in (-8, 0, 8)])
    bic = [MixtureOfGaussians(k, n_init=3, random_state=0).fit(X).bic(X) for k in (1, 2, 3, 4)]
    assert int(np.argmin(bic)) == 2


def test_constant_columns():
    digits = load_digits().data  # pixels in the corners are always 0
    mixture = MixtureOfGaussians(5, covariance="diagonal", random_state=0).fit(digits)
    samples = mixture.sample(100)
    assert np.isfinite(mixture.score_samples(digits)).all()
    assert np.abs(samples[:, 0]).max() < 0.1
    flat = MixtureOfGaussians().fit(np.ones((5, 2)))
    assert flat.sample(3) == pytest.approx(np.ones((3, 2)), abs=0.01)


@pytest.mark.parametrize(
    ("settings", "X", "error", "words"),
    [
        ({"n_components": 5}, np.eye(3), DataError, "at least 5 rows"),
        ({}, np.ones((1, 2)), DataError, "n_samples=1"),
        ({"n_components": 0}, np.eye(3), RecipeError, "n_components"),
        ({"covariance": "ful"}, np.eye(3), RecipeError, "Did you mean 'full'"),
        ({"variance_floor": -1}, np.eye(3), RecipeError, "variance_floor"),
        ({"tol": "small"}, np.eye(3), RecipeError, "tol"),
        ({}, [["a"], ["b"]], ValueError, "could not convert string"),
        ({}, [[np.nan], [1.0]], ValueError, "NaN"),
    ],
)
def test_bad_input(settings, X, error, words):
    with pytest.raises(error, match=words):
        MixtureOfGaussians(**settings).fit(X)
