"""What a GAN is fitted to: vectors, standardised, or pictures from 0 to 1."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float

from gradlab.errors import DataError

TOLERANCE = 1e-3
"""Pixels may lie so far beyond 0 or 1, as resizing leaves them."""


@dataclasses.dataclass(frozen=True, eq=False)
class Range:
    """How rows of the user's go into a training and come out.

    Attributes:
        pictures: Whether rows are pictures, which go as they are.
        shift, scale: Of each column of vectors: z = (x - shift) / scale.
    """

    pictures: bool
    shift: Float[np.ndarray, " columns"]
    scale: Float[np.ndarray, " columns"]

    def inwards(self, rows: np.ndarray) -> np.ndarray:
        """Return rows as they are trained on."""
        if self.pictures:
            return rows
        return ((rows - self.shift) / self.scale).astype(np.float32)

    def outwards(self, rows: np.ndarray) -> np.ndarray:
        """Return rows in the user's units."""
        if self.pictures:
            return rows
        return (rows.astype(np.float64) * self.scale + self.shift).astype(np.float32)


def read_rows(X: Any) -> tuple[np.ndarray, Range]:
    """Return rows as they are trained on, and the way back.

    Args:
        X: (n, d) numbers or (n,) of one, standardised here; or pictures (n, height, width) or
            (n, height, width, channels), from 0 to 1, or bytes from 0 to 255.

    Raises:
        DataError: If they are no numbers, not finite, pixels out of range, fewer than two rows,
            or all alike.

    >>> rows, units = read_rows([[1.0, 5.0], [3.0, 5.0]])
    >>> rows.tolist(), units.outwards(rows).tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [[1.0, 5.0], [3.0, 5.0]])
    """
    rows = _numbers(X)
    if rows.ndim == 1:
        rows = rows[:, None]
    if rows.ndim == 3:
        rows = rows[..., None]
    if rows.ndim not in (2, 4) or 0 in rows.shape:
        raise DataError(
            "X: expected vectors, shape (n, d), or pictures, (n, height, width) or (n, height, "
            f"width, channels); got shape {rows.shape}."
        )
    if len(rows) < 2:
        raise DataError(f"X: a GAN learns a distribution from at least 2 rows; got {len(rows)}.")
    if rows.dtype.kind == "f" and not np.isfinite(rows).all():
        broken = np.flatnonzero(~np.isfinite(rows.reshape(len(rows), -1)).all(axis=1))
        raise DataError(
            f"X: expected finite numbers; row {broken[0]} (from 0) holds NaN or infinity"
            + (f", and {len(broken) - 1} more rows do" if len(broken) > 1 else "")
            + ". Leave such rows out, or fill them in."
        )
    if (rows == rows[:1]).all():
        raise DataError(
            f"X: all {len(rows)} rows are the same, so there is no distribution to learn. Give "
            "rows that differ."
        )
    return _pictures(rows) if rows.ndim == 4 else _vectors(rows)


def _numbers(X: Any) -> np.ndarray:
    try:
        rows = np.asarray(X)
        rows = rows.astype(np.float64) if rows.dtype.kind == "O" else rows
    except (TypeError, ValueError) as error:
        raise DataError(
            f"X: expected numbers, a row an example; got {type(X).__name__} ({error}). Leave out "
            "columns of text, or make numbers of them."
        ) from None
    if rows.dtype.kind not in "fiub" or rows.ndim == 0:
        raise DataError(
            f"X: expected numbers, a row an example; got {rows.dtype} of shape {rows.shape}. Leave "
            "out columns of text, or make numbers of them."
        )
    return rows


def _pictures(rows: np.ndarray) -> tuple[np.ndarray, Range]:
    nothing = np.zeros(0), np.ones(0)
    if rows.dtype == np.uint8:
        return rows, Range(True, *nothing)
    low, high = float(rows.min()), float(rows.max())
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        raise DataError(
            f"X: expected pixels from 0 to 1, or bytes (uint8) from 0 to 255; got {low:g} to "
            f"{high:g} as {rows.dtype}. Divide by the largest possible value."
        )
    return np.clip(rows, 0, 1).astype(np.float32), Range(True, *nothing)


def _vectors(rows: np.ndarray) -> tuple[np.ndarray, Range]:
    rows = rows.astype(np.float64)
    shift, scale = rows.mean(axis=0), rows.std(axis=0)
    units = Range(False, shift, np.where(scale > 1e-12 * np.abs(shift), scale, 1.0))
    return units.inwards(rows), units
