"""Fair comparison of the levels of one axis: means, paired differences, verdicts.

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

Sources stand in `pairs`, `ranks` and `effects`.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Literal

import numpy as np
from jaxtyping import Float

from gradlab.errors import DataError, RecipeError, unknown
from gradlab.lab.effects import share_independent, share_of_variance
from gradlab.lab.pairs import Test, judged_pairs
from gradlab.lab.ranks import average_ranks, complete_blocks, friedman_test, rank_groups
from gradlab.lab.rounding import is_constant
from gradlab.lab.verdicts import AxisRanking, Difference, LevelRow, LevelVerdict

MeanInterval = Literal["t", "bootstrap"]

MARGINS = {"accuracy": 0.005, "R²": 0.01}
"""Differences that do not matter in practice: half a percentage point, 0.01 of R²."""


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
    pairs = judged_pairs(
        levels,
        scores,
        higher_is_better=higher_is_better,
        alpha=1 - confidence,
        margin=margin,
        resolution=resolution,
        resample_correction=resample_correction,
        test=test,
    )
    blocks = complete_blocks(scores) if test != "welch" else np.empty((len(levels), 0))
    ranks = average_ranks(blocks, higher_is_better)
    friedman, friedman_p = friedman_test(blocks)
    critical, cliques = rank_groups(levels, ranks, blocks, confidence)
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
            share_independent(scores) if test == "welch" else share_of_variance(blocks)
        ),
    )


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
    if mean_interval == "t" or is_constant(values):
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
