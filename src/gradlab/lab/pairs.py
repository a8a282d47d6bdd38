"""Every pair of levels tested, with Holm's correction over all of them.

Sources: Holm 1979; Nadeau and Bengio 2003, eq. 7, https://doi.org/10.1023/A:1024068626366. SciPy is
imported inside the functions that use it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from typing import Literal

import numpy as np
from jaxtyping import Float

from gradlab.errors import RecipeError
from gradlab.lab.rounding import rounding
from gradlab.lab.verdicts import Difference, PairVerdict

Test = Literal["paired t", "wilcoxon", "welch"]

POWER = 0.8

MOST_SEEDS = 10_000
"""A comparison that needs more seeds than this is called out of reach."""


def required_seeds(
    std_of_differences: float,
    effect: float,
    power: float = POWER,
    alpha: float = 0.05,
    *,
    resample_correction: float | None = None,
    independent: bool = False,
) -> int | None:
    """Return the seeds a level that a two-sided t test needs to find an effect.

    The least n with P(T > t_{1-alpha/2}) >= power, where T is noncentral t with n - 1 degrees of
    freedom and noncentrality |effect| / (std_of_differences sqrt(1/n + resample_correction)).

    Args:
        std_of_differences: Standard deviation of one seed's difference; for independent samples
            sqrt(variance of one + variance of the other).
        effect: Difference to be found, in the same unit.
        power: Chance of finding it, in the right direction.
        alpha: Two-sided error of the test; for one of m pairs under Holm, at worst 0.05 / m.
        resample_correction: Nadeau and Bengio's n_test / n_train; with it more seeds help only
            up to a point.
        independent: Two unpaired samples of n each, 2n - 2 degrees of freedom.

    Returns:
        n >= 2, or None if `MOST_SEEDS` are not enough.

    Raises:
        RecipeError: If power or alpha lies outside (0, 1), or the deviation is negative.

    >>> required_seeds(3.0, 2.0)
    20
    """
    from scipy.special import ndtri, stdtrit
    from scipy.stats import nct

    if not 0 < alpha < 1 or not 0 < power < 1:
        raise RecipeError(f"power and alpha lie between 0 and 1; got {power=}, {alpha=}.")
    if not std_of_differences >= 0:
        raise RecipeError(f"A standard deviation is at least 0; got {std_of_differences=}.")
    if effect == 0:
        return None
    if std_of_differences == 0:
        return 2
    ratio = abs(effect) / std_of_differences
    correction = resample_correction or 0.0
    # The normal test needs fewer seeds than any t test, so the search can start there.
    room = (ratio / (ndtri(power) - ndtri(alpha / 2))) ** 2 - correction
    if room <= 1 / MOST_SEEDS:
        return None
    start = max(2, int(1 / room))
    while start <= MOST_SEEDS:
        n = np.arange(start, start + 16)
        freedom = 2 * (n - 1) if independent else n - 1
        critical = -stdtrit(freedom, alpha / 2)
        reached = nct.sf(critical, freedom, ratio / np.sqrt(1 / n + correction))
        if np.any(reached >= power):
            return int(n[np.argmax(reached >= power)])
        start += 16
    return None


def holm(p: Float[np.ndarray, " tests"]) -> Float[np.ndarray, " tests"]:
    """Return Holm's corrected p values: in rising order, max over j <= i of (m - j + 1) p_(j).

    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(np.arange(len(p), 0, -1) * p[order])
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


@dataclass(frozen=True)
class _Sample:
    """A difference of two levels before it is judged; freedom 0 where nothing can be tested."""

    n: int
    mean: float
    std: float
    error: float
    freedom: float
    p: float


def judged_pairs(
    levels: Sequence[str],
    scores: Float[np.ndarray, "levels blocks"],
    *,
    higher_is_better: bool,
    alpha: float,
    margin: float,
    resolution: float | None,
    resample_correction: float | None,
    test: Test,
) -> tuple[Difference, ...]:
    """Return the difference of every pair of levels with its verdict, corrected over all pairs."""
    from scipy.special import stdtrit

    noise = rounding(float(np.nanmax(np.abs(scores), initial=0.0)))
    step = _smallest_step(scores, noise)
    names, samples = [], []
    for better, worse in combinations(range(len(levels)), 2):
        if test == "welch":
            sample = _welch(scores[worse], scores[better], noise, resolution, step)
        else:
            sample = _paired(
                scores[worse] - scores[better],
                noise,
                resolution,
                step,
                resample_correction or 0.0,
                test,
            )
        if sample is not None:
            names.append((levels[worse], levels[better]))
            samples.append(sample)
    tested = [i for i, sample in enumerate(samples) if sample.freedom > 0]
    p = np.array([samples[i].p for i in tested])
    step_alpha = _holm_levels(p, alpha)
    freedom = np.array([samples[i].freedom for i in tested])
    error = np.array([samples[i].error for i in tested])
    halves = -stdtrit(freedom, step_alpha / 2) * error
    judged = {
        i: (float(half), float(level), float(corrected))
        for i, half, level, corrected in zip(tested, halves, step_alpha, holm(p), strict=True)
    }

    pairs = []
    for i, ((level, reference), sample) in enumerate(zip(names, samples, strict=True)):
        if i not in judged:
            pairs.append(_untested(level, reference, sample))
            continue
        half, pair_alpha, corrected = judged[i]
        low, high = sample.mean - half, sample.mean + half
        verdict: PairVerdict = "cannot be told apart"
        if -margin <= low and high <= margin:
            verdict = "practically equal"
        elif corrected < alpha:
            verdict = "better" if (sample.mean > 0) == higher_is_better else "worse"
        needed = None
        if verdict == "cannot be told apart":
            needed = required_seeds(
                sample.std,
                sample.mean,
                alpha=pair_alpha,
                resample_correction=resample_correction,
                independent=test == "welch",
            )
        pairs.append(
            Difference(
                level=level,
                reference=reference,
                n=sample.n,
                mean=sample.mean,
                low=low,
                high=high,
                confidence=1 - pair_alpha,
                std=sample.std,
                p=sample.p,
                p_corrected=corrected,
                verdict=verdict,
                seeds_needed=needed,
            )
        )
    return tuple(pairs)


