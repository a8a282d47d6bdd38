"""Fuzzy k-means: every row belongs to every group to a degree."""

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from gradlab.cluster.rows import read_rows
from gradlab.cluster.seeding import SEEDINGS
from gradlab.cluster.soft_assignment import (
    Described,
    Form,
    Outcome,
    Rows,
    describe,
    lay_out,
    place,
    run_rounds,
)
from gradlab.cluster.team import team
from gradlab.errors import DataError, RecipeError, unknown

FORMS = ("softmax", "bezdek")

HARD = 1e-3
"""Annealing has cooled when memberships are this close to 0 and 1, in the mean."""

SHAKE = 1e-3
"""By how much of the data's spread annealing moves centroids apart before each round."""

WIDE = 2.0**10
"""Rows this much larger than the centroids are described in 64 bits: 32 could not tell them apart
from the same rows moved by a centroid's distance."""

ROOM = 30
"""Rows whose largest number is not between 2^-30 and 2^30 are scaled, or squares could overflow."""


class FuzzyKMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """k-means with degrees of membership, for data without clear borders.

    Two steps alternate until the centroids stand still: memberships r_jt of row x_t in group j,
    which add up to 1 over the groups, and means weighted with them.

        softmax:  r_jt = exp(-β ‖x_t - μ_j‖²) / Σ_l exp(-β ‖x_t - μ_l‖²)
                  μ_j = Σ_t r_jt x_t / Σ_t r_jt
        bezdek:   r_jt = ‖x_t - μ_j‖^(-2/(m-1)) / Σ_l ‖x_t - μ_l‖^(-2/(m-1))
                  μ_j = Σ_t r_jt^m x_t / Σ_t r_jt^m

    Neither step raises the objective: for softmax -(1/β) Σ_t log((1/K) Σ_j exp(-β ‖x_t - μ_j‖²)),
    which is the distortion of k-means for β = ∞ and the mean squared distance to all centroids for
    β near 0; for bezdek Σ_jt r_jt^m ‖x_t - μ_j‖².

    Args:
        n_clusters: K, the number of groups; a choice that the data don't make for you.
        form: "softmax" or "bezdek".
        beta: Stiffness β > 0 of the softmax form, in 1 / squared units of the data: small is
            fuzzy, large is hard, `math.inf` is plain k-means (a row between two centroids counts
            half for each). Below `critical_beta(X)` all centroids fall together.
        m: Exponent m > 1 of Bezdek's form: near 1 is hard, large is fuzzy.
        anneal: None, or the factor > 1 by which β grows from round to round, from `beta` until
            memberships are 0 or 1; the last round is plain k-means. The result depends far less on
            the start than that of k-means.
        init: "k-means++", "random_data" (K rows), "random_points" (anywhere in the data's box), an
            array (n_clusters, n_features) or a function (X, n_clusters, random_state) -> array.
        n_init: Starts, of which the one with the lowest objective is kept; "auto" is 1 for
            k-means++, an array and a function, else 10.
        max_iter: Most iterations, in each round of annealing.
        tol: Iterations end when the centroids' squared moves add up to at most `tol` times the
            mean variance of the features.
        random_state: Seed of the starts and of the annealing.

    Attributes:
        cluster_centers_: Centroids μ, shape (n_clusters, n_features).
        memberships_: r of the rows of fit, shape (n_samples, n_clusters).
        labels_: The nearest centroid, which has the largest membership, shape (n_samples,).
        objective_: What is minimised, summed over rows and weights.
        inertia_: Sum of squared distances to the nearest centroid, as that of `KMeans`.
        history_: Objective per row before each iteration of the last round of the best start.
        restarts_: Final objective of every start.
        beta_: β at the end: infinite after annealing.
        rounds_: β, iterations and mean of the largest membership of each round of annealing.
        empty_clusters_: Centroids in which no row has a share: they stay where they were.
        n_iter_: Iterations of the best start, all rounds together.

    Rows are weighted by `sample_weight`. float32 stays float32. Results don't depend on the number
    of cores.

    Sources: softmax form MacKay 2003, Information Theory, Inference, and Learning Algorithms, ch.
    20.3; Bezdek 1981; annealing Rose 1998, Proc. IEEE 86(11).

    >>> X = np.array([[1.0], [2.0], [6.0], [10.0], [11.0]])
    >>> model = FuzzyKMeans(2, beta=0.1, tol=0, random_state=0).fit(X)
    >>> sorted(model.cluster_centers_[:, 0].round(1).tolist())
    [2.4, 9.6]
    >>> model.memberships_[2].round(3).tolist()  # the row in the middle
    [0.5, 0.5]
    """

    def __init__(
        self,
        n_clusters,
        *,
        form="softmax",
        beta=1.0,
        m=2.0,
        anneal=None,
        init="k-means++",
        n_init="auto",
        max_iter=300,
        tol=1e-4,
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.form = form
        self.beta = beta
        self.m = m
        self.anneal = anneal
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X, y=None, sample_weight=None):
        """Find the groups of X (n_samples, n_features); return self.

        Args:
            X: Rows.
            y: Ignored.
            sample_weight: How much each row counts, shape (n_samples,).

        Raises:
            RecipeError: If a setting is out of range.
            DataError: If there are fewer rows of weight than groups, or squares overflow.
        """
        self._check_settings()
        X = np.asarray(validate_data(self, X, dtype=[np.float64, np.float32], order="C"))
        weight = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        counted = int(np.count_nonzero(weight))
        if counted < self.n_clusters:
            raise DataError(
                f"FuzzyKMeans needs at least as many rows as groups: got n_samples={counted} of "
                f"weight above 0 for n_clusters={self.n_clusters}. Lower n_clusters."
            )
        random = check_random_state(self.random_state)
        power = _power_for(X)
        scaled = _times_power(X, power)
        share = (weight / weight.sum(dtype=np.float64)).astype(X.dtype)
        rows = place(lay_out(scaled, share))
        spread = _variances(scaled, share)

        best = None
        self.restarts_ = np.zeros(self._n_starts())
        for i in range(len(self.restarts_)):
            start = self._start(scaled, share, power, random)
            outcome, rounds = self._descend(rows, start, spread, power, random)
            centers = _times_power(np.asarray(outcome.centroids), -power)
            described = self._describe(X, centers, rounds[-1][0])
            self.restarts_[i] = _weighted_sum(described.objective, weight)
            if not np.isfinite(self.restarts_[i]):
                raise DataError(
                    "Squared distances between the rows are larger than the largest number: the "
                    f"data reach {np.abs(X).max():g}. Divide them by a constant, or scale the "
                    "columns."
                )
            if best is None or self.restarts_[i] < self.objective_:
                self.objective_ = float(self.restarts_[i])
                best = outcome, rounds, described, centers
        assert best is not None
        outcome, self.rounds_, described, self.cluster_centers_ = best
        self.beta_ = self.rounds_[-1][0]
        self.memberships_ = described.memberships
        self.labels_ = described.labels
        self.inertia_ = _weighted_sum(described.nearest, weight)
        self.history_ = np.ldexp(outcome.history.astype(np.float64), -2 * power)
        self.n_iter_ = sum(n for _, n, _ in self.rounds_)
        self.empty_clusters_ = int(np.count_nonzero(weight @ self.memberships_ == 0))
        return self

    def memberships(self, X):
        """Return the degree to which each row belongs to each group, (n_samples, n_clusters)."""
        return self._described(X).memberships

    def predict(self, X):
        """Return the group in which each row has the largest membership, shape (n_samples,)."""
        return self._described(X).labels

    def transform(self, X):
        """Return the memberships: K features that add up to 1."""
        return self.memberships(X)

    def score(self, X, y=None, sample_weight=None):
        """Return minus the objective on X: the higher, the better the centroids fit."""
        objective = self._described(X).objective
        return -_weighted_sum(objective, _check_sample_weight(sample_weight, X, dtype=np.float64))

    @property
    def _n_features_out(self):
        return self.cluster_centers_.shape[0]

    def _described(self, X) -> Described:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], order="C", reset=False)
        return self._describe(np.asarray(X), self.cluster_centers_, self.beta_)

    def _describe(self, X: np.ndarray, centers: np.ndarray, beta: float) -> Described:
        """Describe rows by centroids, with distances and objective in the units of the data."""
        wide = _size_of(X) > WIDE * max(_size_of(centers), np.finfo(X.dtype).tiny)
        if wide and X.dtype == np.float32:  # rows far from all others must not cost these digits
            found = self._describe(X.astype(np.float64), centers.astype(np.float64), beta)
            return found._replace(memberships=found.memberships.astype(X.dtype))
        power = _power_for(X, centers)
        scaled, scaled_centers = _times_power(X, power), _times_power(centers, power)
        found = describe(
            scaled, scaled_centers, form=self._kind(), beta=_scaled(beta, power), m=float(self.m)
        )
        with np.errstate(over="ignore"):  # fit refuses what is infinite
            return found._replace(
                nearest=_times_power(found.nearest.astype(np.float64), -2 * power),
                objective=_times_power(found.objective.astype(np.float64), -2 * power),
            )

    def _descend(
        self, rows: Rows, start: np.ndarray, spread: np.ndarray, power: int, random
    ) -> tuple[Outcome, list[tuple[float, int, float]]]:
        """Go down from a start, through all rounds of annealing; beta is in the data's units."""
        rounds: list[tuple[float, int, float]] = []

        def go(start: np.ndarray, beta: float, tol: float) -> Outcome:
            outcome = run_rounds(
                rows,
                start,
                form=self._kind(),
                beta=_scaled(beta, power),
                m=float(self.m),
                max_iter=int(self.max_iter),
                threshold=tol * float(spread.mean()),
            )
            rounds.append((beta, int(outcome.n_iter), float(outcome.certainty)))
            return outcome

        if self.anneal is None:
            return go(start, float(self.beta), float(self.tol)), rounds
        # The sum of the variances is at least the largest eigenvalue: no later than critical.
        soft = 0.5 / float(spread.sum()) if spread.any() else math.inf
        beta = min(float(self.beta), math.ldexp(soft, 2 * power) if soft < math.inf else soft)
        while math.isfinite(beta) and (not rounds or 1 - rounds[-1][2] > HARD):
            noise = random.standard_normal(start.shape) * SHAKE * math.sqrt(spread.mean())
            ended = go(start + noise.astype(start.dtype), beta, float(self.tol))
            start = np.asarray(ended.centroids)
            beta *= self.anneal
        return go(start, math.inf, 0.0), rounds

    def _start(self, x: np.ndarray, weight: np.ndarray, power: int, random) -> np.ndarray:
        """Return K starting centroids for rows that are scaled."""
        k = self.n_clusters
        if isinstance(self.init, str):
            with team() as members:
                table = read_rows(x, weight, members)
                (start,) = SEEDINGS[self.init](table, k, [random], members)
                return table.outer(start)
        given = self.init
        if callable(given):
            given = given(_times_power(x, -power), k, random_state=random)
        start = np.asarray(given, dtype=x.dtype)
        if start.shape != (k, x.shape[1]) or not np.isfinite(start).all():
            raise RecipeError(
                f"FuzzyKMeans needs finite starting centroids of shape {(k, x.shape[1])}; init "
                f"has shape {start.shape}."
            )
        return _times_power(start, power)

    def _n_starts(self) -> int:
        if self.n_init == "auto":
            random = isinstance(self.init, str) and self.init != "k-means++"
            return 10 if random else 1
        return int(self.n_init)

    def _kind(self) -> Form:
        if self.form == "softmax":
            return "softmax"
        return "bezdek of 2" if self.m == 2 else "bezdek"

    def _check_settings(self):
        def demand(holds: bool, what: str, value: object):
            if not holds:
                raise RecipeError(f"FuzzyKMeans needs {what}; got {value!r}.")

        demand(_is_whole(self.n_clusters), "a whole number n_clusters >= 1", self.n_clusters)
        demand(_is_whole(self.max_iter), "a whole number max_iter >= 1", self.max_iter)
        if self.form not in FORMS:
            raise RecipeError(unknown("form", str(self.form), FORMS))
        if isinstance(self.init, str) and self.init not in SEEDINGS:
            raise RecipeError(unknown("init", self.init, SEEDINGS))
        demand(_size(self.beta) > 0, "beta > 0", self.beta)
        demand(1 < _size(self.m) < math.inf, "a finite m > 1", self.m)
        demand(_size(self.tol) >= 0, "tol >= 0", self.tol)
        auto = isinstance(self.n_init, str) and self.n_init == "auto"
        whole = auto or _is_whole(self.n_init)
        demand(whole, "n_init 'auto' or a whole number >= 1", self.n_init)
        if self.anneal is not None:
            demand(1 < _size(self.anneal) < math.inf, "anneal None or a factor > 1", self.anneal)
            soft = self.form == "softmax"
            demand(soft, "form='softmax' for annealing, which raises β", self.form)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1


