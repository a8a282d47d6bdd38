"""Rows of numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from gradlab.data import FeatureTable
from gradlab.estimators.network import Network

FLOATS: Any = (np.float64, np.float32)


@dataclass(kw_only=True, eq=False, repr=False)
class TakesRows(Network):
    """X (n_samples, n_features), taken as it is: put a `StandardScaler` before in a `Pipeline`."""

    def _read(self, X: Any, y: Any, *, first: bool) -> tuple[FeatureTable, np.ndarray]:
        X, y = validate_data(
            self, X, y, dtype=FLOATS, order="C", reset=first, **self._target_checks
        )
        return FeatureTable((), np.asarray(X)), np.asarray(y)

    def _read_new(self, X: Any) -> FeatureTable:
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        return FeatureTable((), np.asarray(X))
