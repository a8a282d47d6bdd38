"""Do probabilities mean what they say? Brier score, log loss and reliability."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64

from gradlab.errors import DataError
from gradlab.metrics.checks import (
    Array,
    Label,
    codes_of,
    is_positive,
    labels,
    numbers,
    same_length,
)
from gradlab.metrics.wilson import wilson
from gradlab.scalars import Scalar

LEAST_PROBABILITY = float(np.finfo(np.float64).eps)
"""A probability of 0 counts as this, so that one sure error costs 36 and not inf."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Bins of probability with what happened in them; bins without rows are left out.

    Attributes:
        probability: Mean probability of each bin.
        observed: Share of its rows that were positive.
        low, high: Wilson's interval of that share.
        counts: Rows of each bin.
        error: Expected calibration error, Σ counts |observed - probability| / rows.
        largest_error: Largest |observed - probability| of a bin.
        error_by_chance: What `error` stays below in 95 % of samples of as many rows from a
            perfectly calibrated model.
    """

    probability: Float64[np.ndarray, " bins"]
    observed: Float64[np.ndarray, " bins"]
    low: Float64[np.ndarray, " bins"]
    high: Float64[np.ndarray, " bins"]
    counts: Int64[np.ndarray, " bins"]
    error: float
    largest_error: float
    error_by_chance: float
    level: float

    @property
    def is_calibrated(self) -> bool:
        """Whether chance alone explains the error."""
        return self.error <= self.error_by_chance

    @property
    def lean(self) -> float:
        """Mean probability less the share of positive rows: over 0 where it promises too much."""
        weight = self.counts / self.counts.sum()
        return float(np.sum(weight * (self.probability - self.observed)))


def log_loss(y: Array, probability: Array, *, classes: tuple[Label, ...] | None = None) -> float:
    """Return the mean of -log(probability given to the true class), in nats; 0 at best.

    The documents print y log h only; of two classes it is y log h + (1 - y) log(1 - h).

    Args:
        y: True labels.
        probability: Of the class 1, shape (rows,); or of every class, shape (rows, classes), with
            rows that sum to 1. A probability of 0 counts as 2.2e-16.
        classes: Labels in the order of the columns; by default those of y, sorted.

    Raises:
        DataError: If shapes differ, a number is no probability, or a label has no column.

    >>> round(log_loss([1, 0], [0.9, 0.2]), 6)  # -(log 0.9 + log 0.8) / 2
    0.164252
    """
    return float(np.mean(log_losses(y, probability, classes=classes)))


def brier(y: Array, probability: Array, *, classes: tuple[Label, ...] | None = None) -> float:
    """Return the Brier score: the mean squared distance of probabilities from what happened.

    Of two classes with shape (rows,): mean (p - y)², 0 to 1. With shape (rows, classes): the sum
    over classes, as Brier had it, 0 to 2, which for two classes is twice as much.

    Args:
        y, probability, classes: As for `log_loss`.

    >>> round(brier([1, 0], [0.9, 0.2]), 6)
    0.025
    """
    return float(np.mean(squared_distances(y, probability, classes=classes)))


def log_losses(
    y: Array, probability: Array, *, classes: tuple[Label, ...] | None = None
) -> Float64[np.ndarray, " rows"]:
    """Return -log(probability given to the true class) of every row; see `log_loss`."""
    truth, shares = _checked(y, probability, classes)
    if shares.ndim == 1:
        given = np.where(truth == 1, shares, 1 - shares)
    else:
        given = shares[np.arange(len(truth)), truth]
    return -np.log(np.maximum(given, LEAST_PROBABILITY)) + 0.0  # no -0


def squared_distances(
    y: Array, probability: Array, *, classes: tuple[Label, ...] | None = None
) -> Float64[np.ndarray, " rows"]:
    """Return the squared distance of every row; see `brier`."""
    truth, shares = _checked(y, probability, classes)
    if shares.ndim == 1:
        return (shares - truth) ** 2
    # Σ (p_k - 1[k = y])² = Σ p_k² - 2 p_y + 1
    given = shares[np.arange(len(truth)), truth]
    return np.maximum(np.sum(shares**2, axis=1) - 2 * given + 1, 0.0)


def calibration(
    y: Array,
    probability: Array,
    *,
    positive: Label | None = None,
    n_bins: int = 10,
    bins: Literal["uniform", "quantile"] = "uniform",
    level: Scalar = 0.95,
    seed: int = 0,
) -> Calibration:
    """Compare probabilities with frequencies, bin by bin.

    For more than two classes give whether each answer was right as y, and the probability of the
    answer (Guo et al. 2017).

    Args:
        y: True labels of two classes.
        probability: Of the positive class, shape (rows,).
        positive: The positive class; by default 1 or True.
        n_bins: Bins.
        bins: "uniform" for bins of one width, "quantile" for bins of as many rows.
        level: Of the interval of each share.
        seed: Of the draws behind `error_by_chance`.

    Raises:
        DataError: If lengths differ, a number is no probability, or n_bins is not over 0.

    >>> found = calibration([0, 0, 0, 1], [0.25, 0.25, 0.25, 0.25])
    >>> found.error, found.observed.tolist()
    (0.0, [0.25])
    """
    truth = is_positive(y, positive)
    _, shares = _checked(truth.astype(np.int64), probability, None)
    if shares.ndim != 1:
        raise DataError("Give the probability of the positive class alone, shape (rows,).")
    if n_bins < 1:
        raise DataError(f"n_bins must be at least 1; got {n_bins}.")
    if bins == "uniform":
        edges = np.linspace(0, 1, n_bins + 1)
    else:
        edges = np.unique(np.quantile(shares, np.linspace(0, 1, n_bins + 1)))
    place = np.searchsorted(edges[1:-1], shares, side="left")
    places, place, counts = np.unique(place, return_inverse=True, return_counts=True)
    hits = np.bincount(place, weights=truth)
    mean = np.bincount(place, weights=shares) / counts
    gaps = np.abs(hits / counts - mean)
    # The share of a bin scatters about its mean probability with the variance of its rows.
    deviation = np.sqrt(np.bincount(place, weights=shares * (1 - shares))) / counts
    draws = np.random.default_rng(seed).standard_normal((2000, len(places))) * deviation[None]
    by_chance = np.abs(draws) @ (counts / len(truth))
    ends = [wilson(int(hit), int(count), level) for hit, count in zip(hits, counts, strict=True)]
    return Calibration(
        probability=mean,
        observed=hits / counts,
        low=np.array([interval.low for interval in ends]),
        high=np.array([interval.high for interval in ends]),
        counts=counts.astype(np.int64),
        error=float(np.sum(counts * gaps) / len(truth)),
        largest_error=float(gaps.max()),
        error_by_chance=float(np.quantile(by_chance, 0.95)),
        level=float(level),
    )


def expected_calibration_error(
    y: Array, probability: Array, *, positive: Label | None = None, n_bins: int = 10
) -> float:
    """Return Σ rows of the bin |share of positives - mean probability| / rows.

    It is over 0 also for perfect probabilities, by chance: see `Calibration.error_by_chance`.

    Args:
        y, probability, positive, n_bins: As for `calibration`.

    >>> expected_calibration_error([0, 1], [0.5, 0.5])
    0.0
    """
    return calibration(y, probability, positive=positive, n_bins=n_bins).error


def check_probabilities(shares: Float64[np.ndarray, "..."]) -> None:
    """Raise a DataError unless numbers lie in 0 to 1 and, with an axis of classes, sum to 1."""
    if shares.min() < 0 or shares.max() > 1:
        row = int(np.argwhere((shares < 0) | (shares > 1))[0][0]) + 1
        raise DataError(
            f"Probabilities lie in 0 to 1; they reach from {shares.min():g} to {shares.max():g} "
            f"(row {row}). Turn logits into probabilities by sigmoid or softmax first."
        )
    if shares.ndim == 2:
        off = np.abs(shares.sum(axis=1) - 1)
        if off.max() > 1e-3:
            row = int(off.argmax())
            raise DataError(
                f"The probabilities of a row sum to 1; those of row {row + 1} to "
                f"{shares[row].sum():g}. Give a column for every class."
            )


def _checked(y: Array, probability: Array, classes: tuple[Label, ...] | None):
    """Return codes of the true classes, and probabilities."""
    shares = numbers(probability, "probability")
    truth = labels(y, "y")
    same_length(truth, shares, "probability")
    if shares.ndim not in (1, 2):
        raise DataError(f"Probabilities have shape (rows,) or (rows, classes); got {shares.shape}.")
    check_probabilities(shares)
    if shares.ndim == 1:
        if classes is not None:
            is_second = codes_of(truth, classes, "y")
            return is_second.astype(np.int64), shares
        return is_positive(truth, None).astype(np.int64), shares
    if classes is None:
        classes = tuple(value.item() for value in np.unique(truth))
    if len(classes) != shares.shape[1]:
        raise DataError(
            f"There are {shares.shape[1]} columns of probabilities and {len(classes)} classes. "
            "Name the class of each column with classes=."
        )
    return codes_of(truth, classes, "y"), shares
