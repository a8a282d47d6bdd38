"""Principal component analysis: the axes along which data varies most."""

import dataclasses
import numbers
from typing import Any

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from gradlab.decomposition.by_matrix import times_matrix
from gradlab.decomposition.contribution import components_for, contribution_table, scree_bend
from gradlab.decomposition.covariance import Moments, Rows, deviations, merged, moments
from gradlab.decomposition.randomized import by_random_subspace
from gradlab.decomposition.spectrum import (
    Solver,
    Spectrum,
    by_covariance,
    by_gram,
    by_svd,
    choose_solver,
    of_moments,
)
from gradlab.errors import DataError, RecipeError, unknown

FLOATS: Any = (np.float64, np.float32)
SOLVERS = ("auto", "covariance", "gram", "svd", "randomized")


class PCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Principal component analysis: S = Zᵀ Z = P Λ Pᵀ of the centred rows Z, T = Z P.

    The first m columns P' of P keep the most variance that m directions can keep; T' = Z P' are
    the scores and X̂ = T' P'ᵀ + mean is the reconstruction of least squared error. The sign of
    each component makes its largest loading positive.

    Args:
        n_components: How many to keep: None for all, min(rows, features); an int; or a share
            0 < s < 1, the fewest whose contributions add up to at least s (the course's rule
            is 0.7).
        solver: "covariance" works out the (features, features) matrix in one pass, without a
            centred copy; "gram" the (rows, rows) one; "svd" is the most accurate for variances
            that differ by more than the precision (1e7 in float32, 1e16 in float64), and makes a
            copy; "randomized" draws a subspace, for few components of data with thousands of
            rows and features; "auto" takes "svd" for small data, else the smaller matrix, else
            "randomized".
        whiten: Divide each score by its standard deviation. A score whose variance can't be told
            from 0 is 0.
        standardize: Divide each feature by its standard deviation first: PCA of the correlation
            matrix, whose eigenvalues sum to the number of features that vary.
        random_state: Seed of solver "randomized".

    Attributes:
        components_: P'ᵀ, (n_components, features), orthonormal.
        explained_variance_: Eigenvalues λ of the covariance matrix (n - 1 in the denominator),
            never negative; in float64, since a square may lie outside float32's range.
        explained_variance_ratio_, contribution_: λ over the sum of all eigenvalues.
        cumulative_: Running sum of the contributions.
        singular_values_: sqrt(λ (n - 1)).
        noise_variance_: Mean of the eigenvalues that are left out.
        total_variance_: Sum of all eigenvalues.
        mean_: Of each feature.
        scale_: Standard deviations under `standardize`, 1 for constant features; else None.
        constant_features_: Which features hold one number only; their loadings are 0 in each
            component of positive variance.
        n_components_, n_samples_, solver_: What was used.

    Raises:
        RecipeError: For settings that make no sense, such as more components than
            min(rows, features).
        DataError: For fewer than two rows, or numbers whose variance no float64 holds.

    Source: catalogue DIM-06; Jolliffe 2002, "Principal Component Analysis".

    >>> x = np.array([[2.0, 1.0], [0.0, 0.0], [-2.0, -1.0]])
    >>> pca = PCA(1).fit(x)
    >>> pca.explained_variance_, pca.contribution_
    (array([5.]), array([1.]))
    >>> pca.inverse_transform(pca.transform(x)).round(6) + 0.0
    array([[ 2.,  1.],
           [ 0.,  0.],
           [-2., -1.]])
    """

    def __init__(
        self,
        n_components: Any = None,
        *,
        solver: Any = "auto",
        whiten: Any = False,
        standardize: Any = False,
        random_state: Any = None,
    ):
        self.n_components = n_components
        self.solver = solver
        self.whiten = whiten
        self.standardize = standardize
        self.random_state = random_state

    def fit(self, X, y=None):
        """Find the components of X, (rows, features); y is ignored."""
        self._fit(X)
        return self

    def fit_transform(self, X, y=None):  # type: ignore[override]
        """Find the components of X and return its scores."""
        return self._scores(self._fit(X))

    def partial_fit(self, X, y=None):
        """Take in more rows; the components are those of all rows since the first call.

        Mean and scatter are merged exactly, so the batches don't matter, and `solver` does not
        either: it is the covariance matrix. That takes features² float64 numbers, and every call
        finds the components anew: give it batches of several times as many rows as there are
        features. As long as there are fewer rows than
        `n_components`, all are kept; after a single row there is nothing to keep yet.
        """
        first = not hasattr(self, "moments_")
        x: Any = validate_data(self, X, dtype=FLOATS, reset=first)
        self._checked_components(None)
        batch = moments(x.astype(np.float64, copy=False))
        found = batch if first else merged(self.moments_, batch)
        if not np.isfinite(found.scatter).all():
            raise DataError(_too_large(np.dtype(np.float64)))
        self.moments_ = found
        if found.n < 2:
            return self
        k = None
        if isinstance(self.n_components, numbers.Integral):
            k = min(int(self.n_components), found.n, len(found.mean))
        scale = None
        if self.standardize:
            scale = np.sqrt(np.diag(found.scatter) / (found.n - 1))
            scale[found.constant | (scale == 0)] = 1
            found = _divided(found, scale)
        self._keep(of_moments(found, k, np.dtype(np.float64)), scale, x.dtype)
        self.solver_ = "covariance"
        return self

    def transform(self, X):
        """Return the scores T' = (X - mean) P', (rows, n_components)."""
        check_is_fitted(self, "components_")
        x: Any = validate_data(self, X, dtype=FLOATS, reset=False)
        return self._scores(x)

    def inverse_transform(self, X):
        """Return the rows T' P'ᵀ + mean that have the scores X, (rows, features).

        Raises:
            DataError: If a row has another number of scores.
        """
        check_is_fitted(self, "components_")
        scores = check_array(X, dtype=FLOATS)
        if scores.shape[1] != self.n_components_:
            raise DataError(
                f"inverse_transform takes rows of {self.n_components_} scores, as transform "
                f"gives them; got shape {scores.shape}."
            )
        back = self.components_.astype(np.float64)
        if self.whiten:
            back = back * np.sqrt(self.explained_variance_)[:, None]
        if self.scale_ is not None:
            back = back * self.scale_
        return times_matrix(scores, back.astype(self.components_.dtype), after=self.mean_)

    def reconstruction_error(self, X) -> float:
        """Return the mean of (x - x̂)² over all numbers of X, in the units of X squared."""
        check_is_fitted(self, "components_")
        x: Any = validate_data(self, X, dtype=FLOATS, reset=False)
        left = x - self.inverse_transform(self._scores(x))
        return float(np.mean(np.square(left, dtype=np.float64)))

    def score_samples(self, X):
        """Return the log-likelihood of each row under probabilistic PCA, in nats.

        x ~ N(mean, C), where C has variance λ_j along the components kept and `noise_variance_`
        along all other directions.

        Raises:
            DataError: If some direction has no variance: there is no density then.

        Source: Tipping and Bishop 1999, "Probabilistic principal component analysis".
        """
        check_is_fitted(self, "components_")
        x: Any = validate_data(self, X, dtype=FLOATS, reset=False)
        x = x.astype(np.float64)
        d, k = self.components_.shape[1], self.n_components_
        smallest = self.noise_variance_ if k < d else self.explained_variance_[-1]
        if smallest <= self._rounding():
            raise DataError(
                f"the rows vary in fewer than {d} directions, so they have no density and no "
                "likelihood; drop constant and copied features, or judge by "
                "reconstruction_error(X)."
            )
        z = x - self.mean_
        constant = 0.0
        if self.scale_ is not None:
            z = z / self.scale_
            constant = float(np.log(self.scale_.astype(np.float64)).sum())
        scores = z @ self.components_.T.astype(np.float64)
        distance = (scores**2 / self.explained_variance_).sum(axis=1)
        logdet = float(np.log(self.explained_variance_).sum())
        if k < d:
            rest = np.maximum((z**2).sum(axis=1) - (scores**2).sum(axis=1), 0)
            distance = distance + rest / self.noise_variance_
            logdet += (d - k) * float(np.log(self.noise_variance_))
        return -0.5 * (d * np.log(2 * np.pi) + logdet + distance) - constant

    def score(self, X, y=None) -> float:
        """Return the mean log-likelihood of the rows, in nats, as scikit-learn's PCA does.

        So a grid search over `n_components` chooses by held-out likelihood. The share of the
        variance kept is `cumulative_[-1]`, the error `reconstruction_error`.
        """
        return float(np.mean(self.score_samples(X)))

    @property
    def explained_variance_ratio_(self):
        """Share of each component in the whole variance."""
        check_is_fitted(self, "components_")
        if not self.total_variance_ > 0:
            return np.zeros(self.n_components_)
        return self.explained_variance_ / self.total_variance_

    @property
    def contribution_(self):
        """The same, by the course's name."""
        return self.explained_variance_ratio_

    @property
    def cumulative_(self):
        """Running sum of the contributions."""
        return np.minimum(np.cumsum(self.contribution_), 1.0)

    def table(self) -> pl.DataFrame:
        """Return component, eigenvalue, contribution and cumulative contribution."""
        check_is_fitted(self, "components_")
        return contribution_table(self.explained_variance_, total=self.total_variance_)

    def n_components_for(self, share: Any = 0.7) -> int:
        """Return the fewest components that keep this share of the variance.

        Raises:
            DataError: If those kept don't reach it.
        """
        check_is_fitted(self, "components_")
        return components_for(self.explained_variance_, share, total=self.total_variance_)

    def bend(self) -> int | None:
        """Return at which component the scree plot bends most (`scree_bend`); None if nowhere."""
        check_is_fitted(self, "components_")
        return scree_bend(self.explained_variance_)

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    def _fit(self, X) -> Rows:
        """Set what fit sets and return the checked rows."""
        x: Any = validate_data(self, X, dtype=FLOATS)
        if len(x) < 2:
            raise DataError(
                f"{type(self).__name__} needs at least 2 rows, for one has no variance; got "
                f"n_samples={len(x)}."
            )
        n, d = x.shape
        k = self._checked_components((n, d))
        if self.solver not in SOLVERS:
            raise RecipeError(unknown("solver", str(self.solver), SOLVERS))
        solver = choose_solver(n, d, k) if self.solver == "auto" else self.solver
        if solver == "randomized" and k is None:
            raise RecipeError(
                "solver='randomized' finds a number of components that is known: n_components is "
                f"an int; got {self.n_components!r}. Use solver='auto'."
            )
        scale = None
        if self.standardize:
            largest, scale = deviations(x)
            scale = np.where(largest > 0, scale, 1)
        self.__dict__.pop("moments_", None)
        self._keep(_spectrum(x, k, solver, scale, self.random_state), scale, x.dtype)
        self.solver_ = solver
        return x

    def _checked_components(self, shape: tuple[int, int] | None) -> int | None:
        """Return the number of components wanted; None for all or for a share."""
        k: Any = self.n_components
        if k is None:
            return None
        if isinstance(k, (int, np.integer)) and not isinstance(k, bool):
            most = None if shape is None else min(shape)
            if k >= 1 and (most is None or k <= most):
                return int(k)
            limit = "1" if shape is None else f"1 and min(rows, features) = {most}"
            raise RecipeError(f"n_components lies between {limit}; got {k}.")
        if isinstance(k, (float, np.floating)) and 0 < k < 1:
            return None
        raise RecipeError(
            "n_components is None, a whole number from 1, or a share of the variance between 0 "
            f"and 1; got {k!r}."
        )

    def _keep(self, found: Spectrum, scale: np.ndarray | None, dtype: np.dtype) -> None:
        k = len(found.variances)
        share = self.n_components
        if share is not None and not isinstance(share, numbers.Integral) and found.total > 0:
            k = components_for(found.variances, float(share), total=found.total)
        axes = found.axes[:k]
        largest = np.abs(axes).argmax(axis=1)
        signs = np.where(axes[np.arange(k), largest] < 0, -1, 1).astype(dtype)
        self.components_ = np.ascontiguousarray(axes * signs[:, None], dtype=dtype)
        self.explained_variance_ = found.variances[:k].copy()
        self.singular_values_ = np.sqrt(found.variances[:k]) * np.sqrt(found.n - 1)
        self.total_variance_ = found.total
        others = min(found.n, len(found.mean)) - k
        left = found.total - float(self.explained_variance_.sum())
        self.noise_variance_ = max(left, 0.0) / others if others else 0.0
        self.mean_ = found.mean.astype(dtype)
        self.scale_ = None if scale is None else scale.astype(dtype)
        self.constant_features_ = found.constant
        self.n_components_, self.n_samples_ = k, found.n

    def _rounding(self) -> float:
        """Return the variance that can't be told from 0 beside the largest."""
        wide = self.solver_ == "gram"
        eps = float(np.finfo(np.float64 if wide else self.components_.dtype).eps)
        # A singular value is known to eps of the largest, and a variance is its square.
        return (10 * eps) ** (2 if self.solver_ == "svd" else 1) * float(
            self.explained_variance_[0]
        )

    def _scores(self, x: Rows):
        ahead = self.components_.astype(np.float64)
        if self.whiten:
            variances = self.explained_variance_
            deviation = np.sqrt(np.where(variances > self._rounding(), variances, np.inf))
            ahead = ahead / deviation[:, None]
        if self.scale_ is not None:
            ahead = ahead / self.scale_
        return times_matrix(x, ahead.T.astype(self.components_.dtype), before=self.mean_)


