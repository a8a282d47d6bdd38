"""The Fréchet distance of two sets of features."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg import svdvals

from gradlab.blas import one_thread
from gradlab.generative.checks import rows_of, same_width

BLOCK = 4096
"""Rows that are folded into the triangular factor at once."""


def frechet_distance(features_a: Any, features_b: Any) -> float:
    """Return how far two sets of rows lie apart, each taken for a normal distribution.

        d² = ‖m_a − m_b‖² + Tr(C_a + C_b − 2 (C_a C_b)^½)

    with means m and covariances C (divisor n − 1). 0 for equal means and covariances. Computed in
    features of a network that knows the data this is the FID; `FeatureNetwork` trains one.
    The square is what the field quotes, and what is returned.

    A covariance is never squared up: with centred rows X = Q R, Tr (C_a C_b)^½ is the sum of the
    singular values of R_a R_bᵀ. So fewer rows than features, and constant features, cost no digits.

    A few rows seem farther from the truth than many: compare sets of one size, and of more rows
    than features.

    Args:
        features_a: (n, d), or images, which are laid flat.
        features_b: (m, d).

    Raises:
        DataError: If a set has fewer than 2 rows, numbers that are not finite, or another d.

    Source: Heusel et al. 2017, eq. 6, https://arxiv.org/abs/1706.08500 (Fréchet 1957; Dowson and
    Landau 1982)

    >>> rows = np.array([[0.0], [2.0]])
    >>> frechet_distance(rows, rows + 3.0), round(frechet_distance(rows, 2 * rows - 1), 12)
    (9.0, 2.0)
    """
    a = rows_of("features_a", features_a, least=2)
    b = rows_of("features_b", features_b, least=2)
    same_width("features_a", a, "features_b", b)
    # By a power of 2, so that squares of any finite numbers stay finite and no digit changes.
    largest = max(float(np.abs(a).max()), float(np.abs(b).max()))
    scale = 2.0 ** -math.frexp(largest)[1] if largest > 0 else 1.0
    a, b = a * scale, b * scale
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    with one_thread():  # small panels: BLAS's threads wait for each other longer than they work
        factor_a, factor_b = _factor(a, mean_a), _factor(b, mean_b)
        common = float(np.sum(svdvals(factor_a @ factor_b.T, check_finite=False)))
    spread = float(np.vdot(factor_a, factor_a) + np.vdot(factor_b, factor_b))
    shift = mean_a - mean_b
    squared = float(shift @ shift) + max(spread - 2 * common, 0.0)
    with np.errstate(over="ignore"):
        return float(np.divide(np.divide(squared, scale), scale))


def _factor(
    rows: Float[np.ndarray, "n d"], mean: Float[np.ndarray, " d"]
) -> Float[np.ndarray, "k d"]:
    """Return a triangular R with Rᵀ R the covariance, block by block."""
    factor = np.zeros((0, rows.shape[1]))
    for start in range(0, len(rows), BLOCK):
        stacked = np.concatenate([factor, rows[start : start + BLOCK] - mean])
        factor = np.asarray(np.linalg.qr(stacked, mode="r"))
    return factor / math.sqrt(len(rows) - 1)
