"""Sequences of steps, of one length or of unlike ones."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from gradlab.data import AnyPreprocessor, FeatureTable, SequencePreprocessor, sequence_features
from gradlab.errors import DataError
from gradlab.estimators.inputs.checks import axes, checked_target, forget_columns
from gradlab.estimators.network import Network

FLOATS: Any = (np.float64, np.float32)
MAY_MISS: Any = "allow-nan"


@dataclass(kw_only=True, eq=False, repr=False)
class TakesSequences(Network):
    """X of shape (n_samples, time, features), or a list of arrays (time, features) of any length.

    Features are scaled, each alike at every step; a missing value (NaN) becomes the last one before
    it, and a feature tells that it was missing. (n_samples, time) is one feature, as is a list of
    arrays (time,).

    Args:
        scaling: "standard" (mean 0, deviation 1), "minmax" (0 to 1) or "none".
        max_length: Steps that a sequence keeps, from its beginning; None keeps as many as the
            longest training sequence has.
    """

    scaling: Any = "standard"
    max_length: Any = None

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: X may have three axes and missing values."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags

    def _read(self, X: Any, y: Any, *, first: bool) -> tuple[FeatureTable, np.ndarray]:
        if not is_list_of_sequences(X) and axes(X) < 3:
            return read_signals(self, X, y, first=first)
        features = _features(X) if first else self._like_the_fit(_features(X))
        y = checked_target(self, y, features.n_rows, **self._target_checks)
        if first:
            forget_columns(self)
        return features, y

    def _read_new(self, X: Any) -> FeatureTable:
        signals = not is_list_of_sequences(X) and axes(X) < 3
        return self._like_the_fit(read_new_signals(self, X) if signals else _features(X))

    def _like_the_fit(self, features: FeatureTable) -> FeatureTable:
        assert self._row_shape is not None  # sequences have one
        width, wanted = len(features.names), self._row_shape[-1]
        if width != wanted:
            raise DataError(
                f"The sequences have {width} features a step; the network was trained on {wanted}."
            )
        return features

    def _preprocessor(
        self,
        features: FeatureTable,
        rows: Int[np.ndarray, " training"],
        weights: Float[np.ndarray, " rows"],
    ) -> AnyPreprocessor | None:
        return fit_sequences(
            features, rows, weights, scaling=self.scaling, max_length=self.max_length
        )


def is_list_of_sequences(X: Any) -> bool:
    """Tell whether X holds its sequences one by one, so that they may differ in length."""
    if isinstance(X, np.ndarray):
        if X.dtype != object or X.ndim != 1:
            return False
    elif not isinstance(X, list | tuple):
        return False
    # A list of lists of numbers is a table, unless they differ in length.
    lengths = {len(row) if hasattr(row, "__len__") else None for row in X}
    inner = any(getattr(row, "ndim", 1) > 1 for row in X)
    return None not in lengths and (len(lengths) > 1 or inner)


def read_signals(
    estimator: Network, X: Any, y: Any, *, first: bool
) -> tuple[FeatureTable, np.ndarray]:
    """Return the rows of a table as sequences of one feature."""
    X, y = validate_data(
        estimator,
        X,
        y,
        dtype=FLOATS,
        order="C",
        reset=first,
        ensure_all_finite=_missing_values(estimator),
        **estimator._target_checks,
    )
    return sequence_features(np.asarray(X)), np.asarray(y)


def read_new_signals(estimator: Network, X: Any) -> FeatureTable:
    """Return the rows of a table as sequences of one feature, as many steps as in training."""
    finite = _missing_values(estimator)
    if hasattr(estimator, "n_features_in_"):
        X = validate_data(estimator, X, dtype=FLOATS, reset=False, ensure_all_finite=finite)
    else:
        X = check_array(X, dtype=FLOATS, ensure_all_finite=finite)
    return sequence_features(np.asarray(X))


def fit_sequences(
    features: FeatureTable,
    rows: Int[np.ndarray, " training"],
    weights: Float[np.ndarray, " rows"],
    *,
    scaling: str,
    max_length: int | None,
) -> SequencePreprocessor:
    """Return the preprocessor of training sequences; a row of weight 2 counts as two rows."""
    learnt = SequencePreprocessor.fit(features, rows, scaling=scaling, max_length=max_length)
    if scaling != "standard" or (weights[rows] == weights[rows[0]]).all():
        return learnt
    step = learnt.step
    raw = learnt.encode(features.take(rows)).astype(np.float64)
    n = len(step.numeric_names)
    known = ~np.isnan(raw[..., :n])
    weight = known * weights[rows, None, None]
    total = np.maximum(weight.sum(axis=(0, 1)), np.finfo(np.float64).tiny)
    values = np.where(known, raw[..., :n], 0)
    mean = (weight * values).sum(axis=(0, 1)) / total
    variance = (weight * (values - mean[None, None, :]) ** 2).sum(axis=(0, 1)) / total
    varies = (step.scale[:n] != 0) & (variance > 0)
    shift, scale = step.shift.copy(), step.scale.copy()
    shift[:n] = mean
    scale[:n] = np.where(varies, 1 / np.sqrt(np.where(varies, variance, 1)), 0)
    return replace(learnt, step=replace(step, shift=shift, scale=scale))


def _features(X: Any) -> FeatureTable:
    if not is_list_of_sequences(X):
        X = check_array(X, dtype=FLOATS, allow_nd=True, ensure_all_finite=MAY_MISS)
        if X.ndim > 3:
            raise DataError(
                f"Sequences are (n_samples, time, features); X has shape {X.shape}. Lay the "
                "features of a step side by side: X.reshape(len(X), X.shape[1], -1)."
            )
    return sequence_features(X)


def _missing_values(estimator: Network) -> Any:
    return MAY_MISS if estimator.__sklearn_tags__().input_tags.allow_nan else True
