"""What a comparison found, and the plain words for it.

The records hold numbers in the unit of the scores (an accuracy of 97.3 % is 0.973); only the
words turn accuracies into percentage points. `gradlab.lab.ranking` fills the records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

PairVerdict = Literal["better", "worse", "practically equal", "cannot be told apart"]
LevelVerdict = Literal["leader", "worse", "practically equal", "cannot be told apart", "no score"]
Labels = Mapping[str, str]
"""Names to show instead of a level's own, e.g. {"sgd": "SGD"}; others are shown as they are."""

_FLIPPED: dict[PairVerdict, PairVerdict] = {
    "better": "worse",
    "worse": "better",
    "practically equal": "practically equal",
    "cannot be told apart": "cannot be told apart",
}
_LISTED_WITH_NUMBERS = 3  # longer lists show the numbers of the nearest only
_COUNTS = {2: "both", 3: "all three", 4: "all four", 5: "all five", 6: "all six"}


@dataclass(frozen=True)
class Difference:
    """Score of `level` minus score of `reference`, with what can be said about it.

    Attributes:
        level: The level that is judged.
        reference: The level it is judged against.
        n: Blocks (seeds) that both have; for independent samples the smaller of the two counts.
        mean: Mean difference, in the unit of the scores.
        low: Lower end of the interval; None with fewer than 2 blocks.
        high: Upper end. The interval lies at the confidence that Holm's step asked of this pair
            (`confidence`), so a t interval leaves out 0 exactly when `p_corrected` is below the
            study's alpha.
        confidence: Confidence of [low, high], at least that of the ranking; None with low.
        std: Standard deviation of the difference of one block, after any variance floor.
        p: Two-sided p of this pair alone.
        p_corrected: p after Holm over all pairs of the ranking.
        verdict: What follows for `level`, seen from `reference`.
        seeds_needed: Seeds that would separate the pair with 80 % power if the observed difference
            were the true one; None if it is separated, practically equal, exactly 0, or out of
            reach.
    """

    level: str
    reference: str
    n: int
    mean: float
    low: float | None
    high: float | None
    confidence: float | None
    std: float | None
    p: float | None
    p_corrected: float | None
    verdict: PairVerdict
    seeds_needed: int | None

    def flipped(self) -> "Difference":
        """Return the same finding seen from the other level."""
        return replace(
            self,
            level=self.reference,
            reference=self.level,
            mean=-self.mean,
            low=None if self.high is None else -self.high,
            high=None if self.low is None else -self.low,
            verdict=_FLIPPED[self.verdict],
        )


@dataclass(frozen=True)
class LevelRow:
    """One level of a ranking.

    Attributes:
        level: Name of the level.
        n: Scores it has.
        missing: Scores it lacks (NaN in the matrix).
        mean: Mean score; None without a score.
        low: Lower end of the interval of the mean, of accuracies within 0 and 1; None with fewer
            than 2 scores.
        high: Upper end of the interval of the mean.
        std: Standard deviation of the scores (divisor n - 1).
        average_rank: Mean rank over the complete blocks, 1 is best; None where no block is complete
            or samples are independent.
        difference_to_leader: Level minus leader; None for the leader itself.
        difference_to_base: Level minus base; None for the base itself or without a base.
        verdict: Seen from the leader.
        seeds_needed: To separate the level from the leader, see `Difference`.
    """

    level: str
    n: int
    missing: int
    mean: float | None
    low: float | None
    high: float | None
    std: float | None
    average_rank: float | None
    difference_to_leader: Difference | None
    difference_to_base: Difference | None
    verdict: LevelVerdict
    seeds_needed: int | None


