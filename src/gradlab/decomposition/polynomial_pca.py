"""Principal components of the features and their products: a non-linear reduction."""

from math import comb
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.validation import check_is_fitted

from gradlab.decomposition.checking import FLOATS, checked_rows
from gradlab.decomposition.pca import PCA
from gradlab.decomposition.standards import standards
from gradlab.errors import DataError, RecipeError


class PolynomialPCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Add all products of up to `degree` features, then take principal components.

    x ↦ (x_1, …, x_d, x_1², x_1 x_2, …, x_d^degree), C(d + degree, degree) − 1 columns, of which PCA
    takes the directions of largest variance. Two circles around one centre, which no direction of
    the plane tells apart, lie apart along x_1² + x_2². `KernelPCA(kernel="poly")` does nearly the
    same (it weights the products) without writing the columns down.

    Args:
        n_components: As in `PCA`: None for all, a number of components, or a share of variance.
        degree: Most factors of a product, at least 1; with 1 it is PCA.
        standardize: Centre the features and give them variance 1 before they are multiplied, so
            that units do not decide which product is large.
        max_columns: Most columns that may arise; PCA of p columns takes about p² numbers.

    Attributes:
        pca_: The fitted `PCA` of the monomials.
        components_, explained_variance_, explained_variance_ratio_: As of `pca_`, over monomials.
        monomials_: Names of the columns that PCA sees.

    Raises:
        RecipeError: If a setting is out of its range, or more than `max_columns` columns arise.
        DataError: If a product overflows.

    >>> X = [[0.0, 1.0], [0.0, -1.0], [2.0, 0.0], [-2.0, 0.0], [1.0, 1.0]]
    >>> model = PolynomialPCA(2).fit(X)
    >>> model.monomials_.tolist()
    ['x0', 'x1', 'x0^2', 'x0 x1', 'x1^2']
    >>> model.transform(X).shape
    (5, 2)
    """

    def __init__(self, n_components=None, *, degree=2, standardize=True, max_columns=2000):
        self.n_components = n_components
        self.degree = degree
        self.standardize = standardize
        self.max_columns = max_columns

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def fit(self, X, y=None):
        """Find the components of the monomials of X (n_samples, n_features); return self."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X, y=None):  # pyright: ignore[reportIncompatibleMethodOverride]
        """Find the components and return each row's, shape (n_samples, n_components)."""
        self._check_settings()
        X = checked_rows(self, X, dtype=FLOATS, ensure_min_samples=2)
        columns = comb(X.shape[1] + int(self.degree), int(self.degree)) - 1
        if columns > self.max_columns:
            raise RecipeError(
                f"{X.shape[1]} features have {columns:,} products of degree {self.degree} or less, "
                f"more than max_columns={self.max_columns:,}. Lower the degree, reduce the "
                "features by PCA first, take KernelPCA(kernel='poly'), or raise max_columns."
            )
        self._shift, self._scale, _ = standards(X)
        if not self.standardize:
            self._shift, self._scale = np.zeros_like(self._shift), np.ones_like(self._scale)
        self._expansion = PolynomialFeatures(int(self.degree), include_bias=False)
        self._expansion.set_output(transform="default").fit(X)
        self.pca_ = PCA(self.n_components, random_state=0).set_output(transform="default")
        scores = self.pca_.fit_transform(self._monomials(X))
        self.components_ = self.pca_.components_
        self.explained_variance_ = self.pca_.explained_variance_
        self.explained_variance_ratio_ = self.pca_.explained_variance_ratio_
        names = getattr(self, "feature_names_in_", None)
        self.monomials_ = self._expansion.get_feature_names_out(names)
        return scores

    def transform(self, X):
        """Return the components of each row, shape (n_samples, n_components)."""
        check_is_fitted(self, "pca_")
        X = checked_rows(self, X, dtype=FLOATS, reset=False)
        return self.pca_.transform(self._monomials(X))

    def _monomials(self, X: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (X - self._shift[None, :]) / self._scale[None, :]
            monomials: Any = self._expansion.transform(scaled)
        if not np.isfinite(monomials).all():
            raise DataError(
                f"a product of degree {self.degree} overflows. Set standardize=True, bring the "
                "features to one scale, or lower the degree."
            )
        return monomials

    def _check_settings(self) -> None:
        for name in ("degree", "max_columns"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < 1:
                raise RecipeError(f"{name} is a number of at least 1; got {name}={value!r}.")
