"""Fisher's linear discriminant for any number of classes: a reduction and a classifier."""

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral, Real
from typing import NamedTuple
from warnings import warn

import numpy as np
from scipy.linalg import eigh, svd
from scipy.special import expit, log_softmax, softmax
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from gradlab.decomposition.checking import FLOATS, checked_array, checked_rows
from gradlab.errors import DataError, RecipeError

BLOCK = 2**18
"""Numbers of the rows that are centred and multiplied at once: they stay in a core's cache."""

OUTSIDE = 1e-3
"""Share of the class means' scatter outside the range of S_w from which on fit warns."""


class FisherDiscriminant(
    ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, BaseEstimator
):
    """Project on the directions that separate the classes best, and classify by them.

    The directions maximise J(w) = wᵀ S_B w / wᵀ S_w w: they solve S_B w = λ S_w w, with
    S_w = Σ_k Σ (x − m_k)(x − m_k)ᵀ and S_B = Σ_k n_k (m_k − m)(m_k − m)ᵀ. At most
    min(n_classes − 1, n_features) of them have λ > 0. Classes are told apart as normal
    distributions with one covariance S_w / n:

        log P(k | x) = xᵀ Σ⁻¹ m_k − ½ m_kᵀ Σ⁻¹ m_k + log π_k + a constant

    S_w may be singular (fewer rows than features, constant or repeated columns): then directions
    in which no class varies are left out, as in a pseudo-inverse. If the class means differ in
    those directions J is unbounded there, and a warning says so; `shrinkage` then uses them.
    Features are scaled to the same spread within classes inside, so units do not matter.

    Time is that of one product of the smaller Gram matrix, (d × d) or (n × n), and its eigenvalues.

    Args:
        n_components: Directions that `transform` keeps, at most min(n_classes − 1, n_features);
            None keeps all. The classifier always uses all.
        shrinkage: Share s that moves the scaled S_w towards a multiple of the identity,
            (1 − s) S_w + s tr(S_w)/d I: None for none, "auto" for Ledoit and Wolf's estimate, or
            a number from 0 to 1.
        priors: π_k, one for each of the sorted classes, summing to 1; None for their shares of
            the rows.
        tol: Directions along which the spread within classes is below this, as a share of a
            typical feature's, count as directions without any.

    Attributes:
        classes_: Labels, sorted.
        means_: m_k, shape (n_classes, n_features).
        priors_: π_k.
        xbar_: Σ_k π_k m_k, what `transform` subtracts.
        scalings_: Directions as columns, best first, shape (n_features, n_directions); along each
            the classes' variance is 1.
        criteria_: J of each direction, the eigenvalues λ; with priors, of the classes so weighted.
        explained_variance_ratio_: λ of each kept direction as a share of the sum of all.
        coef_, intercept_: The linear rule; one row for two classes, else one for each class.
        shrinkage_: s that was used; 0 for none.
        rank_: Directions in which the rows vary within classes.

    Raises:
        DataError: If there is one class only, as many classes as rows, no variation within any
            class, or if all class means coincide.
        RecipeError: If a setting is out of its range.

    Sources: Fisher 1936; Rao 1948 for several classes; Ledoit and Wolf 2004 for `shrinkage="auto"`.
    Same results as scikit-learn's `LinearDiscriminantAnalysis(solver="svd")`.

    >>> X = [[1.0, 2.0], [2.0, 3.0], [3.0, 3.0], [1.0, 0.0], [2.0, 1.0], [3.0, 1.0]]
    >>> model = FisherDiscriminant().fit(X, ["a", "a", "a", "b", "b", "b"])
    >>> model.predict([[2.0, 2.5], [2.0, 0.5]])
    array(['a', 'b'], dtype='<U1')
    >>> model.transform([[2.0, 1.5]]).shape
    (1, 1)
    """

    _n_features_out: int
    n_features_in_: int

    def __init__(self, n_components=None, *, shrinkage=None, priors=None, tol=1e-4):
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.priors = priors
        self.tol = tol

    def fit(self, X, y):
        """Learn from X (n_samples, n_features) and labels y (n_samples,); return self."""
        self._check_settings()
        X, y = checked_rows(self, X, y, dtype=FLOATS, ensure_min_samples=2)
        self.classes_, labels = _encoded(y)
        check_classification_targets(y)
        n_rows, n_classes = len(X), len(self.classes_)
        if n_rows <= n_classes:
            raise DataError(
                f"FisherDiscriminant needs more rows than classes; got n_samples = {n_rows} rows "
                f"of {n_classes} classes. Is y a number to be predicted rather than a label?"
            )
        most = min(n_classes - 1, X.shape[1])
        if self.n_components is not None and self.n_components > most:
            raise RecipeError(
                f"n_components is at most min(n_classes − 1, n_features) = {most} here; "
                f"got n_components={self.n_components}."
            )
        counts = np.bincount(labels)
        self.priors_ = self._priors(counts, X.dtype)
        self.means_ = _class_means(X, labels, counts)
        within = _Within.of(X, labels, self.means_, tol=float(self.tol), shrinkage=self.shrinkage)
        self._solve(within, n_rows, most)
        self.rank_ = within.rank
        self.shrinkage_ = within.shrinkage
        self._root = within.root(n_rows)
        self._counts = counts
        return self

    def transform(self, X):
        """Return each row along the best directions, shape (n_samples, n_components)."""
        X = self._checked(X)
        return (X - self.xbar_[None, :]) @ self.scalings_[:, : self._n_features_out]

    def decision_function(self, X):
        """Return log P(k | x) up to a constant of the row, shape (n_samples, n_classes).

        For two classes it is log P(1 | x) − log P(0 | x), shape (n_samples,).
        """
        scores = self._checked(X) @ self.coef_.T + self.intercept_[None, :]
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X):
        """Return the most probable label of each row, shape (n_samples,)."""
        scores = self.decision_function(X)
        best = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X):
        """Return P(k | x), shape (n_samples, n_classes); rows sum to 1."""
        scores = self.decision_function(X)
        if scores.ndim == 2:
            return softmax(scores, axis=1)
        return np.stack([expit(-scores), expit(scores)], axis=1)

    def predict_log_proba(self, X):
        """Return log P(k | x), shape (n_samples, n_classes); finite where P rounds to 0."""
        scores = self.decision_function(X)
        if scores.ndim == 2:
            return log_softmax(scores, axis=1)
        return -np.stack([np.logaddexp(0, scores), np.logaddexp(0, -scores)], axis=1)

    def criterion(self, w) -> float:
        """Return J(w) = wᵀ S_B w / wᵀ S_w w of the training rows for a direction.

        For two classes this is n_1 n_2 / n times the documents' J, which leaves the counts out of
        S_B (`fisher_criterion`); where it is greatest does not change.

        Args:
            w: One number for each feature; its length does not matter.

        Raises:
            DataError: If w has another shape, or the rows do not vary along it.
        """
        check_is_fitted(self)
        w = checked_array(w, dtype=np.float64, ensure_2d=False)
        if w.shape != (self.n_features_in_,):
            raise DataError(
                f"w needs one number for each of the {self.n_features_in_} features; "
                f"got shape {w.shape}."
            )
        heights = self.means_.astype(np.float64) @ w
        heights = heights - self._counts @ heights / self._counts.sum()
        between = float(self._counts @ heights**2)
        within = float(np.sum((self._root.astype(np.float64) @ w) ** 2))
        if within > 0:
            return between / within
        if between > 0:
            return float("inf")
        raise DataError("J(w) is 0 / 0: the training rows do not vary along w.")

    def _check_settings(self) -> None:
        n, s = self.n_components, self.shrinkage
        if n is not None and (not isinstance(n, Integral) or isinstance(n, bool) or int(n) < 1):
            raise RecipeError(f"n_components is a number of at least 1, or None; got {n!r}.")
        number = isinstance(s, Real) and not isinstance(s, bool) and 0 <= float(s) <= 1
        if s is not None and not number and not (isinstance(s, str) and s == "auto"):
            raise RecipeError(
                f"shrinkage is None, 'auto' or a number from 0 to 1; got shrinkage={s!r}."
            )
        if not isinstance(self.tol, Real) or not float(self.tol) >= 0:
            raise RecipeError(f"tol is a number of at least 0; got tol={self.tol!r}.")

    def _priors(self, counts: np.ndarray, dtype: np.dtype) -> np.ndarray:
        if self.priors is None:
            return (counts / counts.sum()).astype(dtype)
        priors = np.asarray(self.priors, dtype=np.float64)
        if priors.shape != counts.shape or not (priors >= 0).all() or abs(priors.sum() - 1) > 1e-5:
            raise RecipeError(
                f"priors are {len(counts)} shares, one for each class, that sum to 1; "
                f"got priors={self.priors!r}."
            )
        return (priors / priors.sum()).astype(dtype)

    def _solve(self, within: "_Within", n_rows: int, most: int) -> None:
        """Find the directions in which the whitened class means lie, and the linear rule."""
        dtype = self.means_.dtype
        scale = within.scale
        self.xbar_ = (self.priors_.astype(np.float64) @ self.means_).astype(dtype)
        means = (self.means_ - self.xbar_[None, :]) / scale[None, :]
        weights = np.sqrt(n_rows * self.priors_)[:, None].astype(dtype)
        if (np.abs(means) <= within.rounding[None, :]).all():
            raise DataError(
                "all class means coincide, so no direction separates the classes. Classes that "
                "differ otherwise can be told apart after KernelPCA or PolynomialPCA."
            )
        basis, variances, outside = within.whitening(means)
        if within.shrinkage == 0 and outside > OUTSIDE:
            _say_unbounded(outside)
        if not len(variances):
            raise DataError(
                "no class varies along any direction, so the scatter within classes is 0 and J is "
                "unbounded. Give each class rows that differ."
            )
        whitened = weights * (means @ basis) / np.sqrt(variances)[None, :]
        _, sizes, turned = svd(whitened, full_matrices=False)
        kept = sizes > max(float(self.tol), 4 * np.finfo(dtype).eps) * sizes[0]
        kept[most:] = False
        if not kept.any() or sizes[0] == 0:
            raise DataError(
                "the class means differ only along directions in which no class varies, where J "
                "is unbounded. Set shrinkage='auto' to use them."
            )
        directions = (basis / np.sqrt(variances)[None, :]) @ turned[kept].T
        directions *= _signs(directions)[None, :]
        self.scalings_ = directions / scale[:, None]
        squares = sizes.astype(np.float64) ** 2
        self.criteria_ = (squares[kept] / n_rows).astype(dtype)
        n_kept = most if self.n_components is None else int(self.n_components)
        self._n_features_out = min(n_kept, int(kept.sum()))
        shares = squares / squares.sum()
        self.explained_variance_ratio_ = shares[: self._n_features_out].astype(dtype)

        along = means @ directions
        coef = along @ directions.T
        with np.errstate(divide="ignore"):  # a class with prior 0 is never predicted
            intercept = np.log(self.priors_) - (along**2).sum(axis=1) / 2
        intercept = intercept - coef @ (self.xbar_ / scale)
        coef = coef / scale[None, :]
        if len(self.classes_) == 2:
            coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        self.coef_, self.intercept_ = coef, intercept.astype(dtype)

    def _checked(self, X) -> np.ndarray:
        check_is_fitted(self)
        return checked_rows(self, X, dtype=FLOATS, reset=False).astype(
            self.means_.dtype, copy=False
        )