@dataclass(frozen=True)
class AxisRanking:
    """The levels of one axis, best first, and every pair of them.

    Attributes:
        axis: Name of the axis, e.g. "optimizer".
        unit: "accuracy" (words in percentage points), "R²", or the name of another score.
        higher_is_better: False for losses and errors.
        base: Level of the base recipe, if it is one of the levels.
        confidence: 1 - alpha of the whole ranking.
        margin: Differences within ± margin do not matter in practice.
        test: "paired t", "wilcoxon" or "welch".
        mean_interval: How `low` and `high` of a row were made, "t" or "bootstrap" (BCa).
        rows: The levels, best first; the first is the leader.
        pairs: Every pair that shares blocks, level the lower-placed, reference the higher-placed.
        complete_blocks: Blocks in which every level with at least 2 scores has one.
        friedman: Friedman's chi-squared over the complete blocks; None with fewer than 3 levels.
        friedman_p: Its p.
        critical_difference: Nemenyi's, in average ranks; None where there are no average ranks.
        cliques: Groups of levels whose average ranks lie within the critical difference, for the
            critical-difference diagram; each best first, only groups that no other contains.
        share_of_variance: omega² of the axis, 0 to 1; None where it can't be estimated.
    """

    axis: str
    unit: str
    higher_is_better: bool
    base: str | None
    confidence: float
    margin: float
    test: str
    mean_interval: str
    rows: tuple[LevelRow, ...]
    pairs: tuple[Difference, ...]
    complete_blocks: int
    friedman: float | None
    friedman_p: float | None
    critical_difference: float | None
    cliques: tuple[tuple[str, ...], ...]
    share_of_variance: float | None

    @property
    def leader(self) -> str:
        """Name of the best level."""
        return self.rows[0].level

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings in plain words; `describe` takes labels for the names."""
        return describe(self)

    def row(self, level: str) -> LevelRow:
        """Return the row of a level; KeyError if there is none."""
        for row in self.rows:
            if row.level == level:
                return row
        raise KeyError(level)

    def difference(self, level: str, reference: str) -> Difference | None:
        """Return level minus reference; None if the two share no block."""
        for pair in self.pairs:
            if (pair.level, pair.reference) == (level, reference):
                return pair
            if (pair.level, pair.reference) == (reference, level):
                return pair.flipped()
        return None


def describe(ranking: AxisRanking, labels: Labels | None = None) -> tuple[str, ...]:
    """Return the findings of a ranking as plain sentences, the main one first.

    Args:
        ranking: From `gradlab.lab.ranking.rank_axis`.
        labels: Names to show for levels.
    """
    if ranking.rows[0].mean is None:
        return (f"No run of {ranking.axis} gave a score, so nothing can be said.",)
    labels = labels or {}
    sentences = [
        _answer(ranking, labels),
        *_other_equals(ranking, labels),
        *_base(ranking, labels),
        *_seeds(ranking, labels),
        *_gaps(ranking, labels),
    ]
    return tuple(sentences)


def format_score(value: float, unit: str) -> str:
    """Return a score in words.

    >>> format_score(0.9731, "accuracy")
    '97.3 %'
    >>> format_score(0.81234, "R²")
    '0.812'
    """
    if unit == "accuracy":
        return f"{100 * value:.1f} %"
    return _minus(f"{value:#.3g}" if unit != "R²" else f"{value:.3f}")


def format_interval(low: float, high: float, unit: str, decimals: int | None = None) -> str:
    """Return an interval in the unit's numbers; ends that are not 0 don't read as 0.

    >>> format_interval(0.0113, 0.0264, "accuracy")
    '[1.1, 2.6]'
    >>> format_interval(0.0002, 0.0264, "accuracy")
    '[0.02, 2.64]'
    """
    if decimals is None:
        decimals = _decimals((low, high), unit)
    low_text, high_text = (_minus(f"{_scale(unit) * end:.{decimals}f}") for end in (low, high))
    return f"[{low_text}, {high_text}]"


def format_amount(value: float, unit: str) -> str:
    """Return a size without a sign.

    >>> format_amount(0.005, "accuracy")
    '0.5 points'
    >>> format_amount(0.01, "R²")
    '0.010'
    """
    return _with_unit(f"{_scale(unit) * abs(value):.{_decimals((value,), unit)}f}", unit)


def format_difference(
    value: float,
    low: float | None,
    high: float | None,
    unit: str,
    *,
    signed: bool = True,
) -> str:
    """Return a difference with its interval.

    >>> format_difference(0.0184, 0.0113, 0.0264, "accuracy")
    '+1.8 points [1.1, 2.6]'
    >>> format_difference(-0.02, None, None, "R²")
    '−0.020'
    """
    ends = () if low is None or high is None else (low, high)
    decimals = _decimals((value, *ends), unit)
    sign = "+" if signed else ""
    text = _with_unit(_minus(f"{_scale(unit) * value:{sign}.{decimals}f}"), unit)
    return f"{text} {format_interval(*ends, unit, decimals)}" if ends else text


def join_names(names: Sequence[str]) -> str:
    """Return names as a list in prose.

    >>> join_names(["Adam", "RMSProp", "SGD"])
    'Adam, RMSProp and SGD'
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _scale(unit: str) -> float:
    return 100.0 if unit == "accuracy" else 1.0


