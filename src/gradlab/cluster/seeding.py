"""Where k-means starts: random points, random rows, or k-means++.

Sources:
    Arthur, D. & Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Integer

from gradlab.cluster.nearest import ROUNDING, targets
from gradlab.cluster.rows import Rows, pieces
from gradlab.cluster.team import Team, shares_of

RUN = 512
"""Rows whose chances are added up together, so that a draw searches few sums."""

Seeding = Callable[
    [Rows, int, Sequence[np.random.RandomState], Team], list[Float[np.ndarray, "K d"]]
]


def random_points(
    rows: Rows, n_clusters: int, randoms: Sequence[np.random.RandomState], team: Team
) -> list[Float[np.ndarray, "K d"]]:
    """Return points drawn uniformly from the box that bounds the data, a start for each source.

    A point may lie where no data is, and its cluster then begins empty.
    """
    shares = shares_of(len(rows), rows.n_features, 1)
    low = np.min(team.map(lambda share: rows.values[share].min(0), shares), axis=0)
    high = np.max(team.map(lambda share: rows.values[share].max(0), shares), axis=0)
    low, high = rows.inner(low), rows.inner(high)
    shape = (n_clusters, rows.n_features)
    return [low + random.random_sample(shape) * (high - low) for random in randoms]


def random_data(
    rows: Rows, n_clusters: int, randoms: Sequence[np.random.RandomState], team: Team
) -> list[Float[np.ndarray, "K d"]]:
    """Return rows drawn without replacement, heavy ones more often, a start for each source."""
    chances = None if rows.weights is None else rows.weights / rows.weights.sum()
    n = len(rows)
    if chances is not None and np.count_nonzero(chances) < n_clusters:
        chances = None  # too few rows that count: the others begin clusters that stay empty
    return [
        rows.take(random.choice(n, n_clusters, replace=False, p=chances)).astype(np.float64)
        for random in randoms
    ]


def plus_plus(
    rows: Rows, n_clusters: int, randoms: Sequence[np.random.RandomState], team: Team
) -> list[Float[np.ndarray, "K d"]]:
    """Return rows far from each other, a start for each source: greedy k-means++.

    The first centroid is a random row. Then rows are drawn with chances w · D², D being a row's
    distance to the nearest centroid so far; of 2 + ⌊ln K⌋ that are drawn, the one becomes a
    centroid that leaves the smallest Σ w · D². Without the greedy choice the expected distortion
    is at most 8 (ln K + 2) times the best one (Arthur & Vassilvitskii 2007, theorem 1.1); in
    practice the choice makes it smaller (their section 6).
    """
    shares = shares_of(len(rows), rows.n_features, 2 + int(np.log(n_clusters)))
    draws = [_Draw(rows, n_clusters, random, shares) for random in randoms]
    for _ in range(n_clusters):
        for draw in draws:
            draw.choose_candidates()
        costs = team.map(lambda share: [draw.measure(share) for draw in draws], shares)
        for draw, own in zip(draws, zip(*costs, strict=True), strict=True):
            draw.keep_best(np.concatenate(own, axis=1))
    return [rows.take(np.array(draw.chosen)).astype(np.float64) for draw in draws]


class _Draw:
    """k-means++ of one start on its way.

    Attributes:
        chosen: Rows that are centroids.
        nearest: Each row's w · D² after each of the candidates, (candidates, n).
        best: Which candidate was taken last.
        runs: Where short runs of rows begin.
        sums: w · D² of each run.
    """

    def __init__(
        self, rows: Rows, n_clusters: int, random: np.random.RandomState, shares: list[slice]
    ):
        self.rows, self.random = rows, random
        self.n_candidates = 2 + int(np.log(n_clusters))
        self.chosen: list[int] = []
        self.weights = None
        if rows.weights is not None:  # so that they fit into the precision of the rows
            self.weights = (rows.weights / rows.weights.max()).astype(rows.values.dtype)
        # A product is wrong by a little. Copies of a centroid are at distance 0; a million of
        # them must not add up to more.
        noise = rows.values.dtype.type(2 * ROUNDING * np.finfo(rows.values.dtype).eps)
        self.squares = rows.squares * (1 - noise)
        self.nearest = np.empty((self.n_candidates, len(rows)), rows.values.dtype)
        self.candidates = np.empty(0, np.intp)
        self.best = 0
        self.runs = np.concatenate([np.arange(share.start, share.stop, RUN) for share in shares])
        self.sums = np.empty(len(self.runs))

    def choose_candidates(self) -> None:
        if not self.chosen:
            weights = self.rows.weights
            chances = None if weights is None else weights / weights.sum()
            self.candidates = np.array([self.random.choice(len(self.rows), p=chances)])
        else:
            self.candidates = self._drawn()
        self.aims = targets(
            self.rows.take(self.candidates).astype(np.float64), self.rows.values.dtype
        )

    def _drawn(self) -> Integer[np.ndarray, " candidates"]:
        """Return rows drawn with chances w · D²: where its running sum passes random places."""
        edges = np.cumsum(self.sums)
        places = self.random.random_sample(self.n_candidates) * edges[-1]
        ends = np.append(self.runs[1:], len(self.rows))
        drawn = []
        for place, run in zip(places, np.searchsorted(edges, places, side="right"), strict=True):
            run = min(int(run), len(edges) - 1)
            costs = self.nearest[self.best, self.runs[run] : ends[run]]
            within = np.cumsum(costs, dtype=np.float64)
            # The last place before the end, where rounding goes beyond it: never a row of cost 0.
            place = min(place - (edges[run - 1] if run else 0), np.nextafter(within[-1], 0))
            row = np.searchsorted(within, place, side="right")
            drawn.append(self.runs[run] + min(int(row), len(within) - 1))
        return np.array(drawn)

    def measure(self, share: slice) -> Float[np.ndarray, "candidates runs"]:
        """Return Σ w · D² of each run of a share, for each candidate."""
        rows, number = self.rows, len(self.candidates)
        for piece in pieces(share.stop - share.start, rows.n_features + 2 * number):
            part = slice(share.start + piece.start, share.start + piece.stop)
            squared = self.aims.scores(rows.take(part))
            squared += self.squares[part]
            np.maximum(squared, 0, out=squared)
            if self.weights is not None:
                squared *= self.weights[part]
            before = self.nearest[self.best, part].copy() if self.chosen else np.inf
            np.minimum(squared, before, out=self.nearest[:number, part])
        starts = np.arange(0, share.stop - share.start, RUN)
        return np.add.reduceat(self.nearest[:number, share], starts, axis=1)

    def keep_best(self, sums: Float[np.ndarray, "candidates runs"]) -> None:
        costs = sums.sum(1, dtype=np.float64)
        self.best = int(costs.argmin())
        self.sums = sums[self.best].astype(np.float64)
        self.chosen.append(int(self.candidates[self.best]))


SEEDINGS: dict[str, Seeding] = {
    "k-means++": plus_plus,
    "random_data": random_data,
    "random_points": random_points,
}
