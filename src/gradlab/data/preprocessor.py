"""Turning a feature table into the numbers that a network sees, learnt on training rows only."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float32, Float64, Int, Num

from gradlab.data.dataset import FeatureTable
from gradlab.data.limits import check_memory
from gradlab.errors import DataError, unknown

Scaling = Literal["standard", "minmax", "none"]
Blocks = Callable[[], Iterable[np.ndarray]]

BLOCK_CELLS = 2**22
"""Statistics are taken over blocks of rows this big, so that no float64 copy is made of all."""

NARROW = 2.0**-10
"""A column that spreads over less than this share of its size loses too many of float32's 24 bits
and is stored as a difference to its minimum."""


@dataclass(frozen=True, eq=False)
class Preprocessor:
    """Scaling, one-hot codes and imputation, learnt by `fit`.

    `encode` gives raw float32 numbers, NaN where a numeric cell is missing; the network sees

        z = (raw - shift) * scale,    z = fill where raw is NaN

    so members that share raw data but not training rows differ only in three vectors. Columns
    come in this order: numeric ones, "x is missing" for those that miss cells in the training
    rows, then for each nominal column its categories and, likewise, "x is missing". Only the
    numeric ones are scaled. A column that is constant in the training rows becomes 0.

    Attributes:
        scaling: "standard" (mean 0, deviation 1 with ddof 0), "minmax" ([0, 1]) or "none".
        columns: Input columns in the order of the source.
        numeric_names: The numeric ones.
        origin: Subtracted from numeric columns in float64 before they become float32; 0 but for
            columns far from zero (a timestamp).
        unit: Divides them likewise; 1 but for columns of absurd size.
        numeric_missing: Numeric columns with an indicator.
        categories: Categories of each nominal column, in the order of the one-hot columns.
        nominal_missing: Nominal columns with an indicator.
        shift, scale, fill: Vectors over the output columns.
        notes: What was decided, to be said aloud.
    """

    scaling: Scaling
    columns: tuple[str, ...]
    numeric_names: tuple[str, ...]
    origin: Float64[np.ndarray, " numeric"]
    unit: Float64[np.ndarray, " numeric"]
    numeric_missing: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]
    nominal_missing: tuple[str, ...]
    shift: Float32[np.ndarray, " outputs"]
    scale: Float32[np.ndarray, " outputs"]
    fill: Float32[np.ndarray, " outputs"]
    notes: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        features: FeatureTable,
        rows: Int[np.ndarray, " training"] | None = None,
        *,
        scaling: str = "standard",
    ) -> "Preprocessor":
        """Learn from the given rows (all by default).

        Raises:
            DataError: If there are no rows or no columns, or if, unscaled, numbers are beyond
                float32.
        """
        rows = np.arange(features.n_rows) if rows is None else rows
        if len(rows) == 0:
            raise DataError("A preprocessor needs at least one training row; got none.")
        numbers = cls.fit_blocks(
            features.numeric_names, lambda: _row_blocks(features.numeric, rows), scaling=scaling
        )
        categories, nominal_missing = {}, []
        for name in features.names:
            if name not in features.nominal:
                continue
            column = features.nominal[name]
            codes = column.codes[rows]
            seen = np.unique(codes[codes >= 0])
            categories[name] = tuple(column.categories[code] for code in seen)
            if (codes < 0).any():
                nominal_missing.append(name)
        n_plain = sum(map(len, categories.values())) + len(nominal_missing)
        if numbers.n_outputs + n_plain == 0:
            raise DataError("Nothing to learn from: no column has a value in the training rows.")
        zeros = np.zeros(n_plain, np.float32)
        return replace(
            numbers,
            columns=features.names,
            categories=categories,
            nominal_missing=tuple(nominal_missing),
            shift=np.concatenate([numbers.shift, zeros]),
            scale=np.concatenate([numbers.scale, zeros + 1]),
            fill=np.concatenate([numbers.fill, zeros]),
            notes=(*numbers.notes, *_nominal_notes(categories)),
        )

    @classmethod
    def fit_blocks(
        cls, names: tuple[str, ...], blocks: Blocks, *, scaling: str = "standard"
    ) -> "Preprocessor":
        """Learn numeric columns from rows that come in blocks, such as the steps of sequences.

        Args:
            names: Of the columns.
            blocks: Returns the training rows, block after block, each time it is called.
            scaling: See `fit`.

        Raises:
            DataError: See `fit`.
        """
        if scaling not in get_args(Scaling):
            raise DataError(unknown("scaling", scaling, get_args(Scaling)))
        statistics = _Statistics.of(blocks, len(names))
        shift, scale, fill = _numeric_vectors(statistics, scaling, names)
        missing = tuple(np.array(names, object)[statistics.n_missing > 0])
        zeros = np.zeros(len(missing))
        return cls(
            scaling=scaling,  # type: ignore[arg-type]
            columns=names,
            numeric_names=names,
            origin=statistics.origin,
            unit=statistics.unit,
            numeric_missing=missing,
            categories={},
            nominal_missing=(),
            shift=np.concatenate([shift, zeros]).astype(np.float32),
            scale=np.concatenate([scale, zeros + 1]).astype(np.float32),
            fill=np.concatenate([fill, zeros]).astype(np.float32),
            notes=tuple(_notes(statistics, scaling, names)),
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the output columns, e.g. "age", "age is missing", "sex = male"."""
        names = [*self.numeric_names, *(f"{name} is missing" for name in self.numeric_missing)]
        for name, categories in self.categories.items():
            names += [f"{name} = {category}" for category in categories]
            if name in self.nominal_missing:
                names.append(f"{name} is missing")
        return tuple(names)

    @property
    def n_outputs(self) -> int:
        """Number of output columns."""
        return len(self.shift)

    @property
    def input_shape(self) -> tuple[int]:
        """Shape of what the network sees of one row."""
        return (self.n_outputs,)

    def lengths(self, features: FeatureTable) -> None:
        """Return None: the rows of a table have no length of their own."""

    def encode(
        self, features: FeatureTable, *, max_bytes: int | None = None
    ) -> Float32[np.ndarray, "rows outputs"]:
        """Return the raw numbers, before scaling and imputation.

        A category that the training rows did not have gets a row of zeros.

        Raises:
            DataError: If a column is absent or of another kind, a number is beyond float32, or
                the result would not fit into memory.
        """
        self._check_columns(features)
        n_rows = features.n_rows
        what = f"The encoded table ({n_rows} rows, {self.n_outputs} columns)"
        check_memory(what, 4 * n_rows * self.n_outputs, max_bytes)
        raw = np.zeros((n_rows, self.n_outputs), np.float32)
        x = features.numeric
        if features.numeric_names != self.numeric_names:
            at = {name: i for i, name in enumerate(features.numeric_names)}
            x = x[:, [at[name] for name in self.numeric_names]]
        n_numeric = len(self.numeric_names)
        with np.errstate(over="ignore"):
            raw[:, :n_numeric] = x
            moved = np.flatnonzero((self.origin != 0) | (self.unit != 1))
            for i in moved:
                raw[:, i] = (x[:, i].astype(np.float64) - self.origin[i]) / self.unit[i]
        if x.dtype != np.uint8:
            self._check_float32(raw[:, :n_numeric])
        column = n_numeric
        for name in self.numeric_missing:
            raw[:, column] = np.isnan(raw[:, self.numeric_names.index(name)])
            column += 1
        for name, known in self.categories.items():
            nominal = features.nominal[name]
            place = {category: column + i for i, category in enumerate(known)}
            places = np.array([place.get(category, -1) for category in nominal.categories] + [-1])
            where = places[nominal.codes]  # code -1, missing, picks the last place: none
            coded = np.flatnonzero(where >= 0)
            raw[coded, where[coded]] = 1
            column += len(known)
            if name in self.nominal_missing:
                raw[:, column] = nominal.codes < 0
                column += 1
        return raw

    def transform(self, features: FeatureTable) -> Float32[np.ndarray, "rows outputs"]:
        """Return what the network sees: encoded, scaled and imputed.

        >>> table = FeatureTable(("a",), np.array([[1.0], [3.0], [np.nan]]))
        >>> Preprocessor.fit(table).transform(table)
        array([[-1.,  0.],
               [ 1.,  0.],
               [ 0.,  1.]], dtype=float32)
        """
        z = self.encode(features)
        z -= self.shift
        z *= self.scale
        if features.numeric.dtype.kind == "f":
            rows, columns = np.nonzero(np.isnan(z))
            z[rows, columns] = self.fill[columns]
        return z

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, numbers and text, for JSON; `from_dict` restores every bit."""
        return {
            "scaling": self.scaling,
            "columns": list(self.columns),
            "numeric_names": list(self.numeric_names),
            "origin": self.origin.tolist(),
            "unit": self.unit.tolist(),
            "numeric_missing": list(self.numeric_missing),
            "categories": {name: list(known) for name, known in self.categories.items()},
            "nominal_missing": list(self.nominal_missing),
            "shift": self.shift.tolist(),
            "scale": self.scale.tolist(),
            "fill": self.fill.tolist(),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Preprocessor":
        """Restore what `to_dict` wrote.

        Raises:
            DataError: If fields are absent, unknown or of the wrong kind.
        """
        try:
            fields = dict(content)
            made = cls(
                scaling=fields.pop("scaling"),
                columns=tuple(fields.pop("columns")),
                numeric_names=tuple(fields.pop("numeric_names")),
                origin=np.array(fields.pop("origin"), np.float64),
                unit=np.array(fields.pop("unit"), np.float64),
                numeric_missing=tuple(fields.pop("numeric_missing")),
                categories={n: tuple(known) for n, known in fields.pop("categories").items()},
                nominal_missing=tuple(fields.pop("nominal_missing")),
                shift=np.array(fields.pop("shift"), np.float32),
                scale=np.array(fields.pop("scale"), np.float32),
                fill=np.array(fields.pop("fill"), np.float32),
                notes=tuple(fields.pop("notes")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"The saved preprocessor is damaged or of another version ({error!r}). "
                "Save the model again."
            ) from error
        lengths = {len(made.feature_names), len(made.shift), len(made.scale), len(made.fill)}
        if fields or len(lengths) != 1 or made.scaling not in get_args(Scaling):
            raise DataError(
                "The saved preprocessor does not fit together (its vectors have lengths "
                f"{sorted(lengths)}; unknown fields: {sorted(fields)}). Save the model again."
            )
        return made

    def _check_columns(self, features: FeatureTable) -> None:
        for name in (*self.numeric_names, *self.categories):
            if name not in features.names:
                raise DataError(
                    f"Column '{name}', which the preprocessor was fitted on, is absent. "
                    f"Columns: {', '.join(features.names[:20])}."
                )
            if (name in features.nominal) != (name in self.categories):
                expected = "names" if name in self.categories else "numbers"
                raise DataError(f"Column '{name}' must hold {expected}, as when fitted.")

    def _check_float32(self, raw: np.ndarray) -> None:
        if not np.isinf(raw).any():
            return
        row, column = np.argwhere(np.isinf(raw))[0]
        raise DataError(
            f"Column '{self.numeric_names[column]}', row {row + 1}: the number is infinite or "
            "beyond what float32 holds (3.4e38). Mend the cell, or divide the column by a constant."
        )


@dataclass(frozen=True, eq=False)
class _Statistics:
    """Of numeric columns over the training rows, after origin and unit."""

    origin: Float64[np.ndarray, " columns"]
    unit: Float64[np.ndarray, " columns"]
    low: Float64[np.ndarray, " columns"]
    high: Float64[np.ndarray, " columns"]
    mean: Float64[np.ndarray, " columns"]
    deviation: Float64[np.ndarray, " columns"]
    n_missing: Int[np.ndarray, " columns"]

    @classmethod
    def of(cls, blocks: Blocks, n_columns: int) -> "_Statistics":
        """Three passes over blocks of rows, in float64; a column without values counts as 0."""
        low, high = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)
        count, n_rows = np.zeros(n_columns, np.int64), 0
        for cells in blocks():
            n_rows += len(cells)
            low = np.fmin(low, np.fmin.reduce(cells, axis=0))
            high = np.fmax(high, np.fmax.reduce(cells, axis=0))
            n_nan = np.isnan(cells).sum(axis=0) if cells.dtype.kind == "f" else 0
            count += len(cells) - n_nan
        empty = count == 0
        low, high = np.where(empty, 0, low), np.where(empty, 0, high)
        size = np.maximum(np.abs(low), np.abs(high))
        # Halves, because the spread of numbers near 1e308 overflows.
        narrow = (high / 2 - low / 2 < NARROW * (size / 2)) & (high > low)
        origin = np.where(narrow, low, 0.0)
        size = np.maximum(np.abs(low - origin), np.abs(high - origin))
        absurd = (size > 0) & ((size > 1e15) | (size < 1e-15))
        unit = np.where(absurd, 2.0 ** np.floor(np.log2(np.where(size > 0, size, 1))), 1.0)
        low, high = (low - origin) / unit, (high - origin) / unit
        total, square = np.zeros(n_columns), np.zeros(n_columns)
        add = np.sum if (count == n_rows).all() else np.nansum
        divisor = np.maximum(count, 1)
        for cells in blocks():
            total += add(_moved(cells, origin, unit), axis=0)
        mean = np.clip(total / divisor, low, high)
        for cells in blocks():
            square += add((_moved(cells, origin, unit) - mean) ** 2, axis=0)
        deviation = np.where(high > low, np.sqrt(square / divisor), 0.0)
        return cls(origin, unit, low, high, mean, deviation, n_rows - count)


def _row_blocks(
    x: Num[np.ndarray, "rows columns"], rows: np.ndarray
) -> Iterator[Num[np.ndarray, "some columns"]]:
    step = max(1, BLOCK_CELLS // max(x.shape[1], 1))
    for start in range(0, len(rows), step):
        yield x[rows[start : start + step]]


def _moved(cells: np.ndarray, origin: np.ndarray, unit: np.ndarray) -> np.ndarray:
    wide = cells.astype(np.float64)
    return (wide - origin) / unit if origin.any() or (unit != 1).any() else wide


def _numeric_vectors(
    statistics: _Statistics, scaling: str, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return shift, scale and fill of the numeric columns."""
    s = statistics
    constant = s.high == s.low
    if scaling == "none":
        shift, scale = -s.origin / s.unit, s.unit
        largest = np.maximum(np.abs(s.low), np.abs(s.high)) * s.unit + np.abs(s.origin)
        if (largest > np.finfo(np.float32).max).any() or (np.abs(shift) > 1e38).any():
            name = names[int(np.argmax(largest))]
            raise DataError(
                f"Column '{name}' holds numbers up to {largest.max():.3g}, beyond float32 "
                "(3.4e38). Use scaling='standard' or 'minmax'."
            )
        return shift, scale, (s.mean - shift) * scale
    shift, width = (s.mean, s.deviation) if scaling == "standard" else (s.low, s.high - s.low)
    scale = np.where(constant, 0.0, 1 / np.where(constant | (width == 0), 1.0, width))
    return shift, scale, np.where(constant, 0.0, (s.mean - shift) * scale)


def _notes(statistics: _Statistics, scaling: str, names: tuple[str, ...]) -> list[str]:
    s = statistics
    how = {
        "standard": "Numeric columns are scaled to mean 0 and deviation 1 on the training rows.",
        "minmax": "Numeric columns are scaled to [0, 1] on the training rows.",
        "none": "Numeric columns are not scaled.",
    }
    notes = [how[scaling]] if names else []
    n_constant = int((s.high == s.low).sum()) if scaling != "none" else 0
    if n_constant:
        columns = "column is" if n_constant == 1 else "columns are"
        notes.append(f"{n_constant} numeric {columns} constant in the training rows: set to 0.")
    if (s.n_missing > 0).any():
        notes.append(
            f"Missing numbers become the training mean ({int((s.n_missing > 0).sum())} of the "
            "columns), with a column 'is missing' each."
        )
    return notes


def _nominal_notes(categories: dict[str, tuple[str, ...]]) -> list[str]:
    if not categories:
        return []
    note = (
        f"Nominal columns ({len(categories)}) become {sum(map(len, categories.values()))} "
        "one-hot columns; a category unseen in training becomes zeros."
    )
    return [note]
