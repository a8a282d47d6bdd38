"""ROC and precision-recall curves, their areas, and how sure these are."""

import numpy as np
import pytest
import sklearn.metrics as peer
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradlab import metrics
from gradlab.errors import DataError
from gradlab.metrics.curves import MOST_BINS, area_of_sums, binned

Y, SCORES = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
BITS = hnp.arrays(np.int64, 25, elements=st.integers(0, 1))
TIED = hnp.arrays(np.float64, 25, elements=st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]))
SHARES = hnp.arrays(np.float64, 25, elements=st.floats(0, 1))
few = settings(max_examples=30)


def simulated(rng, n, lift=1.5, share=0.4):
    y = (rng.random(n) < share).astype(int)
    return y, rng.normal(size=n) + lift * y


@few
@given(BITS, TIED)
def test_curves_are_those_of_scikit_learn(y, scores):
    assume(0 < y.sum() < 25)
    curve = metrics.roc(y, scores)
    rates = peer.roc_curve(y, scores, drop_intermediate=False)
    for ours, theirs in zip(
        (curve.false_positive_rate, curve.true_positive_rate, curve.thresholds), rates, strict=True
    ):
        np.testing.assert_allclose(ours, theirs)
    assert curve.auc == pytest.approx(peer.roc_auc_score(y, scores))
    precise = metrics.precision_recall(y, scores)
    precision, recall, _ = peer.precision_recall_curve(y, scores)
    np.testing.assert_allclose(precise.precision, precision[::-1])
    np.testing.assert_allclose(precise.recall, recall[::-1])
    expected = peer.average_precision_score(y, scores)
    assert precise.average_precision == pytest.approx(expected)


@pytest.mark.catalogue("MET-11")
def test_areas_of_perfect_and_random_scores_and_riemann_beside_trapezoid(rng):
    assert metrics.roc_auc(Y, SCORES) == 0.75
    y = (rng.random(20_000) < 0.3).astype(int)
    assert metrics.roc_auc(y, y + 0.1) == 1
    noise = rng.random(20_000)
    deviation = np.sqrt(20_001 / (12 * y.sum() * (1 - y).sum()))
    assert metrics.roc_auc(y, noise) == pytest.approx(0.5, abs=4 * deviation)
    good = 1 / (1 + np.exp(-(rng.normal(size=20_000) + 2 * y - 1)))
    exact = metrics.roc_auc(y, good)
    assert metrics.riemann_auc(y, good) == pytest.approx(exact, abs=1e-3)
    lower, upper = (metrics.riemann_auc(y, good, summation=s) for s in ("minoring", "majoring"))
    assert lower < exact < upper
    assert upper - lower < 0.02


@few
@given(BITS, SHARES)
def test_area_is_how_often_a_positive_row_scores_over_a_negative_one(y, scores):
    assume(0 < y.sum() < 25)
    pairs = np.subtract.outer(scores[y == 1], scores[y == 0])
    expected = np.mean((pairs > 0) + 0.5 * (pairs == 0))
    assert metrics.roc_auc(y, scores) == pytest.approx(expected)
    assert metrics.roc_auc(1 - y, scores) == pytest.approx(1 - expected)
    assert metrics.roc_auc(y, -scores) == pytest.approx(1 - expected)
    order = np.unique(scores, return_inverse=True)[1]
    assert metrics.roc_auc(y, 2.0**order) == pytest.approx(expected)  # only the order counts


@few
@given(BITS, SHARES, st.sampled_from(["roc", "pr"]))
def test_riemann_sums_count_scores_over_thresholds(y, scores, curve):
    assume(0 < y.sum() < 25)
    n = 20
    lines = np.concatenate([[-1e-7], np.arange(1, n - 1) / (n - 1), [1 + 1e-7]])
    assume(np.abs(np.subtract.outer(scores, lines[1:-1])).min() > 1e-9)
    called = scores[:, None] > lines[None]
    hits, alarms = called[y == 1].sum(axis=0), called[y == 0].sum(axis=0)
    if curve == "roc":
        x, height = alarms / alarms[0], hits / hits[0]
    else:
        x = hits / hits[0]
        height = np.where(hits + alarms > 0, hits / np.maximum(hits + alarms, 1), 1.0)
    expected = np.sum((x[:-1] - x[1:]) * (height[:-1] + height[1:]) / 2)
    found = metrics.riemann_auc(y, scores, n_thresholds=n, curve=curve)
    assert found == pytest.approx(expected, abs=1e-12)