def _with_unit(number: str, unit: str) -> str:
    return f"{number} points" if unit == "accuracy" else number


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _decimals(values: Sequence[float], unit: str) -> int:
    """Return the fewest decimals at which no number but 0 reads as 0, up to 3 beyond the usual."""
    usual = 1 if unit == "accuracy" else 3
    shown = [_scale(unit) * abs(value) for value in values if value != 0]
    for decimals in range(usual, usual + 3):
        if all(value >= 0.5 * 10**-decimals for value in shown):
            return decimals
    return usual + 3


def _show(level: str, labels: Labels) -> str:
    return labels.get(level, level)


def _show_all(levels: Sequence[str], labels: Labels) -> list[str]:
    return [_show(level, labels) for level in levels]


def _levels(ranking: AxisRanking, verdict: LevelVerdict) -> list[str]:
    """Levels with a verdict that rests on an interval, best first."""
    return [
        row.level
        for row in ranking.rows[1:]
        if row.verdict == verdict
        and row.difference_to_leader is not None
        and row.difference_to_leader.low is not None
    ]


def _gain(ranking: AxisRanking, winner: str, loser: str) -> str:
    """How far the winner is ahead, as a positive amount, with the interval."""
    difference = ranking.difference(winner, loser)
    if difference is None:
        raise KeyError((winner, loser))
    if not ranking.higher_is_better:
        difference = difference.flipped()
    return format_difference(
        difference.mean, difference.low, difference.high, ranking.unit, signed=False
    )


def _answer(ranking: AxisRanking, labels: Labels) -> str:
    """Who leads, who can't be told from it, and whom they beat."""
    leader = ranking.rows[0]
    top = [leader.level, *_levels(ranking, "practically equal")]
    equal = len(top) > 1
    if not equal:
        top += _levels(ranking, "cannot be told apart")
    worse = _levels(ranking, "worse")
    name = _show(leader.level, labels)
    losses = _losses(ranking, top, worse, labels)

    if len(top) == 1:
        if losses:
            return f"{losses}."
        mean = format_score(leader.mean or 0.0, ranking.unit)
        where = "alone" if len(ranking.rows) == 1 else "on top"
        return f"{name} stands {where} with {mean}; there is nothing to test it against."
    if equal:
        of_leader = f" of {name}" if len(top) > 2 else ""
        tie = (
            f"{join_names(_show_all(top, labels))} are practically equal here "
            f"(within {format_amount(ranking.margin, ranking.unit)}{of_leader})"
        )
    elif len(top) == 2:
        tie = f"{join_names(_show_all(top, labels))} cannot be told apart here"
    else:
        tie = (
            f"{name} comes first, but {join_names(_show_all(top[1:], labels))} "
            "cannot be told apart from it here"
        )
    return f"{tie}; {losses}." if losses else f"{tie}."


