"""How sure a score is: Wilson's interval for shares, the bootstrap for everything else."""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Int

from gradlab.errors import DataError
from gradlab.metrics.checks import Array, Label, labels, same_length
from gradlab.metrics.classification import (
    accuracy,
    false_alarm_rate,
    negative_predictive_value,
    precision,
    recall,
    specificity,
)
from gradlab.metrics.confusion import confusion_matrix
from gradlab.metrics.resampling import Interval, Resampler, interval_from
from gradlab.metrics.wilson import wilson
from gradlab.scalars import Scalar

Metric = Callable[..., float]
"""metric(y, prediction) -> a number; a row of a two-dimensional array is one example."""

MOST_JACKKNIFE = 200
"""Parts that are left out in turn for the acceleration of a metric that is a black box."""


def bootstrap(
    metric: Metric,
    y: Array,
    prediction: Array,
    *,
    level: Scalar = 0.95,
    method: Literal["percentile", "bca"] = "percentile",
    n_resamples: int = 2000,
    seed: int = 0,
    groups: Array | None = None,
) -> Interval:
    """Return the bootstrap interval of any metric: rows are drawn again, with replacement.

    Resamples on which the metric is undefined (NaN, or an error over missing classes) are left
    out; the interval's note says how many. Beyond 5,000 rows, rows are drawn in 5,000 blocks.

    Args:
        metric: metric(y, prediction) -> number.
        y: Truth, one row an example.
        prediction: What the metric takes beside it, with as many rows.
        level: Share of such intervals that hold the truth.
        method: "percentile", or "bca", which also corrects bias and skewness (Efron 1987).
        n_resamples: Resamples, at least 100.
        seed: Of the draws; the same seed gives the same interval.
        groups: Group of each row, where rows of a group belong together (images of one patient):
            whole groups are drawn, and the interval is as wide as it should be.

    Raises:
        DataError: If the lengths differ, or the metric is undefined on half of the resamples.

    >>> y, prediction = np.arange(50) % 2, (np.arange(50) // 2) % 2
    >>> bootstrap(lambda y, p: float(np.mean(y == p)), y, prediction).rounded(2)
    (0.5, 0.36, 0.62)
    """
    resampler = _resampler(y, (prediction,), groups, n_resamples, seed)
    return _bootstrapped(metric, y, (prediction,), resampler, level, method)


def bootstrap_difference(
    metric: Metric,
    y: Array,
    first: Array,
    second: Array,
    *,
    level: Scalar = 0.95,
    method: Literal["percentile", "bca"] = "percentile",
    n_resamples: int = 2000,
    seed: int = 0,
    groups: Array | None = None,
) -> Interval:
    """Return the interval of metric(y, first) - metric(y, second) on the same rows.

    Both models are scored on each resample, so what makes rows hard for both cancels: two models
    whose own intervals overlap may yet differ for certain. `Interval.excludes(0)` tells.

    Args:
        metric: metric(y, prediction) -> number.
        y: Truth.
        first, second: Predictions of both models for the same rows.
        level, method, n_resamples, seed, groups: As for `bootstrap`.

    >>> y = np.arange(100.0)
    >>> error = lambda y, p: float(np.mean(abs(y - p)))
    >>> bootstrap_difference(error, y, y + 2, y + 1).rounded(3)
    (1.0, 1.0, 1.0)
    """

    def difference(y, first, second):
        return metric(y, first) - metric(y, second)

    resampler = _resampler(y, (first, second), groups, n_resamples, seed)
    return _bootstrapped(difference, y, (first, second), resampler, level, method)


def interval_of(
    metric: Metric,
    y: Array,
    prediction: Array,
    *,
    positive: Label | None = None,
    level: Scalar = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    groups: Array | None = None,
) -> Interval:
    """Return the interval that suits a metric: Wilson's for shares of rows, else the bootstrap.

    Shares are accuracy, recall, specificity, precision, negative predictive value and false alarm
    rate of `gradlab.metrics`. Rows that come in groups are not independent: they are bootstrapped.

    Args:
        metric: One of `gradlab.metrics`, or any metric(y, prediction) -> number.
        y: Truth.
        prediction: Predictions.
        positive: Positive label, handed on to the metric where given.
        level, n_resamples, seed, groups: As for `bootstrap`.

    >>> from gradlab.metrics import accuracy
    >>> interval_of(accuracy, [0, 0, 1, 1], [0, 0, 1, 0]).method
    'Wilson'
    """
    share = SHARES.get(metric)
    if share is not None and groups is None:
        return wilson(*share(y, prediction, positive), level)

    def given(y, prediction):
        return (
            metric(y, prediction) if positive is None else metric(y, prediction, positive=positive)
        )

    return bootstrap(
        given, y, prediction, level=level, n_resamples=n_resamples, seed=seed, groups=groups
    )


def _resampler(
    y: Array, predictions: tuple[Array, ...], groups: Array | None, n_resamples: int, seed: int
) -> Resampler:
    n_rows = len(y)
    for prediction in predictions:
        same_length(y, prediction, "prediction")
    if groups is not None:
        groups = labels(groups, "groups")
        same_length(y, groups, "groups")
    return Resampler(n_rows, groups=groups, n_resamples=n_resamples, seed=seed)


def _bootstrapped(
    metric: Metric,
    y: Array,
    predictions: tuple[Array, ...],
    resampler: Resampler,
    level: Scalar,
    method: Literal["percentile", "bca"],
) -> Interval:
    arrays = [np.asarray(each) for each in (y, *predictions)]
    estimate = float(metric(*arrays))
    if not math.isfinite(estimate):
        raise DataError(f"The metric is {estimate} on all rows, so it has no interval.")

    def score(rows: Int[np.ndarray, " drawn"]) -> float:
        try:
            return float(metric(*(each[rows] for each in arrays)))
        except DataError:  # such as a resample without rows of a class
            return math.nan

    every = np.arange(resampler.n_rows)
    counts = resampler.counts.astype(np.int64)
    values = np.array([score(np.repeat(every, drawn[resampler.unit])) for drawn in counts])
    left_out = None
    if method == "bca":
        part = np.random.default_rng(resampler.seed).permutation(counts.shape[1]) % MOST_JACKKNIFE
        left_out = np.array(
            [score(every[part[resampler.unit] != i]) for i in range(part.max() + 1)]
        )
    return interval_from(estimate, values, left_out, level=level)


def _rate(hits: str, misses: str) -> Callable[..., tuple[int, int]]:
    """Return the function that counts successes and rows of a rate of two classes."""

    def counted(y: Array, prediction: Array, positive: Label | None) -> tuple[int, int]:
        cells = confusion_matrix(y, prediction).of(positive)
        successes = getattr(cells, hits)
        return successes, successes + getattr(cells, misses)

    return counted


def _right(y: Array, prediction: Array, positive: Label | None) -> tuple[int, int]:
    matrix = confusion_matrix(y, prediction)
    return matrix.n_right, matrix.n_rows


SHARES: dict[Metric, Callable[..., tuple[int, int]]] = {
    accuracy: _right,
    recall: _rate("true_positives", "false_negatives"),
    specificity: _rate("true_negatives", "false_positives"),
    precision: _rate("true_positives", "false_positives"),
    negative_predictive_value: _rate("true_negatives", "false_negatives"),
    false_alarm_rate: _rate("false_positives", "true_negatives"),
}
"""Metrics that are a share of rows, with the function that counts them."""
