"""Factor analysis by maximum likelihood, and how many factors to look for."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.decomposition import FactorAnalysis as SklearnFactorAnalysis
from sklearn.utils.validation import check_is_fitted

from gradlab.decomposition.checking import FLOATS, checked_array, checked_rows
from gradlab.decomposition.standards import standards
from gradlab.errors import DataError, RecipeError, unknown

RULES = ("parallel", "kaiser")
ROTATIONS = (None, "varimax", "quartimax")


@dataclass(frozen=True)
class FactorCount:
    """How many factors a rule finds.

    Attributes:
        n_factors: At least 1.
        eigenvalues: Of the correlation matrix, largest first.
        reference: What an eigenvalue has to exceed, one by one: 1, or that of noise.
        rule: "parallel" or "kaiser".
    """

    n_factors: int
    eigenvalues: Float[np.ndarray, " d"]
    reference: Float[np.ndarray, " d"]
    rule: str

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        above = int((self.eigenvalues > self.reference).cumprod().sum())
        than = "1" if self.rule == "kaiser" else "those of uncorrelated noise"
        found = f"{above} of {len(self.eigenvalues)} eigenvalues are larger than {than}"
        if above == 0:
            return f"{found}: the features share no factor; 1 is used."
        return f"{found}: {above} factor{'s' if above > 1 else ''}."


def suggest_n_factors(
    X: Any,
    *,
    rule: Literal["parallel", "kaiser"] = "parallel",
    n_draws: int = 50,
    quantile: float = 0.95,
    seed: int = 0,
) -> FactorCount:
    """Count the leading eigenvalues of the correlation matrix that are larger than a reference.

    Args:
        X: Rows, shape (n_samples, n_features); constant columns are left out.
        rule: "parallel": larger than this quantile of the same eigenvalue of normal noise of the
            same shape (Horn 1965); "kaiser": larger than 1 (Kaiser 1960), which finds too many in
            few rows.
        n_draws: Tables of noise.
        quantile: Of the noise's eigenvalues, 0 to 1.
        seed: Of the noise.

    Raises:
        DataError: If no column varies.
        RecipeError: If the rule is unknown, or a setting is out of its range.

    >>> rng = np.random.default_rng(0)
    >>> cause = rng.normal(size=(200, 2))
    >>> X = np.repeat(cause, 3, axis=1) + 0.5 * rng.normal(size=(200, 6))
    >>> suggest_n_factors(X).sentence
    '2 of 6 eigenvalues are larger than those of uncorrelated noise: 2 factors.'
    """
    if rule not in RULES:
        raise RecipeError(unknown("rule", str(rule), RULES))
    if n_draws < 1 or not 0 <= quantile <= 1:
        raise RecipeError(
            "parallel analysis needs n_draws of at least 1 and a quantile from 0 to 1; "
            f"got n_draws={n_draws}, quantile={quantile}."
        )
    standard, _, _, varies = _standardised(checked_array(X, dtype=np.float64, ensure_min_samples=2))
    standard = standard[:, varies]
    if not standard.shape[1]:
        raise DataError("no column varies, so there is nothing that factors could explain.")
    eigenvalues = _eigenvalues(standard)
    if rule == "kaiser":
        reference = np.ones(len(eigenvalues))
    else:
        rng = np.random.default_rng(seed)
        draws = [_eigenvalues(rng.normal(size=standard.shape)) for _ in range(n_draws)]
        reference = np.quantile(np.stack(draws), quantile, axis=0)
    above = int((eigenvalues > reference).cumprod().sum())
    return FactorCount(max(1, above), eigenvalues, reference, rule)


class FactorAnalysis(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Explain correlations by few hidden factors: x = mean + Wᵀ h + noise of each feature's own.

    h ~ N(0, I) and noise ~ N(0, Ψ), Ψ diagonal: cov(x) = Wᵀ W + Ψ, fitted by maximum likelihood
    with scikit-learn's `FactorAnalysis`. PCA explains all variance and has no noise of single
    features; `CorrelationMerge`, the documents' "common factor analysis", merges features and has
    no model at all. Factors are determined up to a rotation only.

    Args:
        n_components: Factors, at most n_features; or a rule that counts them, "parallel" or
            "kaiser" (`suggest_n_factors`).
        rotation: None, or "varimax" or "quartimax" for loadings that are large or small.
        standardize: Give the loadings of standardised features, which are correlations; else
            those of the features in their own units. The model is the same.
        tol: Stops when the log-likelihood grows by less.
        max_iter: Most iterations.
        random_state: Seed of the noise of "parallel": an integer, a RandomState or None.

    Attributes:
        components_: Loadings W, shape (n_factors, n_features).
        noise_variance_: Ψ, the part of each feature's variance that is its own.
        communalities_: Share of each feature's variance that the factors explain; 0 for constants.
        count_: What the rule found, a `FactorCount`; None for a given number.
        mean_, scale_: Mean and standard deviation of each feature (1 for constants).
        model_: scikit-learn's, fitted to standardised rows.
        loglike_: Log-likelihood of the standardised rows after each iteration, in nats.
        n_iter_: Iterations.

    Raises:
        RecipeError: If a setting is out of its range.
        DataError: If no column varies.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 1)) * [1.0, 2.0, -1.0] + 0.3 * rng.normal(size=(200, 3))
    >>> FactorAnalysis(1).fit(X).communalities_.round(1)
    array([0.9, 1. , 0.9])
    """

    def __init__(
        self,
        n_components="parallel",
        *,
        rotation=None,
        standardize=True,
        tol=1e-4,
        max_iter=1000,
        random_state=0,
    ):
        self.n_components = n_components
        self.rotation = rotation
        self.standardize = standardize
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def fit(self, X, y=None):
        """Fit the loadings to X (n_samples, n_features); return self."""
        self._check_settings()
        X = checked_rows(self, X, dtype=FLOATS, ensure_min_samples=2)
        standard, mean, scale, varies = _standardised(X)
        if not varies.any():
            raise DataError(
                f"all {X.shape[1]} columns are constant, so there is nothing that factors could "
                "explain."
            )
        n, self.count_ = self.n_components, None
        if isinstance(n, str):
            seed = np.random.default_rng(_seed(self.random_state)).integers(2**31)
            rule: Any = n
            self.count_ = suggest_n_factors(standard, rule=rule, seed=int(seed))
            n = self.count_.n_factors
        elif n > X.shape[1]:
            raise RecipeError(
                f"n_components is at most the number of features, {X.shape[1]}; "
                f"got n_components={n}."
            )
        self.mean_, self.scale_ = mean, scale
        self.model_ = SklearnFactorAnalysis(
            int(n),
            rotation=self.rotation,
            svd_method="lapack",
            tol=float(self.tol),
            max_iter=int(self.max_iter),
        ).set_output(transform="default")
        self.model_.fit(standard)
        explained = (self.model_.components_**2).sum(axis=0)
        shares = explained / (explained + self.model_.noise_variance_)
        self.communalities_ = np.where(varies, shares, 0).astype(X.dtype)
        # The likelihood is greatest for the same model in any units, but the iteration finds it
        # from standardised features only; see the test on noise of large variance.
        unit = np.ones_like(scale) if self.standardize else scale
        self.components_ = (self.model_.components_ * unit[None, :]).astype(X.dtype)
        self.noise_variance_ = (self.model_.noise_variance_ * unit**2).astype(X.dtype)
        self.loglike_ = np.asarray(self.model_.loglike_)
        self.n_iter_ = self.model_.n_iter_
        return self

    def transform(self, X):
        """Return the expected factors of each row, E(h | x), shape (n_samples, n_factors)."""
        return self.model_.transform(self._standard(X)).astype(self.mean_.dtype, copy=False)

    def score(self, X, y=None):
        """Return the mean log-likelihood of the standardised rows, in nats a row."""
        return float(self.model_.score(self._standard(X)))

    def _standard(self, X) -> np.ndarray:
        check_is_fitted(self)
        X = checked_rows(self, X, dtype=FLOATS, reset=False).astype(self.mean_.dtype, copy=False)
        return (X - self.mean_[None, :]) / self.scale_[None, :]

    def _check_settings(self) -> None:
        n = self.n_components
        if isinstance(n, str):
            if n not in RULES:
                raise RecipeError(unknown("rule for n_components", n, RULES))
        elif not isinstance(n, Integral) or isinstance(n, bool) or int(n) < 1:
            raise RecipeError(
                f"n_components is a number of at least 1, 'parallel' or 'kaiser'; got {n!r}."
            )
        if self.rotation not in ROTATIONS:
            raise RecipeError(unknown("rotation", str(self.rotation), ("varimax", "quartimax")))
        if not isinstance(self.tol, Real) or not float(self.tol) >= 0:
            raise RecipeError(f"tol is a number of at least 0; got tol={self.tol!r}.")
        if not isinstance(self.max_iter, Integral) or int(self.max_iter) < 1:
            raise RecipeError(
                f"max_iter is a number of at least 1; got max_iter={self.max_iter!r}."
            )


def _standardised(X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return standardised rows, mean, standard deviation (1 for constants), and who varies."""
    mean, scale, varies = standards(X)
    return (X - mean[None, :]) / scale[None, :], mean, scale, varies


def _eigenvalues(rows: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of the rows' correlation matrix, largest first."""
    rows = rows - rows.mean(axis=0)[None, :]
    rows = rows / np.sqrt((rows**2).mean(axis=0))[None, :]
    sizes = np.linalg.svd(rows, compute_uv=False) ** 2 / len(rows)
    return np.concatenate([sizes, np.zeros(rows.shape[1] - len(sizes))])


def _seed(random_state: Any) -> Any:
    return (
        random_state.randint(2**31 - 1)
        if isinstance(random_state, np.random.RandomState)
        else random_state
    )
