"""What can be learnt from the data: what plain methods reach, and what neighbours say of labels.

The methods are closed formulas on a sample of rows, so that they need no tuning and take a
fraction of a second: nearest neighbours, and ridge regression on the columns, on their products
(which see a wave whatever its phase), and with a Gaussian kernel. All of them need only the
products of the rows with each other.
"""

from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Bool, Float, Int

from gradlab.doctor.checks.labels import Answers
from gradlab.doctor.checks.rows import Rows, sample

AT_MOST = 1500
"""Rows of the sample: an accuracy measured on a third of it has a standard error of 2 %."""

AT_LEAST = 20
NEIGHBOURS = 5


class Reference(NamedTuple):
    """Scores of the best plain method (accuracy, or R²), and how neighbours see the labels."""

    score: float
    train_score: float
    disagreement: float


class _Sample(NamedTuple):
    products: Float[np.ndarray, "n n"]
    distances: Float[np.ndarray, "n n"]
    targets: Float[np.ndarray, "n outputs"]
    codes: Int[np.ndarray, " n"] | None


def reference(rows: Rows, answers: Answers) -> Reference | None:
    """Return what the best of the plain methods reaches on rows that it has not seen.

    At most `AT_MOST` rows, drawn with a fixed seed, are cut into three folds, of which the first
    judges (all in turn below 600 rows); inputs are standardised, images and like columns by one
    scale. Sequences are also looked at by their frequencies, and the better view counts. The best
    of the methods' scores is a little flattering where rows are few.

    Returns:
        None with fewer than `AT_LEAST` rows, where every row has several classes, or where
        inputs or targets never vary.
    """
    if len(rows) < AT_LEAST or not answers.per_row or "constant" in answers.problems:
        return None
    chosen = sample(len(rows), AT_MOST)
    targets = answers.numbers[chosen]
    codes = None
    if answers.codes is not None:
        codes = answers.codes[chosen]
        targets = np.eye(answers.n_classes or 1)[codes]
    if not (targets != targets[0]).any():
        return None
    some = rows.some(chosen)
    views = [standardised(some)]
    if rows.kind == "sequences":
        views.append(_amplitudes(some))
    views = [view for view in views if view.any()]
    if not views:
        return None
    found = []
    for view in views:
        data = _sample(view, targets, codes)
        disagreement = label_disagreement(data.distances, targets, codes)
        found.append(Reference(*_best_score(data), disagreement))
    return max(found, key=lambda reference: reference.score)


def standardised(rows: Rows) -> Float[np.ndarray, "rows numbers"]:
    """Return rows side by side with mean 0, deviation 1 a column, or over all of like columns.

    Images and tokens are of one unit; so are columns with one smallest value of which half come
    near the largest, as pixels do. Standardised one by one their rare ones would drown the rest.
    Missing values become the column's mean.
    """
    x = rows.flat()
    finite = np.isfinite(x)
    if not finite.all():
        counts = np.maximum(finite.sum(0), 1)
        x = np.where(finite, x, np.where(finite, x, 0.0).sum(0) / counts)
    low, high = x.min(0), x.max(0)
    alike = x.shape[1] >= 16 and (low == low.min()).mean() > 0.9
    alike = alike and np.median(high - low) > 0.5 * (high - low).max()
    x = x - x.mean(0)
    if rows.kind in ("images", "tokens") or alike:
        return x / (np.sqrt(np.mean(x**2)) or 1.0)
    std = x.std(0)
    return x / np.where(std > 0, std, 1.0)


def _amplitudes(rows: Rows) -> Float[np.ndarray, "rows numbers"]:
    """Return how strong each frequency of each feature is: when things happen is of no account."""
    flat = rows.flat().reshape(rows.values.shape)
    waves = np.abs(np.fft.rfft(np.nan_to_num(flat), axis=1))
    return standardised(Rows(waves.reshape(len(waves), -1), "columns"))


