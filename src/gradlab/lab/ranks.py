"""Ranks of levels within blocks: Friedman's test, and which levels Nemenyi's can't tell apart.

Sources: Friedman 1937; Nemenyi 1963; Demšar 2006, https://jmlr.org/papers/v7/demsar06a. SciPy is
imported inside the functions that use it.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt

import numpy as np
from jaxtyping import Float


def nemenyi_critical_difference(k: int, n: int, alpha: float = 0.05) -> float:
    """Return the least difference of average ranks that Nemenyi's test calls real.

    CD = q_alpha sqrt(k (k + 1) / (6 n)) for k levels over n blocks, q_alpha the studentised range
    with infinite degrees of freedom divided by sqrt(2).

    Source: Demšar 2006, section 3.2.2 and table 5, https://jmlr.org/papers/v7/demsar06a

    >>> round(nemenyi_critical_difference(k=4, n=14), 2)
    1.25
    """
    return _studentized_range(k, alpha) / sqrt(2) * sqrt(k * (k + 1) / (6 * n))


def complete_blocks(
    scores: Float[np.ndarray, "levels blocks"],
) -> Float[np.ndarray, "tested complete"]:
    """Return levels with at least 2 scores (the first rows), in the blocks that have them all."""
    tested = scores[np.sum(~np.isnan(scores), axis=1) >= 2]
    return tested[:, ~np.any(np.isnan(tested), axis=0)]


def average_ranks(
    blocks: Float[np.ndarray, "tested complete"], higher_is_better: bool
) -> Float[np.ndarray, " tested"] | None:
    """Return the mean rank of each level over the blocks, 1 the best; None of too few of either."""
    from scipy.stats import rankdata

    if blocks.size == 0:
        return None
    return rankdata(-blocks if higher_is_better else blocks, axis=0).mean(axis=1)


def friedman_test(
    blocks: Float[np.ndarray, "tested complete"],
) -> tuple[float | None, float | None]:
    """Return Friedman's chi-squared and p; two levels need no omnibus test."""
    from scipy.stats import friedmanchisquare

    k, n = blocks.shape
    if k < 3 or n < 2:
        return None, None
    if np.all(blocks == blocks[0]):  # every rank tied: 0 / 0
        return 0.0, 1.0
    result = friedmanchisquare(*blocks)
    return float(result.statistic), float(result.pvalue)


def rank_groups(
    levels: Sequence[str],
    ranks: Float[np.ndarray, " tested"] | None,
    blocks: Float[np.ndarray, "tested complete"],
    confidence: float,
) -> tuple[float | None, tuple[tuple[str, ...], ...]]:
    """Return Nemenyi's critical difference, and the groups of levels that lie within it."""
    k, n = blocks.shape
    if ranks is None or k < 2 or n < 2:
        return None, ()
    critical = nemenyi_critical_difference(k, n, 1 - confidence)
    order = np.argsort(ranks, kind="stable")
    groups: list[tuple[str, ...]] = []
    reached = 0
    for first in range(k):
        within = np.flatnonzero(ranks[order] - ranks[order[first]] < critical)
        end = int(within[-1]) + 1
        if end > reached and end - first > 1:
            groups.append(tuple(levels[int(i)] for i in order[first:end]))
        reached = max(reached, end)
    return critical, tuple(groups)


@lru_cache(maxsize=64)
def _studentized_range(k: int, alpha: float) -> float:
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(1 - alpha, k, np.inf))
