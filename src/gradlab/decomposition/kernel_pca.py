"""Principal components in a kernel's feature space, and the way back."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, eigh
from scipy.sparse.linalg import ArpackError, eigsh
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from gradlab.decomposition.checking import FLOATS, checked_array, checked_rows
from gradlab.decomposition.kernels import (
    KERNELS,
    WIDTHS,
    centre,
    centre_rows,
    kernel_matrix,
    kernel_width,
)
from gradlab.decomposition.pre_images import fixed_points, ridge_coefficients
from gradlab.errors import DataError, RecipeError, unknown

SOLVERS = ("auto", "dense", "lanczos")
PRE_IMAGES = (None, "ridge", "fixed_point")

FEW = 100
"""Lanczos' method is faster than the dense one for up to one component in so many rows."""

ROWS = 2**22
"""Numbers of the kernel matrix that `transform` makes at once."""


class KernelPCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Project on the directions of largest variance in the feature space of a kernel.

    With K_ij = k(x_i, x_j) and K_c = K − 1K − K1 + 1K1 (1 a matrix of 1/n), K_c v = λ v: the
    component of a training row i is √λ v_i, that of a new row x is Σ_i v_i k_c(x, x_i) / √λ.

    Memory is n² numbers, and as many again while all components are found.

    Args:
        n_components: Components m to keep, at most n_samples; None keeps all with λ > 0.
        kernel: "rbf", "linear", "poly", "sigmoid", "cosine", "precomputed" (X is then K), or a
            function of two rows.
        gamma: γ of rbf, poly and sigmoid: a number; None for 1 / n_features; "scale" for
            1 / (n_features · variance of all numbers); "median" for 1 / (2 median²) with the
            median distance of rows.
        degree: Of poly.
        coef0: c of poly and sigmoid.
        kernel_params: More arguments of a kernel that is a function.
        pre_image: How `inverse_transform` finds its way back: "ridge" learns it from the training
            rows, "fixed_point" iterates for each row (rbf only); None for no way back.
        alpha: Ridge of "ridge".
        pre_image_steps: Most iterations of "fixed_point".
        pre_image_tol: A row is found when it moves by less than this share of the rows' spread.
        eigen_solver: "dense", "lanczos", or "auto" for the one that is faster.

    Attributes:
        eigenvalues_: λ, largest first, shape (m,).
        eigenvectors_: v as columns, each of length 1, shape (n_samples, m).
        explained_variance_ratio_: λ as shares of tr(K_c).
        gamma_: γ as a number.
        X_fit_: Training rows (None for "precomputed").
        dual_coef_, X_transformed_fit_: What "ridge" learnt.

    Raises:
        DataError: If all rows are alike, the kernel overflows, or it is not positive
            semi-definite, as a sigmoid may be.
        RecipeError: If a setting is out of its range.

    Source: Schölkopf, Smola and Müller 1998, https://doi.org/10.1162/089976698300017467.
    Components as scikit-learn's `KernelPCA`.

    >>> X = [[0.0], [1.0], [2.0], [3.0]]
    >>> KernelPCA(1, kernel="linear").fit_transform(X).round(6)
    array([[ 1.5], [ 0.5], [-0.5], [-1.5]])
    """

    def __init__(
        self,
        n_components=None,
        *,
        kernel="rbf",
        gamma=None,
        degree=3,
        coef0=1.0,
        kernel_params=None,
        pre_image=None,
        alpha=1.0,
        pre_image_steps=200,
        pre_image_tol=1e-6,
        eigen_solver="auto",
    ):
        self.n_components = n_components
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.kernel_params = kernel_params
        self.pre_image = pre_image
        self.alpha = alpha
        self.pre_image_steps = pre_image_steps
        self.pre_image_tol = pre_image_tol
        self.eigen_solver = eigen_solver

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: with a precomputed kernel, X is between pairs of rows."""
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return len(self.eigenvalues_)

    def fit(self, X, y=None):
        """Learn from X (n_samples, n_features), or K (n_samples, n_samples); return self."""
        self._check_settings()
        X = checked_rows(self, X, dtype=FLOATS, ensure_min_samples=2)
        n_rows = len(X)
        if self.n_components is not None and self.n_components > n_rows:
            raise RecipeError(
                f"n_components is at most the number of rows, {n_rows}; "
                f"got n_components={self.n_components}."
            )
        if self.kernel == "precomputed" and X.shape[0] != X.shape[1]:
            raise DataError(
                f"a precomputed kernel is square, (n_samples, n_samples); got shape {X.shape}."
            )
        self.gamma_ = kernel_width(self.gamma, X)
        k = X.copy() if self.kernel == "precomputed" else self._kernel(X)
        size = float(np.abs(k).max())
        self._means, self._mean = centre(k)
        trace = float(np.trace(k, dtype=np.float64))
        if trace <= 8 * n_rows * np.finfo(k.dtype).eps * size:
            raise DataError(
                f"all {n_rows} rows are alike to the kernel, so there is no variance to explain. "
                f"Is gamma, {self.gamma_:.3g}, too small for the scale of the columns?"
            )
        self._solve(k)
        self.explained_variance_ratio_ = (self.eigenvalues_ / trace).astype(k.dtype)
        self.X_fit_ = None if self.kernel == "precomputed" else X
        if self.pre_image == "ridge":
            self.X_transformed_fit_ = self._training_components()
            among = self._kernel(self.X_transformed_fit_)
            self.dual_coef_ = ridge_coefficients(among, X, float(self.alpha))
        return self

    def fit_transform(self, X, y=None):  # pyright: ignore[reportIncompatibleMethodOverride]
        """Learn from X and return its components, shape (n_samples, n_components)."""
        return self.fit(X)._training_components()

    def transform(self, X):
        """Return the components of each row, shape (n_samples, n_components).

        With a precomputed kernel X holds k between the new rows and the training rows.
        """
        check_is_fitted(self)
        X = checked_rows(self, X, dtype=FLOATS, reset=False)
        X = X.astype(self.eigenvectors_.dtype, copy=False)
        weights = self._weights()
        parts = []
        for rows in _blocks(len(X), len(weights)):
            given = self.kernel == "precomputed"
            k = X[rows].copy() if given else self._kernel(X[rows], self.X_fit_)
            parts.append(centre_rows(k, self._means, self._mean) @ weights)
        return np.concatenate(parts)

    def inverse_transform(self, X):
        """Return rows of the input space, (n_samples, n_features), for components.

        Raises:
            NotFittedError: If `pre_image` was None.
            DataError: If a row has another number of components.
        """
        check_is_fitted(self)
        if self.pre_image is None:
            raise NotFittedError(
                "inverse_transform needs a way back to the input space. Set pre_image='ridge' or "
                "pre_image='fixed_point' and fit again."
            )
        components = checked_array(X, dtype=FLOATS).astype(self.eigenvectors_.dtype, copy=False)
        if components.shape[1] != self._n_features_out:
            raise DataError(
                f"inverse_transform takes rows of {self._n_features_out} components, as transform "
                f"gives them; got shape {components.shape}."
            )
        training: Any = self.X_fit_
        n_rows = len(training)
        parts = []
        for rows in _blocks(len(components), n_rows):
            if self.pre_image == "ridge":
                k = self._kernel(components[rows], self.X_transformed_fit_)
                parts.append(k @ self.dual_coef_)
                continue
            weights = components[rows] @ self._weights().T
            # Σ_k y_k v_k plus the mean of all φ(x_i), written in the uncentred φ(x_i).
            weights += (1 - weights.sum(axis=1, keepdims=True)) / n_rows
            parts.append(
                fixed_points(
                    weights,
                    training,
                    gamma=self.gamma_,
                    steps=int(self.pre_image_steps),
                    tol=float(self.pre_image_tol),
                )
            )
        return np.concatenate(parts)

    def _kernel(self, first: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
        return kernel_matrix(
            first,
            second,
            kernel=self.kernel,
            gamma=self.gamma_,
            degree=float(self.degree),
            coef0=float(self.coef0),
            kernel_params=self.kernel_params,
        )

    def _training_components(self) -> np.ndarray:
        return self.eigenvectors_ * np.sqrt(self.eigenvalues_)[None, :]

    def _weights(self) -> np.ndarray:
        """Return v / √λ, which makes the directions in the feature space have length 1."""
        positive = self.eigenvalues_ > 0
        roots = np.sqrt(np.where(positive, self.eigenvalues_, 1))
        return np.where(positive, 1 / roots, 0).astype(roots.dtype)[None, :] * self.eigenvectors_

    def _solve(self, k: Float[np.ndarray, "rows rows"]) -> None:
        """Find the largest eigenvalues of the centred kernel, which is overwritten."""
        n_rows = len(k)
        n = n_rows if self.n_components is None else int(self.n_components)
        few = n <= max(10, n_rows // FEW) and n_rows > 200
        found = None
        if (self.eigen_solver == "lanczos" or (self.eigen_solver == "auto" and few)) and n < n_rows:
            found = _lanczos(k, n)
            if found is None and self.eigen_solver == "lanczos":
                raise DataError(
                    f"Lanczos' method did not find the {n} largest eigenvalues of the kernel; set "
                    "eigen_solver='dense'."
                )
        values, vectors = _dense(k, n) if found is None else found
        order = np.argsort(values)[::-1]
        values, vectors = values[order], vectors[:, order]
        negative, noise = (1e-5, 1e-7) if k.dtype == np.float32 else (1e-10, 1e-12)
        if values[0] <= 0 or values[-1] < -negative * values[0]:
            raise DataError(
                "the kernel is not positive semi-definite on these rows: its centred matrix has "
                f"the eigenvalue {values[-1]:.3g} beside {values[0]:.3g}. A sigmoid kernel often "
                "is not; take fewer components, rbf or poly, or another gamma and coef0."
            )
        noise = max(noise, n_rows**0.5 * float(np.finfo(k.dtype).eps))
        values = np.where(values > noise * values[0], values, 0)
        if self.n_components is None:
            values, vectors = values[values > 0], vectors[:, values > 0]
        largest = np.abs(vectors).argmax(axis=0)
        signs = np.sign(vectors[largest, np.arange(vectors.shape[1])])
        self.eigenvalues_ = values
        self.eigenvectors_ = np.ascontiguousarray(vectors * signs[None, :])

    def _check_settings(self) -> None:
        n, kernel, gamma = self.n_components, self.kernel, self.gamma
        if n is not None and (not isinstance(n, Integral) or isinstance(n, bool) or int(n) < 1):
            raise RecipeError(f"n_components is a number of at least 1, or None; got {n!r}.")
        if not callable(kernel) and kernel not in (*KERNELS, "precomputed"):
            raise RecipeError(unknown("kernel", str(kernel), (*KERNELS, "precomputed")))
        if isinstance(gamma, str) and gamma not in WIDTHS:
            raise RecipeError(unknown("rule for gamma", gamma, WIDTHS))
        number = isinstance(gamma, Real) and 0 < float(gamma) < float("inf")
        if gamma is not None and not isinstance(gamma, str) and not number:
            raise RecipeError(
                f"gamma is a number above 0, 'scale', 'median' or None; got gamma={gamma!r}."
            )
        for name in ("degree", "alpha", "pre_image_tol"):
            value = getattr(self, name)
            if not isinstance(value, Real) or not 0 <= float(value) < float("inf"):
                raise RecipeError(f"{name} is a number of at least 0; got {name}={value!r}.")
        if not isinstance(self.coef0, Real) or not np.isfinite(float(self.coef0)):
            raise RecipeError(f"coef0 is a finite number; got coef0={self.coef0!r}.")
        if not isinstance(self.pre_image_steps, Integral) or int(self.pre_image_steps) < 1:
            raise RecipeError(
                "pre_image_steps is a number of at least 1; "
                f"got pre_image_steps={self.pre_image_steps!r}."
            )
        if self.eigen_solver not in SOLVERS:
            raise RecipeError(unknown("eigen_solver", str(self.eigen_solver), SOLVERS))
        if self.pre_image not in PRE_IMAGES:
            raise RecipeError(unknown("pre_image", str(self.pre_image), ("ridge", "fixed_point")))
        if self.pre_image is not None and kernel == "precomputed":
            raise RecipeError(
                "a precomputed kernel does not know the input space, so it has no pre-images; "
                "set pre_image=None."
            )
        if self.pre_image == "fixed_point" and kernel != "rbf":
            raise RecipeError(
                "the fixed-point iteration is for kernel='rbf'; take pre_image='ridge' with "
                f"kernel={kernel!r}."
            )


def _lanczos(k: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the n largest eigenvalues and their vectors, to the precision of the numbers.

    None where the method fails: not only for want of steps, also where eigenvalues are all alike
    (every row as far from every other), so that one start vector reaches few of their vectors.
    """
    start = np.random.default_rng(0).uniform(-1, 1, len(k)).astype(k.dtype)
    try:
        pair: Any = eigsh(k, n, which="LA", v0=start)
    except ArpackError:
        return None
    return pair if _complete(pair, n) else None


def _dense(k: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the n largest eigenvalues and their vectors; k is overwritten."""
    # K is symmetric: its transpose is the same, in the order of memory that LAPACK wants.
    k, first = k.T, len(k) - n
    if first:
        try:
            some: Any = eigh(
                k, driver="evr", subset_by_index=(first, len(k) - 1), check_finite=False
            )
            if _complete(some, n):
                return some
        except LinAlgError:
            pass  # relatively robust representations fail on some clusters of eigenvalues
    # Divide and conquer finds all of them, and is the fastest for that by a seventh.
    values, vectors = eigh(k, driver="evd", overwrite_a=True, check_finite=False)
    return values[first:], vectors[:, first:]


def _complete(pair: tuple[np.ndarray, np.ndarray], n: int) -> bool:
    """Return whether a solver found what it was asked for: some return fewer, or no numbers."""
    return len(pair[0]) == n and all(bool(np.isfinite(part).all()) for part in pair)


def _blocks(n_rows: int, n_columns: int) -> list[slice]:
    size = max(1, ROWS // n_columns)
    return [slice(start, start + size) for start in range(0, n_rows, size)]
