"""K-means."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from gradlab.cluster.lloyd import Fitted, lloyd
from gradlab.cluster.minibatch import Averages, minibatch
from gradlab.cluster.nearest import all_distances, assign
from gradlab.cluster.rows import Rows, read_rows, rows_like
from gradlab.cluster.seeding import SEEDINGS
from gradlab.cluster.team import Team, team
from gradlab.errors import DataError, RecipeError, unknown

PRECISIONS: Any = [np.float64, np.float32]


class KMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """Divide rows into K groups, each round its mean, by Lloyd's iteration.

    The distortion J = (1/Σ w) Σᵢ wᵢ ‖xᵢ - μ_{cᵢ}‖² is made smaller in half steps that take turns:
    labels cᵢ = argminⱼ ‖xᵢ - μⱼ‖² (the first of equals), then means μⱼ = Σ w x / Σ w over the
    rows with label j. J never increases and the labels end fixed; but this is a search from a
    start, not through all partitions, and other starts may end elsewhere. Hence restarts, which
    are trained together, and of which the best is kept.

    Args:
        n_clusters: K. No data says which is right; see `gradlab.cluster.choose_n_clusters`.
        init: Where it starts. "k-means++": rows far from each other, the best of 2 + ⌊ln K⌋
            draws each (greedy, as scikit-learn). "random_data": rows. "random_points": points in
            the box that bounds the data. An array (K, d), or (restarts, K, d). A function
            `init(X, n_clusters, random_state=...)` that returns (K, d).
        n_init: Restarts; "auto" is 1 for "k-means++" and an array, and 10 otherwise.
        max_iter: Iterations at most; for "minibatch", passes over the data.
        tol: A restart ends when the squared movements of its centroids add up to at most tol
            times the mean variance of the features (scikit-learn's rule), or when no label
            changes. Not used by "minibatch".
        empty: What becomes of a cluster that loses its last row. "reinitialize": its centroid is
            put on the row with the largest w ‖x - μ‖², as scikit-learn does; the documents' random
            place could make J larger, this makes it smaller. "remove": it is dropped, and
            `n_clusters_` says how many are left. Both are counted in `empty_clusters_`.
        algorithm: "lloyd", all rows at every step; or "minibatch", running means over random
            batches, which ends when the smoothed distortion has not improved for 10 batches. There
            "reinitialize" means: a cluster with less than 1 % of the largest one's weight begins
            anew on a random row of the batch.
        batch_size: Rows of a batch of "minibatch".
        random_state: None, an int or a `numpy.random.RandomState`. An int gives the same bits
            every time, on any number of cores, and n_init = 3 the first three restarts of 10.

    Attributes:
        cluster_centers_: Centroids, (K, d), in the precision of X.
        labels_: Nearest centroid of each row, (n,), int32.
        inertia_: Σ w ‖x - μ‖², a sum.
        distortion_: J, the inertia by the sum of the weights.
        history_: J after every half step of the best restart: labels, means, labels, … A last
            assignment that changes no label is not listed. The last is `distortion_`. For
            "minibatch": J of each batch before it was learnt.
        n_iter_: Iterations of the best restart, the last that only finds nothing to change too.
        restarts_: Inertia of every restart.
        empty_clusters_: How often a cluster of the best restart became empty.
        n_clusters_: Clusters left.
        counts_: Weight of the rows of each cluster, from which `partial_fit` goes on.

    float32 stays float32, all else becomes float64. Rows are read in pieces, never copied as a
    whole, and most rows are not even read once their label is sure (see `gradlab.cluster.lloyd`).

    Raises:
        RecipeError: A setting is out of its range.
        DataError: X is no finite table, has fewer rows than clusters, or weights are negative.

    Warns:
        ConvergenceWarning: Fewer clusters than asked for have rows, because X has not as many
            distinct rows (not for "remove", where that is what was asked for).

    >>> X = np.array([[1.0], [2.0], [10.0], [11.0]])
    >>> fitted = KMeans(2, init=np.array([[1.0], [2.0]])).fit(X)
    >>> fitted.labels_
    array([0, 0, 1, 1], dtype=int32)
    >>> [round(distortion, 4) for distortion in fitted.history_]
    [36.25, 12.1667, 4.3889, 0.25]

    Sources:
        Lloyd, S. P. (1982). Least squares quantization in PCM. IEEE Trans. Inf. Theory 28(2).
        Arthur, D. & Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA.
        Sculley, D. (2010). Web-scale k-means clustering. WWW.
    """

    def __init__(
        self,
        n_clusters: Any,
        *,
        init: Any = "k-means++",
        n_init: Any = "auto",
        max_iter: Any = 300,
        tol: Any = 1e-4,
        empty: Any = "reinitialize",
        algorithm: Any = "lloyd",
        batch_size: Any = 1024,
        random_state: Any = None,
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.empty = empty
        self.algorithm = algorithm
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "KMeans":
        """Find the clusters of the rows of X, (n, d); y is ignored."""
        settings = self._settings()
        self.__dict__.pop("_random", None)  # of an earlier partial_fit
        X, weights = self._table(X, sample_weight, settings.n_clusters)
        random = check_random_state(self.random_state)
        with team() as crew:
            rows = read_rows(X, weights, crew)
            # Each restart has a source of its own, so it doesn't see how many others there are.
            seeds = random.randint(np.iinfo(np.int32).max, size=settings.n_restarts)
            randoms = [np.random.RandomState(seed) for seed in seeds]
            starts = self._starts(rows, randoms, crew)
            if self.algorithm == "lloyd":
                found = lloyd(
                    rows,
                    starts,
                    crew,
                    max_iter=int(self.max_iter),
                    tol=float(self.tol),
                    empty=settings.empty,
                )
                counted = [None] * len(found)
            else:
                found, counted = zip(
                    *(
                        minibatch(
                            rows,
                            start,
                            own,
                            crew,
                            max_iter=int(self.max_iter),
                            batch_size=int(self.batch_size),
                            empty=settings.empty,
                        )
                        for start, own in zip(starts, randoms, strict=True)
                    ),
                    strict=True,
                )
        best = min(range(len(found)), key=lambda number: found[number].inertia)
        self._keep(rows, found[best])
        self.restarts_ = np.array([rows.outer_squared(one.inertia) for one in found])
        self.counts_ = (
            np.bincount(found[best].labels, rows.weights, self.n_clusters_).astype(np.float64)
            if counted[best] is None
            else counted[best]
        )
        return self

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "KMeans":
        """Learn from a part of the data: one step of mini-batch k-means with all rows of X.

        The first part sets the start, by `init`, and so needs at least K rows; after `fit` it goes
        on from there. `labels_`, `inertia_` and `distortion_` are those of the part before it was
        learnt, and `history_` gets its distortion. Empty clusters are re-initialised on random
        rows of the part, or, with "remove", kept, for later parts may have rows for them.
        """
        settings = self._settings()
        first = not hasattr(self, "cluster_centers_")
        X, weights = self._table(X, sample_weight, settings.n_clusters if first else 1, first)
        if first or not hasattr(self, "_random"):
            self._random = check_random_state(self.random_state)
        with team() as crew:
            rows = read_rows(X, weights, crew)
            if first:
                own = np.random.RandomState(self._random.randint(np.iinfo(np.int32).max))
                start = self._starts(rows, [own], crew)[0]
                averages = Averages(start, np.zeros(len(start)))
                self.history_, self.empty_clusters_, self.n_iter_ = [], 0, 0
            else:
                averages = Averages(rows.inner(self.cluster_centers_), np.array(self.counts_))
            labels, inertia = averages.learn(rows, crew)
            if settings.empty == "reinitialize":
                averages.reinitialize_rare(rows, self._random)
        self._shift, self._scale = rows.shift, rows.scale
        self.cluster_centers_ = rows.outer(averages.centroids)
        self.counts_ = averages.weights
        self.labels_ = labels.astype(np.int32)
        self.inertia_ = rows.outer_squared(inertia)
        self.distortion_ = self.inertia_ / rows.total_weight()
        self.restarts_ = np.array([self.inertia_])
        self.history_ = [*self.history_, self.distortion_]
        self.empty_clusters_ += averages.empties
        self.n_iter_ += 1
        self.n_clusters_ = len(self.cluster_centers_)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the number of the nearest centroid of each row, (n,), int32."""
        X = self._known(X)
        with team() as crew:
            rows = rows_like(X, self._shift, self._scale)
            return assign(rows, rows.inner(self.cluster_centers_), crew)[0].astype(np.int32)

    def transform(self, X: Any) -> np.ndarray:
        """Return the distance of each row to each centroid, (n, K)."""
        X = self._known(X)
        with team() as crew:
            rows = rows_like(X, self._shift, self._scale)
            distances = all_distances(rows, rows.inner(self.cluster_centers_), crew)
        return distances / distances.dtype.type(rows.scale)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return -Σ w ‖x - μ‖²: larger is better."""
        X = self._known(X)
        weights = self._weights(sample_weight, len(X))
        with team() as crew:
            rows = rows_like(X, self._shift, self._scale)
            squared = assign(rows, rows.inner(self.cluster_centers_), crew)[1]
        weights = np.ones(len(X)) if weights is None else weights
        return -rows.outer_squared(float(weights @ squared))

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        assert tags.transformer_tags is not None
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _settings(self) -> "_Settings":
        """Return the settings that were checked."""
        n_clusters = _whole("n_clusters", self.n_clusters)
        _whole("max_iter", self.max_iter)
        _whole("batch_size", self.batch_size)
        if not isinstance(self.tol, int | float | np.number) or not 0 <= self.tol < np.inf:
            raise RecipeError(f"tol: expected a number of at least 0, got {self.tol!r}.")
        _choice("empty", self.empty, ("reinitialize", "remove"))
        _choice("algorithm", self.algorithm, ("lloyd", "minibatch"))
        given, few = None, False
        if isinstance(self.init, str):
            _choice("init", self.init, tuple(SEEDINGS))
            few = self.init == "k-means++"
        elif not callable(self.init):
            given = np.asarray(self.init)
            given = len(given) if given.ndim == 3 else 1
            if not given:
                raise RecipeError("init: expected at least one start, got none.")
        if isinstance(self.n_init, str) and self.n_init == "auto":
            n_restarts = given or (1 if few else 10)
        else:
            n_restarts = _whole("n_init", self.n_init, "a whole number of at least 1, or 'auto'")
        if given and n_restarts != given:
            raise RecipeError(
                f"n_init: expected {given}, the starts in init, or 'auto', got {n_restarts}. "
                "Restarts from the same centroids would all end the same."
            )
        empty: Any = self.empty
        return _Settings(n_clusters, n_restarts, empty)

    def _table(
        self, X: Any, sample_weight: Any, at_least: int, reset: bool = True
    ) -> tuple[np.ndarray, np.ndarray | None]:
        X = validate_data(self, X, dtype=PRECISIONS, order="C", reset=reset)
        if len(X) < at_least:
            raise DataError(
                f"Expected at least as many rows as clusters, got n_samples={len(X)} and "
                f"n_clusters={at_least}. Ask for fewer clusters."
            )
        return X, self._weights(sample_weight, len(X))

    def _known(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, dtype=PRECISIONS, order="C", reset=False))

    def _weights(self, sample_weight: Any, n: int) -> np.ndarray | None:
        if sample_weight is None:
            return None
        zero_dimensional = isinstance(sample_weight, np.ndarray) and sample_weight.ndim == 0
        if zero_dimensional or isinstance(sample_weight, int | float | np.number):
            sample_weight = np.full(n, sample_weight)
        kind: Any = np.float64
        weights = check_array(
            sample_weight, dtype=kind, ensure_2d=False, input_name="sample_weight"
        )
        if weights.shape != (n,):
            raise DataError(f"sample_weight: expected {n} numbers, got shape {weights.shape}.")
        if weights.min() < 0 or not weights.any():
            what = "a negative one" if weights.min() < 0 else "only zeros"
            raise DataError(
                f"sample_weight: expected weights of at least 0, not all 0, got {what}."
            )
        return weights

    def _starts(
        self, rows: Rows, randoms: list[np.random.RandomState], crew: Team
    ) -> list[np.ndarray]:
        """Return the start of each restart, in inner units."""
        if isinstance(self.init, str):
            return SEEDINGS[self.init](rows, self.n_clusters, randoms, crew)
        if callable(self.init):
            made = [self._called(self.init, rows, random) for random in randoms]
        else:
            given = np.asarray(self.init)
            made = list(given) if given.ndim == 3 else [given]
        expected = (self.n_clusters, rows.n_features)
        starts = []
        for start in made:
            start = check_array(start, dtype=PRECISIONS, input_name="init")
            if start.shape != expected:
                raise RecipeError(
                    f"init: expected centroids of shape {expected}, a row for each cluster and a "
                    f"column for each of X, got {start.shape}."
                )
            starts.append(rows.inner(start))
        return starts

    def _called(self, init: Callable[..., Any], rows: Rows, random: np.random.RandomState) -> Any:
        return init(rows.values, self.n_clusters, random_state=random)

    def _keep(self, rows: Rows, found: Fitted) -> None:
        self._shift, self._scale = rows.shift, rows.scale
        self.cluster_centers_ = rows.outer(found.centroids)
        self.labels_ = found.labels.astype(np.int32)
        self.inertia_ = rows.outer_squared(found.inertia)
        self.distortion_ = self.inertia_ / rows.total_weight()
        self.history_ = [rows.outer_squared(value) for value in found.history]
        self.n_iter_ = found.n_iter
        self.empty_clusters_ = found.empties
        self.n_clusters_ = len(found.centroids)
        distinct = np.count_nonzero(np.bincount(found.labels))
        if distinct < self.n_clusters_ and self.empty == "reinitialize":
            warnings.warn(
                f"Only {distinct} of {self.n_clusters_} clusters have rows: X may not have as many "
                "distinct rows. Ask for fewer clusters, or for empty='remove'.",
                ConvergenceWarning,
                stacklevel=3,
            )


@dataclass(frozen=True)
class _Settings:
    n_clusters: int
    n_restarts: int
    empty: Literal["reinitialize", "remove"]


def _whole(name: str, value: Any, expected: str = "a whole number of at least 1") -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise RecipeError(f"{name}: expected {expected}, got {value!r}.")
    return int(value)


def _choice(name: str, value: Any, known: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in known:
        raise RecipeError(unknown(name, str(value), known))
