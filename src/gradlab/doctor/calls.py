"""The public calls: diagnose, and cure."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradlab.doctor import preflight
from gradlab.doctor.across_study import rules_of_study
from gradlab.doctor.consultation import Consultation, consult
from gradlab.doctor.diagnosis import diagnose_evidence
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.statement import Statement
from gradlab.doctor.subject import Subject
from gradlab.errors import RecipeError
from gradlab.lab.question import Source
from gradlab.lab.store import STUDY_FILE
from gradlab.lab.study import Study, open_study
from gradlab.training.recipe import Recipe

SEEDS = 3


def diagnose(
    what: Any = "digits",
    x: Any = None,
    y: Any = None,
    *,
    recipe: Recipe | None = None,
    source: Source | None = None,
    target: str | int | None = None,
    run: str | None = None,
    seed: int = 0,
    seeds: int = SEEDS,
    command: str = "",
    progress: Callable[[str], None] | None = None,
) -> Consultation:
    """Say why a training does not learn as it could: findings, the likeliest first.

    It is trained again from a few seeds, with measurements inside; the data is looked at; short
    runs that differ in one setting tell causes apart. Test rows are not read.

    Args:
        what: A fitted estimator (with the rows that it learnt from in `x` and `y`), a study or
            its folder (with `run`; rules across all its runs are added), data as `compare` takes
            it (with `recipe`), a `Subject`, or `Evidence` from elsewhere, which is judged as it
            stands.
        x, y: Rows of an estimator.
        recipe: How data is learnt; the usual recipe by default.
        source: How data is read and split.
        target: Column to predict; short for `source`.
        run: Of a study: the run's ID; by default its worst judged run.
        seed: Of the split.
        seeds: Runs that are looked at.
        command: What was typed, for the report.
        progress: Called with what is going on.

    Returns:
        The consultation: `.findings`, `.sentences`, `.report(path)`.

    Raises:
        DataError: If the data can't be read.
        RecipeError: If recipe and data do not fit together, or `what` is nothing that can be
            examined.

    >>> import gradlab as gl
    >>> found = gl.diagnose("iris", recipe=gl.Recipe(hidden=(8,), learning_rate=30.0, epochs=5))
    >>> found.findings[0].kind
    'learning_rate_high'
    """
    if isinstance(what, Evidence):
        return Consultation(
            "training", what, diagnose_evidence(what), command=command, notes=what.notes
        )
    what = _study_or(what)
    subject, notes = subject_of(
        what, x, y, recipe=recipe, source=source, target=target, run=run, seed=seed
    )
    found = consult(
        subject, seeds=_seeds(seeds, what, subject), command=command, notes=notes, progress=progress
    )
    return _with_rules(found, what)


def cure(
    what: Any = "digits",
    x: Any = None,
    y: Any = None,
    *,
    recipe: Recipe | None = None,
    source: Source | None = None,
    target: str | int | None = None,
    run: str | None = None,
    seed: int = 0,
    seeds: int = SEEDS,
    seconds: float = 60.0,
    command: str = "",
    progress: Callable[[str], None] | None = None,
) -> Consultation:
    """Diagnose, try what the findings propose, and prove the best on fresh seeds.

    Args:
        what, x, y, recipe, source, target, run, seed, seeds, command, progress: As of `diagnose`.
        seconds: About how long trying may take.

    Returns:
        The consultation, with `.cure`.

    Raises:
        DataError: If the data can't be read.
        RecipeError: If there is nothing that could be trained again.
    """
    if isinstance(what, Evidence):
        raise RecipeError(
            "A history can be diagnosed, but not cured: what made it can't be trained again here. "
            "Give the data and a recipe, or an estimator."
        )
    what = _study_or(what)
    subject, notes = subject_of(
        what, x, y, recipe=recipe, source=source, target=target, run=run, seed=seed
    )
    found = consult(
        subject,
        seeds=_seeds(seeds, what, subject),
        with_cure=True,
        seconds=seconds,
        command=command,
        notes=notes,
        progress=progress,
    )
    return _with_rules(found, what)


def check_before_training(
    what: Any = "digits",
    x: Any = None,
    y: Any = None,
    *,
    recipe: Recipe | None = None,
    source: Source | None = None,
    target: str | int | None = None,
    seed: int = 0,
) -> list[Statement]:
    """Look at data, setting and starting weights, and test shortly, before training.

    The first loss is measured, the learning rate range test made (17 short runs), and 16 rows are
    learnt by heart: some seconds, whatever the training itself would take.

    Args:
        what, x, y, recipe, source, target, seed: As of `diagnose`.

    Returns:
        What each check says, the most severe first.

    Raises:
        DataError: If the data can't be read.
        RecipeError: If recipe and data do not fit together.

    >>> import gradlab as gl
    >>> checks = gl.check_before_training("iris", recipe=gl.Recipe(hidden=(8,)))
    >>> any(check.severity == "error" for check in checks)
    False
    """
    subject, _ = subject_of(
        _study_or(what), x, y, recipe=recipe, source=source, target=target, seed=seed
    )
    return preflight.check_before_training(subject)


def _study_or(what: Any) -> Any:
    """Open a study folder; anything else stays what it is."""
    if isinstance(what, str | Path) and (Path(what) / STUDY_FILE).is_file():
        return open_study(what)
    return what


def _with_rules(found: Consultation, what: Any) -> Consultation:
    """Add the rules across a study, if it is one."""
    data = found.evidence.data
    if not isinstance(what, Study) or data is None or data.trivial_score is None:
        return found
    return replace(found, rules=rules_of_study(what, data.trivial_score))


def subject_of(
    what: Any,
    x: Any = None,
    y: Any = None,
    *,
    recipe: Recipe | None = None,
    source: Source | None = None,
    target: str | int | None = None,
    run: str | None = None,
    seed: int = 0,
) -> tuple[Subject, tuple[str, ...]]:
    """Return what can be examined, and what was decided about its data.

    Raises:
        RecipeError: If `what` is nothing that can be examined.
    """
    from gradlab.doctor.recipes import subject_of_data, subject_of_estimator, subject_of_run

    if isinstance(what, Subject):
        return what, ()
    what = _study_or(what)
    if isinstance(what, Study):
        subject = subject_of_run(what, run or worst_run(what))
        return subject, ()
    if hasattr(what, "fit") and hasattr(what, "predict"):
        return subject_of_estimator(what, x, y), ()
    if run is not None:
        raise RecipeError(f"run={run} names a run of a study, and {what!r} is no study folder.")
    named = source or Source()
    if target is not None:
        named = named.model_copy(update={"target": target})
    subject = subject_of_data(what, recipe or Recipe(), named, seed)
    return subject, tuple(getattr(subject, "notes", ()))


def worst_run(study: Study) -> str:
    """Return the ID of the judged run with the lowest validation score; a diverged one first.

    Raises:
        RecipeError: If no run has been judged yet.
    """
    judged = [run for run in study.runs if run.phase == "judge"]
    if not judged:
        raise RecipeError(
            f"The study in {study.folder} has no judged run yet. Finish it: gradlab resume "
            f"{study.folder}."
        )
    return min(judged, key=lambda run: (run.status != "diverged", run.validation_score)).id


def _seeds(seeds: int, what: Any, subject: Subject) -> Sequence[int]:
    """Return the seeds of the runs that are looked at; first that of the run asked about."""
    if seeds < 1:
        raise RecipeError(f"seeds must be at least 1; got {seeds}.")
    is_run = isinstance(what, Study) or (hasattr(what, "fit") and hasattr(what, "predict"))
    if not is_run:
        return tuple(range(seeds))
    own = int(getattr(subject, "seed", 0))
    return (own, *(seed for seed in range(seeds) if seed != own))[:seeds]
