"""The nearest training example of each sample: does a generator only repeat what it saw?"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from gradlab.generative.checks import number, rows_of, same_width

BLOCK_NUMBERS = 2**23
"""Most distances held at once: 64 MiB."""

REFERENCE_ROWS = 256
"""Data rows whose own nearest neighbour is looked for, for the typical distance."""

COPY = 0.1
"""A copy is nearer than this share of the typical distance."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest data row of each sample.

    Attributes:
        index: Row of the data, (n,).
        distance: Euclidean distance to it, (n,).
        ratio: The distance by the typical one; about 1 for samples that lie as the data does.
        is_copy: Whether a sample is so near that it must be taken for a repetition, (n,).
        typical: Median distance of a data row to the nearest other row.
    """

    index: Int[np.ndarray, " n"]
    distance: Float[np.ndarray, " n"]
    ratio: Float[np.ndarray, " n"]
    is_copy: Bool[np.ndarray, " n"]
    typical: float


def nearest_neighbours(samples: Any, data: Any, *, copy: Any = COPY, seed: int = 0) -> Neighbours:
    """Find the training example nearest to each sample, and say which samples are copies.

    Distances are compared exactly, all with all, a block at a time. The typical distance is the
    median, over at most 256 data rows, from a row to the nearest other row. A sample is a copy if
    its distance is at most `copy` times the typical one, and smaller than between any two of those
    data rows and their neighbours: where data is dense (few features), small distances are usual.

    Args:
        samples: (n, d), or images, which are laid flat.
        data: Training examples, (m, d).
        copy: Share of the typical distance.
        seed: Of the choice of those data rows.

    Raises:
        DataError: If numbers are not finite or sizes differ.
        RecipeError: If `copy` is negative.

    Source: Goodfellow et al. 2014, figure 2, https://arxiv.org/abs/1406.2661

    >>> data = np.array([[0.0], [1.0], [3.0]])
    >>> found = nearest_neighbours(np.array([[1.0], [2.6]]), data)
    >>> found.index.tolist(), found.distance.round(6).tolist(), found.is_copy.tolist()
    ([1, 2], [0.0, 0.4], [True, False])
    """
    rows, known = rows_of("samples", samples), rows_of("data", data)
    same_width("samples", rows, "data", known)
    limit = number("copy", copy)
    index, distance = nearest(rows, known)
    among = _distances_in_data(known, seed)
    positive = among[among > 0]
    typical = float(np.median(positive)) if len(positive) else 0.0
    ratio = np.where(distance > 0, np.inf, 0.0) if typical == 0 else distance / typical
    smallest = float(among.min()) if len(among) else 0.0
    is_copy = (distance == 0) | ((ratio <= limit) & (distance < smallest))
    return Neighbours(index, distance, ratio, is_copy, typical)


def nearest(
    rows: Float[np.ndarray, "n d"],
    known: Float[np.ndarray, "m d"],
    *,
    own: Int[np.ndarray, " n"] | None = None,
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Return the nearest known row of each row, and the distance to it.

    Args:
        rows: Rows to look for.
        known: Rows to look among.
        own: Number of the known row that is the row itself and does not count.
    """
    centre = known.mean(axis=0)
    largest = max(float(np.abs(known - centre).max()), float(np.abs(rows - centre).max()))
    scale = 2.0 ** -math.frexp(largest)[1] if largest > 0 else 1.0
    moved, targets = (rows - centre) * scale, (known - centre) * scale
    n, m = len(rows), len(known)
    best, where = np.full(n, np.inf), np.zeros(n, np.int64)
    squares = np.vecdot(targets, targets)
    width = min(m, max(1, BLOCK_NUMBERS // max(n, 256)))
    height = max(1, BLOCK_NUMBERS // width)
    for top in range(0, n, height):
        part = slice(top, min(top + height, n))
        for left in range(0, m, width):
            right = min(left + width, m)
            scores = moved[part] @ (-2 * targets[left:right].T)
            scores += squares[left:right]
            if own is not None:
                inside = np.flatnonzero((own[part] >= left) & (own[part] < right))
                scores[inside, own[part][inside] - left] = np.inf
            first = scores.argmin(axis=1)
            lowest = scores[np.arange(len(first)), first]
            better = np.flatnonzero(lowest < best[part])
            best[part][better] = lowest[better]
            where[part][better] = first[better] + left
    # From the difference, in which nothing cancels; and in the caller's units.
    difference = moved - targets[where]
    return where, np.sqrt(np.vecdot(difference, difference)) / scale


def _distances_in_data(data: Float[np.ndarray, "m d"], seed: int) -> Float[np.ndarray, " _"]:
    """Return how far some data rows are from the nearest other one."""
    if len(data) < 2:
        return np.zeros(0)
    chosen = np.arange(len(data))
    if len(data) > REFERENCE_ROWS:
        random = np.random.default_rng(seed)
        chosen = np.sort(random.choice(len(data), REFERENCE_ROWS, replace=False))
    return nearest(data[chosen], data, own=chosen)[1]