@dataclass(frozen=True)
class _Within:
    """The covariance within classes of scaled features, S_w / n = V diag(λ) Vᵀ, in its range.

    Attributes:
        scale: What each feature was divided by: its spread within classes, or where that is 0 the
            spread of the class means, or 1.
        vectors: V, shape (n_features, rank).
        values: λ, shape (rank,).
        shrinkage: s.
        mean_variance: tr(S_w / n) / d over features that vary.
        rounding: What a scaled class mean may be off by, shape (n_features,).
    """

    scale: np.ndarray
    vectors: np.ndarray
    values: np.ndarray
    shrinkage: float
    mean_variance: float
    rounding: np.ndarray

    @property
    def rank(self) -> int:
        return len(self.values)

    @classmethod
    def of(
        cls,
        X: np.ndarray,
        labels: np.ndarray,
        means: np.ndarray,
        *,
        tol: float,
        shrinkage: float | str | None,
    ) -> "_Within":
        """Return the covariance of rows around the means of their classes."""
        n_rows = len(X)
        unit = _power_of_two(np.maximum(X.max(axis=0), -X.min(axis=0)))
        gram_of = _gram_of_rows if X.shape[1] > n_rows else _gram_of_features
        gram, centred, scales = gram_of(X, labels, means, unit)
        mean_variance = int(scales.varies.sum()) / max(1, scales.n_useful)
        if shrinkage == "auto":
            # Both Gram matrices have the same sum of squares.
            squares = float(np.sum(gram.astype(np.float64) ** 2))
            divisor = np.where(scales.varies, unit * scales.scale, np.inf)
            fourth = sum(
                float(np.sum(np.einsum("ij,ij->i", block, block).astype(np.float64) ** 2))
                for block in _centred_blocks(X, labels, means, divisor)
            )
            shrinkage = _ledoit_wolf(fourth, squares, mean_variance, n_rows, scales.n_useful)
        values, vectors = eigh(gram, driver="evd", overwrite_a=True)
        kept = values > max(tol**2, max(X.shape) * float(np.finfo(X.dtype).eps))
        values, vectors = values[kept], vectors[:, kept]
        if centred is not None:
            vectors = centred.T @ vectors / np.sqrt(n_rows * values)[None, :]
        return cls(
            scale=scales.scale * unit,
            vectors=vectors,
            values=values,
            shrinkage=0.0 if shrinkage is None else float(shrinkage),
            mean_variance=mean_variance,
            rounding=16 * np.finfo(X.dtype).eps / scales.scale,
        )

    def whitening(self, means: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Return orthonormal directions that hold the scaled means, and the variance along each.

        The third is the share of the means' scatter outside the range of S_w. Shrinkage gives
        those directions a variance too.
        """
        inside = means @ self.vectors
        rest = means - inside @ self.vectors.T
        whole = float(np.sum(means.astype(np.float64) ** 2))
        outside = float(np.sum(rest.astype(np.float64) ** 2)) / whole if whole else 0.0
        added = self.shrinkage * self.mean_variance
        values = (1 - self.shrinkage) * self.values + np.asarray(added, self.values.dtype)
        if added <= 0 or outside <= np.finfo(means.dtype).eps:
            return self.vectors, values, outside
        _, sizes, others = svd(rest, full_matrices=False)
        others = others[sizes > len(means) * 4 * np.finfo(means.dtype).eps * sizes[0]]
        variances = np.concatenate([values, np.full(len(others), added, values.dtype)])
        return np.concatenate([self.vectors, others.T], axis=1), variances, outside

    def root(self, n_rows: int) -> np.ndarray:
        """Return R, shape (rank, n_features), with S_w = RᵀR in the features' own units."""
        sizes = np.sqrt(n_rows * self.values)[:, None]
        return sizes * self.vectors.T * self.scale[None, :]


class _Scales(NamedTuple):
    """What features in some unit are divided by.

    Attributes:
        scale: The spread within classes; where that is 0 the spread of the class means, or 1.
        varies: Whether a feature varies within classes.
        n_useful: How many features are not constant.
    """

    scale: np.ndarray
    varies: np.ndarray
    n_useful: int

    @classmethod
    def of(cls, squares: np.ndarray, means: np.ndarray, n_rows: int) -> "_Scales":
        """Return the scales of features with these sums of squares around the class means."""
        spread = np.sqrt(squares / n_rows)
        of_means = np.abs(means - means[:1]).max(axis=0)
        noise = 4 * np.finfo(means.dtype).eps * np.abs(means).max(axis=0)
        varies = spread > noise
        scale = np.where(varies, spread, np.where(of_means > noise, of_means, 1))
        n_useful = int((varies | (of_means > noise)).sum())
        return cls(scale.astype(means.dtype), varies, n_useful)


def _gram_of_features(
    X: np.ndarray, labels: np.ndarray, means: np.ndarray, unit: np.ndarray
) -> tuple[np.ndarray, None, _Scales]:
    """Return ZᵀZ / n of the scaled rows Z around their class means, which are never all made."""
    gram = np.zeros((X.shape[1], X.shape[1]), X.dtype)
    for block in _centred_blocks(X, labels, means, unit):
        gram += block.T @ block
    scales = _Scales.of(np.diag(gram).copy(), means / unit[None, :], len(X))
    gram /= len(X) * scales.scale[:, None] * scales.scale[None, :]
    gram[~scales.varies] = 0  # what is left of them is rounding
    gram[:, ~scales.varies] = 0
    return gram, None, scales


def _gram_of_rows(
    X: np.ndarray, labels: np.ndarray, means: np.ndarray, unit: np.ndarray
) -> tuple[np.ndarray, np.ndarray, _Scales]:
    """Return ZZᵀ / n of the scaled rows Z around their class means, and Z."""
    centred = (X - means[labels]) / unit[None, :]
    scales = _Scales.of(np.einsum("ij,ij->j", centred, centred), means / unit[None, :], len(X))
    centred /= scales.scale[None, :]
    centred[:, ~scales.varies] = 0  # what is left of them is rounding
    return centred @ centred.T / len(X), centred, scales


def _centred_blocks(
    X: np.ndarray, labels: np.ndarray, means: np.ndarray, divisor: np.ndarray
) -> Iterator[np.ndarray]:
    for rows in _blocks(*X.shape):
        yield (X[rows] - means[labels[rows]]) / divisor[None, :]


def _encoded(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted labels and the number of each row's."""
    if y.dtype == object and any(label is None for label in y):
        missing = sum(label is None for label in y)
        raise DataError(
            f"{missing} of {len(y)} labels are missing (None). Leave those rows out, or give them "
            "a label of their own."
        )
    try:
        classes, labels = np.unique(y, return_inverse=True)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in y})
        raise DataError(
            f"labels must be of one kind; y holds {' and '.join(kinds)}. Convert them, for "
            "example to str."
        ) from error
    if len(classes) < 2:
        raise DataError(
            "FisherDiscriminant needs at least two classes to separate; y holds one class, "
            f"{str(classes[0])!r}. For a reduction without classes take PCA."
        )
    return classes, labels


