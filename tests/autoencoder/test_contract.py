"""scikit-learn's own suite for estimators; no autoencoder may fail any check of it."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from gradlab.autoencoder import Autoencoder, StackedAutoencoder


@pytest.mark.parametrize(
    "autoencoder",
    [
        Autoencoder(hidden=(2,), epochs=2),
        StackedAutoencoder(hidden=(2,), pretrain_epochs=2, fine_tune=False),
    ],
    ids=lambda autoencoder: type(autoencoder).__name__,
)
def test_it_keeps_scikit_learns_contract(autoencoder):
    results = check_estimator(autoencoder, on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed
    # It skips by itself what needs SciPy's array API switched on.
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}
    assert len(results) > 35
