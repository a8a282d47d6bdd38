"""The scorecard of predicted numbers."""

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from gradlab.errors import DataError
from gradlab.lab.scoring.intervals import Intervals
from gradlab.lab.scoring.scorecard import Score, Scorecard
from gradlab.metrics.checks import Array, paired_numbers, same_length
from gradlab.metrics.regression import R2Forms, r2_forms
from gradlab.metrics.resampling import Interval, interval_from

Rows = Float64[np.ndarray, "rows outputs"]
Sums = Float64[np.ndarray, "*resamples terms"]
Values = Float64[np.ndarray, "*resamples"] | np.float64


def score_numbers(
    y: Array,
    prediction: Array,
    *,
    groups: Array | None,
    level: float,
    n_resamples: int,
    seed: int,
) -> Scorecard:
    """Return the scorecard of a regression or forecast; see `score_predictions`."""
    truth, predicted = paired_numbers(y, prediction)
    if groups is not None:
        same_length(truth, np.asarray(groups), "groups")
    intervals = Intervals(len(truth), groups, level, n_resamples, seed)
    error = truth - predicted
    forms, why = _forms(truth, predicted)
    one_output = np.asarray(y).ndim == 1
    return Scorecard(
        kind="regression",
        name="",
        n_rows=len(truth),
        level=level,
        sentences=(),
        notes=(*([why] if why else []), *intervals.notes),
        scores=(
            *_spread_scores(truth, predicted, forms, why, intervals),
            *_error_scores(truth, error, intervals),
            _percentage_score(truth, error, intervals),
            _mean_error_score(error, intervals),
        ),
        r2_forms=forms,
        y=truth[:, 0] if one_output else truth,
        prediction=predicted[:, 0] if one_output else predicted,
    )


def _forms(truth: Rows, predicted: Rows) -> tuple[R2Forms | None, str]:
    """Return both forms of R², or why there is none."""
    try:
        return r2_forms(truth, predicted), ""
    except DataError as problem:
        return None, str(problem)


def _spread_scores(
    truth: Rows, predicted: Rows, forms: R2Forms | None, why: str, intervals: Intervals
) -> tuple[Score, Score]:
    """Return R² in both forms."""
    residual = Score(
        "R²", None, no_skill=0.0, meaning="1 − SSE/SST: the share of y's spread that is not left"
    )
    explained = Score(
        "R² (explained)",
        None,
        higher_is_better=None,
        no_skill=0.0,
        meaning="SSR/SST: the spread of the predictions over that of y",
    )
    if forms is None:
        return replace(residual, note=why), replace(explained, note=why)
    n_outputs = truth.shape[1]
    # About the mean of all rows, so that sums of squares lose no digits.
    centre = truth.mean(axis=0, keepdims=True)
    y, guess = truth - centre, predicted - centre
    squares = [np.sum(each**2, axis=1, keepdims=True) for each in (y - guess, y, guess)]
    terms = np.concatenate([np.ones((len(y), 1)), *squares, y, guess], axis=1)

    def total(sums: Sums) -> Values:
        values = sums[..., 2] - np.sum(sums[..., 4 : 4 + n_outputs] ** 2, axis=-1) / sums[..., 0]
        return np.where(values > 0, values, np.nan)

    def of_residual(sums: Sums) -> Values:
        return 1 - sums[..., 1] / total(sums)

    def of_explained(sums: Sums) -> Values:
        of_y, of_guess = sums[..., 4 : 4 + n_outputs], sums[..., 4 + n_outputs :]
        about_mean = np.sum(of_y * (of_y - 2 * of_guess), axis=-1) / sums[..., 0]
        return (sums[..., 3] + about_mean) / total(sums)

    sums = intervals.resample(terms)
    return (
        intervals.of_sums(replace(residual, value=forms.residual), sums, of_residual),
        intervals.of_sums(replace(explained, value=forms.explained), sums, of_explained),
    )


