"""Rules across a study: which settings go with runs that stall or diverge."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from gradlab.errors import DataError
from gradlab.metrics.wilson import wilson

Outcome = Literal["stalled", "diverged"]
VERBS: dict[Outcome, tuple[str, str]] = {
    "stalled": ("stalls", "stall"),
    "diverged": ("diverges", "diverge"),
}


@dataclass(frozen=True)
class StudyRow:
    """One run of a study.

    Attributes:
        settings: Those that the study varied.
        stalled: Whether it learnt next to nothing.
        diverged: Whether it ended in numbers that are none.
        score: At its end; NaN if unknown.
    """

    settings: Mapping[str, Hashable]
    stalled: bool
    diverged: bool
    score: float = float("nan")


@dataclass(frozen=True)
class Condition:
    """A setting equal to a value, or at least or at most a number."""

    setting: str
    relation: Literal["=", ">=", "<="]
    value: Hashable

    def holds(self, settings: Mapping[str, Hashable]) -> bool:
        """Whether a run's settings fulfil it."""
        value = settings.get(self.setting)
        if self.relation == "=":
            return value == self.value
        if not _number(value) or not _number(self.value):
            return False
        return value >= self.value if self.relation == ">=" else value <= self.value  # pyright: ignore

    def __str__(self) -> str:
        """Say it, as in "activation sigmoid" or "layers of 5 or more"."""
        value = f"{self.value:g}" if isinstance(self.value, float) else str(self.value)
        name, value = self.setting.replace("_", " "), value.replace("_", " ")
        if self.relation == "=":
            return f"{name} {value}"
        return f"{name} of {value} or {'more' if self.relation == '>=' else 'less'}"


@dataclass(frozen=True)
class StudyRule:
    """Where runs fail.

    Attributes:
        outcome: How.
        conditions: One or two settings that hold together.
        failed, n: Of the runs for which they hold.
        share: Interval of failed / n, Wilson at 95 %.
        others_failed, others_n: Of all other runs.
        contrast: The level of the first condition's setting, all else as in the rule, that fails
            least, with how many failed and how many runs there are; None if nothing compares.
        p: One-sided Fisher p that so many fail here by chance, times the number of rules tried.
    """

    outcome: Outcome
    conditions: tuple[Condition, ...]
    failed: int
    n: int
    share: tuple[float, float]
    others_failed: int
    others_n: int
    contrast: tuple[Condition, int, int] | None
    p: float

    @property
    def sentence(self) -> str:
        """Say it."""
        one, many = VERBS[self.outcome]
        which = " and ".join(str(c) for c in self.conditions)
        if self.failed == self.n:
            text = f"every run with {which} {one} ({self.failed} of {self.n})"
        else:
            text = (
                f"runs with {which} mostly {many} ({self.failed} of {self.n}, "
                f"{self.share[0]:.0%} to {self.share[1]:.0%})"
            )
        if self.contrast is not None:
            condition, failed, n = self.contrast
            word = "do not" if failed == 0 else "seldom do"
            return f"{text}; those with {condition} {word} ({failed} of {n})"
        return f"{text}; of all others {self.others_failed} of {self.others_n}"


def fisher_greater(failed: int, n: int, others_failed: int, others_n: int) -> float:
    """Return the chance that so many or more of the failures fall among n runs by lot.

        P(X ≥ failed),  X hypergeometric: n of all runs drawn, failures among them counted

    >>> round(fisher_greater(3, 3, 0, 3), 3)
    0.05

    Source: Fisher 1934; the one-sided exact test of a 2 × 2 table.
    """
    if failed == 0:
        return 1.0
    from scipy.stats import hypergeom

    total = failed + others_failed
    return float(hypergeom.sf(failed - 1, n + others_n, total, n))


def study_rules(
    rows: Sequence[StudyRow],
    *,
    level: float = 0.05,
    least_share: float = 0.75,
    least_runs: int = 3,
) -> list[StudyRule]:
    """Find the settings, alone or two together, with which runs fail.

    All conditions "setting = value", of numbers also "at least" and "at most", and all pairs of
    them are tried. A rule is kept if Fisher's exact test, its p times the number of rules tried
    (Bonferroni), is at most `level`, and the share of failing runs is at least `least_share`. Of
    rules about the same runs the shorter stays; a pair only if it fails surely where none of its
    parts does. Seeds count as runs: they are independent given the settings.

    Args:
        rows: Of one study.
        level: Of all rules together.
        least_share: Of failing runs where a rule holds.
        least_runs: Runs where it holds.

    Returns:
        Rules, the surest first, those for stalling before those for diverging.

    Raises:
        DataError: If `level` or `least_share` is not between 0 and 1.

    >>> rows = [StudyRow({"activation": a, "layers": n}, a == "sigmoid" and n > 5, False)
    ...         for a in ("sigmoid", "relu") for n in (2, 6, 10) for seed in range(6)]
    >>> print(study_rules(rows)[0].sentence)
    every run with activation sigmoid and layers of 6 or more stalls (12 of 12); those with \
activation relu do not (0 of 12)
    """
    for name, value in (("level", level), ("least_share", least_share)):
        if not 0 < value < 1:
            raise DataError(f"{name} must lie between 0 and 1; got {value}.")
    found: list[StudyRule] = []
    for outcome in VERBS:
        failed = np.array([getattr(row, outcome) for row in rows], bool)
        if failed.any() and not failed.all():
            found += _rules(rows, failed, outcome, level, least_share, least_runs)
    return found


