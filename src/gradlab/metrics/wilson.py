"""Wilson's interval for shares."""

import math

import numpy as np

from gradlab.errors import DataError
from gradlab.metrics.resampling import Interval, check_level
from gradlab.scalars import Scalar


def wilson(successes: int | np.integer, n: int | np.integer, level: Scalar = 0.95) -> Interval:
    """Return Wilson's score interval for a share, such as an accuracy.

        centre = (p + z²/2n) / (1 + z²/n),  half width = z / (1 + z²/n) · √(p(1 - p)/n + z²/4n²)

    p = successes / n, z the normal quantile of (1 + level) / 2. Unlike p ± z √(p(1 - p)/n) it stays
    within 0 to 1, and keeps its level near both ends and for small n.

    Args:
        successes: Rows that count, such as right answers; 0 to n.
        n: Rows, independent of each other; at least 1.
        level: Share of such intervals that hold the truth, between 0 and 1.

    Raises:
        DataError: If a number is outside its range.

    >>> wilson(9, 10).rounded(3)
    (0.9, 0.596, 0.982)

    Source: Wilson 1927; Brown, Cai and DasGupta 2001, eq. 4, recommend it.
    """
    from scipy.special import ndtri

    if n < 1 or not 0 <= successes <= n:
        raise DataError(f"A share needs n >= 1 and 0 <= successes <= n; got {successes} of {n}.")
    check_level(level)
    z = float(ndtri((1 + level) / 2))
    share = successes / n
    shrink = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At both ends the interval touches 0 or 1 exactly; rounding must not say otherwise.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Interval(float(share), float(low), float(high), float(level), "Wilson")
