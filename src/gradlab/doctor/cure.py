"""Proving a cure by trying it: candidates from findings, chosen on some seeds, proved on others."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from gradlab.doctor.finding import Change, Diagnosis
from gradlab.doctor.paired import t_interval
from gradlab.doctor.settings_text import change_words
from gradlab.doctor.subject import Subject
from gradlab.errors import RecipeError

Changes = tuple[Change, ...]

MOST_SINGLES = 8
PAIRED = 4
"""The best so many single candidates are paired with each other."""
TOGETHER = 6
"""So many findings' first cures are tried all at once."""
CHOOSING_SEEDS = (101, 102, 103)
RUN_OFF_SEEDS = (104, 105, 106, 107, 108)
"""More for the best candidates where three seeds can't tell them apart: a rate that only seldom
goes wrong may be the best of three by luck, and then its proof fails."""
PROVING_SEEDS = (201, 202, 203, 204, 205, 206, 207, 208)
SIMPLER = 0.05
"""A candidate with fewer changes is taken if it keeps all but this share of the best gain."""
WORST = -1.0
"""Scores below count as this: R² has no lower end, and one run at -10⁹ would drown the others."""
LEAST_SEARCH = 0.3
"""Of the time; the proof has what it is likely to need, at most the rest."""


@dataclass(frozen=True)
class Attempt:
    """A candidate that was trained.

    Attributes:
        changes: What differs from the training under examination; () is that training itself.
        scores: One a choosing seed, and one a seed of the run-off if it was in that; a run that
            diverged has the trivial score.
        seconds: Of training, compilation among them.
        eliminated: Whether it was given up after the first seed, on which it gained nothing.
    """

    changes: Changes
    scores: tuple[float, ...]
    seconds: float
    eliminated: bool = False

    @property
    def score(self) -> float:
        """The mean."""
        return float(np.mean(self.scores))


