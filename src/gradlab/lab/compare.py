"""The public calls: begin a study, or go on with one."""

import dataclasses
import importlib
import json
import platform
import threading
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from gradlab.data import Dataset
from gradlab.errors import DataError, RecipeError, StudyError
from gradlab.lab.conduct import Conduct, Listener, Machine
from gradlab.lab.defaults import usual_question
from gradlab.lab.design import cells_of
from gradlab.lab.facts import Facts, facts_of
from gradlab.lab.folder import check_empty, new_folder
from gradlab.lab.lock import only_writer
from gradlab.lab.objects import labelled
from gradlab.lab.preparation import prepare, read_data, read_kept, read_snapshot
from gradlab.lab.question import Design, Question, Source, Tuning, level_names, question_from_dict
from gradlab.lab.snapshot import write_snapshot
from gradlab.lab.store import STUDY_FILE, Store, read_question, write_question
from gradlab.lab.study import Study
from gradlab.process import cores
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task

PACKAGES = ("gradlab", "jax", "jaxlib", "equinox", "optax", "numpy", "scikit-learn")


def compare(
    data: Any = "digits",
    *,
    vary: Mapping[str, Any] | None = None,
    base: Recipe | None = None,
    seeds: int = 10,
    epochs: int | None = None,
    design: Design | str = "one-at-a-time",
    samples: int = 50,
    tune: bool | Tuning = True,
    seed: int = 0,
    resample: bool = False,
    out: str | Path | None = None,
    source: Source | None = None,
    target: str | int | None = None,
    workers: int | None = None,
    progress: Listener | None = None,
    machine: Machine | None = None,
) -> Study:
    """Compare training techniques on data, fairly.

    Every level finds its learning rate with an equal budget on seeds of its own, is then judged
    on fresh seeds that all levels share, and the best recipe is tested once on rows that nothing
    else has read.

    Args:
        data: Name of a built-in set, path, data frame, (X, y), or a `Dataset`.
        vary: Setting to levels, as {"optimizer": ["sgd", "adam"], "dropout": [0, 0.5]}. A mapping
            names levels: {"optimizer": {"mine": optax.adabelief(1e-3), "adam": "adam"}}. None
            takes the course's exercise.
        base: Recipe round which settings vary. A learning rate that it sets holds for every level
            and switches tuning off.
        seeds: Judging seeds a level.
        epochs: Of every run; None keeps the base recipe's.
        design: "one-at-a-time", "factorial" or "random".
        samples: Combinations of the random design.
        tune: True for 5 learning rates × 3 seeds a level; False takes usual learning rates.
        seed: Of the study.
        resample: Draw new training and validation rows for each seed; intervals are corrected.
        out: Study folder; None makes `gradlab-study`, `gradlab-study-2`, … here.
        source: How the data is read (target, groups, split ratios …).
        target: Column to predict; short for `source`.
        workers: Threads; None takes the cores.
        progress: Called when something has happened.
        machine: Learnt costs of the machine, for the forecast.

    Returns:
        The finished study.

    Raises:
        DataError: If the data can't be read or learnt from.
        RecipeError: If a setting or level makes no sense.
        StudyError: If the folder can't be written, or holds another study.
    """
    recipe = (base or Recipe()) if epochs is None else (base or Recipe()).replace(epochs=epochs)
    tuning = tune if isinstance(tune, Tuning) else Tuning(learning_rates=5 if tune else 0)
    settings, labels, recipe = labelled(vary, recipe)
    workers = _workers(workers)
    named = source or Source()
    if target is not None:
        named = named.model_copy(update={"target": target})
    if named.test is not None:
        named = named.model_copy(update={"test": _absolute(named.test)})
    if isinstance(data, str | Path):
        named = named.model_copy(update={"path": _absolute(data)})
    asked: dict[str, Any] = {} if settings is None else {"vary": settings}
    question = Question(
        data=named,
        base=recipe,
        design=design,  # type: ignore[arg-type]  # checked there
        samples=samples,
        seeds=seeds,
        seed=seed,
        tuning=tuning,
        resample=resample,
        labels=labels,
        **asked,
    )
    cells_of(question)  # a misspelt level should not wait for the data
    dataset = read_data(named.path if isinstance(data, str | Path) else data, named)
    question = usual_question(question, dataset, asked=settings is not None)
    prepared = prepare(dataset, question)  # nor leave a folder behind
    folder = new_folder(out)
    with only_writer(folder):
        check_empty(folder)
        if not isinstance(data, str | Path):
            kept = write_snapshot(dataset, named, folder)
            question = question.model_copy(update={"data": kept})
            # Read back what a resumed study will read, so that both have the same rows and types.
            dataset = read_snapshot(folder, kept, dataset)
            prepared = prepare(dataset, question)
        resumable = _write(folder, question)
        return _carry_out(
            question,
            dataset,
            prepared,
            folder,
            resumable=resumable,
            progress=progress,
            machine=dataclasses.replace(machine or Machine(), workers=workers),
        )


