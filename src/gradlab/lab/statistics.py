"""Fair comparison of the levels of one axis: means, paired differences, verdicts, effects.

Scores come as a matrix, levels × blocks. A block is a seed (common random numbers: its runs share
initial draws, batch order and validation rows), or, in a factorial study, a seed and a setting of
the other axes. NaN is a missing score; a run that diverged is a result and should be given the
score of a model that has learnt nothing, else unstable techniques are judged by their good seeds.

What a ranking claims, it claims together: every pair of levels is tested, and Holm's step-down
correction over all k(k-1)/2 pairs keeps the chance of even one false "better" or "worse" at
alpha = 1 - confidence, whatever the dependence between pairs. The leader is chosen by the same
scores that judge it; since the family holds every pair, the pairs of whichever level comes first
are covered. The same corrected numbers serve for the comparison with the base.

The paired t test is the default: it holds its error for differences that are symmetric (they are
when two levels are the same technique), and has power at 5 to 10 seeds, where Wilcoxon's smallest
p (2 · 2^-n: 0.06 at n = 5, 0.002 at n = 10) can't survive a correction over many pairs.

Sources: Holm 1979; Friedman 1937; Nemenyi 1963; Demšar 2006, https://jmlr.org/papers/v7/demsar06a;
Nadeau and Bengio 2003, eq. 7, https://doi.org/10.1023/A:1024068626366; Olejnik and Algina 2003
(omega²). SciPy is imported inside the functions that use it.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import sqrt
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from gradlab.errors import DataError, RecipeError, unknown
from gradlab.lab.verdicts import AxisRanking, Difference, LevelRow, LevelVerdict, PairVerdict

Test = Literal["paired t", "wilcoxon", "welch"]
MeanInterval = Literal["t", "bootstrap"]

MARGINS = {"accuracy": 0.005, "R²": 0.01}
"""Differences that do not matter in practice: half a percentage point, 0.01 of R²."""

POWER = 0.8
MOST_SEEDS = 10_000
"""A comparison that needs more seeds than this is called out of reach."""


def rank_axis(
    axis: str,
    levels: Sequence[str],
    scores: Float[np.ndarray, "levels blocks"],
    *,
    base: str | None = None,
    higher_is_better: bool = True,
    unit: str = "accuracy",
    confidence: float = 0.95,
    margin: float | None = None,
    resolution: float | None = None,
    resample_correction: float | None = None,
    test: Test = "paired t",
    mean_interval: MeanInterval = "t",
) -> AxisRanking:
    """Rank the levels of an axis and say which differences are real.

    A level is "worse" than the leader if Holm's corrected p over all pairs is below
    1 - confidence, "practically equal" if the whole interval of the difference lies within
    ± margin (this goes first: a difference can be both real and too small to matter), and "cannot
    be told apart" otherwise. Intervals lie at the confidence of the pair's Holm step, so they
    leave out 0 exactly when the corrected p is below alpha (for the t tests).

    Args:
        axis: Name of what was varied.
        levels: Names of the levels, the rows of `scores`.
        scores: One row a level, one column a block; NaN where there is none.
        base: The level of the base recipe; None if it is not among the levels.
        higher_is_better: False for losses and errors.
        unit: "accuracy" (shown in percentage points), "R²", or the name of another score.
        confidence: 1 - alpha, of the intervals and of the whole family of verdicts.
        margin: Largest difference that does not matter, in the unit of the scores; None takes
            `MARGINS`.
        resolution: Smallest possible step of a score (1 / validation rows for an accuracy). A
            score can't be known better than that, so it puts a floor under variances: the
            variance resolution²/12 of rounding, for each of the two scores. None puts that
            floor, with the smallest step seen between any two scores, only under a difference
            that is the same in every block and not 0, whose spread would else be 0.
        resample_correction: Nadeau and Bengio's n_test / n_train where blocks are resamples of
            one set of rows: the variance of a mean is std² (1/n + n_test / n_train).
        test: "paired t"; "wilcoxon" (signed ranks: p only, intervals stay those of t); "welch"
            for independent samples, whose columns are not matched.
        mean_interval: Interval of each level's mean, "t" or "bootstrap" (BCa, 2,000 draws).

    Raises:
        DataError: If the matrix does not fit the levels, or holds an infinite score.
        RecipeError: If an option is unknown or out of its range.

    >>> scores = np.array([[0.90, 0.91, 0.92, 0.93], [0.80, 0.82, 0.81, 0.83]])
    >>> ranking = rank_axis("optimizer", ["adam", "sgd"], scores)
    >>> ranking.sentences[0]
    'adam beats sgd by 10.0 points [8.7, 11.3].'
    """
    _check(levels, scores, base, confidence, resolution, resample_correction)
    if test not in ("paired t", "wilcoxon", "welch"):
        raise RecipeError(unknown("test", test, ("paired t", "wilcoxon", "welch")))
    if test == "welch" and resample_correction is not None:
        raise RecipeError(
            "resample_correction is for paired tests; got it with test='welch'. Drop one of them."
        )
    if mean_interval not in ("t", "bootstrap"):
        raise RecipeError(unknown("interval", mean_interval, ("t", "bootstrap")))
    margin = _margin(margin, unit)

    order = _best_first(scores, higher_is_better)
    levels, scores = [levels[i] for i in order], scores[order]
    pairs = _pairs(
        levels,
        scores,
        higher_is_better=higher_is_better,
        alpha=1 - confidence,
        margin=margin,
        resolution=resolution,
        resample_correction=resample_correction,
        test=test,
    )
    blocks = _complete_blocks(scores) if test != "welch" else np.empty((len(levels), 0))
    ranks = _average_ranks(blocks, higher_is_better)
    friedman, friedman_p = _friedman(blocks)
    critical, cliques = _rank_groups(levels, ranks, blocks, confidence)
    return AxisRanking(
        axis=axis,
        unit=unit,
        higher_is_better=higher_is_better,
        base=base,
        confidence=confidence,
        margin=margin,
        test=test,
        mean_interval=mean_interval,
        rows=_rows(
            levels, scores, pairs, ranks, base, confidence, resample_correction, mean_interval, unit
        ),
        pairs=pairs,
        complete_blocks=blocks.shape[1],
        friedman=friedman,
        friedman_p=friedman_p,
        critical_difference=critical,
        cliques=cliques,
        share_of_variance=(
            _share_independent(scores) if test == "welch" else share_of_variance(blocks)
        ),
    )


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


def nemenyi_critical_difference(k: int, n: int, alpha: float = 0.05) -> float:
    """Return the least difference of average ranks that Nemenyi's test calls real.

    CD = q_alpha sqrt(k (k + 1) / (6 n)) for k levels over n blocks, q_alpha the studentised range
    with infinite degrees of freedom divided by sqrt(2).

    Source: Demšar 2006, section 3.2.2 and table 5, https://jmlr.org/papers/v7/demsar06a

    >>> round(nemenyi_critical_difference(k=4, n=14), 2)
    1.25
    """
    return _studentized_range(k, alpha) / sqrt(2) * sqrt(k * (k + 1) / (6 * n))


def share_of_variance(scores: Float[np.ndarray, "levels blocks"]) -> float | None:
    """Return omega² of the levels, the blocks being a random factor: 0 to 1.

    The share of the levels' variance in the sum of the variances of levels, blocks and rest, each
    estimated without bias from the two-way analysis of variance (so that an axis without an
    effect gets about 0, where eta² would give it (k - 1) / (kn - 1) or more); estimates below 0
    are taken as 0. None for fewer than 2 levels or 2 blocks, or if all scores are equal.

    Source: Olejnik and Algina 2003, https://doi.org/10.1037/1082-989X.8.4.434
    """
    k, n = scores.shape
    if k < 2 or n < 2 or _is_constant(scores):
        return None
    centred = scores - scores.mean()
    level = centred.mean(axis=1, keepdims=True)
    block = centred.mean(axis=0, keepdims=True)
    rest = np.sum((centred - level - block) ** 2) / ((k - 1) * (n - 1))
    level_square = n * np.sum(level**2) / (k - 1)
    block_square = k * np.sum(block**2) / (n - 1)
    of_levels = max(0.0, (k - 1) / k * (level_square - rest) / n)
    of_blocks = max(0.0, (block_square - rest) / k)
    return float(of_levels / (of_levels + of_blocks + rest))


def seed_means(
    scores: Float[np.ndarray, "levels blocks"], seeds: Int[np.ndarray, " blocks"]
) -> Float[np.ndarray, "levels seeds"]:
    """Average the blocks of a factorial study that share a seed; columns in rising seed order.

    Runs of one seed share their random draws under every setting of the other axes, so their
    differences are not independent, and only the seeds' means may be tested as blocks. With a
    single seed, test the blocks themselves: the verdict then speaks of these settings, not of
    seeds. A mean with a missing run is missing.

    >>> seed_means(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([7, 7, 3, 3]))
    array([[3.5, 1.5]])
    """
    columns = [scores[:, seeds == seed].mean(axis=1) for seed in np.unique(seeds)]
    return np.stack(columns, axis=1)


@dataclass(frozen=True)
class AxisEffect:
    """What one axis of a factorial or random study explains.

    Attributes:
        axis: Name of the axis.
        share: Share of the scores' variance that is lost without this axis (eta²).
        unbiased_share: The same without what chance alone explains (omega²), at least 0.
        f: F statistic of the axis; None without residual degrees of freedom.
        p: Its p.
        marginal_means: Mean score of each level, the other axes' levels weighing alike.
    """

    axis: str
    share: float
    unbiased_share: float
    f: float | None
    p: float | None
    marginal_means: dict[Hashable, float]


@dataclass(frozen=True)
class AxisEffects:
    """Main effects of a study's axes, the largest share first.

    Attributes:
        effects: One for each axis.
        residual: Share that no main effect explains: interactions, seeds, chance.
        n: Runs that were used.
    """

    effects: tuple[AxisEffect, ...]
    residual: float
    n: int


def axis_effects(
    settings: Mapping[str, Sequence[Hashable]], scores: Float[np.ndarray, " runs"]
) -> AxisEffects:
    """Split the variance of scores into the main effects of the axes and the rest.

    Fits score = mean + sum of one effect an axis by least squares; the share of an axis is what
    the fit loses without it. In a balanced factorial design the axes are orthogonal, this is
    the classical analysis of variance, and the shares and the residual add to 1. In a random
    design it is each axis' own part, what axes explain together belonging to none.

    Args:
        settings: Axis -> its level in each run; give the seed as an axis to take it out too.
        scores: Score of each run; runs with NaN are left out.

    Raises:
        DataError: If a column's length is not that of `scores`, a score is infinite, or fewer
            than 2 scores are left.

    >>> effects = axis_effects({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1]}, np.array([1.0, 1, 3, 3]))
    >>> [(effect.axis, round(effect.share, 6)) for effect in effects.effects]
    [('a', 1.0), ('b', 0.0)]
    """
    for axis, column in settings.items():
        if len(column) != len(scores):
            raise DataError(
                f"Axis '{axis}' has {len(column)} runs, the scores {len(scores)}: "
                "give one level for each score."
            )
    if np.any(np.isinf(scores)):
        raise DataError("A score is infinite. Give runs that diverged a finite score or NaN.")
    kept = ~np.isnan(scores)
    y = scores[kept]
    if len(y) < 2:
        raise DataError(f"Effects need at least 2 scores; got {len(y)}.")
    names: dict[str, list[Hashable]] = {}
    codes: dict[str, Float[np.ndarray, "runs effects"]] = {}
    for axis, column in settings.items():
        used = [level for level, keep in zip(column, kept, strict=True) if keep]
        names[axis] = list(dict.fromkeys(used))
        codes[axis] = _sum_to_zero(used, names[axis])

    total = 0.0 if _is_constant(y) else float(np.sum((y - y.mean()) ** 2))
    coefficients, full_rest, full_rank = _fit(list(codes.values()), y)
    if full_rest <= 1e-12 * total:  # an exact fit leaves rounding, not noise
        full_rest = 0.0
    freedom = len(y) - full_rank
    noise = full_rest / freedom if freedom > 0 else 0.0
    effects = []
    start = 1
    for axis, block in codes.items():
        others = [code for other, code in codes.items() if other != axis]
        _, rest, rank = _fit(others, y)
        own, used = max(0.0, rest - full_rest), full_rank - rank
        f, p = _f_test(own, used, noise, freedom)
        end = start + block.shape[1]
        effect = coefficients[start:end]
        by_level = [*effect, -effect.sum()]
        start = end
        effects.append(
            AxisEffect(
                axis=axis,
                share=own / total if total else 0.0,
                unbiased_share=(max(0.0, (own - used * noise) / (total + noise)) if total else 0.0),
                f=f,
                p=p,
                marginal_means={
                    level: float(coefficients[0] + change)
                    for level, change in zip(names[axis], by_level, strict=True)
                },
            )
        )
    effects.sort(key=lambda effect: -effect.share)
    return AxisEffects(tuple(effects), full_rest / total if total else 0.0, len(y))


# --- pairs -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sample:
    """A difference of two levels before it is judged; freedom 0 where nothing can be tested."""

    n: int
    mean: float
    std: float
    error: float
    freedom: float
    p: float


def _pairs(
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
    from scipy.special import stdtrit

    noise = _rounding(float(np.nanmax(np.abs(scores), initial=0.0)))
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


def _rounding(largest: float) -> float:
    """Differences of this size or smaller are rounding: scores are computed in float32."""
    return float(2 * np.finfo(np.float32).eps * largest)


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


# --- rows --------------------------------------------------------------------------------------


def _rows(
    levels: Sequence[str],
    scores: Float[np.ndarray, "levels blocks"],
    pairs: Sequence[Difference],
    ranks: Float[np.ndarray, " tested"] | None,
    base: str | None,
    confidence: float,
    resample_correction: float | None,
    mean_interval: MeanInterval,
    unit: str,
) -> tuple[LevelRow, ...]:
    found = {(pair.level, pair.reference): pair for pair in pairs}
    found |= {(pair.reference, pair.level): pair.flipped() for pair in pairs}
    rows = []
    for i, level in enumerate(levels):  # those that can't be tested, and have no rank, come last
        values = scores[i][~np.isnan(scores[i])]
        n = len(values)
        low, high = _interval(values, confidence, resample_correction, mean_interval)
        if low is not None and high is not None and unit == "accuracy":
            low, high = max(low, 0.0), min(high, 1.0)  # a t interval does not know of the ends
        to_leader = found.get((level, levels[0]))
        verdict: LevelVerdict = "leader" if i == 0 else "cannot be told apart"
        if n == 0:
            verdict = "no score"
        elif i > 0 and to_leader is not None and to_leader.verdict != "better":
            # "better" than the leader happens only where missing scores hide it: not a verdict.
            verdict = to_leader.verdict
        rows.append(
            LevelRow(
                level=level,
                n=n,
                missing=scores.shape[1] - n,
                mean=float(values.mean()) if n else None,
                low=low,
                high=high,
                std=float(values.std(ddof=1)) if n > 1 else None,
                average_rank=float(ranks[i]) if ranks is not None and i < len(ranks) else None,
                difference_to_leader=to_leader,
                difference_to_base=found.get((level, base)) if base is not None else None,
                verdict=verdict,
                seeds_needed=None if to_leader is None else to_leader.seeds_needed,
            )
        )
    return tuple(rows)


def _interval(
    values: Float[np.ndarray, " n"],
    confidence: float,
    resample_correction: float | None,
    mean_interval: MeanInterval,
) -> tuple[float | None, float | None]:
    from scipy.special import stdtrit
    from scipy.stats import bootstrap

    n = len(values)
    if n < 2:
        return None, None
    mean, std = float(values.mean()), float(values.std(ddof=1))
    if mean_interval == "t" or _is_constant(values):
        error = std * sqrt(1 / n + (resample_correction or 0.0))
        half = -float(stdtrit(n - 1, (1 - confidence) / 2)) * error
        return mean - half, mean + half
    # A fixed generator: the same scores always give the same report.
    ends = bootstrap(
        (values,),
        np.mean,
        n_resamples=2000,
        confidence_level=confidence,
        method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(ends.low), float(ends.high)


def _best_first(scores: Float[np.ndarray, "levels blocks"], higher_is_better: bool) -> list[int]:
    """Order of the levels: by mean, but after those that can be tested come those that can't."""

    def place(i: int) -> tuple[int, float]:
        values = scores[i][~np.isnan(scores[i])]
        if len(values) == 0:
            return 2, 0.0
        mean = float(values.mean())
        return int(len(values) < 2), -mean if higher_is_better else mean

    return sorted(range(len(scores)), key=place)