@dataclass(frozen=True, eq=False)
class Cure:
    """What came of trying the cures.

    Attributes:
        before: The training under examination.
        after: The cured one; None if nothing helped.
        changes: What was changed.
        gain: Mean difference of the scores on fresh seeds, cured minus uncured.
        interval: Of it, by Student's t at 95 %.
        agree: Fresh seeds on which the cured one is better.
        scores_before, scores_after: On the fresh seeds.
        attempts: Everything tried, in the order in which it was.
        side_effects: What the cure costs, in words.
        score_name: "accuracy" or "R²".
        judged_on: "validation" rows, or "training" ones where no others are held back.
        seconds: In all.
        left_out: Candidates for which the time did not suffice.
    """

    before: Subject
    after: Subject | None
    changes: Changes
    gain: float
    interval: tuple[float, float]
    agree: int
    scores_before: tuple[float, ...]
    scores_after: tuple[float, ...]
    attempts: tuple[Attempt, ...]
    side_effects: tuple[str, ...]
    score_name: str
    judged_on: str
    seconds: float
    left_out: int = 0

    @property
    def helps(self) -> bool:
        """Whether the gain is proved: its interval lies above 0."""
        return self.after is not None

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to conclude, in words."""
        n = len(self.scores_before)
        where = f"on {self.judged_on} rows"
        if not self.attempts[1:]:
            return ("There was nothing to try.",)
        n_tried = len(self.attempts) - 1
        tried = "1 candidate was tried" if n_tried == 1 else f"{n_tried} candidates were tried"
        if self.left_out:
            tried += f", {self.left_out} more had no time"
        if not self.helps:
            words = f"Nothing that was tried helps: {tried} on {self._seeds_tried()}."
            if self.changes:
                kind = "which may be chance" if self.gain > 0 else "so its lead may be chance"
                words += (
                    f" The best, {self.words}, gains {self.amount(self.gain)} "
                    f"{self._interval()} on fresh seeds, {kind}."
                )
            return (words,)
        first = (
            f"{self.words}: {self.amount(self.gain)} {self._interval()}, {self.agree} of {n} "
            f"seeds, {where}."
        )
        means = f"{self._score(self.scores_before)} before, {self._score(self.scores_after)} after"
        return (
            first,
            f"{means}; {tried}, and judged on seeds that chose nothing.",
            *self.side_effects,
        )

    @property
    def words(self) -> str:
        """The changes in words."""
        return changes_in_words(self.before, self.changes)

    def amount(self, gain: float) -> str:
        """Return a difference of scores as one says it."""
        if self.score_name == "accuracy":
            return f"{100 * gain:+.1f} points"
        return f"{gain:+.3g} {self.score_name}"

    def _seeds_tried(self) -> str:
        counts = [len(attempt.scores) for attempt in self.attempts[1:]]
        few, many = min(counts), max(counts)
        if few < many:
            return f"{few} to {many} seeds"
        return "1 seed" if many == 1 else f"{many} seeds"

    def _interval(self) -> str:
        low, high = self.interval
        if self.score_name == "accuracy":
            return f"[{100 * low:.1f}, {100 * high:.1f}]"
        return f"[{low:.3g}, {high:.3g}]"

    def _score(self, scores: Sequence[float]) -> str:
        mean = float(np.mean(scores))
        if self.score_name == "accuracy":
            return f"accuracy {100 * mean:.1f} %"
        return f"{self.score_name} {mean:.3g}"


def cure(
    subject: Subject,
    diagnosis: Diagnosis,
    *,
    seconds: float = 60.0,
    progress: Callable[[str], None] | None = None,
) -> Cure:
    """Try what the findings propose, alone and together, and prove the best.

    At most eight single candidates, pairs of the best four, all first cures at once, and that
    without each of them are trained from three seeds; where the time would not suffice, those
    that gain nothing on the first seed have only that one. Of the best four, those that three
    seeds can't tell from the leader are trained from five more, if there is time. The best (of
    those nearly as good, that with the fewest changes) is trained from eight other seeds, and
    so is the training under examination; the paired differences of their scores are the gain.
    Choosing and proving have no seed in common, so the gain is not flattered by the choice;
    test rows are not read.

    Args:
        subject: The training under examination.
        diagnosis: Of it.
        seconds: About how long this may take. The proof is not cut short.
        progress: Called with what is being tried.

    Raises:
        RecipeError: If `seconds` is not positive.
    """
    if not seconds > 0:
        raise RecipeError(f"seconds must be more than 0; got {seconds}.")
    search = _Search(subject, time.perf_counter(), seconds, progress)
    search.run(diagnosis)
    chosen = _simplest_of_the_best(search.attempts[0], search.run_off())
    before, after, spent_before, spent_after = search.prove(chosen)
    differences = np.subtract(after, before)
    low, high = t_interval(differences)
    changed = None if chosen is None else search.subject_of(chosen.changes)
    helps = chosen is not None and low > 0
    return Cure(
        before=subject,
        after=changed if helps else None,
        changes=() if chosen is None else chosen.changes,
        gain=float(differences.mean()),
        interval=(low, high),
        agree=int((differences > 0).sum()),
        scores_before=tuple(before),
        scores_after=tuple(after),
        attempts=tuple(search.attempts),
        side_effects=side_effects(subject, changed, spent_before, spent_after) if helps else (),
        score_name=search.score_name,
        judged_on=search.judged_on,
        seconds=time.perf_counter() - search.began,
        left_out=search.left_out,
    )


class _Search:
    """Candidates and what became of them."""

    def __init__(
        self,
        subject: Subject,
        began: float,
        seconds: float,
        progress: Callable[[str], None] | None,
    ) -> None:
        self.subject, self.began, self.seconds = subject, began, seconds
        self.progress = progress or (lambda _: None)
        self.attempts: list[Attempt] = []
        self.left_out = 0
        self.hurried = False
        self.judged_on = "training" if subject.setup.validation == "none" else "validation"
        task = subject.setup.task
        self.score_name = "R²" if task in ("regression", "reconstruction") else "accuracy"
        trivial = subject.facts().trivial_score
        self.trivial = 0.0 if trivial is None else trivial
        self._subjects: dict[Changes, Subject] = {(): subject}

    def run(self, diagnosis: Diagnosis) -> None:
        """Try everything that the findings propose, while there is time."""
        self.attempt([()])
        self._divide_the_time()
        singles = [c for c in proposed(diagnosis) if self.subject_of(c) is not None]
        singles = singles[:MOST_SINGLES]
        self.hurried = self.attempts[0].seconds * len(singles) > self.seconds
        self.attempt(singles)
        firsts = [f.changes[0] for f in diagnosis.findings if f.changes]
        together = merged(firsts[:TOGETHER])
        self.attempt([together])
        ranked = sorted(self.candidates(), key=lambda a: -a.score)
        best = [a.changes for a in ranked if a.changes in singles][:PAIRED]
        self.attempt(merged(pair) for pair in combinations(best, 2))
        # What of everything at once is needed? Leave out one finding's cure at a time.
        if len(firsts) > 2:
            kept = firsts[:TOGETHER]
            self.attempt(merged(kept[:i] + kept[i + 1 :]) for i in range(len(kept)))
        if ranked and best:
            leader = max(self.candidates(), key=lambda a: a.score).changes
            self.attempt(merged((leader, single)) for single in best)

    def run_off(self) -> list[Attempt]:
        """Return what to choose from, the leaders by more seeds if they are close."""
        base = self.attempts[0]
        leaders = _leaders(base, self.candidates())
        both = [base, *leaders]
        cost = len(RUN_OFF_SEEDS) * sum(a.seconds / len(a.scores) for a in both)
        left = self.began + self.seconds - time.perf_counter()
        if len(leaders) < 2 or cost > left:
            return self.candidates()
        self.progress("more seeds for the best")
        again = [self._longer(attempt) for attempt in both]
        places = {id(old): new for old, new in zip(both, again, strict=True)}
        self.attempts = [places.get(id(attempt), attempt) for attempt in self.attempts]
        return again[1:]

    def _longer(self, attempt: Attempt) -> Attempt:
        """Return an attempt with the seeds of the run-off as well."""
        subject = self.subject_of(attempt.changes)
        assert subject is not None  # it has been trained
        began = time.perf_counter()
        scores = attempt.scores + self.scores(subject, RUN_OFF_SEEDS)
        spent = attempt.seconds + time.perf_counter() - began
        return replace(attempt, scores=scores, seconds=spent)

    def candidates(self) -> list[Attempt]:
        """Return what was tried and not given up."""
        return [a for a in self.attempts[1:] if not a.eliminated]

    def _divide_the_time(self) -> None:
        """Keep back what the proof is likely to take."""
        a_run = self.attempts[0].seconds / len(CHOOSING_SEEDS)
        proof = 2 * a_run * len(PROVING_SEEDS)
        self.seconds = max(self.seconds - proof, LEAST_SEARCH * self.seconds)

    def subject_of(self, changes: Changes) -> Subject | None:
        """Return the subject with these changes; None if it can't have them."""
        if changes not in self._subjects:
            changed = self.subject.changed(changes)
            if changed is None:
                return None
            self._subjects[changes] = changed
        return self._subjects[changes]

    def attempt(self, candidates: Iterable[Changes]) -> None:
        """Train the candidates that are new and possible, while there is time."""
        known = {_key(a.changes) for a in self.attempts}
        for changes in candidates:
            if _key(changes) in known or (not changes and self.attempts):
                continue
            known.add(_key(changes))
            changed = self.subject_of(changes)
            if changed is None:
                continue
            if self.attempts and time.perf_counter() - self.began > self.seconds:
                self.left_out += 1
                continue
            self.progress(changes_in_words(self.subject, changes) if changes else "as it is")
            began = time.perf_counter()
            scores, eliminated = self._tried(changed)
            spent = time.perf_counter() - began
            self.attempts.append(Attempt(changes, scores, spent, eliminated))

    def _tried(self, changed: Subject) -> tuple[tuple[float, ...], bool]:
        """Return the scores of a candidate, and whether it was given up after the first."""
        if not self.hurried:
            return self.scores(changed, CHOOSING_SEEDS), False
        first = self.scores(changed, CHOOSING_SEEDS[:1])
        if first[0] <= self.attempts[0].scores[0]:
            return first, True
        return first + self.scores(changed, CHOOSING_SEEDS[1:]), False

    def scores(self, subject: Subject, seeds: Sequence[int]) -> tuple[float, ...]:
        """Return the score of each seed; that of a constant answer where training diverged."""
        scores = subject.score_on_fresh(seeds)
        return tuple(max(float(s), WORST) if np.isfinite(s) else self.trivial for s in scores)

    def prove(
        self, chosen: Attempt | None
    ) -> tuple[tuple[float, ...], tuple[float, ...], float, float]:
        """Train before and after from fresh seeds; return scores, and seconds of a run."""
        if chosen is None:
            scores = self.attempts[0].scores
            return scores, scores, 0.0, 0.0
        changed = self.subject_of(chosen.changes)
        assert changed is not None  # it has been trained
        self.progress("the proof on fresh seeds")
        began = time.perf_counter()
        before = self.scores(self.subject, PROVING_SEEDS)
        between = time.perf_counter()
        after = self.scores(changed, PROVING_SEEDS)
        n = len(PROVING_SEEDS)
        return before, after, (between - began) / n, (time.perf_counter() - between) / n


