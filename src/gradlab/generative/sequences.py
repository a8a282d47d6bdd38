"""Sequences of numbers or symbols as one padded array."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from gradlab.errors import DataError
from gradlab.generative.checks import rows_of


@dataclass(frozen=True)
class Sequences:
    """Sequences padded to one length.

    Attributes:
        values: (n, time, features) of numbers, or (n, time) of symbols; what lies past the end of
            a sequence repeats its last value.
        lengths: (n,).
    """

    values: Shaped[np.ndarray, "n time ..."]
    lengths: Int[np.ndarray, " n"]


def read_numbers(X: Any) -> Sequences:
    """Return sequences of numbers.

    Args:
        X: (n, time), or (n, time, features), or a list of arrays (time,) or (time, features).

    Raises:
        DataError: If they are empty, not finite, or of different numbers of features.
    """
    parts = []
    for i, sequence in enumerate(_listed(X)):
        part = rows_of(f"sequence {i} (from 0)", sequence)
        if parts and part.shape[1] != parts[0].shape[1]:
            raise DataError(
                f"sequence {i} (from 0): expected {parts[0].shape[1]} features, as in the first; "
                f"got {part.shape[1]}."
            )
        parts.append(part)
    return _padded(parts)


def read_symbols(X: Any) -> Sequences:
    """Return sequences of symbols: whole numbers, words, or the characters of texts.

    Raises:
        DataError: If one is empty or holds numbers that are not whole.
    """
    parts = []
    for i, sequence in enumerate(_listed(X)):
        part = np.asarray(list(sequence) if isinstance(sequence, str) else sequence)
        if part.ndim != 1 or not part.size:
            raise DataError(
                f"sequence {i} (from 0): expected one symbol a step, at least one; got shape "
                f"{part.shape}."
            )
        if part.dtype.kind == "f":
            if not np.all(part == np.rint(part)):  # NaN too
                raise DataError(
                    f"sequence {i} (from 0): expected symbols, whole numbers or words; got "
                    f"{part[part != np.rint(part)][0]}. For measured numbers: "
                    "emissions='gaussian'."
                )
            part = part.astype(np.int64)
        parts.append(part)
    return _padded(parts)


def _listed(X: Any) -> list:
    if isinstance(X, str) or not hasattr(X, "__len__") or not len(X):
        raise DataError(
            "expected at least one sequence: an array (n, time) or (n, time, features), or a list "
            f"of sequences; got {type(X).__name__}. One sequence is [sequence]."
        )
    return list(X)


def _padded(parts: list[np.ndarray]) -> Sequences:
    lengths = np.array([len(part) for part in parts])
    longest = int(lengths.max())
    filled = [
        np.concatenate([part, np.repeat(part[-1:], longest - len(part), axis=0)]) for part in parts
    ]
    return Sequences(np.stack(filled), lengths)


def roomy(n: int) -> int:
    """Return a size that holds n, one of few, so that few sizes are ever compiled.

    >>> [roomy(n) for n in (1, 5, 9, 100, 129)]
    [1, 5, 10, 112, 160]
    """
    step = max(1, 2 ** ((n - 1).bit_length() - 3)) if n > 1 else 1
    return -(-n // step) * step


def widened(
    values: Float[np.ndarray, "n time features"], lengths: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "m longer features"], Int[np.ndarray, " m"]]:
    """Return the arrays with empty sequences and steps added, up to sizes of `roomy`."""
    n, time, _ = values.shape
    room = [(0, roomy(n) - n), (0, roomy(time) - time), (0, 0)]
    return np.pad(values, room, mode="edge"), np.pad(lengths, (0, roomy(n) - n))
