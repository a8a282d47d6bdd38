"""A data set in memory: a table of features, a target, and what was decided on the way."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int, Int32, Num

from gradlab.errors import DataError

Task = Literal["binary", "multiclass", "regression"]
Label = str | int | float | bool


@dataclass(frozen=True, eq=False)
class Nominal:
    """A column of names: `categories[codes[i]]` is row i's value; code -1 is a missing cell."""

    codes: Int32[np.ndarray, " rows"]
    categories: tuple[str, ...]

    def values(self) -> list[str | None]:
        """Return the names, None for missing."""
        return [None if code < 0 else self.categories[code] for code in self.codes]


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Rows are examples, columns are features, numeric or nominal.

    Attributes:
        names: All columns, in the order of the source.
        numeric: The numeric columns in that order, (rows, columns), float32, float64 or uint8;
            NaN is a missing cell. Images stay uint8 and are not copied.
        nominal: The other columns by name.
        row_shape: Shape of one row of an image set, (height, width, channels), else None.
    """

    names: tuple[str, ...]
    numeric: Num[np.ndarray, "rows columns"]
    nominal: Mapping[str, Nominal] = field(default_factory=dict)
    row_shape: tuple[int, ...] | None = None

    @property
    def n_rows(self) -> int:
        """Number of examples."""
        return self.numeric.shape[0]

    @property
    def numeric_names(self) -> tuple[str, ...]:
        """Names of the numeric block's columns."""
        return tuple(name for name in self.names if name not in self.nominal)

    def take(self, rows: Int[np.ndarray, " some"]) -> "FeatureTable":
        """Return a copy of some rows, in the order given."""
        nominal = {
            name: Nominal(column.codes[rows], column.categories)
            for name, column in self.nominal.items()
        }
        return FeatureTable(self.names, self.numeric[rows], nominal, self.row_shape)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features with a target; made by `load_dataset`.

    Attributes:
        name: What to call it in a report.
        features: The inputs.
        y: int32 indices into `classes`, or float64 numbers for regression.
        task: "binary", "multiclass" or "regression".
        classes: The original labels in order (numbers ascending, names sorted); None for
            regression.
        target_name: The column that is predicted.
        groups: A number per row; rows of one group never part in a split. None if not asked for.
        time: A number per row to order by (dates as seconds); None if not asked for.
        test_rows: Rows that came as a test part of their own, else None.
        notes: What was decided while reading, one sentence each, to be said aloud.
    """

    name: str
    features: FeatureTable
    y: Num[np.ndarray, " rows"]
    task: Task
    classes: tuple[Label, ...] | None
    target_name: str
    groups: Int[np.ndarray, " rows"] | None = None
    time: Float64[np.ndarray, " rows"] | None = None
    test_rows: Int[np.ndarray, " test"] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        """Check that features and target have as many rows."""
        if self.features.n_rows != len(self.y):
            raise DataError(
                f"The features have {self.features.n_rows} rows, the target {len(self.y)}. "
                "Give one target value for each row."
            )

    @property
    def n_rows(self) -> int:
        """Number of examples."""
        return len(self.y)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the content, as hexadecimal: equal for equal data, whatever its file."""
        digest = hashlib.sha256()
        features = self.features
        said = (features.names, features.row_shape, self.task, self.classes, self.target_name)
        digest.update(repr(said).encode())
        nominal = [features.nominal[name] for name in features.names if name in features.nominal]
        digest.update(repr([column.categories for column in nominal]).encode())
        arrays = [features.numeric, *(column.codes for column in nominal)]
        for array in [*arrays, self.y, self.groups, self.time, self.test_rows]:
            if array is None:
                digest.update(b"none")
                continue
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def describe(self) -> list[str]:
        """Return lines that say what the data is and what was decided while reading it."""
        features = self.features
        n_numeric = features.numeric.shape[1]
        kinds = []
        if features.row_shape is not None:
            kinds.append(f"images of {' x '.join(map(str, features.row_shape))}")
        elif n_numeric:
            kinds.append(f"{n_numeric} numeric column{'s' * (n_numeric != 1)}")
        if features.nominal:
            n_nominal = len(features.nominal)
            kinds.append(f"{n_nominal} nominal column{'s' * (n_nominal != 1)}")
        lines = [f"{self.name}: {self.n_rows} rows, {' and '.join(kinds)}"]
        if self.classes is None:
            low, high = self.y.min(), self.y.max()
            lines.append(f"target '{self.target_name}': regression, from {low:g} to {high:g}")
        else:
            shown = ", ".join(str(label) for label in self.classes[:10])
            more = ", …" if len(self.classes) > 10 else ""
            largest = np.bincount(self.y).max() / self.n_rows
            lines.append(
                f"target '{self.target_name}': {self.task}, {len(self.classes)} classes "
                f"({shown}{more}); the largest holds {largest:.1%} of the rows"
            )
        if self.groups is not None:
            lines.append(f"{len(np.unique(self.groups))} groups, kept whole in a split")
        if self.time is not None:
            lines.append("ordered by time: the latest rows are the test part")
        if self.test_rows is not None:
            lines.append(f"{len(self.test_rows)} rows came as a test part")
        return [*lines, *self.notes]
