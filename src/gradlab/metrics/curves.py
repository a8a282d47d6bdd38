"""What a score is worth at every threshold: ROC and precision-recall curves, and their areas."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64

from gradlab.errors import DataError
from gradlab.metrics.checks import Array, Label, both_classes, is_positive, numbers, same_length
from gradlab.metrics.resampling import Interval, Resampler
from gradlab.metrics.wilson import wilson
from gradlab.scalars import Scalar

MOST_BINS = 250
"""Distinct scores that the bootstrap of a curve tells apart; more are joined to as many bins."""

MOST_POINTS = 1000
"""Points that a stored or drawn curve keeps; its area is that of all."""

Values = Float64[np.ndarray, " _"]


def spaced(n: int, most: int) -> Int64[np.ndarray, " kept"]:
    """Return evenly spaced places of a curve with n points, its ends among them.

    >>> spaced(5, 3).tolist(), spaced(2, 3).tolist()
    ([0, 2, 4], [0, 1])
    """
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


@dataclass(frozen=True, eq=False)
class Sweep:
    """Counts at every threshold: a row is called positive where its score >= threshold.

    Attributes:
        thresholds: Distinct scores, the highest first.
        true_positives, false_positives: Rows called positive, rightly and wrongly.
        positives, negatives: Rows of each class.
    """

    thresholds: Values
    true_positives: Int64[np.ndarray, " _"]
    false_positives: Int64[np.ndarray, " _"]
    positives: int
    negatives: int


@dataclass(frozen=True, eq=False)
class RocCurve:
    """True against false positive rate, from nothing called positive to everything.

    Attributes:
        false_positive_rate, true_positive_rate: Corners of the curve.
        thresholds: Where each is reached; inf at the first, where nothing is called positive.
        auc: Area under it by trapezoids: the chance that a positive row scores over a negative one.
    """

    false_positive_rate: Values
    true_positive_rate: Values
    thresholds: Values
    auc: float

    def thinned(self, most: int = MOST_POINTS) -> "RocCurve":
        """Return the curve with as many points at most, both ends among them."""
        kept = spaced(len(self.thresholds), most)
        return replace(
            self,
            false_positive_rate=self.false_positive_rate[kept],
            true_positive_rate=self.true_positive_rate[kept],
            thresholds=self.thresholds[kept],
        )


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve:
    """Precision against recall, from nothing called positive to everything.

    Attributes:
        recall, precision: Points of the curve; the first is (0, 1), by convention.
        thresholds: Where each is reached; inf at the first.
        auc: Area by trapezoids, which is too kind between far points (Davis and Goadrich 2006).
        average_precision: Area by steps, Σ (R_i - R_{i-1}) P_i; the one to report.
        prevalence: Share of positive rows: the precision of a score that knows nothing.
    """

    recall: Values
    precision: Values
    thresholds: Values
    auc: float
    average_precision: float
    prevalence: float

    def thinned(self, most: int = MOST_POINTS) -> "PrecisionRecallCurve":
        """Return the curve with as many points at most, both ends among them."""
        kept = spaced(len(self.thresholds), most)
        return replace(
            self,
            recall=self.recall[kept],
            precision=self.precision[kept],
            thresholds=self.thresholds[kept],
        )


@dataclass(frozen=True, eq=False)
class Band:
    """An interval of a curve's height at every place x."""

    x: Values
    low: Values
    high: Values
    level: float


def sweep(y: Array, scores: Array, *, positive: Label | None = None) -> Sweep:
    """Count right and wrong alarms at every threshold.

    Args:
        y: True labels of two classes.
        scores: Any number that grows with the chance of the positive class.
        positive: The positive class; by default 1 or True.

    Raises:
        DataError: If lengths differ, a score is missing, or only one class has rows.

    >>> found = sweep([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> found.true_positives.tolist(), found.false_positives.tolist()
    ([1, 1, 2, 2], [0, 1, 1, 2])
    """
    truth, values = _checked(y, scores, positive)
    positives, negatives = both_classes(truth, "A curve over thresholds")
    order = np.argsort(-values, kind="stable")
    values, truth = values[order], truth[order]
    last_of_ties = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    hits = np.cumsum(truth, dtype=np.int64)[last_of_ties]
    return Sweep(values[last_of_ties], hits, last_of_ties + 1 - hits, positives, negatives)