@few
@given(BITS, TIED)
def test_binned_terms_hold_the_area_exactly_where_scores_are_few(y, scores):
    assume(0 < y.sum() < 25)
    sums = np.asarray(binned(y == 1, scores).sum(axis=0), np.float64)
    assert area_of_sums(sums) == pytest.approx(metrics.roc_auc(y, scores))


def test_binned_terms_are_few_and_near_where_scores_are_many(rng):
    y, scores = simulated(rng, 5000)
    terms = binned(y == 1, scores)
    assert terms.shape[1] <= 2 * MOST_BINS
    area = area_of_sums(np.asarray(terms.sum(axis=0), np.float64))
    assert area == pytest.approx(metrics.roc_auc(y, scores), abs=2e-4)


def test_intervals_of_areas_hold_the_truth_as_often_as_they_say():
    from scipy.special import ndtr

    truth, held = ndtr(1.5 / np.sqrt(2)), 0
    for seed in range(200):
        y, scores = simulated(np.random.default_rng(seed), 100)
        resampler = metrics.Resampler(100, n_resamples=400, seed=seed)
        held += not metrics.auc_interval(y, scores, resampler=resampler).excludes(truth)
    assert 0.90 <= held / 200 <= 0.985  # three standard errors of 0.95, and BCa's own error


def test_perfect_scores_are_not_certain():
    interval = metrics.auc_interval([0] * 30 + [1] * 10, range(40))
    assert interval.estimate == interval.high == 1
    assert interval.low == metrics.wilson(10, 10).low
    assert metrics.auc_interval([1] * 10 + [0] * 30, range(40)).high < 0.5


def test_bands_hold_the_curve_and_narrow_with_more_rows(rng):
    widths = []
    for n in (100, 1600):
        y, scores = simulated(rng, n)
        band, curve = metrics.roc_band(y, scores), metrics.roc(y, scores)
        height = np.interp(band.x, curve.false_positive_rate, curve.true_positive_rate)
        assert np.mean((band.low <= height + 0.02) & (height <= band.high + 0.02)) > 0.95
        widths.append(np.mean(band.high - band.low))
        assert np.all(np.diff(band.low) >= -1e-12)
        precise = metrics.precision_recall_band(y, scores)
        assert np.all((precise.low >= 0) & (precise.low <= precise.high) & (precise.high <= 1))
    assert widths[1] < widths[0] / 2.5  # as one over the root of the rows, 4, and some


def test_thinned_curves_keep_their_ends_and_area(rng):
    curve = metrics.roc(*simulated(rng, 5000))
    thin = curve.thinned(100)
    assert len(thin.thresholds) == 100
    assert thin.auc == curve.auc
    for ends in (0, -1):
        assert thin.true_positive_rate[ends] == curve.true_positive_rate[ends]
    assert len(metrics.precision_recall(Y, SCORES).thinned(100).recall) == 5


BAD = {
    "no row of y is positive": ([0, 0], [0.1, 0.2]),
    "no row of y is negative": ([1, 1], [0.1, 0.2]),
    "same rows": ([0, 1], [0.5]),
    "column of that class": ([0, 1], [[0.5, 0.5], [0.1, 0.9]]),
    "first in row 2": ([0, 1], [0.5, np.nan]),
    "positive=": (["a", "b"], [0.1, 0.2]),
    "Two classes are expected|Which of": ([0, 1, 2], [0.1, 0.2, 0.3]),
}


@pytest.mark.parametrize("message", BAD)
def test_what_has_no_curve_is_refused(message):
    for measure in (metrics.roc, metrics.precision_recall, metrics.riemann_auc, metrics.roc_band):
        with pytest.raises(DataError, match=message):
            measure(*BAD[message])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"n_thresholds": 2}, "at least 3"), ({"scores": [0, 0.5, 1, 2]}, "from 0 to 1")],
)
def test_riemann_sums_that_make_no_sense_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        metrics.riemann_auc(Y, **({"scores": SCORES} | options))