def _size(value: Any) -> float:
    """Return a setting as a number, NaN if it is none: no comparison with that holds."""
    return float(value) if isinstance(value, Real) else math.nan


def critical_beta(X: Float[np.ndarray, "n d"]) -> float:
    """Return the stiffness below which all centroids of the softmax form fall together.

        β_c = 1 / (2 λ),    λ the largest eigenvalue of the covariance matrix

    At the mean of the data a small step of a centroid grows by the factor 2 β λ in each iteration.

    Source: Rose, Gurewitz & Fox 1990, Physical Review Letters 65(8).

    >>> critical_beta(np.array([[-1.0], [1.0]]))
    0.5
    """
    wide: Any = np.float64
    X = check_array(X, dtype=wide)
    unit = _size_of(X) or 1.0
    covariance = np.cov(X / unit, rowvar=False, bias=True)
    largest = float(np.linalg.eigvalsh(np.atleast_2d(covariance))[-1])
    return 0.5 / largest / unit / unit if largest > 0 else math.inf


def _size_of(x: np.ndarray) -> float:
    return float(max(x.max(), -x.min()))


def _power_for(*arrays: np.ndarray) -> int:
    """Return the power of 2 that brings the largest number into range; 0 if it is there."""
    largest = max(float(max(a.max(), -a.min())) for a in arrays)
    exponent = math.frexp(largest)[1] if largest > 0 else 0
    return 0 if abs(exponent) <= ROOM else max(-500, min(500, -exponent))


def _times_power(x: np.ndarray, power: int) -> np.ndarray:
    """Return x · 2^power, where it can the array itself: `ldexp` is slow."""
    return np.ldexp(x, power) if power else x


def _scaled(beta: float, power: int) -> float:
    """Return β for data times 2^power."""
    try:
        return math.ldexp(beta, -2 * power)
    except OverflowError:
        return math.inf


# Sums without BLAS, which would order them by its number of threads.


def _variances(x: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return each column's variance with rows weighted by shares."""
    centred = x - np.einsum("t,tf->f", share, x)
    return np.einsum("t,tf,tf->f", share, centred, centred).astype(np.float64)


def _weighted_sum(values: np.ndarray, weight: np.ndarray) -> float:
    return float(np.sum(values.astype(np.float64) * weight))
