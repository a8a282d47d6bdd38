"""How much nearer rows are to their own group than to the next one, for several K at once."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.utils import check_random_state

from gradlab.cluster.candidates import Candidates, Sample, check_ks, take_sample, train_candidates
from gradlab.cluster.soft_assignment import in_threads

STRENGTHS = ((0.7, "strong groups"), (0.5, "fair groups"), (0.25, "weak groups, perhaps chance"))
"""Reading of the mean silhouette by Kaufman and Rousseeuw 1990, p. 88; below: none found."""

BLOCK = 256
"""Rows whose distances to all others are there at a time."""


@dataclass(frozen=True)
class Silhouettes:
    """Silhouettes of the best k-means for several K.

    Attributes:
        ks: Numbers of groups, from 2 up.
        scores: Mean silhouette of each, from -1 to 1.
        samples: Silhouette of each row, (len(ks), n).
        labels: Group of each row, (len(ks), n).
        best: The K of the highest score.
        reading: What the score there says: "strong groups", …, "no groups found".
        sentence: All that in words, with the number of rows if it is a sample.
    """

    ks: tuple[int, ...]
    scores: Float[np.ndarray, " ks"]
    samples: Float[np.ndarray, "ks n"]
    labels: Int[np.ndarray, "ks n"]
    best: int
    reading: str
    sentence: str


def silhouette(
    X: object,
    ks: Iterable[int] = range(2, 11),
    *,
    n_init: int = 10,
    max_rows: int = 10_000,
    random_state: int | np.random.RandomState | None = None,
) -> Silhouettes:
    """Find the K whose groups are most compact and apart.

        s_t = (b_t - a_t) / max(a_t, b_t),    0 for a row alone in its group

    a_t is the mean distance to the other rows of the own group, b_t that to the rows of the nearest
    other group.

    Args:
        X: Rows, (n, d). Units matter: scale columns that should count alike.
        ks: Numbers of groups; 1, which has no other group, is left out.
        n_init: k-means++ starts for each K.
        max_rows: From larger data so many rows are drawn: time grows with their square.
        random_state: Seed.

    Raises:
        RecipeError: If ks has no number above 1.
        DataError: If there are fewer rows than groups, or fewer than 3 different rows.

    Source: Rousseeuw 1987, J. Computational and Applied Mathematics 20.

    >>> X = np.array([[0.0], [0.2], [4.0], [4.1], [9.0], [9.2]])
    >>> found = silhouette(X, (2, 3, 4), random_state=0)
    >>> found.best, found.reading
    (3, 'strong groups')
    """
    random = check_random_state(random_state)
    sample = take_sample(X, max_rows, random)
    ks = check_ks(ks, len(sample.x), least=2)
    return silhouettes_of(train_candidates(sample.x, ks, n_init=n_init, random=random), sample)


def silhouettes_of(candidates: Candidates, sample: Sample) -> Silhouettes:
    """Judge groupings that are there already, but for K = 1."""
    kept = [i for i, k in enumerate(candidates.ks) if k > 1]
    ks = tuple(candidates.ks[i] for i in kept)
    labels = candidates.labels[kept]
    samples = silhouette_samples(sample.x, labels)
    scores = samples.mean(axis=1)
    at = int(scores.argmax())
    reading = next((words for least, words in STRENGTHS if scores[at] > least), "no groups found")
    sentence = (
        f"The mean silhouette is highest at K = {ks[at]}, {scores[at]:.2f}: {reading}{sample.said}."
    )
    return Silhouettes(ks, scores, samples, labels, ks[at], reading, sentence)


def silhouette_samples(
    x: Float[np.ndarray, "n d"], labels: Int[np.ndarray, "ks n"]
) -> Float[np.ndarray, "ks n"]:
    """Return the silhouette of every row in each of several groupings.

    All groupings share one pass over the n² distances, which are taken in float64.

    >>> silhouette_samples(np.array([[0.0], [1.0], [5.0]]), np.array([[0, 0, 1]])).round(2).tolist()
    [[0.8, 0.75, 0.0]]
    """
    x = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    largest = np.abs(x).max()
    x /= largest if largest > 0 else 1.0
    squares = np.einsum("nd,nd->n", x, x)
    members = [np.eye(int(row.max()) + 1)[row] for row in labels]  # (n, groups) of each
    member = np.concatenate(members, axis=1)
    ends = np.cumsum([m.shape[1] for m in members])
    counts = [m.sum(axis=0) for m in members]
    result = np.empty(labels.shape)

    def of_block(first: int) -> None:
        rows = np.arange(first, min(first + BLOCK, len(x)))
        distances = x[rows] @ (-2 * x.T)
        distances += squares[rows, None]
        distances += squares[None, :]
        np.sqrt(np.maximum(distances, 0, out=distances), out=distances)
        distances[np.arange(len(rows)), rows] = 0
        sums = np.split(distances @ member, ends[:-1], axis=1)
        for i, (total, count) in enumerate(zip(sums, counts, strict=True)):
            own = np.arange(len(rows)), labels[i, rows]
            others = count[own[1]] - 1
            a = total[own] / np.maximum(others, 1)
            means = np.where(count[None, :] > 0, total / np.maximum(count, 1)[None, :], np.inf)
            means[own] = np.inf
            b = means.min(axis=1)
            longer = np.maximum(a, b)
            real = (others > 0) & np.isfinite(b) & (longer > 0)
            safe = np.where(real, longer, 1.0)
            result[i, rows] = np.where(real, np.where(real, b - a, 0.0) / safe, 0.0)

    in_threads(of_block, range(0, len(x), BLOCK))
    return result