def roc(y: Array, scores: Array, *, positive: Label | None = None) -> RocCurve:
    """Return the receiver operating characteristic.

    Args:
        y, scores, positive: As for `sweep`.

    >>> roc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).auc
    0.75
    """
    found = sweep(y, scores, positive=positive)
    hits, alarms = (np.append(0, each) for each in (found.true_positives, found.false_positives))
    # Whole numbers until the end, so that a perfect order is 1 exactly.
    twice = int(np.sum(np.diff(alarms) * (hits[1:] + hits[:-1])))
    return RocCurve(
        false_positive_rate=alarms / found.negatives,
        true_positive_rate=hits / found.positives,
        thresholds=np.append(np.inf, found.thresholds),
        auc=twice / (2 * found.positives * found.negatives),
    )


def precision_recall(
    y: Array, scores: Array, *, positive: Label | None = None
) -> PrecisionRecallCurve:
    """Return the precision-recall curve; it tells more than ROC where positives are rare.

    Args:
        y, scores, positive: As for `sweep`.

    >>> round(precision_recall([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).average_precision, 6)
    0.833333
    """
    found = sweep(y, scores, positive=positive)
    called = found.true_positives + found.false_positives
    recall = np.append(0, found.true_positives / found.positives)
    precision = np.append(1, found.true_positives / called)
    return PrecisionRecallCurve(
        recall=recall,
        precision=precision,
        thresholds=np.append(np.inf, found.thresholds),
        auc=float(np.trapezoid(precision, recall)),
        average_precision=float(np.sum(np.diff(recall) * precision[1:])),
        prevalence=found.positives / (found.positives + found.negatives),
    )


