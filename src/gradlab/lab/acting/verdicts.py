"""A ranking of agents in plain words, in the environment's own unit."""

from gradlab.lab.acting.unit import Unit, written
from gradlab.lab.verdicts import AxisRanking, Difference, join_names

MOST_NAMED = 3
"""Losers that are told with numbers; of more the nearest."""


def verdict_sentences(
    ranking: AxisRanking, unit: Unit, *, when: str, many: bool = False
) -> tuple[str, ...]:
    """Return who is ahead, by how much, and who can't be told apart.

    Args:
        ranking: Of `gradlab.lab.ranking.rank_axis`, scores in the unit.
        unit: Words of the return.
        when: "after training" or "while learning".
        many: Whether the levels are names of several agents ("exploring agents").
    """
    leader = ranking.rows[0]
    if leader.mean is None:
        return (f"No run gave a score {when}, so nothing can be said.",)
    verb = unit.many if many else unit.one
    has = f"{verb} {unit.phrase(leader.mean)} {when}"
    if len(ranking.rows) == 1:
        return (f"{leader.level} {has}.",)
    tests = [(row.level, ranking.difference(leader.level, row.level)) for row in ranking.rows[1:]]
    worse = [(level, found) for level, found in tests if found and found.verdict == "better"]
    equal = [level for level, found in tests if found and found.verdict == "practically equal"]
    open_ = [(level, f) for level, f in tests if f and f.verdict == "cannot be told apart"]
    said = []
    if worse:
        said.append(f"{leader.level} {verb} {_gains(worse, unit)} {when}.")
    if equal:
        margin = f"within {written(ranking.margin)}"
        start = f"{join_names([leader.level, *equal])} are practically equal {when} ({margin})"
        said.append(f"{start}: {leader.level} {has.removesuffix(' ' + when)}.")
    if open_:
        names = join_names([level for level, _ in open_])
        said.append(f"{names} can't be told apart from {leader.level} {when}{_cost(open_)}.")
    return tuple(said)


def difference_words(found: Difference, unit: Unit) -> str:
    """Return a difference with its interval, as "1.7 more rooms [1.2, 2.1]"."""
    return f"{_amount(found)} more {unit.noun}{_interval(found)}"


def _gains(worse: list[tuple[str, Difference]], unit: Unit) -> str:
    level, found = worse[0]
    first = f"{_amount(found)} more {unit.noun}{_interval(found)} than "
    if len(worse) <= MOST_NAMED:
        parts = [f"{_amount(other)}{_interval(other)} than {name}" for name, other in worse[1:]]
        return join_names([first + level, *parts])
    # The nearest comes first, so what is said of it holds for the others all the more.
    return f"at least {first}{join_names([name for name, _ in worse])}"


def _amount(found: Difference) -> str:
    return written(abs(found.mean), _decimals(found))


def _interval(found: Difference) -> str:
    if found.low is None or found.high is None:
        return ""
    decimals = _decimals(found)
    return f" [{written(found.low, decimals)}, {written(found.high, decimals)}]"


def _decimals(found: Difference) -> int:
    ends = [abs(x) for x in (found.mean, found.low, found.high) if x]
    largest = max(ends, default=0.0)
    return 0 if largest >= 100 else 1 if largest >= 10 else 2 if largest >= 0.1 else 4


def _cost(pairs: list[tuple[str, Difference]]) -> str:
    wanted = [found.seeds_needed for _, found in pairs if found.seeds_needed]
    return f" (about {min(wanted)} seeds might tell)" if wanted else ""