def _spectrum(
    x: Rows, k: int | None, solver: Solver, scale: np.ndarray | None, random_state: Any
) -> Spectrum:
    """Return the axes of x / scale, whatever the size of its numbers."""

    def attempt(factor: np.ndarray | None) -> Spectrum:
        match solver:
            case "covariance":
                return by_covariance(x, k, factor)
            case "gram":
                return by_gram(x, k, factor)
            case "svd":
                return by_svd(x, k, factor)
            case "randomized":
                rng = check_random_state(random_state)
                return by_random_subspace(x, int(k or 0), factor, rng=rng)

    found = attempt(None if scale is None else 1 / scale)
    limits = np.finfo(x.dtype)
    # Squares of the numbers may be too large or too small for their precision, though the
    # numbers are not: then once more in other units, a power of 2, which changes no digit.
    resolved = float(limits.tiny) / float(limits.eps) ** 2 < found.total < np.inf
    if scale is None and not resolved and not found.constant.all():
        exponent = np.frexp(deviations(x)[0].max())[1]
        unit = 2.0 ** np.clip(exponent, -limits.maxexp + 8, limits.maxexp - 8)
        found = attempt(np.full(x.shape[1], 1 / unit))
        with np.errstate(over="ignore", invalid="ignore"):  # 0 · ∞ of a constant feature
            variances, total = found.variances * unit**2, found.total * unit**2
        found = Spectrum(found.n, found.mean, variances, found.axes, float(total), found.constant)
    if not np.isfinite(found.total) or not np.isfinite(found.mean).all():
        raise DataError(_too_large(x.dtype))
    return found


def _divided(found: Moments, scale: np.ndarray) -> Moments:
    """Return the moments of x / scale, with the mean of x."""
    return dataclasses.replace(found, scatter=found.scatter / scale[:, None] / scale)


def _too_large(dtype: np.dtype) -> str:
    return (
        f"the numbers are too large for {dtype}: their variance overflows. Divide the features "
        "by a constant."
    )
