"""scikit-learn's own suite for estimators."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from gradlab.generative.boltzmann import BoltzmannMachine
from gradlab.generative.hidden_markov import HiddenMarkov
from gradlab.generative.mixture import MixtureOfGaussians
from gradlab.generative.naive_bayes import NaiveBayes


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(MixtureOfGaussians(2), id="mixture"),
        pytest.param(NaiveBayes(), id="naive bayes"),
        pytest.param(BoltzmannMachine(4, epochs=2), id="boltzmann"),
        # Compiles a program for every shape of table.
        pytest.param(HiddenMarkov(2, n_init=2, max_iter=5), id="markov", marks=pytest.mark.slow),
    ],
)
def test_it_keeps_scikit_learns_contract(estimator):
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert failed == {}
    # It skips by itself what needs SciPy's array API switched on.
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}
    assert len(results) > 35
