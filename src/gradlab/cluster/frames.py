"""k-means step by step: what each half of each round changes."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from sklearn.utils import check_array

from gradlab.cluster.candidates import PRECISIONS
from gradlab.cluster.kmeans import KMeans


class Frame(NamedTuple):
    """The state after one half step.

    Attributes:
        title: What was done.
        centroids: Where they are, or None before there are any.
        labels: Group of each row, or None before the first assignment.
    """

    title: str
    centroids: Float[np.ndarray, "k d"] | None
    labels: Int[np.ndarray, " n"] | None


def kmeans_frames(X: object, start: Float[np.ndarray, "k d"], n_frames: int = 6) -> list[Frame]:
    """Return the data, the start, and then assignments and updates in turn, until nothing moves.

    Each frame is `KMeans`'s own: labels are those of its `predict`, centroids those after one
    iteration.

    Args:
        X: Rows, (n, d).
        start: First centroids.
        n_frames: Most frames, the first two included.

    >>> frames = kmeans_frames([[1.0], [2.0], [10.0], [11.0]], np.array([[1.0], [2.0]]), 9)
    >>> [f.title for f in frames[:4]]
    ['data', 'start', 'assignment 1', 'update 1']
    >>> [f.centroids[:, 0].round(2).tolist() for f in frames if f.title.startswith("update")]
    [[1.0, 7.67], [1.5, 10.5]]
    """
    x = np.asarray(check_array(X, dtype=PRECISIONS))
    start = np.asarray(start, x.dtype)
    frames = [Frame("data", None, None), Frame("start", start, None)]
    centroids, labels = start, None
    for number in range(1, n_frames):
        model = KMeans(len(start), init=centroids, n_init=1, max_iter=1).fit(x)
        before = ((x[:, None, :] - centroids[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
        if labels is not None and np.array_equal(before, labels):
            break
        labels = before
        frames.append(Frame(f"assignment {number}", centroids, labels))
        centroids = model.cluster_centers_
        frames.append(Frame(f"update {number}", centroids, labels))
    return frames[:n_frames]