def roc_auc(y: Array, scores: Array, *, positive: Label | None = None) -> float:
    """Return the area under the ROC curve: 1 for a perfect order, 0.5 for a random one.

    Args:
        y, scores, positive: As for `sweep`.

    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    return roc(y, scores, positive=positive).auc


def average_precision(y: Array, scores: Array, *, positive: Label | None = None) -> float:
    """Return the area under the precision-recall curve, by steps; see `PrecisionRecallCurve`.

    >>> average_precision([0, 0, 1, 1], [0.1, 0.2, 0.35, 0.8])
    1.0
    """
    return precision_recall(y, scores, positive=positive).average_precision


def riemann_auc(
    y: Array,
    scores: Array,
    *,
    positive: Label | None = None,
    n_thresholds: int = 200,
    curve: Literal["roc", "pr"] = "roc",
    summation: Literal["trapezoidal", "minoring", "majoring"] = "trapezoidal",
) -> float:
    """Return the area from equally spaced thresholds only, as tf.metrics.auc does.

    A row is called positive where score > threshold; thresholds are i / (n_thresholds - 1), with
    the first below 0 and the last above 1. Near the exact `roc_auc` where scores are spread over 0
    to 1; far from it where most crowd between two thresholds.

    Args:
        y, positive: As for `sweep`.
        scores: Probabilities, 0 to 1.
        n_thresholds: At least 3.
        curve: "roc", or "pr" for precision over recall.
        summation: Rule for the strip between two points: the mean of its heights, the lower, or
            the higher.

    Raises:
        DataError: As for `sweep`, or if a score is not in 0 to 1.

    >>> y, scores = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
    >>> round(riemann_auc(y, scores), 4)
    0.75
    """
    truth, values = _checked(y, scores, positive)
    both_classes(truth, "An area under a curve")
    if n_thresholds < 3:
        raise DataError(f"riemann_auc needs at least 3 thresholds; got {n_thresholds}.")
    if values.min() < 0 or values.max() > 1:
        raise DataError(
            f"Thresholds run from 0 to 1; the scores from {values.min():g} to {values.max():g}. "
            "Give probabilities, or use roc_auc."
        )
    # How many thresholds a score exceeds: all below it, and the first one always.
    passed = np.ceil(values * (n_thresholds - 1)).astype(np.int64).clip(1)
    counts = [
        np.bincount(passed[rows], minlength=n_thresholds + 1)[::-1].cumsum()[::-1][1:].astype(float)
        for rows in (truth, ~truth)
    ]
    return float(area_at_thresholds(*counts, curve=curve, summation=summation))


def area_at_thresholds(
    true_positives: Any,
    false_positives: Any,
    *,
    curve: Literal["roc", "pr"] = "roc",
    summation: Literal["trapezoidal", "minoring", "majoring"] = "trapezoidal",
) -> Any:
    """Return the area from counts at rising thresholds, the first of which all rows exceed.

    NumPy and JAX arrays alike, so that `riemann_auc` and the streaming one are the same formula.

    Args:
        true_positives, false_positives: Counts, shape (thresholds,).
        curve, summation: As for `riemann_auc`.
    """
    rise = true_positives / true_positives[0]
    if curve == "roc":
        x, height = false_positives / false_positives[0], rise
    else:
        called = true_positives + false_positives
        nothing = called == 0
        x, height = rise, (true_positives + nothing) / (called + nothing)
    left, right = height[1:], height[:-1]
    if summation == "trapezoidal":
        strips = (left + right) / 2
    else:
        lower = left * (left < right) + right * (left >= right)
        strips = lower if summation == "minoring" else left + right - lower
    return ((x[:-1] - x[1:]) * strips).sum()


def auc_interval(
    y: Array,
    scores: Array,
    *,
    positive: Label | None = None,
    level: Scalar = 0.95,
    resampler: Resampler | None = None,
) -> Interval:
    """Return the bootstrap interval of the area under the ROC curve.

    Where no pair is out of order every resample agrees, and the bootstrap is silent: then it is
    Wilson's interval of as many pairs without a common row as there are, the rarer class's rows.

    Args:
        y, scores, positive: As for `sweep`.
        level: Share of such intervals that hold the truth.
        resampler: Resamples to use, such as groups of rows; by default 2,000 of rows.

    >>> y, scores = [0] * 20 + [1] * 20, [i % 20 + i // 20 * 5 for i in range(40)]
    >>> auc_interval(y, scores).rounded(2)[0]
    0.72
    """
    truth, values = _checked(y, scores, positive)
    area = roc_auc(truth, values)
    if area in (0.0, 1.0):
        pairs = min(both_classes(truth, "An area under a curve"))
        return wilson(pairs if area == 1 else 0, pairs, level)
    resampler = resampler or Resampler(len(truth))
    return resampler.interval(binned(truth, values), area_of_sums, level=level, estimate=area)


def average_precision_interval(
    y: Array,
    scores: Array,
    *,
    positive: Label | None = None,
    level: Scalar = 0.95,
    resampler: Resampler | None = None,
) -> Interval:
    """Return the bootstrap interval of the average precision; arguments as for `auc_interval`.

    >>> average_precision_interval([0] * 20 + [1] * 20, range(40)).estimate
    1.0
    """
    truth, values = _checked(y, scores, positive)
    resampler = resampler or Resampler(len(truth))
    terms = binned(truth, values)
    exact = average_precision(truth, values)
    return resampler.interval(terms, _average_precision, level=level, estimate=exact)


def roc_band(
    y: Array,
    scores: Array,
    *,
    positive: Label | None = None,
    level: Scalar = 0.95,
    resampler: Resampler | None = None,
) -> Band:
    """Return the interval of the true positive rate at every false positive rate.

    Each place has its own interval, so the whole curve leaves the band more often than 1 - level.

    Args:
        y, scores, positive, level, resampler: As for `auc_interval`.

    >>> band = roc_band([0] * 20 + [1] * 20, range(40))
    >>> band.low.shape == band.high.shape == band.x.shape
    True
    """
    hits, alarms = _resampled(y, scores, positive, resampler)
    return _band(alarms / alarms[:, -1:], hits / hits[:, -1:], level)


def precision_recall_band(
    y: Array,
    scores: Array,
    *,
    positive: Label | None = None,
    level: Scalar = 0.95,
    resampler: Resampler | None = None,
) -> Band:
    """Return the interval of the precision at every recall; see `roc_band`.

    >>> band = precision_recall_band([0] * 20 + [1] * 20, range(40))
    >>> float(band.low[0]), float(band.high[0])
    (1.0, 1.0)
    """
    hits, alarms = _resampled(y, scores, positive, resampler)
    called = hits + alarms
    precision = np.where(called > 0, hits / np.maximum(called, 1), 1.0)
    return _band(hits / hits[:, -1:], precision, level)


def binned(
    truth: Bool[np.ndarray, " rows"],
    scores: Float64[np.ndarray, " rows"],
    most: int = MOST_BINS,
) -> Any:
    """Return terms whose sums are the positive, then the negative, rows of every score.

    The highest score comes first; more than `most` distinct ones are joined to as many bins, with
    about the same number of rows each.
    """
    from scipy.sparse import csr_array

    _, place, counts = np.unique(-scores, return_inverse=True, return_counts=True)
    if len(counts) > most:
        place = ((np.cumsum(counts) - 1) * most // len(scores))[place]
    n_bins = int(place.max()) + 1
    column = place + np.where(truth, 0, n_bins)
    rows = np.arange(len(scores))
    return csr_array((np.ones(len(rows)), (rows, column)), (len(rows), 2 * n_bins))


def area_of_sums(
    sums: Float64[np.ndarray, "*resamples terms"],
) -> Float64[np.ndarray, "*resamples"] | np.float64:
    """Return the area under the ROC curve from sums of `binned` terms; a tie is half right."""
    hits, alarms = np.split(sums, 2, axis=-1)
    above = np.cumsum(hits, axis=-1) - hits / 2
    return (alarms * above).sum(axis=-1) / (hits.sum(axis=-1) * alarms.sum(axis=-1))


def _resampled(
    y: Array, scores: Array, positive: Label | None, resampler: Resampler | None
) -> tuple[Float64[np.ndarray, "resamples points"], Float64[np.ndarray, "resamples points"]]:
    """Return hits and false alarms of every resample that has both classes, from 0 to all."""
    truth, values = _checked(y, scores, positive)
    both_classes(truth, "A curve over thresholds")
    sums = (resampler or Resampler(len(truth))).sums(binned(truth, values))
    hits, alarms = (
        np.pad(np.cumsum(each, axis=-1), ((0, 0), (1, 0))) for each in np.split(sums, 2, axis=-1)
    )
    usable = (hits[:, -1] > 0) & (alarms[:, -1] > 0)
    return hits[usable], alarms[usable]


def _band(
    x: Float64[np.ndarray, "resamples points"],
    height: Float64[np.ndarray, "resamples points"],
    level: Scalar,
) -> Band:
    grid = np.linspace(0, 1, 101)
    # A curve may rise straight up: at such a place its highest point counts, as np.interp has it.
    heights = np.array([np.interp(grid, *each) for each in zip(x, height, strict=True)])
    level = float(level)
    low, high = np.quantile(heights, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Band(grid, low, high, level)


def _average_precision(
    sums: Float64[np.ndarray, "*resamples terms"],
) -> Float64[np.ndarray, "*resamples"] | np.float64:
    hits, alarms = np.split(sums, 2, axis=-1)
    found, called = np.cumsum(hits, axis=-1), np.cumsum(hits + alarms, axis=-1)
    steps = hits * found / np.maximum(called, 1)
    return steps.sum(axis=-1) / hits.sum(axis=-1)


def _checked(
    y: Array, scores: Array, positive: Label | None
) -> tuple[Bool[np.ndarray, " rows"], Float64[np.ndarray, " rows"]]:
    truth, values = is_positive(y, positive), numbers(scores, "scores")
    if values.ndim != 1:
        raise DataError(
            f"scores must hold one number a row, for the positive class; got shape {values.shape}. "
            "Of a table of probabilities, give the column of that class."
        )
    same_length(truth, values, "scores")
    return truth, values