def proposed(diagnosis: Diagnosis) -> list[Changes]:
    """Return the cures of the findings: the first of each, then the second of each, and so on."""
    most = max((len(finding.changes) for finding in diagnosis.findings), default=0)
    found: dict[frozenset[Change], Changes] = {}
    for i in range(most):
        for finding in diagnosis.findings:
            if i < len(finding.changes) and finding.changes[i]:
                found.setdefault(_key(finding.changes[i]), finding.changes[i])
    return list(found.values())


def merged(parts: Iterable[Changes]) -> Changes:
    """Return all changes together; of two that set the same thing, the first holds.

    >>> merged([(Change("epochs", 30),), (Change("epochs", 60), Change("dropout", 0))])
    (Change(setting='epochs', value=30, place=''), Change(setting='dropout', value=0, place=''))
    """
    kept: dict[tuple[str, str], Change] = {}
    for change in (change for part in parts for change in part):
        kept.setdefault((change.setting, change.place), change)
    return tuple(kept.values())


def changes_in_words(subject: Subject, changes: Changes) -> str:
    """Return changes as one says them: "learning rate 0.1 → 0.01 and epochs 5 → 20"."""
    words = [change_words(subject.setup, change) for change in changes]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def side_effects(
    before: Subject, after: Subject | None, seconds_before: float, seconds_after: float
) -> tuple[str, ...]:
    """Return what a cure costs: time and size."""
    if after is None:
        return ()
    told = []
    if seconds_before > 0 and seconds_after > 1.25 * seconds_before:
        told.append(
            f"Training takes {seconds_after / seconds_before:.1f} times as long "
            f"({seconds_after:.2g} s a run, {seconds_before:.2g} s before)."
        )
    sizes = [sum(layer.n_parameters for layer in s.setup.layers) for s in (before, after)]
    if sizes[0] and sizes[1] > 1.05 * sizes[0]:
        told.append(f"The network has {sizes[1]:,} parameters instead of {sizes[0]:,}.")
    return tuple(told)


def _key(changes: Changes) -> frozenset[Change]:
    return frozenset(changes)


def _leaders(base: Attempt, others: Sequence[Attempt]) -> list[Attempt]:
    """Return those of the best four that may be the best, or nearly as good and simpler."""
    ranked = sorted(others, key=lambda a: -a.score)[:PAIRED]
    if not ranked or ranked[0].score <= base.score:
        return []
    best = ranked[0]
    floor = best.score - SIMPLER * (best.score - base.score)
    return [a for a in ranked if a.score >= floor or not _told_apart(best, a)]


def _told_apart(a: Attempt, b: Attempt) -> bool:
    low, _ = t_interval(np.subtract(a.scores, b.scores))
    return low > 0


def _simplest_of_the_best(base: Attempt, others: Sequence[Attempt]) -> Attempt | None:
    """Return the attempt with the fewest changes among those nearly as good as the best."""
    best = max(others, key=lambda a: a.score, default=None)
    if best is None or best.score <= base.score:
        return None
    floor = best.score - SIMPLER * (best.score - base.score)
    return min((a for a in others if a.score >= floor), key=lambda a: (len(a.changes), -a.score))
