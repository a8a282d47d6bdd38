"""k-means on small random batches, for data that is large or comes in parts.

Sources:
    Sculley, D. (2010). Web-scale k-means clustering. WWW.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from gradlab.cluster.lloyd import Empty, Fitted, sums_of
from gradlab.cluster.nearest import assign
from gradlab.cluster.rows import Rows
from gradlab.cluster.team import Team

PATIENCE = 10
"""Batches without a better smoothed distortion after which a fit ends."""

RARE = 0.01
"""Share of the largest cluster's weight below which a cluster counts as empty."""


@dataclass
class Averages:
    """Centroids as running means: c ← c + (x - c) / weight so far.

    Attributes:
        centroids: (K, d), float64, in inner units.
        weights: Weight of the rows that each has averaged, (K,).
        empties: How often an empty cluster was put somewhere else.
    """

    centroids: Float[np.ndarray, "K d"]
    weights: Float[np.ndarray, " K"]
    empties: int = 0

    def learn(self, batch: Rows, team: Team) -> tuple[Integer[np.ndarray, " b"], float]:
        """Move the centroids towards a batch; return its labels and inertia before that."""
        labels, squared = assign(batch, self.centroids, team)
        weights = np.ones(len(batch)) if batch.weights is None else batch.weights
        exact = batch.take(slice(0, len(batch))).astype(np.float64)
        new = np.bincount(labels, weights, len(self.weights))
        sums = sums_of(exact, labels, weights, len(self.weights))
        self.weights = self.weights + new
        met = new > 0
        step = sums[met] - new[met, None] * self.centroids[met]
        self.centroids = self.centroids.copy()
        self.centroids[met] += step / self.weights[met, None]
        return labels, float(weights @ squared)

    def reinitialize_rare(self, batch: Rows, random: np.random.RandomState) -> None:
        """Put clusters that hardly got rows on random rows of the batch."""
        rare = np.flatnonzero(self.weights < RARE * self.weights.max())
        weights = batch.weights
        counting = np.arange(len(batch)) if weights is None else np.flatnonzero(weights)
        rare = rare[np.argsort(self.weights[rare], kind="stable")][: len(counting) // 2]
        if len(rare):
            others = np.delete(self.weights, rare)
            chosen = np.sort(random.choice(counting, len(rare), replace=False))
            self.centroids[rare] = batch.take(chosen)
            self.weights[rare] = others.min()
            self.empties += len(rare)


def minibatch(
    rows: Rows,
    start: Float[np.ndarray, "K d"],
    random: np.random.RandomState,
    team: Team,
    *,
    max_iter: int,
    batch_size: int,
    empty: Empty,
) -> tuple[Fitted, Float[np.ndarray, " left"]]:
    """Learn from random batches until the smoothed distortion stops falling.

    Args:
        max_iter: Batches at most, in passes over the data.

    Returns:
        The result, whose history is the distortion of each batch before it was learnt, and the
        weight that each centroid has averaged.
    """
    n = len(rows)
    size = min(batch_size, n)
    averages = Averages(start.copy(), np.zeros(len(start)))
    keep = max(0.0, 1 - 2 * size / (n + 1))
    history: list[float] = []
    smooth, best, waited, since = 0.0, np.inf, 0, 0
    for step in range(max(1, max_iter * n // size)):
        batch = _batch(rows, random.randint(0, n, size))
        weight = batch.total_weight()
        if weight == 0:
            continue
        _, inertia = averages.learn(batch, team)
        history.append(inertia / weight)
        since += size
        if empty == "reinitialize" and ((averages.weights == 0).any() or since >= 10 * len(start)):
            averages.reinitialize_rare(batch, random)
            since = 0
        # The first batch is judged on its own start: its distortion says nothing.
        if step == 0:
            continue
        smooth = history[-1] if step == 1 else keep * smooth + (1 - keep) * history[-1]
        best, waited = (smooth, 0) if smooth < best else (best, waited + 1)
        if waited >= PATIENCE:
            break
    met = averages.weights > 0
    if empty == "remove" and met.any():
        averages.empties += int((~met).sum())
        averages.centroids, averages.weights = averages.centroids[met], averages.weights[met]
    labels, squared = assign(rows, averages.centroids, team)
    weights = np.ones(n) if rows.weights is None else rows.weights
    n_iter = -(-len(history) * size // n)
    fitted = Fitted(
        averages.centroids, labels, float(weights @ squared), history, n_iter, averages.empties
    )
    return fitted, averages.weights


def _batch(rows: Rows, which: Integer[np.ndarray, " b"]) -> Rows:
    weights = None if rows.weights is None else rows.weights[which]
    # What take() hands out is in inner units already.
    return Rows(rows.take(which), weights, None, 1.0, rows.squares[which], rows.variance)