# --- ranks and variance ------------------------------------------------------------------------


def _complete_blocks(
    scores: Float[np.ndarray, "levels blocks"],
) -> Float[np.ndarray, "tested complete"]:
    """Scores of the levels with at least 2 (the first rows), in the blocks that have them all."""
    tested = scores[np.sum(~np.isnan(scores), axis=1) >= 2]
    return tested[:, ~np.any(np.isnan(tested), axis=0)]


def _average_ranks(
    blocks: Float[np.ndarray, "tested complete"], higher_is_better: bool
) -> Float[np.ndarray, " tested"] | None:
    from scipy.stats import rankdata

    if blocks.size == 0:
        return None
    return rankdata(-blocks if higher_is_better else blocks, axis=0).mean(axis=1)


def _friedman(blocks: Float[np.ndarray, "tested complete"]) -> tuple[float | None, float | None]:
    """Friedman's chi-squared and p; two levels need no omnibus test."""
    from scipy.stats import friedmanchisquare

    k, n = blocks.shape
    if k < 3 or n < 2:
        return None, None
    if np.all(blocks == blocks[0]):  # every rank tied: 0 / 0
        return 0.0, 1.0
    result = friedmanchisquare(*blocks)
    return float(result.statistic), float(result.pvalue)


def _rank_groups(
    levels: Sequence[str],
    ranks: Float[np.ndarray, " tested"] | None,
    blocks: Float[np.ndarray, "tested complete"],
    confidence: float,
) -> tuple[float | None, tuple[tuple[str, ...], ...]]:
    """Nemenyi's critical difference and the longest groups of levels within it."""
    k, n = blocks.shape
    if ranks is None or k < 2 or n < 2:
        return None, ()
    critical = nemenyi_critical_difference(k, n, 1 - confidence)
    order = np.argsort(ranks, kind="stable")
    groups: list[tuple[str, ...]] = []
    reached = 0
    for first in range(k):
        within = np.flatnonzero(ranks[order] - ranks[order[first]] < critical)
        end = int(within[-1]) + 1
        if end > reached and end - first > 1:
            groups.append(tuple(levels[int(i)] for i in order[first:end]))
        reached = max(reached, end)
    return critical, tuple(groups)


