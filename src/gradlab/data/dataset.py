"""A data set in memory: features, a target, and what was decided on the way."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int, Int32, Num

from gradlab.errors import DataError

Task = Literal["binary", "multiclass", "regression", "reconstruction"]
Label = str | int | float | bool
Tokens = Literal["words", "characters"]


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
    """Rows are examples: of a table, images, sequences or texts.

    Attributes:
        names: All columns, in the order of the source; of sequences, the features of one step; of
            texts, the column they stood in.
        numeric: The numeric columns in that order, (rows, columns), float32, float64 or uint8;
            NaN is a missing cell. Images stay uint8 and are not copied. A sequence is a row of
            time · features numbers, all features of a step together, 0 past its end.
        nominal: The other columns by name.
        row_shape: Shape of one row: (height, width, channels) of images, (time, features) of
            sequences, (time,) of texts that all have so many tokens, else None.
        lengths: Steps of each sequence; None if every one has row_shape[0].
        texts: One text a row; `numeric` then has no columns.
        tokens: What the texts are to be cut into; None leaves it to the preprocessor.
    """

    names: tuple[str, ...]
    numeric: Num[np.ndarray, "rows columns"]
    nominal: Mapping[str, Nominal] = field(default_factory=dict)
    row_shape: tuple[int, ...] | None = None
    lengths: Int32[np.ndarray, " rows"] | None = None
    texts: tuple[str, ...] | None = None
    tokens: Tokens | None = None

    @property
    def kind(self) -> Literal["table", "image", "sequence", "text"]:
        """What a row is."""
        if self.texts is not None:
            return "text"
        if self.row_shape is None:
            return "table"
        return "sequence" if len(self.row_shape) == 2 else "image"

    @property
    def n_rows(self) -> int:
        """Number of examples."""
        return self.numeric.shape[0]

    @property
    def numeric_names(self) -> tuple[str, ...]:
        """Names of the numeric columns, or of the features of one step."""
        if self.texts is not None:
            return ()
        return tuple(name for name in self.names if name not in self.nominal)

    def take(self, rows: Int[np.ndarray, " some"]) -> "FeatureTable":
        """Return a copy of some rows, in the order given."""
        nominal = {
            name: Nominal(column.codes[rows], column.categories)
            for name, column in self.nominal.items()
        }
        return replace(
            self,
            numeric=self.numeric[rows],
            nominal=nominal,
            lengths=None if self.lengths is None else self.lengths[rows],
            texts=None if self.texts is None else tuple(self.texts[row] for row in rows),
        )


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features with a target; made by `load_dataset`.

    Attributes:
        name: What to call it in a report.
        features: The inputs.
        y: int32 indices into `classes`, or float64 numbers for regression; one a row, or several:
            the numbers to forecast, (rows, horizon), or the token after each one, (rows, time).
        task: "binary", "multiclass", "regression", or "reconstruction" of the inputs.
        classes: The original labels in order (numbers ascending, names sorted); None for
            regression.
        target_name: The column that is predicted.
        groups: A number per row; rows of one group never part in a split. None if not asked for.
        time: A number per row to order by (dates as seconds); None if not asked for. Of a window,
            the time of its first target.
        until: Time of the last target of each window; a window that has targets on both sides of
            a border between parts belongs to neither.
        test_rows: Rows that came as a test part of their own, else None.
        notes: What was decided while reading, one sentence each, to be said aloud.
    """

    name: str
    features: FeatureTable
    y: Num[np.ndarray, "rows *outputs"]
    task: Task
    classes: tuple[Label, ...] | None
    target_name: str
    groups: Int[np.ndarray, " rows"] | None = None
    time: Float64[np.ndarray, " rows"] | None = None
    until: Float64[np.ndarray, " rows"] | None = None
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
        for array in (features.lengths, self.until):
            if array is not None:
                digest.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
        if features.texts is not None:
            digest.update(repr(features.tokens).encode())
            for text in features.texts:
                content = text.encode("utf-8", "surrogatepass")
                digest.update(len(content).to_bytes(8, "little") + content)
        return digest.hexdigest()

    def describe(self) -> list[str]:
        """Return lines that say what the data is and what was decided while reading it."""
        lines = [f"{self.name}: {self.n_rows} rows, {_contents(self.features)}"]
        several = f", {self.y.shape[1]} a row" if self.y.ndim == 2 else ""
        if self.task == "reconstruction":
            lines.append(f"target: the inputs themselves, without '{self.target_name}'")
        elif self.classes is None:
            low, high = self.y.min(), self.y.max()
            said = f"target '{self.target_name}': regression{several}, from {low:g} to {high:g}"
            lines.append(said)
        else:
            shown = ", ".join(_shown(label) for label in self.classes[:10])
            more = ", …" if len(self.classes) > 10 else ""
            largest = np.bincount(self.y.ravel()).max() / self.y.size
            unit = "targets" if several else "rows"
            lines.append(
                f"target '{self.target_name}': {self.task}{several}, {len(self.classes)} classes "
                f"({shown}{more}); the largest holds {largest:.1%} of the {unit}"
            )
        if self.groups is not None:
            lines.append(f"{len(np.unique(self.groups))} groups, kept whole in a split")
        if self.time is not None:
            lines.append("ordered by time: the latest rows are the test part")
        if self.test_rows is not None:
            lines.append(f"{len(self.test_rows)} rows came as a test part")
        return [*lines, *self.notes]


def _contents(features: FeatureTable) -> str:
    """Say what the rows are made of."""
    if features.texts is not None:
        if features.row_shape is not None:
            return f"one text in windows of {features.row_shape[0]} {features.tokens}"
        sizes = [len(text) for text in features.texts]
        return f"texts of {min(sizes)} to {max(sizes)} characters"
    if features.kind == "sequence" and features.row_shape is not None:
        steps, width = features.row_shape
        shortest = steps if features.lengths is None else int(features.lengths.min())
        span = f"{steps}" if shortest == steps else f"{shortest} to {steps}"
        said = f"sequences of {span} step{'s' * (steps != 1)}"
        return f"{said} with {width} feature{'s' * (width != 1)}"
    if features.row_shape is not None:
        return f"images of {' x '.join(map(str, features.row_shape))}"
    kinds = []
    for kind, n in (("numeric", features.numeric.shape[1]), ("nominal", len(features.nominal))):
        if n:
            kinds.append(f"{n} {kind} column{'s' * (n != 1)}")
    return " and ".join(kinds)


def _shown(label: Label) -> str:
    """Return a label for people; white space and signs that don't print in quotes."""
    text = str(label)
    return text if text.isprintable() and text.strip() else repr(text)
