"""Checks of X and y where X is no table, in the words of scikit-learn."""

from typing import Any

import numpy as np
from jaxtyping import Shaped
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_y


def checked_target(
    estimator: BaseEstimator, y: Any, n_rows: int, **checks: bool
) -> Shaped[np.ndarray, "rows *outputs"]:
    """Return one target a row.

    Raises:
        ValueError: If there are more or fewer, or they are no labels or finite numbers.
    """
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y "
            "is None."
        )
    y = np.asarray(_check_y(y, estimator=estimator, **checks))
    if len(y) != n_rows:
        raise ValueError(f"X has {n_rows} rows, but y has {len(y)}: give one target a row.")
    return y


def axes(X: Any) -> int:
    """Return how many axes X has, be it an array, a frame or lists.

    >>> axes([[1, 2], [3, 4]])
    2
    """
    return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim


def forget_columns(estimator: BaseEstimator) -> None:
    """Leave what an earlier fit to a table said of its columns."""
    for name in ("n_features_in_", "feature_names_in_"):
        vars(estimator).pop(name, None)
