"""Whether a program rebuilt from a case file behaves as the file says."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import scipy.stats

from gradlab.doctor.program.cases import Case, case_program, case_rows, judged
from gradlab.doctor.program.subject import ProgramSubject

SEEDS = (0, 1, 2, 3, 4)
NEAR = 0.03
"""Difference of medians that another generator of random numbers may make, in scores."""
CHANCE = 0.01
"""Significance below which two sets of five scores are unlike; their least possible is 0.008."""


@dataclasses.dataclass(frozen=True)
class Fidelity:
    """Our scores of a case beside the published ones; NaN where a run diverged.

    Attributes:
        id: Of the case.
        ours, theirs: Scores on the evaluation rows, one a seed.
    """

    id: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def alike(self) -> bool:
        """Whether the medians are near, or the scores as scattered as chance allows.

        Runs that diverged count as lower than any score.
        """
        if not self.theirs:
            return True
        ours, theirs = (np.nan_to_num(scores, nan=-1e9) for scores in (self.ours, self.theirs))
        if abs(np.median(ours) - np.median(theirs)) <= NEAR:
            return True
        return bool(scipy.stats.mannwhitneyu(ours, theirs).pvalue > CHANCE)

    def __str__(self) -> str:
        """Return a line."""
        mark = "alike" if self.alike else "OTHER"
        ours, theirs = (
            " ".join(f"{score:7.3f}" for score in sorted(scores))
            for scores in (self.ours, self.theirs)
        )
        return f"{self.id:24s} {mark}  ours {ours}   published {theirs}"


def compared(case: Case, folders: Mapping[str, Path]) -> Fidelity:
    """Train a case's program as it was measured, and return both scores.

    Raises:
        DataError: If its rows can't be built.
    """
    rows = case_rows(case, folders)
    subject = ProgramSubject(judged(case_program(case, rows), rows))
    scores = subject.score_on_fresh(SEEDS)
    return Fidelity(case.id, tuple(scores), tuple(case.measured("evaluation")))