def label_disagreement(
    distances: Float[np.ndarray, "n n"],
    targets: Float[np.ndarray, "n outputs"],
    codes: Int[np.ndarray, " n"] | None,
) -> float:
    """Return how much a row's five nearest neighbours disagree with it: 0 none, 1 as by chance.

    For classes the share of rows whose neighbours' vote is another class, divided by the share
    that results when the same rows get the labels in an order of chance; a class's votes are
    weighted by one over its share, so that a rare class counts as much. For numbers the variance
    that the neighbours' mean leaves, divided in the same way.

    Source: Wilson 1972, Asymptotic properties of nearest neighbor rules using edited data.
    """
    k = min(NEIGHBOURS, len(targets) - 1)
    apart = distances.copy()
    np.fill_diagonal(apart, np.inf)
    near = np.argpartition(apart, k - 1, axis=1)[:, :k]
    rng = np.random.default_rng(2)
    orders = [rng.permutation(len(targets)) for _ in range(5)]
    if codes is None:
        shuffled = np.mean([_left(targets[o], near) for o in orders])
        return float(_left(targets, near) / shuffled)
    shares = targets.mean(0)
    votes = np.where(shares > 0, 1.0 / np.maximum(shares, 1e-12), 0.0)
    shuffled = np.mean([_outvoted(codes[o], votes, near) for o in orders])
    return float(_outvoted(codes, votes, near) / shuffled) if shuffled > 0 else 0.0


def _left(targets: np.ndarray, near: np.ndarray) -> float:
    return float(np.mean((targets - targets[near].mean(1)) ** 2))


def _outvoted(codes: np.ndarray, votes: np.ndarray, near: np.ndarray) -> float:
    """Return the mean over classes of the share of its rows that the vote gives to another."""
    tally = np.zeros((len(codes), len(votes)))
    for column in codes[near].T:
        tally[np.arange(len(codes)), column] += votes[column]
    other = tally.argmax(1) != codes
    counts = np.bincount(codes, minlength=len(votes))
    wrong = np.bincount(codes, weights=other, minlength=len(votes))
    return float(np.mean(wrong[counts > 0] / counts[counts > 0]))


def _sample(x: np.ndarray, targets: np.ndarray, codes: np.ndarray | None) -> _Sample:
    products = x @ x.T
    squares = np.diag(products)
    distances = squares[:, None] + squares[None, :] - 2 * products
    return _Sample(products, np.maximum(distances, 0.0), targets, codes)


def _best_score(data: _Sample) -> tuple[float, float]:
    n = len(data.targets)
    fold = np.random.default_rng(3).permutation(n) % 3
    folds = range(1 if n >= 600 else 3)
    tables = [_scores(data, fold != f, fold == f) for f in folds]
    held_out, seen = np.mean(tables, 0).T
    best = int(held_out.argmax())
    return float(held_out[best]), float(seen[best])


def _scores(
    data: _Sample, train: Bool[np.ndarray, " n"], test: Bool[np.ndarray, " n"]
) -> Float[np.ndarray, "methods 2"]:
    """Return the score of each method on held-out rows and on those that it learnt."""
    known, mean = data.targets[train], data.targets[train].mean(0)
    across = data.distances[np.ix_(test, train)]
    within = data.distances[np.ix_(train, train)]
    table = []
    for k in (1, NEIGHBOURS):
        k = min(k, len(known))
        both = [np.argpartition(d, k - 1, axis=1)[:, :k] for d in (across, within)]
        table.append([known[near].mean(1) for near in both])
    width = np.median(within[within > 0]) if (within > 0).any() else 1.0
    inner = data.products[np.ix_(train, train)]
    kernels = [(inner, data.products[np.ix_(test, train)], np.trace(inner) / len(known))]
    kernels += [(np.exp(-within / w), np.exp(-across / w), 1.0) for w in (width, width / 8)]
    unit = (np.trace(inner) / len(known)) or 1.0
    squares = [(1 + products / unit) ** 2 for products in (inner, kernels[0][1])]
    kernels.append((squares[0], squares[1], 4.0))
    for own, other, size in kernels:
        for strength in (1e-3, 1e-1):
            system = own + strength * size * np.eye(len(own))
            factor = scipy.linalg.cho_factor(system, lower=True, check_finite=False)
            weights = scipy.linalg.cho_solve(factor, known - mean, check_finite=False)
            table.append([mean + other @ weights, mean + own @ weights])
    return np.array(
        [[_score(data, rows, a) for rows, a in zip((test, train), pair, strict=True)]
         for pair in table]
    )  # fmt: skip


def _score(data: _Sample, rows: Bool[np.ndarray, " n"], answer: np.ndarray) -> float:
    """Return the accuracy of the largest answer, of all outputs rounded, or R²."""
    targets = data.targets[rows]
    if data.codes is not None:
        return float(np.mean(answer.argmax(1) == data.codes[rows]))
    if ((data.targets == 0) | (data.targets == 1)).all() and data.targets.shape[1] > 1:
        return float(np.mean((answer > 0.5) == (targets > 0.5)))
    total = np.sum((targets - targets.mean(0)) ** 2)
    return float(1.0 - np.sum((targets - answer) ** 2) / total) if total > 0 else 0.0
