"""Differences of scores that are rounding."""

import numpy as np
from jaxtyping import Float


def rounding(largest: float) -> float:
    """Return the size up to which a difference is rounding: scores are computed in float32."""
    return float(2 * np.finfo(np.float32).eps * largest)


def is_constant(values: Float[np.ndarray, "..."]) -> bool:
    """Return whether values differ by rounding alone."""
    return bool(np.ptp(values) <= rounding(float(np.max(np.abs(values)))))
