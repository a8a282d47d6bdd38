"""A study's judged runs as the rules across a study look at them."""

from gradlab.doctor.study_rules import StudyRow, StudyRule, study_rules
from gradlab.lab.study import Study

LEARNT = 0.1
"""Share of the way from a constant answer to the study's best run; a run below it has stalled."""


def rows_of_study(study: Study, constant_score: float) -> list[StudyRow]:
    """Return the study's judged runs, told by what it varied.

    A run has stalled if

        score − constant ≤ LEARNT · (best − constant)

    and it did not diverge; with best the highest validation score of a judged run. Where no run
    does better than a constant answer, all have stalled.

    Args:
        study: With judged runs.
        constant_score: Validation score of the best constant answer.
    """
    table = study.results.filter(study.results["phase"] == "judge")
    best = table["validation_score"].max()
    room = max((best if isinstance(best, float) else constant_score) - constant_score, 0.0)
    return [
        StudyRow(
            settings={axis: _number_or_name(row[axis]) for axis in study.axes},
            stalled=row["status"] != "diverged"
            and row["validation_score"] - constant_score <= LEARNT * room,
            diverged=row["status"] == "diverged",
            score=row["validation_score"],
        )
        for row in table.iter_rows(named=True)
    ]


def rules_of_study(study: Study, constant_score: float) -> tuple[StudyRule, ...]:
    """Return the settings with which runs of a study stall or diverge, the surest first."""
    return tuple(study_rules(rows_of_study(study, constant_score)))


def _number_or_name(level: str | float | None) -> str | float | None:
    """Return a level as a number where it is one, so that rules may say "at least"."""
    try:
        return level if level is None else float(level)
    except ValueError:
        return level
