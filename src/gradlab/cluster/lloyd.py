"""Lloyd's iteration, for several restarts at once, asking only rows whose label may change.

A row whose nearest centroid leads by g over the second keeps its label until the centroids have
moved by more than g: its own away from it, and the fastest other towards it (Hamerly 2010, with
one number a row). So after the first iterations most rows are not read at all, and the sums of the
clusters change by the rows that moved. Labels and centroids are those of the plain iteration.

Sources:
    Lloyd, S. P. (1982). Least squares quantization in PCM. IEEE Trans. Inf. Theory 28(2).
    Hamerly, G. (2010). Making k-means even faster. SIAM Data Mining.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.sparse import csc_array

from gradlab.cluster.assignment import reassign
from gradlab.cluster.nearest import PASSES, Targets, assign, squared_distances, targets
from gradlab.cluster.rows import Rows, pieces
from gradlab.cluster.team import WORTH, Team, shares_of

Empty = Literal["reinitialize", "remove"]

STATE = 2**28
"""Bytes that the labels and bounds of restarts trained at once may take: 256 MiB."""

SHARE = 2**21
"""Numbers of a share. Only some of its rows are asked, and threads take turns to begin each
operation of NumPy: with fewer and larger operations they wait less for each other."""

LOST = 1e-6
"""Share of a cluster's greatest weight below which its sum is no longer trusted."""

DENSE = 2**13
"""Entries of the matrix that sums rows up to which it is cheaper dense than sparse."""


@dataclass(frozen=True)
class Fitted:
    """What came of a start, in inner units.

    Attributes:
        centroids: (K, d), float64; fewer rows than at the start if empty ones were removed.
        labels: Nearest centroid of every row.
        inertia: Σ w |x - c|².
        history: Distortion, inertia / Σ w, after every half step; never increases.
        n_iter: Iterations begun.
        empties: How often a cluster lost its last row.
    """

    centroids: Float[np.ndarray, "K d"]
    labels: Integer[np.ndarray, " n"]
    inertia: float
    history: list[float]
    n_iter: int
    empties: int