def _untested(level: str, reference: str, sample: _Sample) -> Difference:
    return Difference(
        level=level,
        reference=reference,
        n=sample.n,
        mean=sample.mean,
        low=None,
        high=None,
        confidence=None,
        std=None,
        p=None,
        p_corrected=None,
        verdict="cannot be told apart",
        seeds_needed=None,
    )


def _paired(
    differences: Float[np.ndarray, " blocks"],
    noise: float,
    resolution: float | None,
    step: float,
    correction: float,
    test: Test,
) -> _Sample | None:
    differences = differences[~np.isnan(differences)]
    n = len(differences)
    if n == 0:
        return None
    mean = float(differences.mean())
    if abs(mean) <= noise:
        mean = 0.0
    if n == 1:
        return _Sample(1, mean, 0.0, 0.0, 0.0, 1.0)
    std = float(differences.std(ddof=1))
    if resolution is not None:
        std = max(std, resolution / sqrt(6))
    elif std <= noise:  # the same in every block: the spread is unknown, not zero
        std = step / sqrt(6) if mean else 0.0
    error = std * sqrt(1 / n + correction)
    p = _t_p(mean, error, float(n - 1))
    if test == "wilcoxon":
        p = _wilcoxon_p(differences, noise)
    return _Sample(n, mean, std, error, float(n - 1), p)


def _welch(
    a: Float[np.ndarray, " blocks"],
    b: Float[np.ndarray, " blocks"],
    noise: float,
    resolution: float | None,
    step: float,
) -> _Sample | None:
    a, b = a[~np.isnan(a)], b[~np.isnan(b)]
    n = min(len(a), len(b))
    if n == 0:
        return None
    mean = float(a.mean() - b.mean())
    if abs(mean) <= noise:
        mean = 0.0
    if n == 1:
        return _Sample(1, mean, 0.0, 0.0, 0.0, 1.0)
    variances = [float(x.var(ddof=1)) for x in (a, b)]
    constant = max(variances) <= noise**2
    if constant and mean == 0 and resolution is None:
        return _Sample(n, 0.0, 0.0, 0.0, float(len(a) + len(b) - 2), 1.0)
    if resolution is not None or constant:
        floor = (step if resolution is None else resolution) ** 2 / 12
        variances = [max(variance, floor) for variance in variances]
    parts = [variance / len(x) for variance, x in zip(variances, (a, b), strict=True)]
    error = sqrt(sum(parts))
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(x) - 1) for part, x in zip(parts, (a, b), strict=True)
    )
    return _Sample(n, mean, sqrt(sum(variances)), error, freedom, _t_p(mean, error, freedom))


def _smallest_step(scores: Float[np.ndarray, "levels blocks"], noise: float) -> float:
    """The smallest gap between two scores that is more than rounding; that, if there is none."""
    gaps = np.diff(np.unique(scores[~np.isnan(scores)]))
    return float(np.min(gaps[gaps > noise])) if np.any(gaps > noise) else noise


def _t_p(mean: float, error: float, freedom: float) -> float:
    from scipy.special import stdtr

    if mean == 0:
        return 1.0
    return float(2 * stdtr(freedom, -abs(mean) / error))


def _wilcoxon_p(differences: Float[np.ndarray, " blocks"], noise: float) -> float:
    from scipy.stats import wilcoxon

    moved = differences[np.abs(differences) > noise]
    if len(moved) == 0:
        return 1.0
    return float(np.asarray(wilcoxon(moved))[1])


def _holm_levels(p: Float[np.ndarray, " tests"], alpha: float) -> Float[np.ndarray, " tests"]:
    """The alpha against which each test stood in Holm's procedure.

    The i-th smallest p stands against alpha / (m - i + 1); once one has failed, all after it
    stand where it stood.
    """
    order = np.argsort(p, kind="stable")
    steps = alpha / np.arange(len(p), 0, -1)
    failed = np.flatnonzero(p[order] >= steps)
    if len(failed):
        steps[failed[0] :] = steps[failed[0]]
    levels = np.empty_like(p)
    levels[order] = steps
    return levels
