"""How sure a gain is that was measured by pairs of runs."""

import numpy as np
from jaxtyping import Float

CONFIDENCE = 0.95


def t_interval(
    differences: Float[np.ndarray, " pairs"], *, further: float = 0.0
) -> tuple[float, float]:
    """Return Student's interval of the mean of paired differences.

    half = √((t · s / √n)² + (z · further)²), with t and z of the same confidence

    Args:
        differences: One a pair.
        further: Standard error of what all pairs have in common, such as the rows that judge.

    >>> low, high = t_interval(np.array([0.1, 0.2, 0.3]))
    >>> round(low, 3), round(high, 3)
    (-0.048, 0.448)
    """
    from scipy.stats import norm, t

    n, mean = len(differences), float(differences.mean())
    error = float(differences.std(ddof=1)) / n**0.5 if n > 1 else 0.0
    level = 0.5 + CONFIDENCE / 2
    reach = float(np.hypot(t.ppf(level, max(1, n - 1)) * error, norm.ppf(level) * further))
    return mean - reach, mean + reach
