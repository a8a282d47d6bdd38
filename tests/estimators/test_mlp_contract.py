"""scikit-learn's own suite for estimators; neither network may fail any check of it."""

import pytest
from sklearn.utils._test_common.instance_generator import PER_ESTIMATOR_XFAIL_CHECKS
from sklearn.utils.estimator_checks import parametrize_with_checks

from gradlab.estimators import MLPClassifier, MLPRegressor


# It skips by itself what needs scipy's array API switched on.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_it_keeps_scikit_learns_contract(estimator, check):
    check(estimator)


def test_scikit_learn_expects_no_failure_of_its_own_networks_either():
    names = {kind.__name__ for kind in PER_ESTIMATOR_XFAIL_CHECKS}
    assert not names & {"MLPClassifier", "MLPRegressor"}
