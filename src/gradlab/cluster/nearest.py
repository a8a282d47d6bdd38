"""The nearest centroid of rows, and how sure that is."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from gradlab.cluster.rows import Rows, pieces
from gradlab.cluster.search import Search, can_search
from gradlab.cluster.team import Team, shares_of

ROUNDING = 8
"""Errors of a squared distance from a matrix product, in units of eps · (|x|² + |c|²); of sums of
many features their square root, as far as errors of either sign go."""


FAR = {np.dtype(np.float32): 1e15, np.dtype(np.float64): 1e150}
"""Size, in inner units, from which on a row is compared by itself, in 64 bits."""

FEW = 64
"""Clusters up to which the smallest score is found by comparing whole columns of scores.

Searching row by row, as `argmin` does, a processor mispredicts about one branch a row.
"""


SEARCHED = 2**29
"""Multiplications from which on machine code is worth the tenth of a second that it takes to make,
if not by one fit, then by a few."""

PASSES = 32
"""Times that a fit goes through the rows, more or less."""


SMALL = 10**6
"""Multiplications up to which OpenBLAS multiplies without packing: up to 2.5 times as fast."""


@dataclass(frozen=True)
class Targets:
    """Centroids, ready to be compared with rows: |x - c|² - |x|² = x · (-2 c) + |c|².

    Attributes:
        centroids: (K, d), in the precision of the rows.
        pull: -2 c as columns, (d, K).
        squares: |c|², (K,); infinite for a centroid that is out of the game.
        search: In machine code, where it is worth it; results differ by rounding alone.
    """

    centroids: Float[np.ndarray, "K d"]
    pull: Float[np.ndarray, "d K"]
    squares: Float[np.ndarray, " K"]
    search: Search | None = None

    def __len__(self) -> int:
        return len(self.centroids)

    @property
    def error(self) -> tuple[float, float]:
        """Two numbers: |x - c|² is wrong by at most the first times (|x|² + the second)."""
        rounding = max(ROUNDING, len(self.pull) ** 0.5) * np.finfo(self.pull.dtype).eps
        return float(rounding), float(self.squares[np.isfinite(self.squares)].max())

    def scores(self, rows: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "K m"]:
        """Return |x - c|² - |x|², a row for each centroid."""
        return np.add(_product(rows, self.pull).T, self.squares[:, None], order="C")

    def nearest(self, rows: Float[np.ndarray, "m d"]) -> Integer[np.ndarray, " m"]:
        """Return the nearest centroid of each row, the first of equals."""
        if self.search is not None:
            return self.search(rows)[2].astype(np.intp)
        if len(self) > FEW:
            return (_product(rows, self.pull) + self.squares).argmin(1)
        scores = self.scores(rows)
        return _first(scores, scores.min(0))

    def two_nearest(
        self,
        rows: Float[np.ndarray, "m d"],
        squares: Float[np.ndarray, " m"],
    ) -> tuple[Integer[np.ndarray, " m"], Float[np.ndarray, " m"]]:
        """Return the nearest centroid of rows and its lead over the second: d₂ - d₁.

        The lead is never said to be more than it is, whatever the rounding: it may be negative
        for a row in the middle between two centroids.
        """
        if self.search is None:
            first, both = self._two_smallest(rows)
        else:
            found = self.search(rows)
            first, both = found[2].astype(np.intp), found[:2]
        near, far = both
        rounding, largest = self.error
        error = (squares + both.dtype.type(largest)) * both.dtype.type(rounding)
        both += squares
        near += error
        far -= error
        np.sqrt(np.maximum(both, 0, out=both), out=both)
        return first, far - near

    def _two_smallest(
        self, rows: Float[np.ndarray, "m d"]
    ) -> tuple[Integer[np.ndarray, " m"], Float[np.ndarray, "2 m"]]:
        """Return the centroid with the smallest score of each row, and the two smallest scores."""
        both = np.empty((2, len(rows)), rows.dtype)
        near, far = both
        places = np.arange(len(rows))
        if len(self) > FEW:
            scores = _product(rows, self.pull)
            scores += self.squares
            first = scores.argmin(1)
            near[:] = scores[places, first]
            scores[places, first] = np.inf
            far[:] = scores[places, scores.argmin(1)]
        else:
            scores = self.scores(rows)
            scores.min(0, out=near)
            first = _first(scores, near)
            scores.reshape(-1)[first * len(rows) + places] = np.inf
            scores.min(0, out=far)
        return first, both


def _product(
    rows: Float[np.ndarray, "m d"], pull: Float[np.ndarray, "d K"]
) -> Float[np.ndarray, "m K"]:
    """Return rows @ pull, in batches that are small enough to go without packing."""
    size = SMALL // pull.size
    if not 64 <= size < len(rows):
        return rows @ pull
    product = np.empty((len(rows), pull.shape[1]), rows.dtype)
    whole = len(rows) // size * size
    batches, results = (
        array[:whole].reshape(-1, size, array.shape[1]) for array in (rows, product)
    )
    np.matmul(batches, pull, out=results)
    np.matmul(rows[whole:], pull, out=product[whole:])
    return product


def _first(
    scores: Float[np.ndarray, "K m"], smallest: Float[np.ndarray, " m"]
) -> Integer[np.ndarray, " m"]:
    """Return in which row each column has its smallest value first."""
    n = len(scores)
    ranks = np.arange(n, 0, -1, dtype=np.uint8)[:, None]
    return n - ((scores == smallest) * ranks).max(0).astype(np.intp)


def targets(
    centroids: Float[np.ndarray, "K d"],
    dtype: np.dtype,
    *,
    asked: int = 0,
    alive: Bool[np.ndarray, " K"] | None = None,
) -> Targets:
    """Return the centroids (float64) as targets for rows of a precision.

    Args:
        centroids: As they are.
        dtype: Of the rows.
        asked: How many rows will be, in all; few are not worth a search in machine code.
        alive: Centroids that are in the game; None for all.
    """
    with np.errstate(over="ignore"):
        pull = np.ascontiguousarray((-2 * centroids).T, dtype)
        squares = np.vecdot(centroids, centroids).astype(dtype)
        near = centroids.astype(dtype)
    far = ~np.isfinite(squares)  # nearest to nothing
    pull[:, far], squares[far], near[far] = 0, np.inf, 0
    if alive is not None:
        squares[~alive] = np.inf
    worth = asked * pull.size >= SEARCHED and can_search(np.dtype(dtype))
    return Targets(near, pull, squares, Search(pull, squares) if worth else None)


def squared_distances(
    rows: Float[np.ndarray, "m d"],
    labels: Integer[np.ndarray, " m"],
    centroids: Float[np.ndarray, "K d"],
) -> Float[np.ndarray, " m"]:
    """Return |x - c|² of each row and its centroid, from the differences: nothing cancels."""
    difference = rows - centroids.take(labels, 0)
    return np.vecdot(difference, difference)


def assign(
    rows: Rows, centroids: Float[np.ndarray, "K d"], team: Team
) -> tuple[Integer[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Return the nearest centroid of every row, and the squared distance to it."""
    aims = targets(centroids, rows.values.dtype, asked=len(rows))
    limit = FAR[rows.values.dtype] ** 2
    labels = np.empty(len(rows), np.intp)
    distances = np.empty(len(rows), rows.values.dtype)

    def of_share(share: slice) -> None:
        for piece in pieces(share.stop - share.start, rows.n_features + len(aims)):
            part = slice(share.start + piece.start, share.start + piece.stop)
            with np.errstate(over="ignore"):
                own = rows.take(part)
                far = np.flatnonzero(~(np.vecdot(own, own) < limit))
            if len(far):
                own = own.copy()  # it may be the caller's table itself
                own[far] = 0
            labels[part] = aims.nearest(own)
            distances[part] = squared_distances(own, labels[part], aims.centroids)
            if len(far):
                where = far + part.start
                wide = rows.take_wide(where)
                labels[where] = _nearest_of_far(wide, centroids)
                with np.errstate(over="ignore"):
                    distances[where] = squared_distances(wide, labels[where], centroids)

    team.map(of_share, shares_of(len(rows), rows.n_features, len(aims)))
    return labels, distances


