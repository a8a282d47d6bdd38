"""Log loss, Brier score and reliability: scikit-learn's numbers, simulation, refusals."""

import numpy as np
import pytest
import sklearn.metrics as peer

from gradlab import metrics
from gradlab.errors import DataError


def drawn(rng, n, power=1.0):
    """Return labels, and probabilities that are true for power 1."""
    share = rng.beta(0.7, 0.7, n)
    return (rng.random(n) < share).astype(int), share**power / (share**power + (1 - share) ** power)


@pytest.mark.catalogue("ERR-56")
def test_scores_of_two_classes_are_those_of_scikit_learn(rng):
    y, share = drawn(rng, 200)
    assert metrics.log_loss(y, share) == pytest.approx(peer.log_loss(y, share))
    assert metrics.brier(y, share) == pytest.approx(peer.brier_score_loss(y, share))
    # Rows of class 0 count too: y log h alone would be 0 for them.
    assert metrics.log_loss([0], [0.9]) == pytest.approx(-np.log(0.1))
    two = np.stack([1 - share, share], axis=1)
    assert metrics.log_loss(y, two) == pytest.approx(metrics.log_loss(y, share))
    assert metrics.brier(y, two) == pytest.approx(2 * metrics.brier(y, share))


def test_scores_of_many_classes_are_those_of_scikit_learn(rng):
    y = rng.integers(0, 4, 100)
    shares = rng.dirichlet(np.ones(4), 100)
    assert metrics.log_loss(y, shares) == pytest.approx(peer.log_loss(y, shares))
    expected = np.mean(np.sum((shares - np.eye(4)[y]) ** 2, axis=1))
    assert metrics.brier(y, shares) == pytest.approx(expected)
    names = np.array(list("abcd"))
    order = [2, 0, 3, 1]
    found = metrics.log_loss(names[y], shares[:, order], classes=tuple(names[order].tolist()))
    assert found == pytest.approx(metrics.log_loss(y, shares))


def test_sure_mistakes_are_dear_and_finite():
    assert metrics.log_loss([1, 0], [0.0, 0.0]) == pytest.approx(36.04 / 2, abs=0.01)
    assert metrics.log_loss([1], [1.0]) == 0


def test_bins_hold_means_shares_and_rows():
    found = metrics.calibration([0, 1, 0, 1, 1], [0.05, 0.08, 0.31, 0.35, 1.0])
    np.testing.assert_allclose(found.probability, [0.065, 0.33, 1.0])
    np.testing.assert_allclose(found.observed, [0.5, 0.5, 1.0])
    assert found.counts.tolist() == [2, 2, 1]
    assert found.error == pytest.approx((2 * 0.435 + 2 * 0.17) / 5)
    assert found.largest_error == pytest.approx(0.435)
    assert found.low[0] == metrics.wilson(1, 2).low
    assert found.lean == pytest.approx(np.mean([0.05, 0.08, 0.31, 0.35, 1.0]) - 0.6)
    error = metrics.expected_calibration_error([0, 1, 0, 1, 1], [0.05, 0.08, 0.31, 0.35, 1.0])
    assert error == found.error


def test_bins_of_as_many_rows_each(rng):
    y, share = drawn(rng, 1000)
    found = metrics.calibration(y, share, bins="quantile", n_bins=5)
    assert found.counts.tolist() == [200] * 5


def test_true_probabilities_pass_and_sharpened_ones_are_caught():
    passed = caught = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        passed += metrics.calibration(*drawn(rng, 300)).is_calibrated
        caught += not metrics.calibration(*drawn(rng, 300, power=3.0)).is_calibrated
    assert 0.90 <= passed / 200 <= 0.99  # said to be 0.95; bins are only nearly normal
    assert caught / 200 > 0.9


BAD = {
    "lie in 0 to 1": ([0, 1], [0.5, 1.5]),
    "sum to 1": ([0, 1], [[0.5, 0.4], [0.1, 0.9]]),
    "same rows": ([0, 1], [0.5]),
    "2 columns of probabilities and 3 classes": ([0, 1, 2], [[0.5, 0.5]] * 3),
    "positive one": (["a", "b"], [0.1, 0.9]),
    "have shape": ([0], [[[0.5]]]),
}


@pytest.mark.parametrize("message", BAD)
def test_what_is_no_probability_is_refused(message):
    for measure in (metrics.log_loss, metrics.brier):
        with pytest.raises(DataError, match=message):
            measure(*BAD[message])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"probability": [[0.5, 0.5]] * 2}, "positive class alone"),
        ({"probability": [0.1, 0.2], "n_bins": 0}, "at least 1"),
    ],
)
def test_calibration_that_makes_no_sense_is_refused(options, message):
    with pytest.raises(DataError, match=message):
        metrics.calibration([0, 1], **options)
