"""What all recorders share: telling them steps and epochs, and what they answer."""

import math
from collections.abc import Mapping
from typing import Any

from gradlab.doctor.diagnosis import diagnose_evidence
from gradlab.doctor.evidence import Evidence, Setup
from gradlab.doctor.finding import Diagnosis
from gradlab.doctor.history.course import Course, first_not_finite
from gradlab.doctor.history.epochs import EpochLog
from gradlab.doctor.history.report import Rows, evidence_of


class Run:
    """A course of measurements and the epochs' numbers, kept together.

    Attributes:
        course: When and what was measured.
        log: Losses and scores.
    """

    def __init__(self, course: Course, setup: Setup) -> None:
        """Take the first measurement's loss as the initial one."""
        self.course, self.setup = course, setup
        self.log = EpochLog()
        self._places = [layer.place for layer in setup.weighted]
        first = course.last.of_all.get("loss", math.nan)
        self.log.initial_loss = first if math.isfinite(first) else None
        self._sum: Any = 0.0
        self._n = 0
        self._look()

    def step(self, loss: Any = None) -> None:
        """Count a step; its loss is added to the epoch's mean."""
        if loss is not None:
            # Kept where it is: reading it now would make a GPU wait.
            self._sum = self._sum + (loss.detach() if hasattr(loss, "detach") else loss)
            self._n += 1
        self.course.step()
        self._look()

    def epoch(self, told: Mapping[str, Any]) -> None:
        """End an epoch."""
        if self._n and not any("loss" in name and "val" not in name for name in told):
            told = {"train_loss": float(self._sum) / self._n, **told}
        self._sum, self._n = 0.0, 0
        self.log.add(told)
        self.course.end_epoch()
        self._look()

    def evidence(self, train: Rows, validation: Rows, notes: tuple[str, ...]) -> Evidence:
        """Return what is known so far; where training stands now is measured too."""
        self.course.finish()
        self._look()
        record = self.log.record(self.course.probes(), epochs=self.setup.epochs)
        return evidence_of(self.setup, record, train=train, validation=validation, notes=notes)

    def _look(self) -> None:
        where = first_not_finite(self.course.last, self._places)
        if where is not None:
            self.log.note_non_finite(where, self.course.time)


class Recorder:
    """A recorder that has a `Run`; the recorders of frameworks extend it."""

    _run: Run
    _train: Rows
    _validation: Rows

    def evidence(self) -> Evidence:
        """Return what was recorded so far, as evidence."""
        return self._run.evidence(self._train, self._validation, self._notes())

    def diagnose(self) -> Diagnosis:
        """Say what is wrong with the training so far, the likeliest first."""
        return diagnose_evidence(self.evidence())

    def _notes(self) -> tuple[str, ...]:
        return ()
