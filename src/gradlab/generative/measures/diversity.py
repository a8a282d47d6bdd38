"""How varied samples are, beside the data they should be like."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from gradlab.errors import DataError
from gradlab.generative.checks import rows_of, same_width


def diversity(samples: Any, data: Any, *, most: int = 1000, seed: int = 0) -> float:
    """Return the mean distance between two samples, as a share of that between two data rows.

        diversity = mean_{i<j} ‖s_i − s_j‖ / mean_{i<j} ‖x_i − x_j‖

    About 1 where samples vary as the data does, 0 where all are the same: a generator that has
    collapsed. Samples that are too noisy score above 1, so it is no measure of quality.

    Args:
        samples: (n, d), or images, which are laid flat.
        data: (m, d).
        most: Of each, this many rows are compared; of more, a random choice.
        seed: Of that choice.

    Raises:
        DataError: If either has fewer than 2 rows, numbers that are not finite, or another d, or
            if all data rows are equal.

    Source: mean pairwise distance, as in Zhu et al. 2017 (with LPIPS for the distance),
    https://arxiv.org/abs/1711.11586

    >>> data = np.array([[0.0], [1.0], [2.0]])
    >>> diversity(data / 2, data), diversity(np.ones((5, 1)), data)
    (0.5, 0.0)
    """
    first, second = rows_of("samples", samples, least=2), rows_of("data", data, least=2)
    same_width("samples", first, "data", second)
    random = np.random.default_rng(seed)
    of_samples = _mean_distance(_some(first, most, random))
    of_data = _mean_distance(_some(second, most, random))
    if not of_data > 0:
        raise DataError(
            "data: expected rows that differ, as the unit of diversity; all are equal. "
            "Give data that varies."
        )
    return of_samples / of_data


def _some(rows: np.ndarray, most: int, random: np.random.Generator) -> np.ndarray:
    if len(rows) <= most:
        return rows
    return rows[np.sort(random.choice(len(rows), most, replace=False))]


def _mean_distance(rows: Float[np.ndarray, "n d"]) -> float:
    """Return the mean distance of all pairs; centred and scaled first, so that digits last."""
    centred = rows - rows.mean(axis=0)
    largest = float(np.abs(centred).max())
    if not largest > 0:
        return 0.0
    scale = 2.0 ** math.frexp(largest)[1]
    centred = centred / scale
    squares = np.vecdot(centred, centred)
    squared = squares[:, None] + squares[None, :] - 2 * centred @ centred.T
    distances = np.sqrt(np.maximum(squared, 0))
    np.fill_diagonal(distances, 0)
    return float(distances.sum() / (len(rows) * (len(rows) - 1)) * scale)
