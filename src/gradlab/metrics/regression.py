"""Measures of predicted numbers; several outputs a row count as so many numbers."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from gradlab.errors import DataError
from gradlab.metrics.checks import Array, paired_numbers

FORMS_DIFFER = 1e-9
"""Two forms of R² that differ by less are the same but for rounding."""


def r2(y: Array, prediction: Array) -> float:
    """Return the coefficient of determination by what is left over, 1 - SSE / SST.

        SSE = Σ (y - ŷ)²,  SST = Σ (y - ȳ)²

    1 for perfect predictions, 0 for the mean of y, negative for worse than that (the documents say
    0 to 1, which holds for least squares on the training rows). Several outputs: sums over all.

    Args:
        y: Truth, shape (rows,) or (rows, outputs).
        prediction: Predictions of the same shape.

    Raises:
        DataError: If the shapes differ, a number is missing, or y is constant, so that SST = 0.

    >>> round(r2([1, 2, 3, 4], [1.1, 1.9, 3.2, 3.8]), 12)
    0.98
    """
    return r2_forms(y, prediction).residual


def r2_explained(y: Array, prediction: Array) -> float:
    """Return the other form of R², by what is explained: SSR / SST, SSR = Σ (ŷ - ȳ)².

    It equals `r2` for least squares with intercept on the rows that were fitted, and nowhere else
    by right: predictions that scatter too widely score over 1. `r2_forms` tells why they differ.

    Args:
        y, prediction: As for `r2`.

    >>> round(r2_explained([1, 2, 3, 4], [1.1, 1.9, 3.2, 3.8]), 12)
    0.9
    """
    return r2_forms(y, prediction).explained


@dataclass(frozen=True)
class R2Forms:
    """Both forms of R², and why they differ.

    With e = y - ŷ, SST = SSE + SSR + 2 Σ e (ŷ - ȳ), so

        1 - SSE / SST = SSR / SST + 2 (cov(e, ŷ) - ē²) / var(y)

    Attributes:
        residual: 1 - SSE / SST.
        explained: SSR / SST.
        mean_error: ē, the mean of y - ŷ: 0 where an intercept was fitted to these rows.
        slope: Of y on ŷ, 1 + cov(e, ŷ) / var(ŷ): 1 where the scale was fitted to these rows; None
            for constant predictions.
    """

    residual: float
    explained: float
    mean_error: float
    slope: float | None

    @property
    def differ(self) -> bool:
        """Whether the forms differ by more than rounding."""
        size = max(1.0, abs(self.residual), abs(self.explained))
        return abs(self.residual - self.explained) > FORMS_DIFFER * size

    @property
    def sentence(self) -> str:
        """What to know before one of the two is reported."""
        if not self.differ:
            return (
                f"Both forms of R² are {self.residual:.4g}: the predictions are a least-squares "
                "fit with intercept to these rows, or perfect."
            )
        reasons = []
        if self.slope is not None and abs(self.slope - 1) > FORMS_DIFFER:
            way = "too wide" if self.slope < 1 else "too narrow"
            reasons.append(f"they scatter {way} (y rises by {self.slope:.3g} where ŷ rises by 1)")
        if self.slope is None:
            reasons.append("they are constant")
        if self.mean_error != 0:
            way = "low" if self.mean_error > 0 else "high"
            reasons.append(f"they are {abs(self.mean_error):.3g} too {way} on average")
        return (
            f"R² is {self.residual:.4g} as 1 − SSE/SST and {self.explained:.4g} as SSR/SST: the "
            f"predictions are no least-squares fit to these rows; {' and '.join(reasons)}. "
            "1 − SSE/SST is the one that judges predictions."
        )


def r2_forms(y: Array, prediction: Array) -> R2Forms:
    """Return R² as 1 - SSE / SST and as SSR / SST, and say when and why they differ.

    Args:
        y, prediction: As for `r2`.

    Raises:
        DataError: As for `r2`.

    >>> forms = r2_forms([1, 2, 3, 4], [1.1, 1.9, 3.2, 3.8])
    >>> forms.differ, round(forms.slope, 3), round(forms.mean_error, 3)
    (True, 1.044, 0.0)
    """
    truth, predicted = paired_numbers(y, prediction)
    if len(truth) < 2:
        raise DataError("R² needs at least 2 rows: one row has no spread to explain.")
    # One scale for all, so that squares of 1e200 neither overflow nor vanish.
    scale = float(np.abs(truth).max()) or 1.0
    truth, predicted = truth / scale, predicted / scale
    mean = truth.mean(axis=0, keepdims=True)
    total = float(np.sum((truth - mean) ** 2))
    if total <= truth.size * np.finfo(np.float64).eps ** 2:
        raise DataError(
            f"R² is undefined: y is constant ({float(mean[0, 0]) * scale:g}), so there is no "
            "spread to explain. Use the mean squared or mean absolute error."
        )
    error = truth - predicted
    spread = predicted - predicted.mean(axis=0, keepdims=True)
    variance = float(np.sum(spread**2))
    slope = 1 + float(np.sum(error * spread)) / variance if variance > 0 else None
    return R2Forms(
        residual=1 - float(np.sum(error**2)) / total,
        explained=float(np.sum((predicted - mean) ** 2)) / total,
        mean_error=float(error.mean()) * scale,
        slope=slope,
    )


def mean_squared_error(y: Array, prediction: Array) -> float:
    """Return the mean of (y - ŷ)², in squared units of y; large errors count most.

    >>> mean_squared_error([1, 2, 3], [1, 2, 6])
    3.0
    """
    return float(np.mean(_errors(y, prediction) ** 2))


def root_mean_squared_error(y: Array, prediction: Array) -> float:
    """Return the root of the mean squared error, in units of y.

    >>> root_mean_squared_error([0, 0], [3, 3])
    3.0
    """
    return float(np.sqrt(mean_squared_error(y, prediction)))


def mean_absolute_error(y: Array, prediction: Array) -> float:
    """Return the mean of |y - ŷ|, in units of y.

    >>> mean_absolute_error([1, 2, 3], [1, 2, 6])
    1.0
    """
    return float(np.mean(np.abs(_errors(y, prediction))))


def median_absolute_error(y: Array, prediction: Array) -> float:
    """Return the median of |y - ŷ|, in units of y; a few wild rows don't move it.

    >>> median_absolute_error([1, 2, 3], [1, 2, 6])
    0.0
    """
    return float(np.median(np.abs(_errors(y, prediction))))


def mean_absolute_percentage_error(y: Array, prediction: Array) -> float:
    """Return the mean of |y - ŷ| / |y|, as a share: 0.05 is 5 %.

    Raises:
        DataError: If a y is 0, where the share is undefined, or as for `r2`.

    >>> mean_absolute_percentage_error([10, 20], [11, 18])
    0.1
    """
    truth, predicted = paired_numbers(y, prediction)
    zeros = np.count_nonzero(truth == 0)
    if zeros:
        raise DataError(
            f"{zeros:,} values of y are 0, so the error as a share of them is undefined. Leave "
            "them out, or use mean_absolute_error."
        )
    return float(np.mean(np.abs((truth - predicted) / truth)))


def max_error(y: Array, prediction: Array) -> float:
    """Return the largest |y - ŷ|, in units of y.

    >>> max_error([1, 2, 3], [1, 2, 6])
    3.0
    """
    return float(np.abs(_errors(y, prediction)).max())


def _errors(y: Array, prediction: Array) -> Float64[np.ndarray, "rows outputs"]:
    truth, predicted = paired_numbers(y, prediction)
    return truth - predicted
