"""Where k-means starts: random points, random rows, or k-means++.

Sources:
    Arthur, D. & Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Integer

from gradlab.cluster.costs import RUN, run_costs
from gradlab.cluster.nearest import ROUNDING, Targets, targets
from gradlab.cluster.rows import PIECE, Rows
from gradlab.cluster.team import Team, shares_of

SHARE = 2**19
"""Numbers of a share: many small ones, for after each draw all cores wait for the slowest."""

BESIDE = 3
"""Times that measuring costs takes longer than the products in it."""

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
    n_candidates = 2 + int(np.log(n_clusters))
    shares = shares_of(len(rows), rows.n_features, n_candidates, numbers=SHARE)
    asked = BESIDE * len(rows) * n_clusters * len(randoms)
    draws = [_Draw(rows, n_candidates, random, shares, asked) for random in randoms]
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
        nearest: Each row's D² to those of them whose distances were measured: not yet the last.
        runs: Where short runs of rows begin.
        sums: Σ w · D² of each run, to all of them.
    """

    def __init__(
        self,
        rows: Rows,
        n_candidates: int,
        random: np.random.RandomState,
        shares: list[slice],
        asked: int,
    ):
        self.rows, self.n_candidates, self.random, self.asked = rows, n_candidates, random, asked
        self.chosen: list[int] = []
        self.weights = None
        if rows.weights is not None:  # so that they fit into the precision of the rows
            self.weights = (rows.weights / rows.weights.max()).astype(rows.values.dtype)
        # A product is wrong by a little. Copies of a centroid are at distance 0; a million of
        # them must not add up to more.
        noise = rows.values.dtype.type(2 * ROUNDING * np.finfo(rows.values.dtype).eps)
        self.squares = rows.squares * (1 - noise)
        self.nearest = np.full(len(rows), np.inf, rows.values.dtype)
        self.candidates = np.empty(0, np.intp)
        self.runs = np.concatenate([np.arange(share.start, share.stop, RUN) for share in shares])
        self.ends = np.append(self.runs[1:], len(rows))
        self.sums = np.empty(len(self.runs))

    def choose_candidates(self) -> None:
        if not self.chosen:
            weights = self.rows.weights
            chances = None if weights is None else weights / weights.sum()
            self.candidates = np.array([self.random.choice(len(self.rows), p=chances)])
        else:
            self.candidates = self._drawn()
        self.aims = self._aims(self.candidates)

    def _aims(self, candidates: Integer[np.ndarray, " c"]) -> Targets:
        """Return the centroid that was chosen last, then candidates."""
        last = self.chosen[-1] if self.chosen else candidates[0]
        points = self.rows.take(np.array([last, *candidates])).astype(np.float64)
        alive = np.ones(len(points), bool)
        alive[0] = bool(self.chosen)
        return targets(points, self.rows.values.dtype, asked=self.asked, alive=alive)

    def _drawn(self) -> Integer[np.ndarray, " candidates"]:
        """Return rows drawn with chances w · D²: where its running sum passes random places."""
        edges = np.cumsum(self.sums)
        places = self.random.random_sample(self.n_candidates) * edges[-1]
        runs = np.minimum(edges.searchsorted(places, side="right"), len(edges) - 1)
        begins, ends = self.runs[runs], self.ends[runs]
        # All at once, a line each: there are thousands of draws where a small table is divided.
        own = begins[:, None] + np.arange(int((ends - begins).max()))
        beyond = own >= ends[:, None]
        own[beyond] = 0
        difference = self.rows.take(own.ravel()) - self.rows.take(np.array(self.chosen[-1:]))
        squared = np.vecdot(difference, difference).reshape(own.shape)
        costs = np.minimum(self.nearest.take(own), squared)
        if self.weights is not None:
            costs *= self.weights.take(own)
        costs[beyond] = 0
        within = costs.cumsum(axis=1, dtype=np.float64)
        # The last place before the end, where rounding goes beyond it: never a row of cost 0.
        places -= np.where(runs > 0, edges[runs - 1], 0)
        places = np.minimum(places, np.nextafter(within[:, -1], 0))
        passed = (within <= places[:, None]).sum(axis=1)
        return np.minimum(begins + passed, ends - 1)

    def measure(self, share: slice) -> Float[np.ndarray, "candidates runs"]:
        """Return Σ w · D² of each run of a share, for each candidate."""
        size = max(1, PIECE // (self.rows.n_features + 2 * len(self.aims)) // RUN) * RUN
        edges = [*range(share.start, share.stop, size), share.stop]
        parts = [self._costs(self.aims, slice(*edge)) for edge in itertools.pairwise(edges)]
        return np.concatenate(parts, axis=1)

    def _costs(self, aims: Targets, part: slice) -> Float[np.ndarray, "candidates runs"]:
        """Note the distances to the centroid chosen last; return each run's sums."""
        rows, squares, nearest = self.rows.take(part), self.squares[part], self.nearest[part]
        weights = None if self.weights is None else self.weights[part]
        if aims.search is not None:
            return run_costs(aims.search, rows, squares, weights, nearest)[1 : len(aims)]
        squared = aims.scores(rows)
        squared += squares
        np.maximum(squared, 0, out=squared)
        np.minimum(nearest, squared[0], out=nearest)
        costs = np.minimum(squared[1:], nearest, out=squared[1:])
        if weights is not None:
            costs *= weights
        return np.add.reduceat(costs, np.arange(0, len(rows), RUN), axis=1)

    def keep_best(self, sums: Float[np.ndarray, "candidates runs"]) -> None:
        costs = sums.sum(1, dtype=np.float64)
        best = int(costs.argmin())
        self.sums = sums[best].astype(np.float64)
        self.chosen.append(int(self.candidates[best]))


SEEDINGS: dict[str, Seeding] = {
    "k-means++": plus_plus,
    "random_data": random_data,
    "random_points": random_points,
}
