"""The training rows, in the forms in which checks look at them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Shaped

from gradlab.errors import DataError

RowKind = Literal["columns", "images", "sequences", "tokens"]
PIECE = 2**24
"""Values that are looked at together, so that copies stay small."""


@dataclass(frozen=True)
class Rows:
    """Inputs, one row an example.

    Attributes:
        values: Plain rows (rows, columns), images (rows, height, width, channels), sequences
            (rows, time, features) or tokens (rows, time).
        kind: Which of these.
        lengths: Real steps of each sequence; what is beyond is padding.
        names: Of the columns, channels or features; positions if None.
    """

    values: Shaped[np.ndarray, "rows ..."]
    kind: RowKind
    lengths: Int[np.ndarray, " rows"] | None = None
    names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def name(self, column: int) -> str:
        """Return the name of a column, or its position."""
        return str(column) if self.names is None else self.names[column]

    def some(self, rows: Int[np.ndarray, " some"]) -> "Rows":
        """Return some of the rows."""
        lengths = None if self.lengths is None else self.lengths[rows]
        return Rows(self.values[rows], self.kind, lengths, self.names)

    def columns(self) -> Shaped[np.ndarray, "values columns"]:
        """Return one row a value of each column: pixels of channels, real steps of features."""
        if self.kind == "tokens":
            return self._real().reshape(-1, 1)
        if self.kind == "sequences":
            return self._real()
        return self.values.reshape(-1, self.values.shape[-1])

    def flat(self) -> Float[np.ndarray, "rows numbers"]:
        """Return every row as numbers side by side: padding as 0, tokens as counts of each."""
        if self.kind == "tokens":
            return _bags(self.values, self.lengths)
        flat = self.values.astype(np.float64)
        if self.lengths is not None:
            flat[~_is_real(flat, self.lengths)] = 0.0
        return flat.reshape(len(flat), -1)

    def _real(self) -> Shaped[np.ndarray, "steps ..."]:
        if self.lengths is None:
            return self.values.reshape(-1, *self.values.shape[2:])
        return self.values[_is_real(self.values, self.lengths)]


def as_rows(
    x: Shaped[np.ndarray, "rows ..."],
    *,
    lengths: Int[np.ndarray, " rows"] | None = None,
    names: tuple[str, ...] | None = None,
    tokens: bool | None = None,
) -> Rows:
    """Say what kind of rows an array holds.

    Whole numbers in two dimensions are taken for tokens if `lengths` comes with them; `tokens`
    overrules that.

    Raises:
        DataError: If the array holds no numbers, has no rows, or the names do not fit.

    >>> as_rows(np.zeros((5, 28, 28, 1))).kind
    'images'
    """
    if x.dtype.kind not in "buif":
        raise DataError(
            f"Expected numbers; the inputs have dtype {x.dtype}. Encode words and dates first."
        )
    if x.ndim == 1:
        x = x[:, None]
    if len(x) == 0:
        raise DataError("Expected at least one row; the inputs have none.")
    if tokens is None:
        tokens = x.ndim == 2 and x.dtype.kind in "iu" and lengths is not None
    kind: RowKind = "columns" if x.ndim == 2 else "sequences" if x.ndim == 3 else "images"
    rows = Rows(x, "tokens" if tokens else kind, lengths, names)
    n_columns = 1 if tokens else x.shape[-1]
    if names is not None and len(names) != n_columns:
        raise DataError(f"Expected a name for each of {n_columns} columns; came {len(names)}.")
    return rows


def sample(n_rows: int, at_most: int) -> Int[np.ndarray, " some"]:
    """Return so many rows at most, drawn with a fixed seed, in ascending order."""
    if n_rows <= at_most:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(0).choice(n_rows, at_most, replace=False))


def _is_real(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    return np.arange(values.shape[1])[None, :] < lengths[:, None]


def _bags(tokens: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    """Return how often a row has each of the at most 2,000 commonest tokens."""
    real = np.ones(tokens.shape, bool) if lengths is None else _is_real(tokens, lengths)
    known, counts = np.unique(tokens[real], return_counts=True)
    known = np.sort(known[np.argsort(-counts, kind="stable")[:2000]])
    place = np.searchsorted(known, tokens).clip(max=max(len(known) - 1, 0))
    kept = real & (known[place] == tokens) if len(known) else np.zeros_like(real)
    bags = np.zeros((len(tokens), max(len(known), 1)))
    np.add.at(bags, (np.nonzero(kept)[0], place[kept]), 1.0)
    return bags
