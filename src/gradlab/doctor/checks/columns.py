"""What single columns are like: spread, missing values, columns that never vary."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from gradlab.doctor.checks.rows import PIECE, Rows, sample

SAMPLE = 4000
"""Rows from which mean and deviation are estimated: to 1.6 % of a deviation, and 1.1 % of it."""


class Columns(NamedTuple):
    """Statistics of each column (channel of images, feature of sequences)."""

    mean: Float[np.ndarray, " columns"]
    std: Float[np.ndarray, " columns"]
    minimum: Float[np.ndarray, " columns"]
    maximum: Float[np.ndarray, " columns"]
    n_missing: int
    constant: tuple[str, ...]


def column_statistics(rows: Rows) -> Columns:
    """Look at each column; values that are not finite count as missing and nowhere else.

    Mean and deviation are those of at most `SAMPLE` rows, drawn with a fixed seed; smallest and
    largest value, missing values and constant columns are those of all rows. In images a pixel
    that never varies is no constant column: borders are like that.

    >>> column_statistics(Rows(np.array([[1.0, 5.0], [3.0, 5.0]]), "columns")).constant
    ('1',)
    """
    minimum, maximum, n_missing = _extremes(rows.columns())
    values = rows.some(sample(len(rows), SAMPLE)).columns().astype(np.float64)
    finite = np.isfinite(values)
    if finite.all():
        mean, std = values.mean(0), values.std(0)
    else:
        counts = np.maximum(finite.sum(0), 1)
        mean = np.where(finite, values, 0.0).sum(0) / counts
        std = np.sqrt(np.where(finite, (values - mean) ** 2, 0.0).sum(0) / counts)
    constant = tuple(rows.name(int(i)) for i in np.flatnonzero(~(maximum > minimum)))
    return Columns(mean, std, minimum, maximum, n_missing, constant)


def _extremes(values: Shaped[np.ndarray, "values columns"]) -> tuple[np.ndarray, np.ndarray, int]:
    """Return smallest and largest finite value of each column, and how many are not finite."""
    n_columns = values.shape[1]
    minimum, maximum = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)
    n_missing = 0
    step = max(1, PIECE // max(n_columns, 1))
    for start in range(0, len(values), step):
        piece = values[start : start + step]
        low, high = piece.min(0), piece.max(0)
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            finite = np.isfinite(piece)
            n_missing += int(finite.size - finite.sum())
            low = np.where(finite, piece, np.inf).min(0)
            high = np.where(finite, piece, -np.inf).max(0)
        np.minimum(minimum, low, out=minimum)
        np.maximum(maximum, high, out=maximum)
    empty = minimum > maximum  # nothing finite in this column
    minimum[empty] = maximum[empty] = np.nan
    return minimum, maximum, n_missing
