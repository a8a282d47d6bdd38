"""Rows of a table, read piece by piece, moved and scaled on the way.

Squared distances of numbers such as 1e30 or 1e-30 leave the range of float32, and those of numbers
far from the origin lose their digits. Such data is moved to its mean and scaled by a power of two
while it is read; there is never a second copy of all rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from gradlab.cluster.team import Team, shares_of
from gradlab.errors import DataError

PIECE = 2**20
"""Numbers of a piece of rows: 4 MiB of float32, which a core's caches hold."""

FAR = 16.0
"""Squared distance of the mean from the origin, in variances, beyond which data is moved."""

SAFE = {np.dtype(np.float32): 1e12, np.dtype(np.float64): 1e100}
"""Sizes, and reciprocals of sizes, up to which squares keep their digits."""


@dataclass(frozen=True)
class Rows:
    """Rows in inner units: (value - shift) · scale.

    Attributes:
        values: The table as it came, (n, d), rows one after another.
        weights: Of the rows, or None where all are 1.
        shift: Taken from every row, or None.
        scale: A power of two.
        squares: |x|² of every row, in inner units.
        variance: Mean over features of the variance, in inner units; weights do not count.
    """

    values: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, " n"] | None
    shift: Float[np.ndarray, " d"] | None
    scale: float
    squares: Float[np.ndarray, " n"]
    variance: float

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_features(self) -> int:
        return self.values.shape[1]

    @property
    def plain(self) -> bool:
        """Whether the table itself is in inner units."""
        return self.shift is None and self.scale == 1.0

    def take(self, which: slice | Integer[np.ndarray, " m"]) -> Float[np.ndarray, "m d"]:
        """Return some rows in inner units."""
        rows = self.values[which] if isinstance(which, slice) else self.values.take(which, 0)
        return _inner(rows, self.shift, self.scale)

    def take_wide(self, which: slice | Integer[np.ndarray, " m"]) -> Float[np.ndarray, "m d"]:
        """Return some rows in inner units and float64, however far from the others they are."""
        return self.inner(self.values[which])

    def inner(self, points: Float[np.ndarray, "*m d"]) -> Float[np.ndarray, "*m d"]:
        """Return points in inner units and float64."""
        shift = 0.0 if self.shift is None else self.shift.astype(np.float64)
        return (points.astype(np.float64) - shift) * self.scale

    def outer(self, points: Float[np.ndarray, "*m d"]) -> Float[np.ndarray, "*m d"]:
        """Return points in the units and the precision of the table."""
        shift = 0.0 if self.shift is None else self.shift.astype(np.float64)
        return (points / self.scale + shift).astype(self.values.dtype)

    def outer_squared(self, distance: float) -> float:
        """Return a squared distance, or a sum of them, in the units of the table."""
        with np.errstate(over="ignore"):
            outer = float(np.divide(np.divide(distance, self.scale), self.scale))
        if not np.isfinite(outer):
            raise DataError(
                "Expected values whose squared distances fit into 64 bits, got values up to "
                f"{np.abs(self.values).max():.3g}. Divide the table by a constant."
            )
        return outer

    def total_weight(self) -> float:
        return float(len(self)) if self.weights is None else float(self.weights.sum())


def read_rows(
    values: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"] | None, team: Team
) -> Rows:
    """Return the rows with the shift and scale that their squares need, in one pass if none."""
    plain = _measured(values, weights, None, 1.0, team)
    safe = SAFE[values.dtype]
    mean_square = float(plain.squares.mean(dtype=np.float64))
    if mean_square == 0 and not values.any():
        return plain
    offset = mean_square - plain.variance * plain.n_features  # |mean|²
    if 1 / safe < mean_square < safe and offset * (1 + FAR) <= FAR * mean_square:
        return plain

    shares = shares_of(len(values), plain.n_features, 1)
    low = np.min(team.map(lambda share: values[share].min(0), shares), axis=0)
    high = np.max(team.map(lambda share: values[share].max(0), shares), axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = team.map(lambda share: values[share].sum(0), shares)
        mean = np.sum(sums, axis=0, dtype=np.float64) / len(values)
        spread = float((high - low).max())
    if not np.isfinite(spread):
        raise DataError(
            f"Expected columns whose range fits into {values.dtype}, got values from "
            f"{low.min():.3g} to {high.max():.3g}. Divide the table by a constant."
        )
    middle = low / 2 + high / 2
    # Exactly the value of a column that is constant, however large: it has no part in distances.
    shift = np.clip(np.where(np.isfinite(mean), mean, middle).astype(values.dtype), low, high)
    scale = 1.0
    if spread > 0 and not 1 / safe < spread * spread < safe:
        most = np.finfo(values.dtype).maxexp - 8
        scale = 2.0 ** int(np.clip(-np.frexp(spread)[1], -most, most))
    return _measured(values, weights, shift, scale, team)


def rows_like(
    values: Float[np.ndarray, "n d"], shift: Float[np.ndarray, " d"] | None, scale: float
) -> Rows:
    """Return other rows in the inner units of those that were read before, not measured."""
    unmeasured = np.broadcast_to(values.dtype.type(np.nan), len(values))
    return Rows(values, None, shift, scale, unmeasured, 0.0)


def pieces(rows: int, numbers: int) -> Iterator[slice]:
    """Cut consecutive rows, of so many numbers each, into pieces that stay in a core's cache.

    >>> list(pieces(5, 2**19))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    size = max(1, PIECE // numbers)
    return (slice(i, min(i + size, rows)) for i in range(0, rows, size))


def _measured(
    values: np.ndarray,
    weights: np.ndarray | None,
    shift: np.ndarray | None,
    scale: float,
    team: Team,
) -> Rows:
    n, d = values.shape
    squares = np.empty(n, values.dtype)

    def measure(share: slice) -> np.ndarray:
        total = np.zeros(d)
        for piece in pieces(share.stop - share.start, d):
            part = slice(share.start + piece.start, share.start + piece.stop)
            rows = _inner(values[part], shift, scale)
            squares[part] = np.vecdot(rows, rows)
            total += np.ones(len(rows), rows.dtype) @ rows
        return total

    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        mean = np.sum(team.map(measure, shares_of(n, d, 1)), axis=0) / n
        variance = (squares.mean(dtype=np.float64) - mean @ mean) / d
    return Rows(values, weights, shift, scale, squares, max(0.0, float(variance)))


def _inner(rows: np.ndarray, shift: np.ndarray | None, scale: float) -> np.ndarray:
    if shift is not None:
        rows = rows - shift
    # Far below the largest, numbers become 0: they would not change a distance. Rows that lie
    # beyond the range, which only `predict` meets, become infinite.
    return rows if scale == 1.0 else rows * rows.dtype.type(scale)
