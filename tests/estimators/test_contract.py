"""scikit-learn's own suite for estimators; no network may fail any check of it."""

import pytest
from sklearn.utils import estimator_checks as checks
from sklearn.utils._test_common.instance_generator import PER_ESTIMATOR_XFAIL_CHECKS
from sklearn.utils.estimator_checks import check_estimator

from gradlab.estimators import (
    CharLanguageModel,
    ConvClassifier,
    ConvRegressor,
    Forecaster,
    MLPClassifier,
    MLPRegressor,
    RecurrentClassifier,
    RecurrentRegressor,
    TextClassifier,
)

CONV = {"layers": ["conv 8"], "learning_rate": 0.01}
RECURRENT = {"layers": ["rnn 8"], "learning_rate": 0.01, "epochs": 60}


# One test each, so that the checks share their compiled programs in one process.
@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier(),
        MLPRegressor(),
        # Small ones, for every shape of data is compiled anew.
        pytest.param(ConvClassifier(**CONV), marks=pytest.mark.slow),
        pytest.param(ConvRegressor(**CONV), marks=pytest.mark.slow),
        pytest.param(RecurrentClassifier(**RECURRENT), marks=pytest.mark.slow),
        pytest.param(RecurrentRegressor(**RECURRENT), marks=pytest.mark.slow),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_it_keeps_scikit_learns_contract(estimator):
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed
    # It skips by itself what needs SciPy's array API switched on.
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}
    assert len(results) > 50


@pytest.mark.parametrize("kind", [TextClassifier, Forecaster, CharLanguageModel])
@pytest.mark.parametrize(
    "check",
    [
        checks.check_estimator_cloneable,
        checks.check_estimator_repr,
        checks.check_estimator_tags_renamed,
        checks.check_valid_tag_types,
        checks.check_no_attributes_set_in_init,
        checks.check_parameters_default_constructible,
        checks.check_get_params_invariance,
        checks.check_set_params,
    ],
    ids=lambda check: check.__name__,
)
def test_those_whose_input_is_no_table_keep_what_is_not_about_tables(kind, check):
    check(kind.__name__, kind())


def test_scikit_learn_expects_no_failure_of_its_own_networks_either():
    names = {kind.__name__ for kind in PER_ESTIMATOR_XFAIL_CHECKS}
    assert not names & {"MLPClassifier", "MLPRegressor"}