@lru_cache(maxsize=64)
def _studentized_range(k: int, alpha: float) -> float:
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(1 - alpha, k, np.inf))


def _share_independent(scores: Float[np.ndarray, "levels runs"]) -> float | None:
    """omega² of a one-way analysis of variance, for levels without common blocks."""
    groups = [row[~np.isnan(row)] for row in scores]
    groups = [group for group in groups if len(group)]
    values = np.concatenate(groups) if groups else np.empty(0)
    freedom = len(values) - len(groups)
    if len(groups) < 2 or freedom < 1 or _is_constant(values):
        return None
    total = float(np.sum((values - values.mean()) ** 2))
    noise = sum(float(np.sum((group - group.mean()) ** 2)) for group in groups) / freedom
    own = total - noise * freedom
    return max(0.0, (own - (len(groups) - 1) * noise) / (total + noise))


def _is_constant(values: Float[np.ndarray, "..."]) -> bool:
    return bool(np.ptp(values) <= _rounding(float(np.max(np.abs(values)))))


def _sum_to_zero(
    column: Sequence[Hashable], levels: Sequence[Hashable]
) -> Float[np.ndarray, "runs effects"]:
    """Code levels so that their effects add to 0: the last is minus the sum of the others."""
    codes = np.vstack([np.eye(len(levels) - 1), -np.ones((1, len(levels) - 1))])
    place = {level: i for i, level in enumerate(levels)}
    return codes[[place[level] for level in column]]


