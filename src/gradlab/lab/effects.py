"""How much of the variance of scores an axis explains, and how axes act together.

Source: Olejnik and Algina 2003 (omega²). SciPy is imported inside the functions that use it.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from gradlab.errors import DataError
from gradlab.lab.rounding import is_constant


def share_of_variance(scores: Float[np.ndarray, "levels blocks"]) -> float | None:
    """Return omega² of the levels, the blocks being a random factor: 0 to 1.

    The share of the levels' variance in the sum of the variances of levels, blocks and rest, each
    estimated without bias from the two-way analysis of variance (so that an axis without an
    effect gets about 0, where eta² would give it (k - 1) / (kn - 1) or more); estimates below 0
    are taken as 0. None for fewer than 2 levels or 2 blocks, or if all scores are equal.

    Source: Olejnik and Algina 2003, https://doi.org/10.1037/1082-989X.8.4.434
    """
    k, n = scores.shape
    if k < 2 or n < 2 or is_constant(scores):
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


def share_independent(scores: Float[np.ndarray, "levels runs"]) -> float | None:
    """omega² of a one-way analysis of variance, for levels without common blocks."""
    groups = [row[~np.isnan(row)] for row in scores]
    groups = [group for group in groups if len(group)]
    values = np.concatenate(groups) if groups else np.empty(0)
    freedom = len(values) - len(groups)
    if len(groups) < 2 or freedom < 1 or is_constant(values):
        return None
    total = float(np.sum((values - values.mean()) ** 2))
    noise = sum(float(np.sum((group - group.mean()) ** 2)) for group in groups) / freedom
    own = total - noise * freedom
    return max(0.0, (own - (len(groups) - 1) * noise) / (total + noise))


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

    total = 0.0 if is_constant(y) else float(np.sum((y - y.mean()) ** 2))
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
