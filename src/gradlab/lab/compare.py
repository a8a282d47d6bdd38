"""Running a study: read, plan, tune every level, judge, test the winner once."""

import contextlib
import dataclasses
import importlib
import itertools
import json
import platform
import shlex
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import optax

from gradlab.data import Dataset, Preprocessor, load_dataset, split_rows
from gradlab.errors import DataError, RecipeError, StudyError
from gradlab.lab.design import Cell, base_levels, cells_of
from gradlab.lab.lock import only_writer
from gradlab.lab.question import (
    Design,
    Question,
    Source,
    Tuning,
    level_name,
    level_names,
    question_from_dict,
)
from gradlab.lab.resamples import resampled
from gradlab.lab.snapshot import write_snapshot
from gradlab.lab.store import DATABASE, STUDY_FILE, Store, StoredRun, read_question, write_question
from gradlab.lab.study import Facts, Study, merit
from gradlab.optim import OPTIMIZERS, OptimizerKind, custom, learning_rate_grid
from gradlab.training.executors import (
    Checkpoint,
    Compiled,
    Progressed,
    RunResult,
    cores,
    execute,
    trained_network,
)
from gradlab.training.forecast import Costs, Forecast, forecast, program_name
from gradlab.training.plan import Plan, Run, default_side_by_side, plan
from gradlab.training.population import Control
from gradlab.training.predict import score_rows
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task, make_task

FLUSH_SECONDS = 1.0
"""Finished runs are written together this often; a kill loses at most these."""

CHECKPOINT_SECONDS = 20.0
WEIGHTS_BYTES = 512 * 2**20
"""Judged runs' weights are kept up to this size in all; beyond it the winner is trained again."""

PACKAGES = ("gradlab", "jax", "jaxlib", "equinox", "optax", "numpy", "scikit-learn")


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a study stands; handed to the `progress` function of `compare`."""

    stage: str
    """"forecast", "compiled", "tune", "judge", "test" or "done"."""
    done: int
    """Runs finished, of both phases."""
    total: int
    elapsed: float
    forecast: Forecast
    best: tuple[str, float] | None = None
    """Cell with the highest mean validation score among those judged so far."""
    folder: Path = Path()
    notes: tuple[str, ...] = ()
    """What was decided about the data."""


Listener = Callable[[Progress], None]


@dataclasses.dataclass(frozen=True)
class Machine:
    """How studies run here: set once by whoever owns the process (the command line)."""

    workers: int | None = None
    costs: Costs = dataclasses.field(default_factory=Costs)
    known_programs: frozenset[str] = frozenset()
    learned: Callable[[Forecast, float, float, frozenset[str]], None] | None = None
    """Called with (forecast, compile seconds, train seconds, programs) when a study ends."""


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
    command: str | None = None,
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
        command: The command line that asked, for the report.

    Returns:
        The finished study.

    Raises:
        DataError: If the data can't be read or learnt from.
        RecipeError: If a setting or level makes no sense.
        StudyError: If the folder can't be written, or holds another study.
    """
    recipe = (base or Recipe()) if epochs is None else (base or Recipe()).replace(epochs=epochs)
    tuning = tune if isinstance(tune, Tuning) else Tuning(learning_rates=5 if tune else 0)
    settings, labels, recipe = _labelled(vary, recipe)
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
    prepared = prepare(dataset, question)  # nor leave a folder behind
    folder = _new_folder(out)
    with only_writer(folder):
        _check_empty(folder)
        if not isinstance(data, str | Path):
            kept = write_snapshot(dataset, named, folder)
            question = question.model_copy(update={"data": kept})
            # Read back what a resumed study will read, so that both have the same rows and types.
            dataset = _read_snapshot(folder, kept, dataset)
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
            command=command,
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
        dataset = read_data(source.path, source)
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
            command=None,
        )


def read_data(data: Any, source: Source) -> Dataset:
    """Return the data set that a source describes."""
    if isinstance(data, Dataset):
        return data
    return load_dataset(
        data,
        target=source.target,
        task=source.task,
        groups=source.groups,
        time=source.time,
        test=source.test,
        drop=source.drop,
        header=source.header,
    )


def _read_snapshot(folder: Path, kept: Source, original: Dataset) -> Dataset:
    source = kept.inside(folder)
    read = read_data(source.path, source)
    return dataclasses.replace(read, name=original.name, notes=original.notes)


