"""Data to be imitated: pictures, or the numeric columns of a table."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Shaped

from gradlab.data.images import ImageSize
from gradlab.data.unlabelled import load_unlabelled
from gradlab.errors import DataError

MOST_LEVELS = 16
"""Pictures without a larger number have so many grey levels, as the built-in digits do."""


@dataclass(frozen=True, eq=False)
class Source:
    """Rows to learn a distribution from.

    Attributes:
        name: What to call them.
        rows: Pictures (n, height, width, channels), bytes or from 0 to 1; or vectors (n, d).
        names: Of the columns of vectors.
        labels: What each row is known to be; for measures only. None if nothing is known.
        label_name: The column that says so.
        notes: What was decided, one sentence each.
    """

    name: str
    rows: np.ndarray
    names: tuple[str, ...]
    labels: Shaped[np.ndarray, " rows"] | None
    label_name: str
    notes: tuple[str, ...]

    @property
    def pictures(self) -> bool:
        """Whether rows are pictures."""
        return self.rows.ndim == 4

    @property
    def size(self) -> str:
        """Rows and columns in words."""
        n = f"{len(self.rows):,}"
        if self.pictures:
            return f"{n} pictures of {self.rows.shape[1]} × {self.rows.shape[2]}"
        return f"{n} rows, {self.rows.shape[1]} columns of numbers"


def read_source(
    data: Any,
    *,
    target: str | int | None = None,
    drop: tuple[str, ...] = (),
    header: bool | None = None,
    image_size: ImageSize | None = None,
) -> Source:
    """Read pictures or a table; labels are held beside the rows, never generated.

    Args:
        data, target, drop, header, image_size: See `load_unlabelled`.

    Raises:
        DataError: If the data can't be read, or holds no pictures and no numeric columns.
    """
    read = load_unlabelled(data, target=target, drop=drop, header=header, image_size=image_size)
    features, notes = read.features, list(read.notes)
    labels = None if read.labels is None else read.labels.astype(str)
    if read.label_name:
        notes.append(
            f"'{read.label_name}' is taken for what the rows are: it is not generated, and only "
            "used to count which kinds are reached."
        )
    if features.kind == "image":
        rows = features.numeric.reshape(-1, *(features.row_shape or ()))
        return Source(read.name, _unit(rows), (), labels, read.label_name, tuple(notes))
    if features.kind != "table" or not features.numeric.shape[1]:
        raise DataError(
            f"{read.name} holds no pictures and no numeric columns; generate takes pictures or "
            "numbers. Choose other data."
        )
    if features.nominal:
        names = ", ".join(list(features.nominal)[:5])
        notes.append(f"Columns of names are left out, only numbers are generated: {names}.")
    rows = np.asarray(features.numeric, np.float64)
    whole = np.isfinite(rows).all(axis=1)
    if not whole.all():
        notes.append(f"{int((~whole).sum()):,} of {len(rows):,} rows miss numbers: left out.")
        rows, labels = rows[whole], None if labels is None else labels[whole]
    if len(rows) < 2:
        raise DataError(
            f"{read.name} has {len(rows)} rows without a missing number; at least 2 are needed. "
            "Fill them in, or --drop the columns that miss most."
        )
    names = tuple(features.numeric_names)
    return Source(read.name, rows, names, labels, read.label_name, tuple(notes))


def _unit(rows: np.ndarray) -> np.ndarray:
    """Return pictures as bytes, or as shares of their largest possible value."""
    if rows.dtype == np.uint8 and rows.max() > MOST_LEVELS:
        return rows
    largest = float(rows.max())
    scale = MOST_LEVELS if 1 < largest <= MOST_LEVELS else 255 if largest > 1 else 1
    return (rows / np.float32(scale)).astype(np.float32)
