"""Columns brought to a common range, as programs do it before training."""

import dataclasses

import numpy as np
from jaxtyping import Float, Num

from gradlab.doctor.program.settings import ScalingName


@dataclasses.dataclass(frozen=True)
class Scaler:
    """x ↦ (f(x) − shift) / scale, f the decimal logarithm or nothing; of each column.

    >>> fit_scaler("min_max", np.array([[1.0], [3.0]]))(np.array([[2.0]])).tolist()
    [[0.5]]
    """

    logarithm: bool
    shift: Float[np.ndarray, "..."]
    scale: Float[np.ndarray, "..."]

    def __call__(self, x: Num[np.ndarray, "rows ..."]) -> Float[np.ndarray, "rows ..."]:
        """Return scaled rows, float64."""
        values = _logarithm(x) if self.logarithm else np.asarray(x, np.float64)
        return (values - self.shift) / self.scale


def fit_scaler(name: ScalingName, x: Num[np.ndarray, "rows ..."]) -> Scaler:
    """Return the scaling that training rows ask for; columns that never vary stay at 0.

    Args:
        name: "none", "divide_255", "standard" (mean 0, deviation 1), "min_max" (0 to 1), or
            "log10_standard" (the same of decimal logarithms).
        x: Training rows.
    """
    zero, one = np.zeros(()), np.ones(())
    if name == "none":
        return Scaler(False, zero, one)
    if name == "divide_255":
        return Scaler(False, zero, np.asarray(255.0))
    logarithm = name == "log10_standard"
    values = _logarithm(x) if logarithm else np.asarray(x, np.float64)
    if name == "min_max":
        low, high = values.min(axis=0), values.max(axis=0)
        return Scaler(False, low, np.where(high > low, high - low, 1.0))
    spread = values.std(axis=0)
    return Scaler(logarithm, values.mean(axis=0), np.where(spread > 0, spread, 1.0))


def _logarithm(x: np.ndarray) -> np.ndarray:
    """Return decimal logarithms; of numbers below the smallest usual one, its own."""
    return np.log10(np.maximum(np.asarray(x, np.float64), 1e-12))