def lloyd(
    rows: Rows,
    starts: Sequence[Float[np.ndarray, "K d"]],
    team: Team,
    *,
    max_iter: int,
    tol: float,
    empty: Empty,
) -> list[Fitted]:
    """Train every start until its labels stay or its centroids move by at most tol together.

    The restarts go side by side: a share of the rows is used by all of them while it is near.
    A start's numbers are the same whatever the others are, and however many cores there are.

    Args:
        tol: Sum of the squared movements of the centroids, in variances of the data.
        empty: What becomes of a cluster that loses its last row.
    """
    at_once = max(1, STATE // (16 * len(rows)))
    done = []
    for first in range(0, len(starts), at_once):
        restarts = [_Restart(rows, start, empty) for start in starts[first : first + at_once]]
        _train(restarts, rows, team, max_iter, tol * rows.variance)
        done += [restart.fitted(team) for restart in restarts]
    return done


def _train(
    restarts: list["_Restart"], rows: Rows, team: Team, max_iter: int, tolerance: float
) -> None:
    n_clusters = max(len(restart.centroids) for restart in restarts)
    shares = shares_of(len(rows), rows.n_features, n_clusters, numbers=SHARE)

    def assign_all(moving: list[_Restart]) -> None:
        for restart in moving:
            restart.aim()
        asked = sum(restart.n_asked for restart in moving)
        changes = team.map(
            lambda share: [one.assign(share) for one in moving],
            shares,
            alone=asked * (rows.n_features + n_clusters) < WORTH,
        )
        for restart, own in zip(moving, zip(*changes, strict=True), strict=True):
            restart.collect(own)

    moving = restarts
    for iteration in range(1, max_iter + 1):
        assign_all(moving)
        for restart in moving:
            restart.n_iter = iteration
        moving = [one for one in moving if one.n_moved]  # the others are fixed
        unsettled = [one for one in moving if one.update(team) > tolerance]
        if settled := [one for one in moving if one not in unsettled]:
            assign_all(settled)
        if not (moving := unsettled):
            return
    assign_all(moving)


@dataclass
class _Change:
    """What the rows of a share, or of all, changed by taking other labels.

    There is one cluster more than centroids: the one in which all rows begin.

    Attributes:
        sums: Of the rows, and in the last column of their weights.
        counts: Of the rows whose weight is not 0.
        drop: Of the inertia.
        n_moved: Rows that took another label.
        n_asked: Rows whose label was not sure.
    """

    sums: Float[np.ndarray, "clusters columns"]
    counts: Integer[np.ndarray, " clusters"]
    drop: float = 0.0
    n_moved: int = 0
    n_asked: int = 0

    def add(self, other: "_Change") -> None:
        if other.n_moved:
            self.sums += other.sums
            self.counts += other.counts
            self.drop += other.drop
            self.n_moved += other.n_moved


def _no_change(n_clusters: int, n_features: int) -> _Change:
    return _Change(np.zeros((n_clusters + 1, n_features + 1)), np.zeros(n_clusters + 1, np.int64))


@dataclass(eq=False)
class _Restart:
    """One start on its way.

    Attributes:
        labels: Cluster of every row; K before the first assignment.
        expires: A row's label is sure while the loss of its cluster is at most this.
        losses: How much the centroids have moved to the disadvantage of each cluster's rows.
        total: Sums, weights and counts of each cluster.
        drops: By how much each half step made the inertia smaller.
        alive: Centroids that were not removed.
        peaks: Greatest weight that each cluster had since its sum was taken.
    """

    rows: Rows
    centroids: Float[np.ndarray, "K d"]
    empty: Empty
    n_iter: int = 0
    n_moved: int = 0
    n_asked: int = 0
    empties: int = 0
    drops: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        n_clusters = len(self.centroids)
        self.n_asked = len(self.rows)
        self.labels = np.full(len(self.rows), n_clusters, np.intp)
        self.expires = np.full(len(self.rows), -np.inf)
        self.losses = np.zeros(n_clusters + 1)
        self.peaks = np.zeros(n_clusters)
        self.total = _no_change(*self.centroids.shape)
        self.alive = np.ones(n_clusters, bool)
        self.was_empty = np.zeros(n_clusters, bool)
        self.aims: Targets

    def aim(self) -> None:
        """Get ready for an assignment."""
        dtype, asked = self.rows.values.dtype, PASSES * len(self.rows)
        self.aims = targets(self.centroids, dtype, asked=asked, alive=self.alive)

    def assign(self, share: slice) -> _Change:
        """Give rows of a share their nearest centroid; ask those only whose label is not sure."""
        labels, expires, squares = self.labels[share], self.expires[share], self.rows.squares[share]
        change = _no_change(*self.centroids.shape)
        if self.aims.search is not None and self.rows.plain:  # the table is read where it lies
            weights = None if self.rows.weights is None else self.rows.weights[share]
            change.drop, change.n_moved, change.n_asked = reassign(
                self.aims.search,
                self.aims.centroids,
                self.losses,
                self.aims.error,
                self.rows.values[share],
                squares,
                weights,
                labels,
                expires,
                change.sums,
                change.counts,
            )
            return change
        due = np.flatnonzero(expires < self.losses.take(labels))
        all_of_them = len(due) == len(labels)
        change.n_asked = len(due)
        for piece in pieces(len(due), self.rows.n_features + len(self.centroids)):
            part = due[piece]
            asked = part + share.start
            if all_of_them:  # a slice of the table is no copy
                asked = slice(share.start + piece.start, share.start + piece.stop)
            nearest, lead = self.aims.two_nearest(self.rows.take(asked), squares.take(part))
            before = labels.take(part)
            moved = np.flatnonzero(nearest != before)
            if len(moved):
                where = part.take(moved)
                stay = self._move(
                    change,
                    self.rows.take(where + share.start),
                    before.take(moved),
                    nearest.take(moved),
                    None if self.rows.weights is None else self.rows.weights[share].take(where),
                )
                nearest[moved[stay]] = before[moved[stay]]
                lead[moved[stay]] = 0
                labels[where] = nearest.take(moved)
            expires[part] = self.losses.take(nearest) + lead
        return change

    def _move(
        self,
        change: _Change,
        rows: Float[np.ndarray, "m d"],
        before: Integer[np.ndarray, " m"],
        after: Integer[np.ndarray, " m"],
        weights: Float[np.ndarray, " m"] | None,
    ) -> Integer[np.ndarray, " s"]:
        """Book rows that change their cluster; return those that rather stay.

        A row stays if it gains nothing by the exact distances. So the distortion never increases
        by rounding, and the iteration can't go in circles.
        """
        n_clusters = len(self.centroids)
        stay = np.empty(0, np.intp)
        if before[0] != n_clusters:  # not the first assignment, of all rows
            centroids = self.aims.centroids
            gain = squared_distances(rows, before, centroids)
            gain -= squared_distances(rows, after, centroids)
            stay = np.flatnonzero(gain <= 0)
            if len(stay):
                go = np.flatnonzero(gain > 0)
                rows, before, after, gain = rows[go], before[go], after[go], gain[go]
                weights = None if weights is None else weights[go]
            change.drop += float(gain.sum(dtype=np.float64) if weights is None else weights @ gain)
        sums = _sums(rows, before, after, weights, n_clusters + 1)
        change.sums += sums
        if weights is None:
            change.counts += np.rint(sums[:, -1]).astype(np.int64)
        else:
            for labels, sign in ((after, 1), (before, -1)):
                change.counts += sign * np.bincount(labels[weights > 0], minlength=n_clusters + 1)
        change.n_moved += len(rows)
        return stay

    def collect(self, changes: Sequence[_Change]) -> None:
        """End an assignment: add up, in order, what its shares changed."""
        self.drops.append(sum(change.drop for change in changes))
        self.n_moved = sum(change.n_moved for change in changes)
        self.n_asked = sum(change.n_asked for change in changes)
        for change in changes:
            self.total.add(change)
        if self.n_iter and not self.n_moved:
            self.drops.pop()  # nothing happened: not a step

    def update(self, team: Team) -> float:
        """Put every centroid on the mean of its rows; return the sum of squared movements."""
        total, n_clusters = self.total, len(self.centroids)
        drop = 0.0
        origins = self.centroids.copy()
        empty = self.alive & (total.counts[:n_clusters] == 0)
        if empty.any():
            self.empties += int((empty & ~self.was_empty).sum())
            if self.empty == "remove":
                self.alive &= ~empty
            else:
                drop = self._reinitialize(np.flatnonzero(empty), origins, team)
        held = total.counts[:n_clusters] > 0
        self.was_empty = ~held
        if self.rows.weights is not None:
            self._add_again(held)
        means = origins.copy()
        weights = total.sums[:-1, -1][held]
        means[held] = total.sums[:-1, :-1][held] / weights[:, None]
        steps = means - origins
        drop += float(weights @ np.vecdot(steps, steps)[held])
        self.drops.append(drop)

        steps = means - self.centroids
        squared = np.vecdot(steps, steps)
        self.centroids = means
        moves = np.sqrt(squared)
        order = np.argsort(moves)
        others = np.full(n_clusters, moves[order[-1]])
        others[order[-1]] = moves[order[-2]] if n_clusters > 1 else 0
        self.losses[:-1] += moves + others
        return float(squared.sum())

    def _reinitialize(
        self, empty: Integer[np.ndarray, " e"], origins: Float[np.ndarray, "K d"], team: Team
    ) -> float:
        """Give each empty cluster the row that costs most; return what that saves.

        No cluster is emptied for another, and none is put where another was put just now.
        """
        rows, total = self.rows, self.total
        costs = np.empty(len(rows))

        def of_share(share: slice) -> None:
            for piece in pieces(share.stop - share.start, 2 * rows.n_features):
                part = slice(share.start + piece.start, share.start + piece.stop)
                costs[part] = squared_distances(
                    rows.take(part), self.labels[part], self.aims.centroids
                )

        team.map(of_share, shares_of(len(rows), rows.n_features, 1))
        if rows.weights is not None:
            costs *= rows.weights
        most = min(len(costs), len(empty) + len(self.centroids))
        candidates = np.argpartition(costs, -most)[-most:]
        candidates = candidates[np.lexsort((candidates, -costs[candidates]))]
        saved, taken, left = 0.0, [], list(empty)
        for row in candidates:
            if not left or costs[row] <= 0:
                break
            donor = self.labels[row]
            point = rows.take(np.array([row]))[0]
            if total.counts[donor] < 2 or any((point == other).all() for other in taken):
                continue
            taken.append(point)
            cluster = left.pop(0)
            weight = 1.0 if rows.weights is None else float(rows.weights[row])
            own = weight * np.append(point, 1).astype(np.float64)
            total.sums[donor] -= own
            total.sums[cluster] = own  # nothing is left of what was added and taken away before
            total.counts[donor] -= 1
            total.counts[cluster] += 1
            self.labels[row], self.expires[row] = cluster, -np.inf
            origins[cluster] = point
            saved += float(costs[row])
        return saved

    def _add_again(self, held: Bool[np.ndarray, " K"]) -> None:
        """Sum anew the clusters that lost nearly all of their weight.

        What is left of a sum from which a far heavier row was taken away is rounding.
        """
        rows, total = self.rows, self.total
        weight = total.sums[:-1, -1]
        self.peaks = np.maximum(self.peaks, weight)
        lost = held & (weight < LOST * self.peaks)
        if not lost.any() or rows.weights is None:
            return
        own = np.flatnonzero(lost.take(self.labels))
        exact = np.c_[rows.take(own).astype(np.float64), np.ones(len(own))]
        again = sums_of(exact, self.labels.take(own), rows.weights.take(own), len(lost))
        total.sums[:-1][lost] = again[lost]
        self.peaks[lost] = again[lost, -1]

    def fitted(self, team: Team) -> Fitted:
        """Return the result, its labels and inertia found anew from the centroids."""
        # As they will be stored: `predict` on the same rows then gives the same labels.
        centroids = self.rows.inner(self.rows.outer(self.centroids[self.alive]))
        labels, squared = assign(self.rows, centroids, team)
        if self.rows.weights is None:
            inertia = float(squared.sum(dtype=np.float64))
        else:
            inertia = float(self.rows.weights @ squared)
        # From the end backwards, so that the last, smallest values keep their digits.
        later = np.cumsum([0.0, *self.drops[:0:-1]])[::-1]
        history = (inertia + later) / self.rows.total_weight()
        return Fitted(centroids, labels, inertia, history.tolist(), self.n_iter, self.empties)


def _sums(
    rows: Float[np.ndarray, "m d"],
    before: Integer[np.ndarray, " m"],
    after: Integer[np.ndarray, " m"],
    weights: Float[np.ndarray, " m"] | None,
    n_clusters: int,
) -> Float[np.ndarray, "K columns"]:
    """Return by how much the sums of the clusters and their weights change, in float64.

    In float32 a cluster that lost many rows would keep their rounding in place of its own sum.
    """
    n, d = rows.shape
    exact = np.empty((n, d + 1))
    exact[:, :-1] = rows
    exact[:, -1] = 1
    if n * n_clusters <= DENSE:
        places = np.arange(n)
        shares = np.zeros((n_clusters, n))
        shares[after, places] = 1.0 if weights is None else weights
        shares[before, places] = -1.0 if weights is None else -weights
        return shares @ exact
    sums = sums_of(exact, after, weights, n_clusters)
    if before[0] != n_clusters - 1:  # all rows begin in a cluster whose sum nobody asks for
        sums -= sums_of(exact, before, weights, n_clusters)
    return sums


def sums_of(
    rows: Float[np.ndarray, "m d"],
    labels: Integer[np.ndarray, " m"],
    weights: Float[np.ndarray, " m"] | None,
    n_clusters: int,
) -> Float[np.ndarray, "K d"]:
    """Return the weighted sum of each cluster's rows.

    >>> rows = np.array([[1.0], [2.0], [4.0]])
    >>> sums_of(rows, np.array([0, 1, 1]), np.array([1.0, 1.0, 0.5]), 2)
    array([[1.], [4.]])
    """
    n = len(rows)
    weights = np.ones(n) if weights is None else weights
    matrix = csc_array((weights, labels, np.arange(n + 1)), shape=(n_clusters, n))
    return np.asarray(matrix @ rows)