def _losses(ranking: AxisRanking, top: Sequence[str], worse: Sequence[str], labels: Labels) -> str:
    """Whom the top beats, e.g. "both beat SGD by 1.8 points [1.1, 2.6]"; "" for no one."""
    if not worse:
        return ""

    def beats(winner: str, loser: str) -> bool:
        difference = ranking.difference(winner, loser)
        return difference is not None and difference.verdict == "better"

    together = len(top) > 1 and all(beats(winner, loser) for winner in top for loser in worse)
    if together:
        subject = f"{_COUNTS.get(len(top), f'all {len(top)}')} beat"
        # The least gain of the group, so that the sentence is true of each member.
        speakers = {loser: _least_ahead(ranking, top, loser) for loser in worse}
    else:
        subject = f"{_show(top[0], labels)} beats"
        speakers = dict.fromkeys(worse, top[0])
    gains = {loser: _gain(ranking, speakers[loser], loser) for loser in worse}
    more = " or more" if together else ""
    if len(worse) == 1:
        return f"{subject} {_show(worse[0], labels)} by {gains[worse[0]]}{more}"
    if len(worse) <= _LISTED_WITH_NUMBERS:
        parts = [f"{_show(loser, labels)} by {gains[loser]}" for loser in worse]
        return f"{subject} {join_names(parts)}{more}"
    nearest = _show(worse[0], labels)
    names = join_names(_show_all(worse, labels))
    return f"{subject} {names}; the nearest, {nearest}, by {gains[worse[0]]}{more}"


def _least_ahead(ranking: AxisRanking, top: Sequence[str], loser: str) -> str:
    def lead(winner: str) -> float:
        difference = ranking.difference(winner, loser)
        return abs(difference.mean) if difference is not None else 0.0

    return min(top, key=lead)


def _other_equals(ranking: AxisRanking, labels: Labels) -> list[str]:
    """The levels that are unclear while the main sentence speaks of practically equal ones."""
    unclear = _levels(ranking, "cannot be told apart")
    if not unclear or not _levels(ranking, "practically equal"):
        return []
    leader = _show(ranking.leader, labels)
    return [f"{join_names(_show_all(unclear, labels))} cannot be told apart from {leader} here."]


def _base(ranking: AxisRanking, labels: Labels) -> list[str]:
    if ranking.base is None or len(ranking.rows) < 2:
        return []
    base = _show(ranking.base, labels)
    if ranking.base == ranking.leader:
        return [f"The base, {base}, leads: nothing here beats it."]
    row = ranking.row(ranking.base)
    if row.difference_to_leader is None or row.difference_to_leader.low is None:
        return []
    leader = _show(ranking.leader, labels)
    if row.verdict == "worse":
        gain = _gain(ranking, ranking.leader, ranking.base)
        return [f"Against the base, {base}, {leader} gains {gain}."]
    return [f"The base, {base}, is not shown to be worse than {leader}: no reason to change it."]


def _seeds(ranking: AxisRanking, labels: Labels) -> list[str]:
    """The cheapest way to learn more."""
    wanted = [(row.seeds_needed, row.level) for row in ranking.rows if row.seeds_needed is not None]
    if not wanted:
        return []
    seeds, level = min(wanted)
    pair = f"{_show(level, labels)} from {_show(ranking.leader, labels)}"
    cost = f"About {seeds} seeds would separate {pair} with 80 % power"
    return [f"{cost}, if the difference seen is the true one."]


def _gaps(ranking: AxisRanking, labels: Labels) -> list[str]:
    """Levels with scores that are missing or too few to test."""
    sentences = []
    for row in ranking.rows:
        name = _show(row.level, labels)
        if row.n == 1:
            sentences.append(f"{name} has a single score, so no interval and no verdict.")
        elif row.n == 0:
            sentences.append(f"{name} has no score.")
        elif row.missing and ranking.test != "welch":
            total = row.n + row.missing
            sentences.append(f"{row.missing} of {total} runs of {name} gave no score.")
    return sentences