def _rules(
    rows: Sequence[StudyRow],
    failed: np.ndarray,
    outcome: Outcome,
    level: float,
    least_share: float,
    least_runs: int,
) -> list[StudyRule]:
    singles = _conditions(rows)
    candidates: list[tuple[Condition, ...]] = [(c,) for c in singles]
    candidates += [pair for pair in combinations(singles, 2) if pair[0].setting != pair[1].setting]
    masks = {}
    for conditions in candidates:
        mask = np.array([all(c.holds(row.settings) for c in conditions) for row in rows])
        if least_runs <= mask.sum() < len(rows):
            # Two ways to say the same runs are one rule; the first said is the shorter.
            masks.setdefault(mask.tobytes(), (conditions, mask))
    kept: list[tuple[StudyRule, np.ndarray]] = []
    for conditions, mask in masks.values():
        rule = _rule(rows, failed, mask, conditions, outcome, len(masks))
        if rule.p <= level and rule.failed / rule.n >= least_share:
            kept.append((rule, mask))
    # Longest reach first; a rule that only speaks of runs already spoken of adds nothing.
    kept.sort(key=lambda pair: (-_worth(pair[0]), len(pair[0].conditions)))
    said = np.zeros(len(rows), bool)
    chosen = []
    for rule, mask in kept:
        new = mask & failed & ~said
        if new.sum() >= max(least_runs, 0.5 * rule.failed):
            chosen.append(rule)
            said |= mask
    return sorted(chosen, key=lambda rule: rule.p)


def _worth(rule: StudyRule) -> float:
    """How many failures a rule explains, less the runs that it accuses wrongly."""
    return rule.failed - 2.0 * (rule.n - rule.failed)


def _rule(
    rows: Sequence[StudyRow],
    failed: np.ndarray,
    mask: np.ndarray,
    conditions: tuple[Condition, ...],
    outcome: Outcome,
    tried: int,
) -> StudyRule:
    here, n = int(failed[mask].sum()), int(mask.sum())
    there, m = int(failed[~mask].sum()), int((~mask).sum())
    interval = wilson(here, n)
    return StudyRule(
        outcome,
        conditions,
        here,
        n,
        (interval.low, interval.high),
        there,
        m,
        _contrast(rows, failed, conditions),
        min(1.0, tried * fisher_greater(here, n, there, m)),
    )


def _contrast(
    rows: Sequence[StudyRow], failed: np.ndarray, conditions: tuple[Condition, ...]
) -> tuple[Condition, int, int] | None:
    """Return the other level of the first setting that fails least, the rest of the rule kept."""
    first, rest = conditions[0], conditions[1:]
    if first.relation != "=":
        return None
    counts: dict[Hashable, list[int]] = {}
    for row, bad in zip(rows, failed, strict=True):
        value = row.settings.get(first.setting)
        if value is None or value == first.value or not all(c.holds(row.settings) for c in rest):
            continue
        count = counts.setdefault(value, [0, 0])
        count[0] += int(bad)
        count[1] += 1
    if not counts:
        return None
    value, (bad, n) = min(counts.items(), key=lambda item: (item[1][0] / item[1][1], -item[1][1]))
    return (Condition(first.setting, "=", value), bad, n) if bad / n < 0.25 else None


def _conditions(rows: Iterable[StudyRow]) -> list[Condition]:
    values: dict[str, list[Hashable]] = {}
    for row in rows:
        for name, value in row.settings.items():
            seen = values.setdefault(name, [])
            if value is not None and value not in seen:
                seen.append(value)
    found = []
    for name, seen in values.items():
        if len(seen) < 2:
            continue
        numbers = sorted(v for v in seen if _number(v))  # pyright: ignore
        found += [Condition(name, "=", v) for v in seen]
        if len(numbers) == len(seen) and len(seen) > 2:
            found += [Condition(name, ">=", v) for v in numbers[1:-1]]
            found += [Condition(name, "<=", v) for v in numbers[1:-1]]
    return found


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
