"""Rows that occur more than once, within training and in validation too."""

import numpy as np
from jaxtyping import Bool, Shaped

LOOKED_AT = 32
"""Columns by which rows are told apart before whole rows are compared."""


def repeated_rows(values: Shaped[np.ndarray, "rows ..."]) -> Bool[np.ndarray, " rows"]:
    """Return for each row whether another is equal to it, in every value.

    Exact: rows that differ in a few columns are told apart by these, the rest by all their bytes.

    >>> repeated_rows(np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])).tolist()
    [True, False, True]
    """
    own, _ = _matches(values, values[:0])
    return own


def shared_rows(
    train: Shaped[np.ndarray, "rows ..."], validation: Shaped[np.ndarray, "others ..."]
) -> Bool[np.ndarray, " others"]:
    """Return for each validation row whether it occurs among the training rows.

    >>> shared_rows(np.array([[1, 2], [3, 4]]), np.array([[3, 4], [5, 6]])).tolist()
    [True, False]
    """
    if train.shape[1:] != validation.shape[1:]:
        return np.zeros(len(validation), bool)
    return _matches(train, validation.astype(train.dtype, copy=False))[1]


def _matches(train: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which training rows have an equal one, and which other rows occur in training."""
    n = len(train)
    train, other = train.reshape(n, -1), other.reshape(len(other), train[:1].size)
    marks = np.concatenate([_marks(train, train), _marks(other, train)])
    _, group, sizes = np.unique(marks, return_inverse=True, return_counts=True)
    repeated, found = np.zeros(n, bool), np.zeros(len(other), bool)
    first: dict[bytes, int] = {}
    for i in np.flatnonzero(sizes[group] > 1).tolist():
        row = train[i] if i < n else other[i - n]
        key = (row + 0).tobytes() if row.dtype.kind == "f" else row.tobytes()  # -0.0 is 0.0
        at = first.setdefault(key, i) if i < n else first.get(key)
        if i >= n:
            found[i - n] = at is not None
        elif at != i:
            repeated[i] = repeated[at] = True
    return repeated, found


def _marks(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return a number a row, the same for equal rows, from the columns that vary most."""
    some = reference[:: max(1, len(reference) // 256)]
    with np.errstate(invalid="ignore", over="ignore"):
        spread = np.nan_to_num(some.astype(np.float64).std(0))
    columns = np.sort(np.argsort(-spread, kind="stable")[:LOOKED_AT])
    bits = np.ascontiguousarray(values[:, columns].astype(np.float64) + 0.0).view(np.uint64)
    # Whole numbers as floats end in many zero bits: fold the upper half down before multiplying.
    bits ^= bits >> np.uint64(29)
    factors = np.random.default_rng(1).integers(2**62, 2**63, len(columns), np.uint64) * 2 + 1
    return (bits * factors).sum(1, dtype=np.uint64)
