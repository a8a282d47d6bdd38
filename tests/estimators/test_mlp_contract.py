"""scikit-learn's own suite for estimators; neither network may fail any check of it."""

import pytest
from sklearn.utils._test_common.instance_generator import PER_ESTIMATOR_XFAIL_CHECKS
from sklearn.utils.estimator_checks import check_estimator

from gradlab.estimators import MLPClassifier, MLPRegressor


# One test each, so that the checks share their compiled programs in one process.
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_it_keeps_scikit_learns_contract(kind):
    results = check_estimator(kind(), on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed
    # It skips by itself what needs SciPy's array API switched on.
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}
    assert len(results) > 50


def test_scikit_learn_expects_no_failure_of_its_own_networks_either():
    names = {kind.__name__ for kind in PER_ESTIMATOR_XFAIL_CHECKS}
    assert not names & {"MLPClassifier", "MLPRegressor"}
