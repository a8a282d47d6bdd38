"""How well a training does, between a constant answer and the best that is known to be reached."""

from dataclasses import dataclass

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence, Record, Trial

BOUNDED = ("binary", "multiclass", "multilabel")
"""Tasks whose score is an accuracy."""
LITTLE = 0.02
"""Less room than this between a constant answer and the best is no room."""


@dataclass(frozen=True)
class Standing:
    """Where a training stands.

    Attributes:
        scores: Of each run at its end; those that diverged, or do worse, count as trivial.
        trivial: Score of a constant answer.
        ceiling: The best mean of trials, plain reference methods and these runs; None where
            neither trials nor a reference are known.
        diverged: Share of runs that ended in numbers that are none.
        shown: The best mean of trials and these runs alone: what this network can do. A reference
            method may suit the data better than any network of this kind.
        error: Standard error of a score by the number of rows that judge; 0 of numbers.
        reference: Whether a plain method was tried.
    """

    scores: tuple[float, ...]
    trivial: float
    ceiling: float | None
    diverged: float
    shown: float | None = None
    error: float = 0.0
    reference: bool = False

    @property
    def score(self) -> float:
        """The mean of the scores."""
        return float(np.mean(self.scores))

    @property
    def room(self) -> float:
        """Ceiling (1 if unknown) minus trivial score."""
        return (1.0 if self.ceiling is None else self.ceiling) - self.trivial

    @property
    def deficit(self) -> float:
        """Share of the room that is missed, 0 to 1."""
        if self.room < LITTLE:
            return 0.0
        return float(np.clip(1 - (self.score - self.trivial) / self.room, 0, 1))

    def poor(self, calibration: Calibration) -> bool:
        """Whether so much is missed that a cause must be looked for."""
        if self.diverged > 0:
            return True
        if self.ceiling is None:
            return self.deficit >= calibration["standing.deficit_unknown"]
        sure = calibration["trials.errors"] * self.error
        if self.deficit >= calibration["standing.deficit_reference"] and (
            self.trivial + self.room - self.score >= sure
        ):
            return True
        if self.shown is not None and self.room < LITTLE and not self.reference:
            # Nothing beats a constant answer, and nothing says that it can't be beaten.
            return self.score < self.trivial + LITTLE < 1
        missing = 0.0 if self.shown is None else self.shown - self.score
        return self.deficit_shown >= calibration["standing.deficit"] and missing >= sure

    @property
    def deficit_shown(self) -> float:
        """Share that is missed of what a trial reached, 0 to 1; 0 where none were made."""
        if self.shown is None or self.shown - self.trivial < LITTLE:
            return 0.0
        return float(np.clip((self.shown - self.score) / (self.shown - self.trivial), 0, 1))

    @property
    def sentence(self) -> str:
        """Say it."""
        ending = f"ends at a score of {self.score:.3g}, a constant answer has {self.trivial:.3g}"
        if self.ceiling is None:
            return f"It {ending}."
        return f"It {ending}, and {self.ceiling:.3g} can be reached."


def standing(evidence: Evidence) -> Standing | None:
    """Return where the runs stand; None if no score is known.

    >>> from gradlab.doctor.evidence import Setup
    >>> standing(Evidence(Setup(task="binary", layers=()))) is None
    True
    """
    trivial = trivial_score(evidence)
    scores = [final_score(record) for record in evidence.records]
    diverged = [not np.isfinite(x) for x in scores]
    if trivial is None or not scores or (all(diverged) and not _ever_diverged(evidence)):
        return None
    known = [max(x, trivial) if np.isfinite(x) else trivial for x in scores]
    tried = [np.mean([max(s, trivial) for s in trial_scores(t)]) for t in evidence.trials]
    tried = [float(x) for x in tried if np.isfinite(x)]
    ceilings = list(tried)
    if evidence.data is not None and evidence.data.reference_score is not None:
        ceilings.append(float(evidence.data.reference_score))
    ceiling = max([*ceilings, float(np.mean(known))]) if ceilings else None
    shown = max([*tried, float(np.mean(known))]) if tried else None
    reference = evidence.data is not None and evidence.data.reference_score is not None
    error = chance_error(evidence, float(np.mean(known)))
    spread = float(np.mean(diverged))
    return Standing(tuple(known), trivial, ceiling, spread, shown, error, reference)


def chance_error(evidence: Evidence, score: float) -> float:
    """Return √(p (1 − p) / n) of an accuracy p on the n rows that judge; 0 if n is unknown."""
    data = evidence.data
    if data is None or evidence.setup.task not in BOUNDED:
        return 0.0
    n = data.n_validation or data.n_train
    p = float(np.clip(score, 0.0, 1.0))
    return float(np.sqrt(p * (1 - p) / n)) if n else 0.0


def _ever_diverged(evidence: Evidence) -> bool:
    return any(record.status == "diverged" for record in evidence.records)


def trivial_score(evidence: Evidence) -> float | None:
    """Return the score of a constant answer: as measured, else from the counts of classes."""
    data = evidence.data
    if data is not None and data.trivial_score is not None:
        return float(data.trivial_score)
    if evidence.setup.task in ("regression", "reconstruction"):
        return 0.0
    if data is not None and data.class_counts is not None and len(data.class_counts):
        return float(np.max(data.class_counts) / np.sum(data.class_counts))
    if data is not None and data.n_classes:
        return 1.0 / data.n_classes
    return 0.5 if evidence.setup.task == "binary" else None


def final_score(record: Record) -> float:
    """Return what a run is judged by: its last validation score, else its last training score.

    NaN if it diverged or nothing is known.
    """
    if record.status == "diverged":
        return float("nan")
    for scores in (record.validation_score, record.train_score):
        finite = scores[np.isfinite(scores)]
        if len(finite):
            # A NaN at the end after numbers before it is a divergence, not a gap.
            return float(scores[-1]) if np.isfinite(scores[-1]) else float(finite[-1])
    return float("nan")


def trial_scores(trial: Trial) -> tuple[float, ...]:
    """Return a trial's scores on validation rows, else on training rows; divergence is −inf."""
    for scores in (trial.validation_score, trial.train_score):
        if any(np.isfinite(x) for x in scores):
            return tuple(x if np.isfinite(x) else -np.inf for x in scores)
    return tuple(-np.inf for _ in trial.train_score) or (float("nan"),)
