"""Fewer variables by merging the two that correlate most, again and again.

This is what the documents call common factor analysis. It is neither factor analysis, which fits
a model of hidden causes (`FactorAnalysis`), nor PCA, whose components mix all variables: here each
variable ends in exactly one group.
"""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from gradlab.decomposition.checking import FLOATS, checked_array, checked_rows
from gradlab.decomposition.standards import standards
from gradlab.errors import DataError, RecipeError

if TYPE_CHECKING:
    import polars as pl


STRONG = 0.7
"""Least |correlation| to merge when neither setting is given: half of the variance is shared."""

LONGEST_NAME = 4
"""Variables of a group that its name lists."""


@dataclass(frozen=True)
class Merge:
    """One step: two variables became one.

    Attributes:
        first, second: Numbers of the two: below n_features those of features, above those of the
            variables made by steps 0, 1, … in order, as in SciPy's linkage.
        correlation: Between them, with the sign it had; the second is turned if it is negative.
        n_features: Features in the new variable.
        n_variables: Variables left after the step.
    """

    first: int
    second: int
    correlation: float
    n_features: int
    n_variables: int


class CorrelationMerge(TransformerMixin, BaseEstimator):
    """Merge the two variables of largest |correlation| until few, or only weakly related, are left.

    Each step works out the correlation matrix of the current variables and replaces the two that
    correlate most by one. A merged variable is the mean of its features, each standardised and
    turned so that all correlate positively within their group. (So features count alike however
    they came together, and the correlations follow from the first correlation matrix.) Of equal
    correlations, the pair with the lowest numbers goes first.

    Constant columns correlate with nothing; they are left out, and belong to no variable.

    Args:
        n_variables: Variables to keep; None to go by `threshold` alone.
        threshold: Least |correlation|, 0 to 1, of two that are merged; None for 0 if n_variables
            is given, else 0.7, where two variables share half of their variance.

    Attributes:
        merges_: Steps in order, a list of `Merge`.
        labels_: For each feature the column of `transform` that it is in; −1 for constant ones.
        signs_: 1, or −1 where the feature is turned; 0 for constant ones.
        components_: What standardised features are multiplied by, (n_variables, n_features).
        correlations_: Between the variables that are left.
        n_variables_: How many there are.
        mean_, scale_: Mean and standard deviation of each feature.
        constant_: Numbers of the constant columns.

    Raises:
        RecipeError: If a setting is out of its range, or more variables are asked for than vary.
        DataError: If all columns are constant.

    >>> X = [[1.0, 2.1, 5.0], [2.0, 3.9, 1.0], [3.0, 6.0, 4.0], [4.0, 8.1, 2.0]]
    >>> model = CorrelationMerge(2).fit(X)
    >>> model.labels_.tolist(), model.get_feature_names_out().tolist()
    ([0, 0, 1], ['x0+x1', 'x2'])
    """

    def __init__(self, n_variables=None, *, threshold=None):
        self.n_variables = n_variables
        self.threshold = threshold

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def fit(self, X, y=None):
        """Find the merges of X (n_samples, n_features); return self."""
        self._check_settings()
        X = checked_rows(self, X, dtype=FLOATS, ensure_min_samples=2)
        shift, scale, varies = standards(X)
        self.constant_ = (~varies).nonzero()[0]
        used = varies.nonzero()[0]
        if not len(used):
            raise DataError(
                f"all {X.shape[1]} columns are constant, so none correlates with another."
            )
        if self.n_variables is not None and self.n_variables > len(used):
            raise RecipeError(
                f"n_variables is at most the number of columns that vary, {len(used)}; "
                f"got n_variables={self.n_variables}."
            )
        standard = (X[:, used] - shift[None, used]) / scale[None, used]
        correlations = np.clip((standard.T @ standard).astype(np.float64) / len(X), -1, 1)
        np.fill_diagonal(correlations, 1)
        default = STRONG if self.n_variables is None else 0.0
        merges, members, signs, covariance = _merged(
            correlations,
            n_variables=1 if self.n_variables is None else int(self.n_variables),
            threshold=default if self.threshold is None else float(self.threshold),
        )

        def of_all(number: int) -> int:
            """Count constant features too; new variables begin after all features."""
            return int(used[number] if number < len(used) else number + len(self.constant_))

        self.merges_ = [
            Merge(of_all(m.first), of_all(m.second), m.correlation, m.n_features, m.n_variables)
            for m in merges
        ]
        self.labels_ = np.full(X.shape[1], -1)
        self.signs_ = np.zeros(X.shape[1], dtype=int)
        self.signs_[used] = signs
        self.components_ = np.zeros((len(members), X.shape[1]), X.dtype)
        for number, group in enumerate(members):
            self.labels_[used[group]] = number
            self.components_[number, used[group]] = signs[group] / len(group)
        variance = np.diag(covariance)
        self.correlations_ = covariance / np.sqrt(variance[:, None] * variance[None, :])
        # Regression of each standardised feature on its variable, for the way back.
        self._loadings = np.zeros((len(members), X.shape[1]), X.dtype)
        for number, group in enumerate(members):
            with_group = correlations[group][:, group] @ signs[group] / len(group)
            self._loadings[number, used[group]] = with_group / variance[number]
        self.n_variables_ = len(members)
        self.mean_, self.scale_ = shift, scale
        return self

    def transform(self, X):
        """Return the merged variables of each row, shape (n_samples, n_variables_)."""
        check_is_fitted(self)
        X = checked_rows(self, X, dtype=FLOATS, reset=False)
        X = X.astype(self.mean_.dtype, copy=False)
        return ((X - self.mean_[None, :]) / self.scale_[None, :]) @ self.components_.T

    def inverse_transform(self, X):
        """Return the best linear guess of each feature from its variable; constants come back.

        Raises:
            DataError: If a row has another number of variables.
        """
        check_is_fitted(self)
        merged = checked_array(X, dtype=FLOATS).astype(self.mean_.dtype, copy=False)
        if merged.shape[1] != self.n_variables_:
            raise DataError(
                f"inverse_transform takes rows of {self.n_variables_} variables, as transform "
                f"gives them; got shape {merged.shape}."
            )
        return (merged @ self._loadings) * self.scale_[None, :] + self.mean_[None, :]

    def get_feature_names_out(self, input_features=None):
        """Return the groups, as "x0+x3−x5": features in order, turned ones with a minus."""
        check_is_fitted(self)
        names: Any = _check_feature_names_in(self, input_features)
        return np.asarray([self._name(k, names) for k in range(self.n_variables_)], dtype=object)

    def table(self) -> "pl.DataFrame":
        """Return the merges: step, what was merged, its correlation, variables left."""
        import polars as pl

        check_is_fitted(self)
        given: Any = _check_feature_names_in(self, None)
        names = [str(name) for name in given]
        for merge in self.merges_:
            sign = "−" if merge.correlation < 0 else "+"
            names.append(f"({names[merge.first]}{sign}{names[merge.second]})")
        return pl.DataFrame(
            {
                "step": list(range(1, len(self.merges_) + 1)),
                "first": [names[m.first] for m in self.merges_],
                "second": [names[m.second] for m in self.merges_],
                "correlation": [m.correlation for m in self.merges_],
                "features": [m.n_features for m in self.merges_],
                "variables": [m.n_variables for m in self.merges_],
            },
            schema={
                "step": pl.Int64,
                "first": pl.String,
                "second": pl.String,
                "correlation": pl.Float64,
                "features": pl.Int64,
                "variables": pl.Int64,
            },
        )

    def _name(self, variable: int, names: np.ndarray) -> str:
        group = (self.labels_ == variable).nonzero()[0]
        text = "".join(
            ("−" if self.signs_[i] < 0 else "+" if place else "") + str(names[i])
            for place, i in enumerate(group[:LONGEST_NAME])
        )
        more = len(group) - LONGEST_NAME
        return f"{text}+{more} more" if more > 0 else text

    def _check_settings(self) -> None:
        n, threshold = self.n_variables, self.threshold
        if n is not None and (not isinstance(n, Integral) or isinstance(n, bool) or int(n) < 1):
            raise RecipeError(f"n_variables is a number of at least 1, or None; got {n!r}.")
        number = isinstance(threshold, Real) and not isinstance(threshold, bool)
        if threshold is not None and not (number and 0 <= float(threshold) <= 1):
            raise RecipeError(f"threshold is a number from 0 to 1, or None; got {threshold!r}.")