def resume(
    folder: str | Path,
    *,
    workers: int | None = None,
    progress: Listener | None = None,
    machine: Machine | None = None,
) -> Study:
    """Go on with a study that was stopped; it ends with the numbers it would have had.

    Raises:
        StudyError: If the folder is no study, the data has changed, or it can't be resumed.
    """
    folder = Path(folder)
    workers = _workers(workers)
    content = read_question(folder)
    if content.pop("objects", False):
        raise StudyError(
            f"The study in {folder} compares Python objects, which its folder can't hold; it can't "
            "be resumed. Run it again from Python."
        )
    question = question_from_dict(content, folder / STUDY_FILE)
    source = question.data.inside(folder)
    try:
        cells_of(question)
        dataset = read_kept(source)
    except RecipeError as error:
        raise StudyError(f"{folder / STUDY_FILE} makes no sense: {error}") from None
    except DataError as error:
        raise DataError(f"The data of the study in {folder} can't be read: {error}") from error
    with only_writer(folder):
        return _carry_out(
            question,
            dataset,
            prepare(dataset, question),
            folder,
            resumable=True,
            progress=progress,
            machine=dataclasses.replace(machine or Machine(), workers=workers),
        )


def _carry_out(
    question: Question,
    dataset: Dataset,
    prepared: tuple[Task, tuple[str, ...]],
    folder: Path,
    *,
    resumable: bool,
    progress: Listener | None,
    machine: Machine,
) -> Study:
    began = time.perf_counter()
    task, notes = prepared
    cells = cells_of(question)
    store = Store(folder, create=True)
    try:
        facts = facts_of(question, dataset, task, notes, cells, resumable)
        _check_unchanged(store, facts, question, resumable)
        conduct = Conduct(question, task, notes, cells, store, machine, progress, began)
        store.set_meta(
            versions=json.dumps({name: metadata.version(name) for name in PACKAGES}),
            machine=json.dumps(_machine_text()),
        )
        # The statistics' library takes as long to import as a hundred small runs to train; it does
        # so while XLA compiles, without Python's lock.
        threading.Thread(target=importlib.import_module, args=("scipy.stats",)).start()
        conduct.go()
    finally:
        store.close()
    study = Study(folder)
    study.report()
    conduct.tell("done")
    return study


def _check_unchanged(store: Store, facts: Facts, question: Question, resumable: bool) -> None:
    """Keep what a study asks and of which data when it begins; refuse anything else after."""
    # Where the data lies may change: its content may not.
    asked = json.dumps({**question.to_dict(), "data": None}, sort_keys=True) if resumable else ""
    text = store.meta("facts")
    if text is None:
        store.set_meta(facts=facts.to_json(), question=asked)
        return
    before = Facts.from_json(text)
    if before.fingerprint != facts.fingerprint:
        raise StudyError(
            f"The data of the study in {store.folder} has changed since it began ({facts.name}: "
            f"{facts.rows} rows now, {before.rows} then), so old and new runs can't be compared. "
            "Bring the old data back, or start a new study with another --out."
        )
    if store.meta("question") != asked:
        raise StudyError(
            f"{store.folder / STUDY_FILE} was edited since the study began, so old and new runs "
            "can't be compared. Undo the change, or start a new study with another --out."
        )


def _write(folder: Path, question: Question) -> bool:
    """Write study.toml; tell whether the study can be resumed from it."""
    try:
        write_question(folder, question.to_dict())
    except RecipeError:
        plain = question.model_copy(
            update={"vary": level_names(question), "base": Recipe(epochs=question.base.epochs)}
        )
        write_question(folder, {**plain.to_dict(), "objects": True})
        return False
    return True


def _workers(workers: int | None) -> int | None:
    if workers is not None and workers < 1:
        raise RecipeError(f"workers must be at least 1; got {workers}.")
    return workers


def _absolute(data: str | Path) -> str:
    path = Path(data)
    return str(path.resolve()) if path.exists() else str(data)


def _machine_text() -> str:
    system = f"{platform.system()} {platform.machine()}"
    return f"{system}, {cores()} cores, Python {platform.python_version()}"