def _fit(
    codes: Sequence[Float[np.ndarray, "runs ..."]], y: Float[np.ndarray, " runs"]
) -> tuple[Float[np.ndarray, " coefficients"], float, int]:
    """Least squares with an intercept: coefficients, residual sum of squares, rank."""
    design = np.hstack([np.ones((len(y), 1)), *codes])
    coefficients, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    return coefficients, float(np.sum((y - design @ coefficients) ** 2)), int(rank)


def _f_test(own: float, used: int, noise: float, freedom: int) -> tuple[float | None, float | None]:
    from scipy.stats import f as f_distribution

    if used == 0 or freedom < 1 or noise == 0:
        return None, None
    statistic = own / used / noise
    return statistic, float(f_distribution.sf(statistic, used, freedom))


# --- checks ------------------------------------------------------------------------------------


def _check(
    levels: Sequence[str],
    scores: Float[np.ndarray, "levels blocks"],
    base: str | None,
    confidence: float,
    resolution: float | None,
    resample_correction: float | None,
) -> None:
    if len(levels) == 0 or len(levels) != len(scores):
        raise DataError(
            f"A ranking takes one row of scores a level; got {len(levels)} levels and "
            f"{len(scores)} rows."
        )
    if len(set(levels)) != len(levels):
        twice = next(level for level in levels if list(levels).count(level) > 1)
        raise DataError(f"Level '{twice}' is there twice. Give every level its own name.")
    if np.any(np.isinf(scores)):
        row = int(np.flatnonzero(np.any(np.isinf(scores), axis=1))[0])
        raise DataError(
            f"Level '{levels[row]}' has an infinite score. Give runs that diverged the score of "
            "a model that has learnt nothing, or NaN if there is none."
        )
    if base is not None and base not in levels:
        raise RecipeError(unknown("base level", base, levels))
    if not 0 < confidence < 1:
        raise RecipeError(f"confidence lies between 0 and 1, e.g. 0.95; got {confidence}.")
    if resolution is not None and not resolution > 0:
        raise RecipeError(f"resolution is above 0, e.g. 1 / validation rows; got {resolution}.")
    if resample_correction is not None and not resample_correction >= 0:
        raise RecipeError(
            f"resample_correction is n_test / n_train, at least 0; got {resample_correction}."
        )


def _margin(margin: float | None, unit: str) -> float:
    if margin is None:
        if unit not in MARGINS:
            raise RecipeError(
                f"There is no usual margin for '{unit}'. Give margin, the largest difference "
                "that does not matter, in the unit of the scores."
            )
        return MARGINS[unit]
    if not margin >= 0:
        raise RecipeError(f"margin is at least 0; got {margin}.")
    return margin
