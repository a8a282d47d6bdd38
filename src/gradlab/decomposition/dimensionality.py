"""The curse of dimensionality, computed: what more features cost, and when they help.

Two Gaussian classes N(μ_1, Σ) and N(μ_2, Σ) of probability ½ each, parted by the best rule, are
mistaken with probability P(e) = (1/√(2π)) ∫_{r/2}^∞ exp(−u²/2) du, where r is their Mahalanobis
distance. More features never make r smaller, so in theory they never hurt. A rule learnt from few
rows is another matter: `dimension_study` measures it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from scipy.special import erfc

from gradlab.decomposition.checking import checked_array
from gradlab.errors import DataError, RecipeError

if TYPE_CHECKING:
    import polars as pl

DIMENSIONS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
NOISE = 2.0
"""Standard errors of a paired difference from which on the study calls it one."""


def hypercube_edge(share: Any, d: Any) -> Any:
    """Return the edge share^(1/d) of a hypercube that holds a share of the unit hypercube.

    Of rows spread uniformly over d features, a share p lies in a cube that spans p^(1/d) of the
    range of each feature: nothing is near in many dimensions.

    Args:
        share: p, 0 to 1; a number or an array.
        d: Dimensions, at least 1; a number or an array that broadcasts.

    Raises:
        DataError: If a number is out of its range.

    >>> float(hypercube_edge(0.01, 10)), float(hypercube_edge(0.1, 10))
    (0.6309573444801932, 0.7943282347242815)
    """
    share, d = np.asarray(share, dtype=np.float64), np.asarray(d, dtype=np.float64)
    if not ((share >= 0) & (share <= 1)).all() or not (d >= 1).all():
        raise DataError(
            f"hypercube_edge takes a share from 0 to 1 and d of at least 1; got {share}, {d}."
        )
    return share ** (1 / d)


def gaussian_error(r: Any) -> Any:
    """Return P(e) = ½ erfc(r / (2√2)), the least error of two Gaussian classes at distance r.

    Args:
        r: Mahalanobis distance of the means, at least 0; a number or an array.

    Raises:
        DataError: If a distance is negative.

    >>> gaussian_error([0.0, 1.0, 2.0]).round(6).tolist()
    [0.5, 0.308538, 0.158655]
    """
    r = np.asarray(r, dtype=np.float64)
    if not (r >= 0).all():
        raise DataError(f"gaussian_error takes distances of at least 0; got r={r}.")
    return erfc(r / (2 * np.sqrt(2))) / 2


def mahalanobis_distance(first: Any, second: Any, covariance: Any) -> float:
    """Return r = √((μ_1 − μ_2)ᵀ Σ⁻¹ (μ_1 − μ_2)).

    Args:
        first: μ_1, shape (d,).
        second: μ_2, shape (d,).
        covariance: Σ, shape (d, d), or the variances on its diagonal, shape (d,).

    Raises:
        DataError: If the shapes don't agree, or Σ is not positive definite.

    >>> mahalanobis_distance([0.0, 0.0], [3.0, 8.0], [1.0, 4.0])
    5.0
    """
    mean, other, covariance = (
        checked_array(a, dtype=np.float64, ensure_2d=False) for a in (first, second, covariance)
    )
    d = len(mean)
    if mean.shape != (d,) or other.shape != (d,) or covariance.shape not in ((d,), (d, d)):
        raise DataError(
            "mahalanobis_distance takes two means of one shape (d,) and a covariance (d, d) or "
            f"(d,); got {mean.shape}, {other.shape} and {covariance.shape}."
        )
    difference = mean - other
    if covariance.ndim == 1:
        if not (covariance > 0).all():
            raise DataError("variances must be above 0; a constant feature has no distance.")
        return float(np.linalg.norm(difference / np.sqrt(covariance)))
    scale = np.sqrt(np.maximum(np.diag(covariance), np.finfo(float).tiny))
    try:
        root = np.linalg.cholesky(covariance / (scale[:, None] * scale[None, :]))
    except np.linalg.LinAlgError as error:
        raise DataError(
            "the covariance is not positive definite: a feature is constant, or a sum of others. "
            "Leave it out."
        ) from error
    return float(np.linalg.norm(np.linalg.solve(root, difference / scale)))


def simulated_error(
    first: Any, second: Any, covariance: Any, *, n_rows: int = 100_000, seed: int = 0
) -> float:
    """Draw rows of both classes and return the share that the optimal rule mistakes.

    The rule is wᵀ(x − (μ_1 + μ_2) / 2) > 0 with w = Σ⁻¹(μ_1 − μ_2). The share is that of
    `gaussian_error(mahalanobis_distance(…))`, up to √(P(1 − P) / n_rows).

    Args:
        first: μ_1, shape (d,).
        second: μ_2, shape (d,).
        covariance: Σ, shape (d, d), or the variances on its diagonal.
        n_rows: Rows drawn, half of each class.
        seed: Of the draws.

    >>> abs(simulated_error([0.0], [2.0], [1.0]) - 0.158655) < 0.005
    True
    """
    mahalanobis_distance(first, second, covariance)  # checks them
    mean, other, covariance = (np.asarray(a, dtype=np.float64) for a in (first, second, covariance))
    full = np.diag(covariance) if covariance.ndim == 1 else covariance
    noise = np.random.default_rng(seed).standard_normal((n_rows, len(mean)))
    noise = noise @ np.linalg.cholesky(full).T
    label = np.arange(n_rows) % 2
    rows = noise + np.where(label[:, None] == 0, mean[None, :], other[None, :])
    w = np.linalg.solve(full, mean - other)
    chosen = np.where((rows - (mean + other)[None, :] / 2) @ w > 0, 0, 1)
    return float((chosen != label).mean())


@dataclass(frozen=True)
class DimensionStudy:
    """Test error and time over the number of features, for fixed numbers of training rows.

    Attributes:
        n_train: Training rows of each line of `errors`.
        dimensions: Numbers of features, rising.
        errors: Share of test rows mistaken, (n_train, dimensions, seeds).
        optimal: Error of the rule that knows the means, (dimensions,).
        expected: Trunk's formula for the learnt rule's error, (n_train, dimensions).
        seconds: Learning and testing, median over the seeds, (n_train, dimensions).
    """

    n_train: tuple[int, ...]
    dimensions: Int[np.ndarray, " dimensions"]
    errors: Float[np.ndarray, "n_train dimensions seeds"]
    optimal: Float[np.ndarray, " dimensions"]
    expected: Float[np.ndarray, "n_train dimensions"]
    seconds: Float[np.ndarray, "n_train dimensions"]

    @property
    def mean_errors(self) -> Float[np.ndarray, "n_train dimensions"]:
        """Mean over the seeds."""
        return self.errors.mean(axis=2)

    @property
    def best_dimensions(self) -> tuple[int, ...]:
        """Number of features with the least mean error, for each number of training rows."""
        return tuple(int(self.dimensions[i]) for i in self.mean_errors.argmin(axis=1))

    @property
    def rises(self) -> tuple[bool, ...]:
        """Whether the error has an interior minimum, for each number of training rows.

        Both ends must lie above the minimum by two standard errors of the differences, which are
        paired over the seeds.
        """
        return tuple(self._rises(line) for line in range(len(self.n_train)))

    @property
    def table(self) -> "pl.DataFrame":
        """One row for each number of training rows and of features."""
        import polars as pl

        n_lines, n_dimensions, n_seeds = self.errors.shape
        deviation = self.errors.std(axis=2, ddof=1) if n_seeds > 1 else np.zeros(self.seconds.shape)
        return pl.DataFrame(
            {
                "n_train": np.repeat(np.array(self.n_train), n_dimensions),
                "dimension": np.tile(self.dimensions, n_lines),
                "error": self.mean_errors.ravel(),
                "standard_error": deviation.ravel() / np.sqrt(n_seeds),
                "expected_error": self.expected.ravel(),
                "optimal_error": np.tile(self.optimal, n_lines),
                "seconds": self.seconds.ravel(),
            }
        )

    @property
    def sentence(self) -> str:
        """What was measured, in words, for each number of training rows."""
        parts = []
        for line, n in enumerate(self.n_train):
            errors, best = self.mean_errors[line], int(self.mean_errors[line].argmin())
            of_best = f"{_percent(errors[best])} with {_features(self.dimensions[best])}"
            ends = [f"{_percent(errors[i])} with {_features(self.dimensions[i])}" for i in (0, -1)]
            if self._rises(line):
                course = f"falls from {ends[0]} to {of_best} and rises again to {ends[1]}"
            else:
                course = f"is {ends[0]} and {ends[1]}, at best {of_best}: no clear rise"
            parts.append(f"With {n} training rows the test error {course}.")
        d, first, last = self.dimensions, self.optimal[0], self.optimal[-1]
        parts.append(
            f"The rule that knows the means goes from {_percent(first)} to {_percent(last)}."
        )
        if len(d) > 1:
            times = self.seconds.mean(axis=0)
            parts.append(
                f"Time went from {1e3 * times[0]:.2g} ms with {_features(d[0])} to "
                f"{1e3 * times[-1]:.2g} ms with {_features(d[-1])}."
            )
        return " ".join(parts)

    def _rises(self, line: int) -> bool:
        errors = self.errors[line]
        best = int(errors.mean(axis=1).argmin())
        if best in (0, len(errors) - 1) or errors.shape[1] < 2:
            return False
        more = errors[[0, -1]] - errors[[best]]
        noise = more.std(axis=1, ddof=1) / np.sqrt(more.shape[1])
        return bool((more.mean(axis=1) > NOISE * noise).all())


def dimension_study(
    n_train: int | Sequence[int] = (10, 100),
    dimensions: Sequence[int] = DIMENSIONS,
    *,
    seeds: int = 50,
    n_test: int = 500,
    seed: int = 0,
) -> DimensionStudy:
    """Learn to tell two Gaussian classes apart from few rows, with more and more features.

    The classes are N(μ, I) and N(−μ, I) with μ_i = 1/√i: each further feature tells less, but
    something, so the optimal error Φ(−‖μ‖) falls towards 0. The learnt rule puts the mean of the
    training rows (those of the second class turned round) in the place of μ:  xᵀ m > 0. Every
    estimated μ_i adds the same noise, so that with n rows its error is about

        Φ(−s / √((1 + 1/n) s + d/n)),    s = Σ_{i≤d} 1/i,

    which falls, rises again, and ends at ½: the peaking of Hughes.

    Seeds share their rows over all dimensions and numbers of training rows, so differences are
    paired.

    Args:
        n_train: Training rows, one number or several.
        dimensions: Numbers of features, rising.
        seeds: Independent repetitions.
        n_test: Test rows of each.
        seed: Of the first repetition.

    Raises:
        RecipeError: If a number is below 1, or the dimensions do not rise.

    Source: Trunk 1979, https://doi.org/10.1109/TPAMI.1979.4766926; Hughes 1968.

    >>> study = dimension_study(10, (1, 20, 500), seeds=20)
    >>> study.best_dimensions, study.rises
    ((20,), (True,))
    """
    sizes = (n_train,) if isinstance(n_train, int) else tuple(int(n) for n in n_train)
    d = np.asarray(dimensions, dtype=int)
    if not sizes or min(sizes) < 1 or min(seeds, n_test) < 1:
        raise RecipeError(
            "dimension_study needs n_train, seeds and n_test of at least 1; got "
            f"n_train={n_train}, seeds={seeds}, n_test={n_test}."
        )
    if d.ndim != 1 or not len(d) or d[0] < 1 or not (np.diff(d) > 0).all():
        raise RecipeError(f"dimensions are rising numbers of at least 1; got {dimensions}.")
    mean = 1 / np.sqrt(np.arange(1, d[-1] + 1))
    signal = np.cumsum(mean**2)[d - 1]
    errors = np.empty((len(sizes), len(d), seeds))
    seconds = np.empty((len(sizes), len(d), seeds))
    for repetition in range(seeds):
        rng = np.random.default_rng([seed, repetition])
        # Turned to the first class's side: a row is mistaken if xᵀ m is not above 0.
        test = rng.standard_normal((n_test, d[-1]), np.float32) + mean.astype(np.float32)[None, :]
        train = rng.standard_normal((max(sizes), d[-1]), np.float32)
        train += mean.astype(np.float32)[None, :]
        for line, n in enumerate(sizes):
            for column, features in enumerate(d):
                start = time.perf_counter()
                learnt = train[:n, :features].mean(axis=0)
                wrong = (test[:, :features] @ learnt <= 0).mean()
                seconds[line, column, repetition] = time.perf_counter() - start
                errors[line, column, repetition] = wrong
    n = np.array(sizes)[:, None]
    expected = gaussian_error(
        2 * signal[None, :] / np.sqrt((1 + 1 / n) * signal[None, :] + d[None, :] / n)
    )
    return DimensionStudy(
        n_train=sizes,
        dimensions=d,
        errors=errors,
        optimal=gaussian_error(2 * np.sqrt(signal)),
        expected=expected,
        seconds=np.median(seconds, axis=2),  # a busy machine makes a few very long
    )


def _percent(share: float | np.floating) -> str:
    return f"{100 * share:.2g} %"


def _features(d: int | np.integer) -> str:
    return f"{d} feature{'' if d == 1 else 's'}"
