"""Mixture of Gaussians."""

from typing import Any

import numpy as np
from sklearn.base import DensityMixin
from sklearn.mixture import GaussianMixture
from sklearn.utils.validation import check_is_fitted, validate_data

from gradlab.errors import DataError, RecipeError, unknown
from gradlab.generative.checks import number, whole
from gradlab.generative.saving import InFiles

COVARIANCES = ("full", "tied", "diagonal", "spherical")


class MixtureOfGaussians(DensityMixin, InFiles):
    """Density Σ_k π_k N(x; μ_k, C_k), found by expectation and maximisation.

    The fit is scikit-learn's `GaussianMixture`, which is good; what is added is what a generator
    needs: samples in random order that depend on a seed given with the call and not on the fit's,
    a floor of the variances in the data's own units (so tables of tiny or huge numbers, and
    constant columns, behave like all others), and errors that say what to do.

    Args:
        n_components: K.
        covariance: "full", one matrix each; "tied", one for all; "diagonal"; "spherical".
        n_init: Starts (k-means), of which the best is kept.
        max_iter: Rounds of EM at most.
        tol: EM ends when the mean log-likelihood grows by less, in nats.
        variance_floor: Added to each variance, as a share of the columns' mean variance.
        random_state: None, an int or a `numpy.random.RandomState`.

    Attributes:
        model_: The fitted `sklearn.mixture.GaussianMixture`.
        weights_: π, (K,).
        means_: μ, (K, d).
        n_features_in_: d.

    Raises:
        RecipeError: A setting is out of its range.
        DataError: There are fewer rows than components.

    Source: catalogue GEN-02; Dempster, Laird and Rubin 1977; Bishop 2006, section 9.2.

    >>> from sklearn.datasets import load_iris
    >>> mixture = MixtureOfGaussians(3, random_state=0).fit(load_iris().data)
    >>> mixture.sample(5, seed=0).shape, mixture.score_samples(load_iris().data).shape
    ((5, 4), (150,))
    """

    n_features_in_: int

    def __init__(
        self,
        n_components: Any = 1,
        *,
        covariance: Any = "full",
        n_init: Any = 1,
        max_iter: Any = 100,
        tol: Any = 1e-3,
        variance_floor: Any = 1e-6,
        random_state: Any = None,
    ):
        self.n_components = n_components
        self.covariance = covariance
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.variance_floor = variance_floor
        self.random_state = random_state

    def fit(self, X, y=None):
        """Find the components of the rows of X, (n, d); y is ignored. Return self."""
        n_components = whole("n_components", self.n_components)
        if self.covariance not in COVARIANCES:
            raise RecipeError(unknown("covariance", str(self.covariance), COVARIANCES))
        floor = number("variance_floor", self.variance_floor)
        settings: Any = {
            "n_init": whole("n_init", self.n_init),
            "max_iter": whole("max_iter", self.max_iter),
            "tol": number("tol", self.tol),
        }
        x: Any = validate_data(self, X, dtype=[np.float64, np.float32])
        if len(x) < max(2, n_components):
            raise DataError(
                f"Expected at least {max(2, n_components)} rows for n_components={n_components}; "
                f"got n_samples={len(x)}. Ask for fewer components, or give more rows."
            )
        variance = float(np.var(x, axis=0, dtype=np.float64).mean())
        self.model_ = GaussianMixture(
            n_components,
            covariance_type="diag" if self.covariance == "diagonal" else self.covariance,
            reg_covar=floor * variance if variance > 0 else max(floor, 1e-6),
            random_state=self.random_state,
            **settings,
        ).fit(x)
        self.weights_ = np.asarray(self.model_.weights_)
        self.means_ = np.asarray(self.model_.means_)
        self.n_iter_ = self.model_.n_iter_
        return self

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Draw n rows: a component by its weight, then a point of it."""
        check_is_fitted(self)
        random = np.random.default_rng(seed)
        drawn = random.choice(len(self.weights_), size=whole("n", n), p=self._shares())
        noise = random.standard_normal((n, self.n_features_in_))
        return self.means_[drawn] + self._scaled(noise, drawn)

    def score_samples(self, X) -> np.ndarray:
        """Return ln p(x) of each row, (n,), in nats."""
        check_is_fitted(self)
        return self.model_.score_samples(self._known(X))

    def score(self, X, y=None) -> float:  # type: ignore[override]
        """Return the mean of ln p(x): larger is better."""
        return float(self.score_samples(X).mean())

    def predict_proba(self, X) -> np.ndarray:
        """Return the share that each component has in each row, (n, K)."""
        check_is_fitted(self)
        return self.model_.predict_proba(self._known(X))

    def bic(self, X) -> float:
        """Return −2 Σ ln p(x) + ln(n) · parameters; the smallest tells how many components."""
        check_is_fitted(self)
        return float(self.model_.bic(self._known(X)))

    def _known(self, X) -> Any:
        return validate_data(self, X, dtype=[np.float64, np.float32], reset=False)

    def _shares(self) -> np.ndarray:
        shares = self.weights_.astype(np.float64)
        return shares / shares.sum()

    def _scaled(self, noise: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        """Return standard noise with the covariance of each row's component."""
        covariances: Any = self.model_.covariances_
        match self.covariance:
            case "full":
                roots = np.linalg.cholesky(covariances)
                return np.einsum("nij,nj->ni", roots[drawn], noise)
            case "tied":
                return noise @ np.linalg.cholesky(covariances).T
            case "diagonal":
                return noise * np.sqrt(covariances[drawn])
            case _:
                return noise * np.sqrt(covariances[drawn, None])