def _error_scores(truth: Rows, error: Rows, intervals: Intervals) -> list[Score]:
    """Return what squared and absolute errors come to."""
    spread = truth - truth.mean(axis=0, keepdims=True)
    about_median = np.abs(truth - np.median(truth, axis=0, keepdims=True))
    variance, deviation = float(np.mean(spread**2)), float(np.mean(about_median))
    squared = np.mean(error**2, axis=1, keepdims=True)
    absolute = np.mean(np.abs(error), axis=1, keepdims=True)

    def root(sums: Sums) -> Values:
        return np.sqrt(_mean(sums))

    def made(name: str, unit: str, meaning: str, no_skill: float | None = None) -> Score:
        return Score(
            name, None, higher_is_better=False, no_skill=no_skill, unit=unit, meaning=meaning
        )

    rmse = made("RMSE", "y", "root of the mean of (y − ŷ)²", math.sqrt(variance))
    mse = made("MSE", "y²", "mean of (y − ŷ)²", variance)
    mae = made("MAE", "y", "mean of |y − ŷ|", deviation)
    median = made("median error", "y", "median of |y − ŷ|", float(np.median(about_median)))
    largest = made("largest error", "y", "largest |y − ŷ|")
    value = float(squared.mean())
    of_squares, of_sizes = (intervals.resample(_counted(each)) for each in (squared, absolute))
    return [
        intervals.of_sums(replace(rmse, value=math.sqrt(value)), of_squares, root),
        intervals.of_sums(replace(mse, value=value), of_squares, _mean),
        intervals.of_sums(replace(mae, value=float(absolute.mean())), of_sizes, _mean),
        _median_score(median, np.abs(error), intervals),
        replace(
            largest,
            value=float(np.abs(error).max()),
            note="no interval: it grows with the number of rows",
        ),
    ]


def _median_score(score: Score, errors: Rows, intervals: Intervals) -> Score:
    """Return the median error; order statistics give its interval where rows are independent.

    Rows below the median are binomial(n, 1/2), whatever the distribution of errors.
    """
    from scipy.stats import binom

    score = replace(score, value=float(np.median(errors)))
    if not intervals.possible:
        return score
    tail = (1 - intervals.level) / 2
    if not intervals.grouped and errors.shape[1] == 1:
        ordered = np.sort(errors[:, 0])
        n = len(ordered)
        below = int(binom.ppf(tail, n, 0.5))
        # The largest place that keeps the level; with few rows the extremes are all there is.
        places = max(below - 1, 0), min(n - below, n - 1)
        low, high = (float(ordered[place]) for place in places)
        if 2 * binom.cdf(0, n, 0.5) > 2 * tail:
            return replace(score, note="no interval: too few rows for this level")
        found = Interval(score.value or 0.0, low, high, intervals.level, "order statistics")
        return intervals.filled(score, found)

    def resampled() -> Interval:
        resampler = intervals.resampler
        weights = resampler.counts[:, resampler.unit]
        order = np.argsort(errors, axis=None)
        row = order // errors.shape[1]
        values = errors.ravel()[order]
        reached = np.cumsum(weights[:, row], axis=1)
        place = np.argmax(reached >= reached[:, -1:] / 2, axis=1)
        return interval_from(float(np.median(errors)), values[place], level=intervals.level)

    return intervals.attempted(score, resampled)


def _percentage_score(truth: Rows, error: Rows, intervals: Intervals) -> Score:
    """Return the mean absolute percentage error."""
    score = Score(
        "MAPE", None, higher_is_better=False, unit="share", meaning="mean of |y − ŷ| / |y|"
    )
    zeros = int(np.count_nonzero(truth == 0))
    if zeros:
        return replace(score, note=f"undefined: y is 0 in {zeros:,} places")
    shares = np.mean(np.abs(error / truth), axis=1, keepdims=True)
    score = replace(score, value=float(shares.mean()))
    return intervals.of_sums(score, intervals.resample(_counted(shares)), _mean)


def _mean_error_score(error: Rows, intervals: Intervals) -> Score:
    """Return the mean of ŷ - y."""
    lean = -error.mean(axis=1, keepdims=True)
    score = Score(
        "mean error",
        float(lean.mean()),
        higher_is_better=None,
        no_skill=0.0,
        unit="y",
        meaning="mean of ŷ − y; over 0 where predictions are too high",
    )
    return intervals.of_sums(score, intervals.resample(_counted(lean)), _mean)


def _counted(values: Float64[np.ndarray, "rows 1"]) -> Float64[np.ndarray, "rows 2"]:
    """Return values beside ones, so that the sums of a resample hold its mean."""
    return np.concatenate([values, np.ones_like(values)], axis=1)


def _mean(sums: Sums) -> Values:
    return sums[..., 0] / sums[..., 1]
