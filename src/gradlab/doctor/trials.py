"""Runs that differ from the one under examination in a stated way, made to tell causes apart.

In waves, each trained together: the usual training of this kind, and single settings that need no
compilation; if something helped, other single settings, and the usual training with one of its
settings as it was. A program with several faults is helped by no single change, but it is harmed
by each one that is left out of its repair.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gradlab.doctor.candidates import Candidate, one, suspects, together, usual
from gradlab.doctor.cost import COMPILE_SECONDS, run_seconds
from gradlab.doctor.evidence import DataFacts, Evidence, Record, Trial
from gradlab.doctor.range_test import final_loss
from gradlab.doctor.standing import final_score, standing, trial_scores
from gradlab.doctor.subject import Subject, train_together

GOOD = 0.03
"""Share of the room between a constant answer and the best known that may be missed."""

HELPS = 0.05
"""Share of that room that a change must gain to be followed up."""

LONG = 0.15
"""Share of the budget that four times the length may cost, if it is to be part of other trials."""

ANYWAY = ("learning_rate", "epochs")
"""What can be tried of any training, suspicious or not."""

SELDOM = ("units", "layers", "norm", "epochs", "learning_rate")
"""What is tried even if the usual training of this kind does no better."""

PATIENCE = 5.0
"""Times the budget after which, by the clock, no further wave begins. The first is always made."""


@dataclass
class _Desk:
    """What is being worked at: known so far, and how much may still be spent."""

    subject: Subject
    facts: DataFacts
    evidence: Evidence
    seeds: tuple[int, ...]
    left: float
    until: float
    trials: list[Trial] = field(default_factory=list)
    tried: set = field(default_factory=set)
    missing: list[str] = field(default_factory=list)


def made_trials(
    subject: Subject,
    facts: DataFacts,
    evidence: Evidence,
    *,
    seeds: Sequence[int],
    budget: float,
) -> tuple[tuple[Trial, ...], tuple[str, ...]]:
    """Return trials that may explain a poor result, and what there was no time for.

    None are made where the runs already reach what plain methods do.

    Args:
        subject: What is examined.
        facts: Of its data.
        evidence: Its records and range test.
        seeds: Of each trial; runs that cost much get the first alone.
        budget: Expected seconds of all trials. After five times as many by the clock, no further
            trials are begun.
    """
    until = time.perf_counter() + PATIENCE * budget
    desk = _Desk(subject, facts, evidence, tuple(seeds), budget, until)
    if not is_poor(evidence):
        return (), ()
    singles = suspects(subject.setup, facts, evidence.sweep)
    parts = usual(subject.setup, singles)
    if 4 * run_seconds(subject.setup, facts) > LONG * budget:
        parts = tuple(part for part in parts if part.changes[0].setting != "epochs")
    whole = [together(parts)] if len(parts) > 1 else []
    quick = [c for c in singles if not c.compiles and c.changes[0].setting not in ANYWAY]
    rates = [c for c in singles if c.changes[0].setting == "learning_rate"]
    _wave(desk, [*whole, *quick, *rates[:1]])
    rest = singles
    if whole and _gain(desk) < HELPS:
        # Nothing moved it: the settings that are usually wrong are not what is wrong here.
        rest = [c for c in singles if c.changes[0].setting in SELDOM]
    _wave(desk, [*rest, *_outputs_together(rest)])
    if whole and _needs_partners(desk, whole[0]):
        _wave(desk, [together(parts[:i] + parts[i + 1 :]) for i in range(len(parts))])
    _against_overfitting(desk)
    return tuple(desk.trials), tuple(desk.missing)


def is_poor(evidence: Evidence) -> bool:
    """Whether runs miss some of what is known to be reachable, or it is not known how they do."""
    now = standing(evidence)
    return now is None or now.diverged > 0 or now.deficit > GOOD


def _wave(desk: _Desk, candidates: Iterable[Candidate]) -> None:
    """Train those that are new, can be said, differ from what was tried, and can be afforded."""
    chosen: list[tuple[Candidate, Subject]] = []
    for candidate in candidates:
        other = desk.subject.changed(candidate.changes)
        if other is None or candidate.pairs in desk.tried:
            continue
        # An optimizer has parameters that a setup does not name.
        named = candidate.changes[0].setting != "optimizer"
        if named and other.setup == desk.subject.setup:
            continue
        cost = run_seconds(other.setup, desk.facts) + COMPILE_SECONDS * candidate.compiles
        if cost > desk.left or time.perf_counter() > desk.until:
            words = ", ".join(f"{name} {value}" for name, value in candidate.pairs)
            desk.missing.append(f"no time was left to try {words}")
            continue
        desk.left -= cost
        desk.tried.add(candidate.pairs)
        chosen.append((candidate, other))
    if not chosen:
        return
    others = [other for _, other in chosen]
    first = [records[0] for records in train_together(others, desk.seeds[:1])]
    further: list[list[Record]] = [[] for _ in others]
    again = _worth_more_seeds(desk, others, first)
    if again and len(desk.seeds) > 1:
        more = train_together([others[i] for i in again], desk.seeds[1:])
        for i, records in zip(again, more, strict=True):
            further[i] = records
    for (candidate, _), record, more in zip(chosen, first, further, strict=True):
        desk.trials.append(trial_of(candidate.pairs, [record, *more]))


def _worth_more_seeds(desk: _Desk, others: Sequence[Subject], first: Sequence[Record]) -> list[int]:
    """Return trials that did not do worse with one seed, the best first, as far as they fit."""
    now = standing(desk.evidence)
    base = -np.inf if now is None else now.score - HELPS * max(now.room, 0.0)
    scores = [final_score(record) for record in first]
    order = sorted(range(len(first)), key=lambda i: -np.nan_to_num(scores[i], nan=-np.inf))
    chosen = []
    for i in order:
        cost = (len(desk.seeds) - 1) * run_seconds(others[i].setup, desk.facts)
        if np.isfinite(scores[i]) and scores[i] >= base and cost <= desk.left:
            desk.left -= cost
            chosen.append(i)
    return chosen


def _gain(desk: _Desk) -> float:
    """Return what the best trial gained, as a share of the room."""
    now = standing(replace(desk.evidence, trials=tuple(desk.trials)))
    if now is None or not desk.trials:
        return 0.0
    best = max(float(np.mean(trial_scores(trial))) for trial in desk.trials)
    return (best - now.score) / max(now.room, 1e-9)


def _needs_partners(desk: _Desk, whole: Candidate) -> bool:
    """Whether all changes together do clearly better than each alone."""
    now = standing(desk.evidence)
    scores = {trial.changes: float(np.mean(trial_scores(trial))) for trial in desk.trials}
    if now is None or whole.pairs not in scores:
        return False
    best = max((v for pairs, v in scores.items() if pairs != whole.pairs), default=-np.inf)
    room = max(scores[whole.pairs], now.score + now.room) - now.trivial
    return scores[whole.pairs] - max(best, now.score) > HELPS * max(room, 1e-9)


def _outputs_together(singles: Sequence[Candidate]) -> list[Candidate]:
    """Return output activation and loss at once: each alone may fit the other badly."""
    by_setting = {c.changes[0].setting: c for c in singles}
    if "output_activation" in by_setting and "loss" in by_setting:
        return [together((by_setting["loss"], by_setting["output_activation"]))]
    return []


def _against_overfitting(desk: _Desk) -> None:
    """Try what holds a network back, if training rows are known far better than others."""
    gaps = [_gap(record) for record in desk.evidence.records]
    if not any(gap > 0.05 for gap in gaps):
        return
    epochs = desk.subject.setup.epochs or 1
    tries = [one("l2", 1e-3), one("dropout", 0.3, compiles=True)]
    if epochs >= 4:
        tries.insert(0, one("epochs", epochs // 4))
    _wave(desk, tries)


def _gap(record: Record) -> float:
    if not len(record.train_score) or not len(record.validation_score):
        return 0.0
    return float(np.nan_to_num(record.train_score[-1] - record.validation_score[-1]))


def trial_of(pairs: tuple[tuple[str, object], ...], records: Sequence[Record]) -> Trial:
    """Return what became of a trial: the numbers at the end of each run, NaN if it diverged."""
    return Trial(
        changes=pairs,
        train_score=tuple(_last(r, r.train_score) for r in records),
        validation_score=tuple(_last(r, r.validation_score) for r in records),
        train_loss=tuple(final_loss(r) for r in records),
    )


def _last(record: Record, scores: np.ndarray) -> float:
    known = scores[~np.isnan(scores)]
    return float("nan") if record.status == "diverged" or not len(known) else float(known[-1])
