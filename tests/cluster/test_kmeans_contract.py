"""scikit-learn's own suite for estimators."""

import pytest
from sklearn.cluster import KMeans as TheirKMeans
from sklearn.utils._test_common.instance_generator import PER_ESTIMATOR_XFAIL_CHECKS
from sklearn.utils.estimator_checks import check_estimator

from gradlab.cluster import KMeans


@pytest.mark.parametrize(
    "estimator",
    [KMeans(3), KMeans(3, algorithm="minibatch"), KMeans(3, init="random_points", empty="remove")],
    ids=["lloyd", "minibatch", "remove"],
)
def test_it_keeps_scikit_learns_contract(estimator):
    expected = set(PER_ESTIMATOR_XFAIL_CHECKS[TheirKMeans])
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert set(failed) <= expected
    # It skips by itself what needs SciPy's array API switched on.
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}
    assert len(results) > 50
