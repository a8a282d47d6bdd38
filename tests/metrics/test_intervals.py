"""Intervals: published numbers, coverage by simulation, and what changes them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gradlab import metrics
from gradlab.errors import DataError
from gradlab.metrics.resampling import interval_from


def mean(y, prediction):
    return float(np.mean(y == prediction))


@given(st.integers(1, 500), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_is_that_of_scipy(n, data, level):
    successes = data.draw(st.integers(0, n))
    found = metrics.wilson(successes, n, level)
    expected = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    assert found.low == pytest.approx(expected.low, abs=1e-12)
    assert found.high == pytest.approx(expected.high, abs=1e-12)
    assert 0 <= found.low <= found.estimate <= found.high <= 1


def test_wilson_holds_the_truth_as_often_as_it_says_on_average():
    n, shares = 30, np.linspace(0.02, 0.98, 49)
    ends = np.array([[i.low, i.high] for i in (metrics.wilson(k, n) for k in range(n + 1))])
    chances = stats.binom.pmf(np.arange(n + 1)[None], n, shares[:, None])
    inside = (ends[:, 0][None] <= shares[:, None]) & (shares[:, None] <= ends[:, 1][None])
    coverage = (chances * inside).sum(axis=1)
    assert coverage.mean() == pytest.approx(0.95, abs=0.01)
    assert coverage.min() > 0.83


@pytest.mark.parametrize(("n", "least"), [(30, 0.88), (200, 0.91)], ids=["few rows", "enough rows"])
def test_bootstrap_of_skewed_errors_holds_the_truth_nearly_as_often_as_it_says(n, least):
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        errors = rng.exponential(size=n)  # the mean absolute error is 1
        resampler = metrics.Resampler(n, n_resamples=500, seed=seed)
        terms = np.stack([errors, np.ones(n)], axis=1)
        interval = resampler.interval(terms, lambda sums: sums[..., 0] / sums[..., 1])
        held += not interval.excludes(1)
    assert least <= held / 200 <= 0.99


def test_resampled_sums_give_what_scipy_gives():
    rng = np.random.default_rng(3)
    y = rng.gamma(2, size=80)
    terms = np.stack([y, np.ones(80)], axis=1)
    ours = metrics.Resampler(80, n_resamples=20_000).interval(
        terms, lambda sums: sums[..., 0] / sums[..., 1]
    )
    theirs = stats.bootstrap((y,), np.mean, n_resamples=20_000, rng=1, method="BCa")
    width = ours.high - ours.low
    assert ours.method == "bootstrap (BCa)"
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.02 * width)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.02 * width)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_bootstrap_of_any_metric_is_near_wilson_for_a_share(method, rng):
    y = rng.integers(0, 2, 300)
    prediction = np.where(rng.random(300) < 0.8, y, 1 - y)
    found = metrics.bootstrap(mean, y, prediction, method=method)
    wilson = metrics.wilson(int(np.sum(y == prediction)), 300)
    assert found.estimate == wilson.estimate
    assert found.low == pytest.approx(wilson.low, abs=0.01)
    assert found.high == pytest.approx(wilson.high, abs=0.01)
    assert found == metrics.bootstrap(mean, y, prediction, method=method)


def test_the_seed_fixes_the_resamples():
    first, again, other = (metrics.Resampler(50, seed=seed).counts for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    np.testing.assert_array_equal(first.sum(axis=1), 50)


def test_rows_in_groups_are_drawn_together_and_intervals_are_wider(rng):
    groups = np.repeat(np.arange(30), 10)
    y = np.zeros(300)
    prediction = np.repeat(rng.normal(size=30), 10)  # every row ten times: 30 are worth
    error = metrics.mean_absolute_error
    alone = metrics.bootstrap(error, y, prediction, n_resamples=500)
    together = metrics.bootstrap(error, y, prediction, n_resamples=500, groups=groups)
    few = metrics.bootstrap(error, y[:30], prediction[::10], n_resamples=500)
    ratio = (together.high - together.low) / (alone.high - alone.low)
    assert ratio == pytest.approx(np.sqrt(10), rel=0.2)
    assert together.low == pytest.approx(few.low, abs=0.05)
    assert together.high == pytest.approx(few.high, abs=0.05)


def test_blocks_of_many_rows_give_the_width_that_theory_gives(rng):
    values = rng.normal(size=20_000)
    terms = np.stack([values, np.ones(20_000)], axis=1)
    found = metrics.Resampler(20_000).interval(terms, lambda sums: sums[..., 0] / sums[..., 1])
    theory = 2 * 1.96 * values.std() / np.sqrt(20_000)
    assert found.high - found.low == pytest.approx(theory, rel=0.06)


def test_the_difference_of_two_models_is_sharper_than_their_intervals(rng):
    y, noise = rng.normal(size=(2, 200))
    first, second = y + noise, y + 0.9 * noise  # wrong in the same rows
    error = metrics.mean_absolute_error
    difference = metrics.bootstrap_difference(error, y, first, second, n_resamples=500)
    assert difference.excludes(0)
    one, other = (metrics.bootstrap(error, y, p, n_resamples=500) for p in (first, second))
    assert one.low < other.high  # their own intervals overlap
    assert difference.estimate == pytest.approx(error(y, first) - error(y, second))
    nothing = metrics.bootstrap_difference(error, y, first, first, n_resamples=100)
    assert (nothing.low, nothing.high) == (0, 0)


@pytest.mark.parametrize(
    ("metric", "successes", "n"),
    [
        (metrics.accuracy, 85, 100),
        (metrics.recall, 35, 45),
        (metrics.specificity, 50, 55),
        (metrics.precision, 35, 40),
        (metrics.negative_predictive_value, 50, 60),
        (metrics.false_alarm_rate, 5, 55),
    ],
)
def test_shares_get_wilsons_interval(metric, successes, n):
    y = np.repeat([0, 1, 0, 1], [50, 10, 5, 35])
    prediction = np.repeat([0, 0, 1, 1], [50, 10, 5, 35])
    found = metrics.interval_of(metric, y, prediction)
    assert found == metrics.wilson(successes, n)
    assert found.estimate == pytest.approx(metric(y, prediction))
    groups = np.arange(100) // 2
    grouped = metrics.interval_of(metric, y, prediction, groups=groups, n_resamples=100)
    assert grouped.method == "bootstrap (percentile)"


def test_other_metrics_get_the_bootstrap():
    words = np.array(["no", "yes"])
    y, prediction = words[np.arange(40) % 2], words[np.arange(40) // 20]
    found = metrics.interval_of(metrics.f_score, y, prediction, positive="yes", n_resamples=200)
    assert found.method == "bootstrap (percentile)"
    assert found.low < found.estimate < found.high


def test_resamples_without_a_class_are_left_out_and_told():
    y = np.array([1] + [0] * 9)
    found = metrics.bootstrap(metrics.roc_auc, y, np.arange(10.0)[::-1], n_resamples=300)
    assert "left out" in found.note


BAD = {
    "n >= 1": lambda: metrics.wilson(0, 0),
    "0 <= successes": lambda: metrics.wilson(3, 2),
    "level of confidence": lambda: metrics.wilson(1, 2, 95),
    "same rows": lambda: metrics.bootstrap(mean, np.zeros(3), np.zeros(2)),
    "at least 100 resamples": lambda: metrics.bootstrap(
        mean, np.zeros(3), np.zeros(3), n_resamples=10
    ),
    "at least 2 rows": lambda: metrics.bootstrap(mean, np.zeros(1), np.zeros(1)),
    "undefined on": lambda: metrics.bootstrap(
        lambda y, p: 1.0 if y[0] == 0 and len(np.unique(y)) == 10 else np.nan,
        np.arange(10),
        np.arange(10),
    ),
    "on all rows": lambda: metrics.bootstrap(lambda y, p: np.nan, np.arange(9), np.arange(9)),
    "groups": lambda: metrics.bootstrap(mean, np.zeros(3), np.zeros(3), groups=[1, 2]),
}


@pytest.mark.parametrize("message", BAD)
def test_what_has_no_interval_is_refused(message):
    with pytest.raises(DataError, match=message):
        BAD[message]()


@pytest.mark.parametrize("scale", [1e-200, 1e120, 1e300])
def test_ends_do_not_depend_on_the_scale(scale, rng):
    values, left_out = rng.gamma(2, size=500), rng.gamma(2, size=60)
    small = interval_from(2.0, values, left_out)
    large = interval_from(2.0 * scale, scale * values, scale * left_out)
    assert large.method == small.method == "bootstrap (BCa)"
    assert (large.low, large.high) == pytest.approx((scale * small.low, scale * small.high))


def test_where_the_jackknife_overflows_the_ends_are_percentiles(rng):
    found = interval_from(2.0, rng.gamma(2, size=500), np.full(60, 1.7e308))
    assert found.method == "bootstrap (percentile)"
