"""Mean and standard deviation of columns of any scale."""

import numpy as np
from jaxtyping import Bool, Float


def standards(
    X: Float[np.ndarray, "rows columns"],
) -> tuple[
    Float[np.ndarray, " columns"], Float[np.ndarray, " columns"], Bool[np.ndarray, " columns"]
]:
    """Return mean, standard deviation (1 for constants) and whether each column varies.

    A column whose deviation is within the rounding of its mean counts as constant. Nothing
    overflows: columns are divided by their largest number first.

    >>> standards(np.array([[1e200, 5.0], [3e200, 5.0]]))
    (array([2.e+200, 5.e+000]), array([1.e+200, 1.e+000]), array([ True, False]))
    """
    largest = np.abs(X).max(axis=0).astype(np.float64)
    unit = np.where(largest > 0, largest, 1)
    scaled = X / unit[None, :]
    mean, deviation = scaled.mean(axis=0), scaled.std(axis=0)
    differ = (X[:1] != X).any(axis=0)
    varies = differ & (deviation > 4 * np.finfo(X.dtype).eps * np.abs(mean))
    scale = np.where(varies, deviation * unit, 1)
    return (mean * unit).astype(X.dtype), scale.astype(X.dtype), varies