def _merged(
    correlations: Float[np.ndarray, "d d"], *, n_variables: int, threshold: float
) -> tuple[list[Merge], list[np.ndarray], np.ndarray, np.ndarray]:
    """Return the steps, the members of each variable left, all signs, and their covariances.

    The covariance of two means of features is the mean of the features' correlations, so a step
    adds rows and columns of one matrix of sums, and never returns to the data.
    """
    d = len(correlations)
    sums = correlations.copy()  # Σ over members of both groups of sign · sign · correlation
    members = [np.array([i]) for i in range(d)]
    numbers, signs = list(range(d)), np.ones(d, dtype=int)
    alive = np.ones(d, dtype=bool)
    merges: list[Merge] = []

    def strengths(group: int) -> np.ndarray:
        row = sums[group] / np.sqrt(sums[group, group] * np.diag(sums))
        row[~alive] = 0
        row[group] = 0
        return row

    current = correlations.copy()
    np.fill_diagonal(current, 0)
    # The best partner of each variable is kept, so that a step looks at d numbers, not at d².
    best = np.abs(current).argmax(axis=1)
    while alive.sum() > n_variables:
        sizes = np.where(alive, np.abs(current[np.arange(d), best]), -1)
        first = int(sizes.argmax())
        second = int(best[first])
        first, second = min(first, second), max(first, second)
        correlation = float(np.clip(current[first, second], -1, 1))
        if abs(correlation) < threshold or first == second:
            break
        if correlation < 0:
            signs[members[second]] *= -1
            sums[second] *= -1
            sums[:, second] *= -1
        sums[first] += sums[second]
        sums[:, first] += sums[:, second]
        alive[second] = False
        members[first] = np.concatenate([members[first], members[second]])
        merges.append(
            Merge(
                numbers[first],
                numbers[second],
                correlation,
                len(members[first]),
                int(alive.sum()),
            )
        )
        numbers[first] = d + len(merges) - 1
        current[second] = current[:, second] = 0
        current[first] = current[:, first] = strengths(first)
        for group in np.flatnonzero(alive & ((best == first) | (best == second))):
            best[group] = np.abs(current[group]).argmax()
        best[first] = np.abs(current[first]).argmax()
        better = np.abs(current[:, first]) > np.abs(current[np.arange(d), best])
        best[better] = first
    left = np.flatnonzero(alive)
    groups = [np.sort(members[i]) for i in left]
    # The first feature of a group is never turned.
    turned = np.array([signs[group[0]] for group in groups])
    for group, turn in zip(groups, turned, strict=True):
        signs[group] *= turn
    sizes = turned / np.array([len(group) for group in groups])
    covariance = sums[np.ix_(left, left)] * sizes[:, None] * sizes[None, :]
    return merges, groups, signs, covariance
