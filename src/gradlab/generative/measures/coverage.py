"""Which modes of a distribution samples reach, and how evenly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from gradlab.errors import DataError
from gradlab.generative.checks import number, rows_of, same_width
from gradlab.generative.neighbours import nearest


@dataclass(frozen=True)
class Coverage:
    """How samples fall on modes.

    Attributes:
        counts: Samples of each mode, (k,): those nearest to its centre, and within the radius.
        hit: Modes with a sample.
        share: hit / k.
        entropy: Evenness of the counts, −Σ p ln p / ln k: 1 for equally many of each, 0 for one
            mode alone.
        near: Share of the samples that belong to a mode; 1 without a radius.
    """

    counts: Int[np.ndarray, " k"]
    hit: int
    share: float
    entropy: float
    near: float


def mode_coverage(samples: Any, centres: Any, *, radius: Any = None) -> Coverage:
    """Count which modes samples reach: a generator that collapsed reaches few.

    Args:
        samples: (n, d), or images, which are laid flat.
        centres: The modes, (k, d): known ones, or those that clustering finds in the data, such
            as `KMeans(k).fit(data).cluster_centers_`.
        radius: Largest distance from a centre that still counts; usual for known normal modes are
            three standard deviations. None counts every sample to its nearest centre.

    Raises:
        DataError: If numbers are not finite or sizes differ.
        RecipeError: If the radius is no positive number.

    Source: the count of modes of Metz et al. 2017, https://arxiv.org/abs/1611.02163, and
    Lin et al. 2018 (three standard deviations), https://arxiv.org/abs/1712.04086

    >>> centres = np.array([[0.0, 0.0], [4.0, 0.0]])
    >>> found = mode_coverage(np.array([[0.1, 0.0], [0.2, 0.1], [9.0, 0.0]]), centres, radius=1.0)
    >>> found.hit, found.share, found.entropy, round(found.near, 3)
    (1, 0.5, 0.0, 0.667)
    """
    rows, modes = rows_of("samples", samples), rows_of("centres", centres)
    same_width("samples", rows, "centres", modes)
    index, distance = nearest(rows, modes)
    if radius is not None:
        within = distance <= number("radius", radius, above=True)
        index = index[within]
    counts = np.bincount(index, minlength=len(modes))
    hit = int((counts > 0).sum())
    if len(modes) == 1:
        entropy = 1.0 if hit else 0.0
    else:
        p = counts[counts > 0] / max(counts.sum(), 1)
        entropy = max(0.0, float(-(p * np.log(p)).sum() / np.log(len(modes))))
    return Coverage(counts, hit, hit / len(modes), entropy, len(index) / len(rows))


def mode_centres(data: Any, labels: Any) -> Float[np.ndarray, "k d"]:
    """Return the mean of the rows of each label, in the order of the sorted labels.

    Args:
        data: (n, d), or images, which are laid flat.
        labels: (n,): classes, or the numbers of clusters.

    Raises:
        DataError: If there is not one label for each row.

    >>> mode_centres(np.array([[0.0], [2.0], [9.0]]), ["a", "a", "b"])
    array([[1.],
           [9.]])
    """
    rows = rows_of("data", data)
    names, which = np.unique(np.asarray(labels), return_inverse=True)
    if which.shape != (len(rows),):
        raise DataError(f"labels: expected one for each of {len(rows)} rows; got {which.shape}.")
    sums = np.zeros((len(names), rows.shape[1]))
    np.add.at(sums, which, rows)
    return sums / np.bincount(which)[:, None]
