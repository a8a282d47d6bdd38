"""Thousands of resamples at once, for measures that are functions of sums over rows.

Almost every measure is: an accuracy is Σ right / Σ 1, and R² needs Σ y, Σ y² and Σ (y - ŷ)². A
resample only counts rows differently, so one matrix product, counts @ terms, gives the sums of all
resamples, and the measure is computed on all of them together. Leaving a row out, as the
jackknife does, is total - terms.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64, Int, Shaped

from gradlab.errors import DataError
from gradlab.scalars import Scalar

MOST_UNITS = 5000
"""More rows than this are drawn in as many blocks; the width then errs by 1 % at most."""

LEAST_RESAMPLES = 100

Measure = Callable[[Any], Any]
"""From sums of shape (..., terms) to values of shape (...)."""

Terms = Any
"""What is summed, shape (rows, terms): a NumPy array, or a sparse one of SciPy."""


@dataclass(frozen=True)
class Interval:
    """A score and how sure it is.

    Attributes:
        estimate: The score on all rows.
        low, high: Ends of the interval.
        level: Share of such intervals that hold the score on endlessly many rows of the same kind.
        method: "Wilson", "bootstrap (BCa)", "bootstrap (percentile)" or "order statistics".
        note: What a reader must know, or "".
    """

    estimate: float
    low: float
    high: float
    level: float
    method: str
    note: str = ""

    def excludes(self, value: Scalar) -> bool:
        """Whether a value lies outside: the score differs from it beyond chance."""
        return not self.low <= value <= self.high

    def rounded(self, decimals: int = 3) -> tuple[float, float, float]:
        """Return (estimate, low, high), rounded."""
        return round(self.estimate, decimals), round(self.low, decimals), round(self.high, decimals)


@dataclass(frozen=True, eq=False)
class Resampler:
    """Resamples of rows, or of groups of rows, shared by all measures of the same rows.

    Args:
        n_rows: Rows.
        groups: Group of each row: rows of a group are drawn together.
        n_resamples: How many, at least 100.
        seed: The same seed draws the same resamples.

    >>> terms = np.array([[1.0], [2.0], [6.0]])
    >>> Resampler(3, n_resamples=100).sums(terms).shape
    (100, 1)
    """

    n_rows: int
    groups: Shaped[np.ndarray, " rows"] | None = None
    n_resamples: int = 2000
    seed: int = 0

    def __post_init__(self):
        if self.n_resamples < LEAST_RESAMPLES:
            raise DataError(
                f"An interval needs at least {LEAST_RESAMPLES} resamples; n_resamples is "
                f"{self.n_resamples}."
            )
        if self.groups is not None and len(self.groups) != self.n_rows:
            raise DataError(f"There are {self.n_rows} rows and {len(self.groups)} groups' names.")

    @cached_property
    def unit(self) -> Int[np.ndarray, " rows"]:
        """Which unit each row is drawn with: its own, its group's or its block's."""
        if self.groups is not None:
            unit = np.unique(self.groups, return_inverse=True)[1]
        else:
            unit = np.arange(self.n_rows)
        n_units = int(unit.max()) + 1
        if n_units < 2:
            raise DataError("An interval needs at least 2 rows, or rows of at least 2 groups.")
        if n_units <= MOST_UNITS:
            return unit
        blocks = np.random.default_rng(self.seed).permutation(n_units) % MOST_UNITS
        return blocks[unit]

    @cached_property
    def counts(self) -> Float64[np.ndarray, "resamples units"]:
        """How often each resample holds each unit."""
        n_units = int(self.unit.max()) + 1
        rng = np.random.default_rng(self.seed)
        counts = np.empty((self.n_resamples, n_units))
        for resample in counts:
            resample[:] = np.bincount(rng.integers(0, n_units, n_units), minlength=n_units)
        return counts

    def units(self, terms: Terms) -> Float64[np.ndarray, "units terms"]:
        """Return the sums of terms within each unit."""
        from scipy.sparse import csr_array

        shape = (self.counts.shape[1], self.n_rows)
        members = csr_array((np.ones(self.n_rows), (self.unit, np.arange(self.n_rows))), shape)
        units = members @ terms
        return units if isinstance(units, np.ndarray) else units.toarray()

    def sums(self, terms: Terms) -> Float64[np.ndarray, "resamples terms"]:
        """Return the sums of terms over each resample."""
        return self.counts @ self.units(terms)

    def resample(self, terms: Terms) -> "Resampled":
        """Return all sums of terms, for many measures of the same ones."""
        units = self.units(terms)
        total = units.sum(axis=0)
        return Resampled(total, self.counts @ units, total - units)

    def interval(
        self,
        terms: Terms,
        measure: Measure,
        *,
        level: Scalar = 0.95,
        estimate: Scalar | None = None,
    ) -> Interval:
        """Return the BCa interval of one measure of sums; see `Resampled.interval`."""
        return self.resample(terms).interval(measure, level=level, estimate=estimate)


@dataclass(frozen=True, eq=False)
class Resampled:
    """Sums of terms over all rows, over each resample, and over all rows but one unit.

    Attributes:
        total: Over all rows.
        sums: Over each resample.
        left_out: Without each unit, for the jackknife.
    """

    total: Float64[np.ndarray, " terms"]
    sums: Float64[np.ndarray, "resamples terms"]
    left_out: Float64[np.ndarray, "units terms"]

    def interval(
        self, measure: Measure, *, level: Scalar = 0.95, estimate: Scalar | None = None
    ) -> Interval:
        """Return the BCa interval of a measure of sums.

        Args:
            measure: Function of sums with shape (..., terms) to values of shape (...); NaN where
                it is undefined.
            level: Share of such intervals that hold the truth.
            estimate: The exact score, where the measure of sums comes only near it; the resampled
                values are moved by the difference.

        Raises:
            DataError: As for `interval_from`.
        """
        with np.errstate(all="ignore"):  # what divides by 0 is NaN, and left out
            value = float(measure(self.total))
            values, left_out = measure(self.sums), measure(self.left_out)
        move = 0.0 if estimate is None else float(estimate) - value
        return interval_from(value + move, values + move, left_out, level=level)


def interval_from(
    estimate: Scalar,
    values: Float64[np.ndarray, " resamples"],
    left_out: Float64[np.ndarray, " parts"] | None = None,
    *,
    level: Scalar = 0.95,
) -> Interval:
    """Return the interval that resampled values give.

    Args:
        estimate: The score on all rows.
        values: The score on each resample; NaN where it is undefined.
        left_out: The score without each part of the rows, for a BCa interval; None for percentiles.
        level: Share of such intervals that hold the truth.

    Raises:
        DataError: If the level is not between 0 and 1, or half of the resamples are undefined.

    Source: Efron 1987, Better bootstrap confidence intervals, eq. 2.3 and 6.6.
    """
    from scipy.special import ndtr, ndtri

    check_level(level)
    defined = values[np.isfinite(values)]
    if 2 * len(defined) < len(values):
        raise DataError(
            f"The measure is undefined on {len(values) - len(defined)} of {len(values)} resamples, "
            "so it has no interval. It needs more rows of the rarer class."
        )
    lost = len(values) - len(defined)
    note = f"undefined on {lost} of {len(values)} resamples, left out" if lost else ""
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    method: Literal["bootstrap (BCa)", "bootstrap (percentile)"] = "bootstrap (percentile)"
    acceleration = np.nan if left_out is None else _acceleration(left_out)
    if np.isfinite(acceleration):
        method = "bootstrap (BCa)"
        # Half of the ties, so that a score of few values is not taken for a biased one.
        tied = np.isclose(defined, estimate, rtol=1e-12, atol=0)
        below = np.mean((defined < estimate) & ~tied) + np.mean(tied) / 2
        edge = 0.5 / len(defined)
        bias = ndtri(np.clip(below, edge, 1 - edge))
        z = bias + ndtri(tails)
        tails = ndtr(bias + z / (1 - acceleration * z))
    low, high = np.quantile(defined, tails)
    if low == high and not note:
        note = "every resample gave the same score, so the interval says nothing"
    return Interval(float(estimate), float(low), float(high), float(level), method, note)


def _acceleration(left_out: Float64[np.ndarray, " parts"]) -> float:
    """Return Σ d³ / 6 (Σ d²)^1.5 of the deviations d from their mean; NaN if one is not finite."""
    with np.errstate(all="ignore"):
        deviations = left_out.mean() - left_out
        largest = np.abs(deviations).max()
        if largest == 0:
            return 0.0
        deviations = deviations / largest  # scale does not count, and powers of 1 do not overflow
        return float(np.sum(deviations**3) / (6 * np.sum(deviations**2) ** 1.5))


def check_level(level: Scalar) -> None:
    """Raise a DataError unless a level of confidence lies between 0 and 1."""
    if not 0 < level < 1:
        raise DataError(f"The level of confidence lies between 0 and 1, such as 0.95; got {level}.")