def _class_means(X: np.ndarray, labels: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean of each class, summed in blocks of rows and in float64 between them."""
    sums = np.zeros((len(counts), X.shape[1]))
    # Few numbers, so that a mean of many float32 rows keeps its digits.
    for rows in _blocks(*X.shape):
        member = np.zeros((len(counts), len(labels[rows])), X.dtype)
        member[labels[rows], np.arange(member.shape[1])] = 1
        sums += member @ X[rows]
    means = sums / counts[:, None]
    if not np.isfinite(means).all():
        raise DataError(
            "the sum of a column overflows: its numbers are too large to be averaged. Divide it "
            "by a constant first."
        )
    return means.astype(X.dtype)


def _blocks(n_rows: int, n_features: int) -> list[slice]:
    """Cut rows into blocks whose size follows from the number of features alone."""
    size = max(256, BLOCK // n_features)
    return [slice(start, start + size) for start in range(0, n_rows, size)]


def _power_of_two(sizes: np.ndarray) -> np.ndarray:
    """Return the power of two just above each number, and 1 for 0: dividing by it is exact."""
    _, exponents = np.frexp(sizes)
    lowest, highest = np.finfo(sizes.dtype).minexp, np.finfo(sizes.dtype).maxexp
    exponents = np.clip(exponents, lowest + 1, highest - 1)
    return np.where(sizes > 0, np.ldexp(np.ones_like(sizes), exponents), 1).astype(sizes.dtype)


def _ledoit_wolf(fourth: float, squares: float, mu: float, n_rows: int, n_features: int) -> float:
    """Return the share that brings a covariance nearest to the true one in expectation.

    Args:
        fourth: Σ_i ‖z_i‖⁴ over centred rows.
        squares: ‖S‖_F² of their covariance S.
        mu: tr(S) / n_features.
        n_rows: Rows.
        n_features: Features.

    Source: Ledoit and Wolf 2004, https://doi.org/10.1016/S0047-259X(03)00096-4
    """
    far = squares - n_features * mu**2
    noise = min((fourth / n_rows - squares) / n_rows, far)
    return max(0.0, noise / far) if far > 0 else 0.0


def _signs(columns: np.ndarray) -> np.ndarray:
    """Return what makes the largest number of each column positive."""
    largest = np.abs(columns).argmax(axis=0)
    return np.sign(columns[largest, np.arange(columns.shape[1])])


def _say_unbounded(share: float) -> None:
    warn(
        f"{100 * share:.3g} % of the scatter of the class means lies along directions in which no "
        "class varies (too few rows, or a column that gives the class away). J is unbounded "
        "there, and the pseudo-inverse leaves them out; set shrinkage='auto' to use them.",
        UserWarning,
        stacklevel=4,
    )