def _nearest_of_far(
    rows: Float[np.ndarray, "m d"], centroids: Float[np.ndarray, "K d"]
) -> Integer[np.ndarray, " m"]:
    """Return the nearest centroid of rows so far off that their distances round to the same.

    By (|x - c|² - |x|²) / max|x|, in which |x|² never stands.
    """
    size = np.abs(rows).max(1, keepdims=True)
    squares = np.vecdot(centroids, centroids)[None, :]
    return ((rows / size) @ (-2 * centroids.T) + squares / size).argmin(1)


def all_distances(
    rows: Rows, centroids: Float[np.ndarray, "K d"], team: Team
) -> Float[np.ndarray, "n K"]:
    """Return the distances of every row to every centroid, in inner units.

    They are computed in float64, and again from the difference where a row and a centroid are so
    near each other that the product loses half of its digits.
    """
    aims = targets(centroids, np.dtype(np.float64))
    distances = np.empty((len(rows), len(aims)), rows.values.dtype)

    def of_share(share: slice) -> None:
        for piece in pieces(share.stop - share.start, 2 * (rows.n_features + len(aims))):
            part = slice(share.start + piece.start, share.start + piece.stop)
            own = rows.take_wide(part)
            size = np.maximum(np.abs(own).max(1), 1.0)[:, None]
            far = np.flatnonzero(size > FAR[np.dtype(np.float64)])
            beyond, own[far] = own[far], 0
            squares = np.vecdot(own, own)[:, None]
            squared = own @ aims.pull + aims.squares + squares
            at_row, at_target = np.nonzero(squared < 1e-6 * (squares + aims.squares))
            difference = own[at_row] - centroids[at_target]
            squared[at_row, at_target] = np.vecdot(difference, difference)
            distances[part] = np.sqrt(squared)
            if len(far):  # beside such a row, where the centroids are makes no difference
                lengths = np.linalg.norm(beyond / size[far], axis=1) * size[far, 0]
                distances[far + part.start] = lengths[:, None]

    team.map(of_share, shares_of(len(rows), rows.n_features, len(aims)))
    return distances