def prepare(dataset: Dataset, question: Question) -> tuple[Task, tuple[str, ...]]:
    """Split and scale a data set as a question asks; return the task, and what to say aloud."""
    split = split_rows(dataset, ratios=question.data.ratios, seed=question.seed)
    if len(split.validation) == 0 or len(split.train) == 0:
        raise DataError(
            f"{dataset.name} leaves {len(split.train)} training and {len(split.validation)} "
            "validation rows; a comparison needs both. Give more rows or other ratios."
        )
    preprocessor = Preprocessor.fit(dataset.features, split.train, scaling=question.data.scaling)
    resamples = (
        resampled(dataset, split, seeds=question.judging_seeds()) if question.resample else []
    )
    if dataset.task == "regression":
        for rows in (split.validation, *(validation for _, validation in resamples)):
            if np.ptp(dataset.y[rows]) == 0:
                raise DataError(
                    f"The {len(rows)} validation rows of {dataset.name} all have the same "
                    f"{dataset.target_name}, so R² has no meaning there. Give more rows, other "
                    "ratios or another seed."
                )
    notes = dict.fromkeys((*dataset.notes, *split.notes, *preprocessor.notes))
    return make_task(dataset, split, preprocessor, resamples=resamples), tuple(notes)


def _carry_out(
    question: Question,
    dataset: Dataset,
    prepared: tuple[Task, tuple[str, ...]],
    folder: Path,
    *,
    resumable: bool,
    progress: Listener | None,
    machine: Machine,
    command: str | None,
) -> Study:
    began = time.perf_counter()
    task, notes = prepared
    cells = cells_of(question)
    store = Store(folder, create=True)
    try:
        facts = _facts(question, dataset, task, notes, cells, resumable)
        _check_unchanged(store, facts, question, resumable)
        conduct = _Conduct(question, task, notes, cells, store, machine, progress, began)
        store.set_meta(
            versions=json.dumps({name: metadata.version(name) for name in PACKAGES}),
            machine=json.dumps(_machine_text()),
            **({"command": json.dumps(command)} if command else {}),
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


class _Conduct:
    """One study on its way: what is done, and what is still to do."""

    def __init__(
        self,
        question: Question,
        task: Task,
        notes: tuple[str, ...],
        cells: list[Cell],
        store: Store,
        machine: Machine,
        progress: Listener | None,
        began: float,
    ) -> None:
        self.question, self.task, self.cells, self.store = question, task, cells, store
        self.notes = notes
        self.machine, self.listener, self.began = machine, progress, began
        self.fingerprint = task.fingerprint()
        self.workers = machine.workers or cores()
        self.done: dict[str, StoredRun] = {run.id: run for run in store.runs()}
        self.kept: dict[str, np.ndarray] = {}
        self.programs: dict[int, Any] = {}
        self.compile_seconds, self.train_seconds = 0.0, 0.0
        tuning = [run for cell in cells if cell.tuned for run in self.tuning_runs(cell)]
        judging = [run for cell in cells for run in self.judging_runs(cell, cell.recipe)]
        self.total = len(tuning) + len(judging)
        missing = [run for run in tuning if run.id(self.fingerprint) not in self.done]
        missing += [run for cell in cells for run in self._unjudged(cell)]
        side_by_side = default_side_by_side()
        self.plan: Plan = plan(task, missing, workers=self.workers, side_by_side=side_by_side)
        self.planned = self.plan
        self.forecast = forecast(
            self.plan, machine.costs, workers=self.workers, known=machine.known_programs
        )
        words = max((p.layouts.result_words for p in self.plan.programs), default=0)
        self.keep_weights = 4 * words * len(judging) <= WEIGHTS_BYTES

    def _unjudged(self, cell: Cell) -> list[Run]:
        """Return a cell's judging runs that are still to do; its rate may not be known yet."""
        tuning = self.tuning_runs(cell) if cell.tuned else []
        if any(run.id(self.fingerprint) not in self.done for run in tuning):
            return self.judging_runs(cell, cell.recipe)
        runs = self.judging_runs(cell, self.chosen(cell))
        return [run for run in runs if run.id(self.fingerprint) not in self.done]

    def tuning_runs(self, cell: Cell) -> list[Run]:
        rates = learning_rate_grid(
            cell.recipe.optimizer_kind(), self.question.tuning.learning_rates
        )
        return [
            Run(cell.recipe.replace(learning_rate=float(rate)), seed)
            for rate in rates
            for seed in self.question.tuning_seeds()
        ]

    def judging_runs(self, cell: Cell, recipe: Recipe) -> list[Run]:
        seeds = self.question.judging_seeds()
        return [
            Run(recipe, seed, split=1 + i if self.question.resample else 0)
            for i, seed in enumerate(seeds)
        ]

    def go(self) -> None:
        self.tell("forecast")
        tuning = [
            (cell, run) for cell in self.cells if cell.tuned for run in self.tuning_runs(cell)
        ]
        self.train("tune", tuning)
        judging = [
            (cell, run) for cell in self.cells for run in self.judging_runs(cell, self.chosen(cell))
        ]
        self.train("judge", judging)
        if self.store.meta("winner") is None:
            self.tell("test")
            self.store.set_meta(winner=json.dumps(self.test_winner()))
        if self.planned.runs:
            self.keep_timing()

    def keep_timing(self) -> None:
        """Store what the study has cost, and let the machine learn from it."""
        elapsed = time.perf_counter() - self.began
        timing = {
            "forecast": self.forecast.seconds,
            "seconds": elapsed,
            "compile": self.compile_seconds,
            "train": self.train_seconds,
            "runs": len(self.planned.runs),
            "programs": len(self.planned.programs),
        }
        self.store.set_meta(timing=json.dumps(timing))
        if self.machine.learned is not None:
            names = frozenset(program_name(self.planned, p) for p in self.planned.programs)
            self.machine.learned(self.forecast, self.compile_seconds, self.train_seconds, names)

    def chosen(self, cell: Cell) -> Recipe:
        """Return a cell's recipe with the learning rate that did best on the tuning seeds."""
        if not cell.tuned:
            return cell.recipe
        scores: dict[float, list[tuple[float, float]]] = {}
        for run in self.tuning_runs(cell):
            stored = self.done[run.id(self.fingerprint)]
            loss = stored.validation_loss
            worst = float("inf") if loss is None else loss
            scores.setdefault(run.recipe.rate(), []).append((stored.validation_score, -worst))
        # Ties in the score (a small validation part has many) go to the lower loss.
        best = max(scores, key=lambda rate: tuple(np.mean(scores[rate], axis=0)))
        return cell.recipe.replace(learning_rate=best)

    def train(self, phase: str, wanted: list[tuple[Cell, Run]]) -> None:
        """Train the runs that are not done yet, writing them as they come."""
        todo = [(c, r) for c, r in wanted if r.id(self.fingerprint) not in self.done]
        if not todo:
            return
        fresh: list[StoredRun] = []
        words: dict[str, np.ndarray] = {}
        ids = [run.id(self.fingerprint) for _, run in todo]
        saved = {i: c for i, name in enumerate(ids) if (c := self.load_checkpoint(name))}
        written, checked = time.monotonic(), time.monotonic()

        def flush() -> None:
            if fresh:
                self.store.add(fresh, words)
                for run in fresh:
                    (self.store.folder / "checkpoints" / f"{run.id}.safetensors").unlink(True)
            fresh.clear()
            words.clear()

        began = time.perf_counter()
        try:
            for event in execute(
                self.plan,
                runs=[run for _, run in todo],
                programs=self.programs,
                workers=self.workers,
                checkpoints=saved,
                side_by_side=default_side_by_side(),
            ):
                if isinstance(event, Compiled):
                    self.compile_seconds += event.seconds
                    began += event.seconds
                    self.tell("compiled")
                elif isinstance(event, Progressed):
                    if time.monotonic() - checked > CHECKPOINT_SECONDS:
                        self.save_checkpoint(ids[event.index], event.checkpoint)
                        if event.index == max(saved, default=event.index):
                            checked = time.monotonic()
                else:
                    cell, run = todo[event.index]
                    row = self.row(phase, cell, run, ids[event.index], event)
                    fresh.append(row)
                    self.done[row.id] = row
                    if phase == "judge" and self.keep_weights:
                        words[row.id] = self.kept[row.id] = event.weights
                    if time.monotonic() - written > FLUSH_SECONDS:
                        flush()
                        written = time.monotonic()
                        self.tell(phase)
        finally:
            # Ctrl-C and failures keep what is finished.
            flush()
            self.train_seconds += time.perf_counter() - began
            self.tell(phase)

    def row(self, phase: str, cell: Cell, run: Run, name: str, result: RunResult) -> StoredRun:
        rows = self.task.splits[run.split][1]
        history = np.asarray(result.history, np.float64).copy()
        history[:, 2] = [self.task.score(value, rows) for value in history[:, 2]]
        last = result.best_epoch - 1 if run.recipe.patience is not None else len(history) - 1
        diverged = result.status == "diverged"
        train, loss, score = (float(x) for x in history[max(0, last)])
        return StoredRun(
            id=name,
            phase=phase,
            cell=cell.name,
            recipe=run.recipe.describe(),
            seed=run.seed,
            split=run.split,
            status=result.status,
            epochs=result.epochs,
            best_epoch=result.best_epoch,
            learning_rate=run.recipe.rate(),
            # A run that diverged has learnt nothing; what it scored on the way is no merit.
            validation_score=self.task.trivial_score if diverged else score,
            validation_loss=None if diverged else loss,
            train_loss=None if diverged else train,
            seconds=result.seconds,
            weights=None,
            history=history,
        )

    def test_winner(self) -> dict[str, Any]:
        """Read the test part, once: score the best recipe's judged networks on it."""
        judged: dict[str, list[StoredRun]] = {}
        for run in self.done.values():
            if run.phase == "judge":
                judged.setdefault(run.cell, []).append(run)
        best = max(self.cells, key=lambda cell: merit(judged[cell.name]))
        recipe = self.chosen(best)
        runs = self.judging_runs(best, recipe)
        stored = [self.done[run.id(self.fingerprint)] for run in runs]
        words = [self.weights(row) for row in stored]
        if any(w is None for w in words):
            words = self.train_again(runs)
        elif recipe.structure() not in self.plan.places:  # a resumed study that had judged it
            self.plan = self.plan_of(runs)
        test, train = [], []
        for run, row, w in zip(runs, stored, words, strict=True):
            network, states = trained_network(self.plan, recipe, w)
            rows = self.task.splits[run.split][0]
            if row.status == "diverged":
                test.append(self.task.trivial_score)
                train.append(self.task.trivial_score)
            else:
                train.append(score_rows(self.task, network, states, rows, split=run.split))
                if len(self.task.test):
                    test.append(
                        score_rows(self.task, network, states, self.task.test, split=run.split)
                    )
        if np.isnan(test).any():  # R² of numbers that are all equal
            test = []
        return {
            "levels": best.levels,
            "recipe": recipe.describe(),
            "validation_scores": [row.validation_score for row in stored],
            "test_scores": test,
            "train_scores": train,
        }

    def weights(self, run: StoredRun) -> Any:
        return self.kept.get(run.id) if run.id in self.kept else self.store.weights(run)

    def train_again(self, runs: list[Run]) -> list[Any]:
        """Train the winner's runs once more for their weights; they get the same numbers."""
        self.plan = self.plan_of(runs)
        words: list[Any] = [None] * len(runs)
        for event in execute(self.plan, workers=self.workers, side_by_side=default_side_by_side()):
            if isinstance(event, RunResult):
                words[event.index] = event.weights
        return words

    def plan_of(self, runs: list[Run]) -> Plan:
        return plan(self.task, runs, workers=self.workers, side_by_side=default_side_by_side())

    def save_checkpoint(self, name: str, point: Checkpoint) -> None:
        tensors = {
            "state": point.state,
            "best": point.best,
            "history": point.history,
            "seconds": np.array([point.seconds]),
            **{f"control.{k}": np.atleast_1d(v) for k, v in point.control._asdict().items()},
        }
        self.store.write_tensors(Path("checkpoints") / f"{name}.safetensors", tensors)

    def load_checkpoint(self, name: str) -> Checkpoint | None:
        t = self.store.read_tensors(Path("checkpoints") / f"{name}.safetensors")
        if t is None:
            return None
        control = Control(**{k: t[f"control.{k}"][0] for k in Control._fields})
        return Checkpoint(t["state"], t["best"], control, t["history"], float(t["seconds"][0]))

    def tell(self, stage: str) -> None:
        if self.listener is None:
            return
        scores: dict[str, list[float]] = {}
        for run in self.done.values():
            if run.phase == "judge":
                scores.setdefault(run.cell, []).append(run.validation_score)
        best = max(
            ((cell, float(np.mean(values))) for cell, values in scores.items()),
            key=lambda pair: pair[1],
            default=None,
        )
        elapsed = time.perf_counter() - self.began
        self.listener(
            Progress(
                stage,
                min(len(self.done), self.total),
                self.total,
                elapsed,
                self.forecast,
                best,
                self.store.folder,
                self.notes,
            )
        )


def _facts(
    question: Question,
    dataset: Dataset,
    task: Task,
    notes: tuple[str, ...],
    cells: list[Cell],
    resumable: bool,
) -> Facts:
    train, validation = task.splits[0]
    axes: dict[str, list[str]] = {axis: [] for axis in question.vary}
    for cell in cells:
        for axis, name in cell.levels.items():
            if name not in axes[axis]:
                axes[axis].append(name)
    return Facts(
        name=dataset.name,
        target=dataset.target_name,
        task=dataset.task,
        classes=tuple(str(label) for label in dataset.classes or ()),
        rows=dataset.n_rows,
        columns=len(dataset.features.names),
        features=task.n_features,
        train=len(train),
        validation=len(validation),
        test=len(task.test),
        score=task.score_name,
        trivial_score=task.trivial_score,
        fingerprint=task.fingerprint(),
        notes=notes,
        axes=axes,
        base=base_levels(question),
        cells=[{"levels": cell.levels, "tuned": cell.tuned} for cell in cells],
        base_recipe=_recipe_text(question.base),
        resumable=resumable,
    )


def _recipe_text(recipe: Recipe) -> dict[str, str]:
    shown = ("hidden", "optimizer", "init", "activation", "norm", "dropout", "batch_size", "epochs")
    given = {**{name: getattr(recipe, name) for name in shown}, **recipe.describe()}
    return {
        name: level_name(tuple(v) if isinstance(v, list) else v)
        for name, v in given.items()
        if not isinstance(v, dict)
    } | {k: level_name(v) for k, v in recipe.parameters.items()}


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


def _labelled(
    vary: Mapping[str, Any] | None, base: Recipe
) -> tuple[Mapping[str, Any] | None, dict[str, tuple[str, ...]], Recipe]:
    """Take labels off levels that were given as a mapping of label to value, and name objects.

    A run is known by the name of its optimizer, so every optimizer object gets one of its own;
    also the base's, which may be a level too.
    """
    bare = base.optimizer
    if _is_object(bare):
        base = base.model_copy(update={"optimizer": _named(bare, base.optimizer_kind().name)})
    if not isinstance(vary, Mapping):
        return vary, {}, base  # if it is not None, the question says what is wrong with it
    settings: dict[str, Any] = {}
    labels: dict[str, tuple[str, ...]] = {}
    for axis, levels in vary.items():
        settings[axis] = levels
        if isinstance(levels, Mapping):
            labels[axis] = tuple(map(str, levels))
            settings[axis] = list(levels.values())
        if axis != "optimizer" or not isinstance(settings[axis], list | tuple):
            continue
        values = list(settings[axis])
        if any(map(_is_object, values)):
            names = labels.setdefault(axis, tuple(_object_names(values)))
            for i, value in enumerate(values):
                if _is_object(value):
                    settings[axis] = values
                    values[i] = _named(value, names[i])
                    if value is bare:
                        base = base.model_copy(update={"optimizer": values[i]})
    return settings, labels, base


def _is_object(level: Any) -> bool:
    return isinstance(level, optax.GradientTransformation | OptimizerKind)


def _object_names(levels: list[Any]) -> list[str]:
    """Return short, different names: those of kinds, else "optax 1", "optax 2", …"""
    names: list[str] = []
    number = 0
    for level in levels:
        name = level.name if isinstance(level, OptimizerKind) else str(level)
        if isinstance(level, optax.GradientTransformation):
            number += 1
            name = f"optax {number}"
        copy, unique = 1, name
        while unique in names:
            copy += 1
            unique = f"{name} {copy}"
        names.append(unique)
    return names


def _named(level: optax.GradientTransformation | OptimizerKind, name: str) -> OptimizerKind:
    """Return the object as a kind of this name, which no kind of our own may have."""
    own = f"your {name}" if name in OPTIMIZERS else name
    if isinstance(level, OptimizerKind):
        return dataclasses.replace(level, name=own)
    return custom(level, name=own)


def _workers(workers: int | None) -> int | None:
    if workers is not None and workers < 1:
        raise RecipeError(f"workers must be at least 1; got {workers}.")
    return workers


def _absolute(data: str | Path) -> str:
    path = Path(data)
    return str(path.resolve()) if path.exists() else str(data)


def _new_folder(out: str | Path | None) -> Path:
    """Return a folder for a new study.

    Raises:
        StudyError: If `out` already holds a study, or can't be made.
    """
    folder = Path("gradlab-study" if out is None else out)
    try:
        if out is not None:
            _check_empty(folder)
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        for number in itertools.count(1):
            if number > 1:
                folder = Path(f"gradlab-study-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
        raise AssertionError("numbers end")
    except OSError as error:
        raise StudyError(
            f"Could not make the study folder {folder}: {error.strerror}. Choose another --out."
        ) from error


def _check_empty(folder: Path) -> None:
    for name in (STUDY_FILE, DATABASE):
        if (folder / name).exists():
            raise StudyError(
                f"{folder} already holds a study. To go on with it: gradlab resume {folder}. "
                "For a new one give another --out."
            )


def _machine_text() -> str:
    system = f"{platform.system()} {platform.machine()}"
    return f"{system}, {cores()} cores, Python {platform.python_version()}"


def repeat_command(arguments: Sequence[str]) -> str:
    """Return a command line that can be pasted into a shell."""
    return shlex.join(arguments)
