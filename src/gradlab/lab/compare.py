"""Running a study: read, plan, tune every level, judge, test the winner once."""

import dataclasses
import json
import platform
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.data import Dataset, Preprocessor, load_dataset, split_rows
from gradlab.errors import DataError, RecipeError, StudyError
from gradlab.lab.design import Cell, base_levels, cells_of, level_names
from gradlab.lab.question import (
    Design,
    Question,
    Source,
    Tuning,
    level_name,
    question_from_dict,
)
from gradlab.lab.resamples import resampled
from gradlab.lab.snapshot import write_snapshot
from gradlab.lab.store import Store, StoredRun, read_question, write_question
from gradlab.lab.study import Facts, Study
from gradlab.optim import learning_rate_grid
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


Listener = Callable[[Progress], None]


@dataclasses.dataclass(frozen=True)
class Machine:
    """How studies run here: set once by whoever owns the process (the command line)."""

    workers: int | None = None
    costs: Costs = Costs()
    known_programs: frozenset[str] = frozenset()
    learned: Callable[[Forecast, float, float, frozenset[str]], None] | None = None
    """Called with (forecast, compile seconds, train seconds, programs) when a study ends."""


def compare(
    data: Any = "digits",
    *,
    vary: Mapping[str, Sequence[Any]] | None = None,
    base: Recipe | None = None,
    seeds: int = 10,
    epochs: int | None = None,
    design: Design = "one-at-a-time",
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
        vary: Setting to levels, as {"optimizer": ["sgd", "adam"], "dropout": [0, 0.5]}; a mapping
            of labels to values names levels that are objects. None takes the course's exercise.
        base: Recipe round which settings vary.
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
    settings, labels = _labelled(vary)
    named = source or Source()
    if target is not None:
        named = named.model_copy(update={"target": target})
    if isinstance(data, str | Path):
        named = named.model_copy(update={"path": _absolute(data)})
    question = Question(
        data=named,
        base=recipe,
        design=design,
        samples=samples,
        seeds=seeds,
        seed=seed,
        tuning=tuning,
        resample=resample,
        labels=labels,
        **({} if settings is None else {"vary": settings}),
    )
    cells_of(question)  # a misspelt level should not wait for the data
    dataset = read_data(named.path if isinstance(data, str | Path) else data, named)
    folder = _new_folder(out)
    if not isinstance(data, str | Path):
        kept = write_snapshot(dataset, named, folder)
        question = question.model_copy(update={"data": kept})
        # Read back what a resumed study will read, so that both have the same rows and types.
        dataset = dataclasses.replace(
            read_data(str(folder / kept.path), _inside(folder, kept)),
            name=dataset.name,
            notes=dataset.notes,
        )
    resumable = _write(folder, question)
    return _carry_out(
        question,
        dataset,
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
    content = read_question(folder)
    if content.pop("objects", False):
        raise StudyError(
            f"The study in {folder} compares Python objects, which its folder can't hold; it can't "
            "be resumed. Run it again from Python."
        )
    question = question_from_dict(content, folder / "study.toml")
    source = _inside(folder, question.data)
    dataset = read_data(source.path, source)
    return _carry_out(
        question,
        dataset,
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


def _inside(folder: Path, source: Source) -> Source:
    """Return the source with the paths of a snapshot made whole."""
    if not source.snapshot:
        return source
    test = None if source.test is None else str(folder / source.test)
    return source.model_copy(update={"path": str(folder / source.path), "test": test})


def prepare(dataset: Dataset, question: Question) -> tuple[Task, Preprocessor]:
    """Split and scale a data set as a question asks."""
    split = split_rows(dataset, ratios=question.data.ratios, seed=question.seed)
    if len(split.validation) == 0 or len(split.train) == 0:
        raise DataError(
            f"{dataset.name} leaves {len(split.train)} training and {len(split.validation)} "
            "validation rows; a comparison needs both. Give more rows or other ratios."
        )
    preprocessor = Preprocessor.fit(dataset.features, split.train, scaling=question.data.scaling)
    resamples = (
        resampled(dataset, split, seeds=question.judging_seeds()) if question.resample else ()
    )
    return make_task(dataset, split, preprocessor, resamples=resamples), preprocessor


def _carry_out(
    question: Question,
    dataset: Dataset,
    folder: Path,
    *,
    resumable: bool,
    progress: Listener | None,
    machine: Machine,
    command: str | None,
) -> Study:
    began = time.perf_counter()
    task, preprocessor = prepare(dataset, question)
    cells = cells_of(question)
    store = Store(folder)
    try:
        conduct = _Conduct(question, task, cells, store, machine, progress, began)
        facts = _facts(question, dataset, task, preprocessor, cells, resumable)
        _check_same_data(store, facts, folder)
        if store.meta("facts") is None:
            store.set_meta(facts=facts.to_json())
        store.set_meta(
            versions=json.dumps({name: metadata.version(name) for name in PACKAGES}),
            machine=json.dumps(_machine_text()),
            **({"command": json.dumps(command)} if command else {}),
        )
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
        cells: list[Cell],
        store: Store,
        machine: Machine,
        progress: Listener | None,
        began: float,
    ) -> None:
        self.question, self.task, self.cells, self.store = question, task, cells, store
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
        missing = [run for run in tuning if run.id(self.fingerprint) not in self.done] + judging[
            min(len(judging), self._judged()) :
        ]
        side_by_side = default_side_by_side()
        self.plan: Plan = plan(task, missing, workers=self.workers, side_by_side=side_by_side)
        self.forecast = forecast(
            self.plan, machine.costs, workers=self.workers, known=machine.known_programs
        )
        words = max((p.layouts.result_words for p in self.plan.programs), default=0)
        self.keep_weights = 4 * words * len(judging) <= WEIGHTS_BYTES

    def _judged(self) -> int:
        return sum(run.phase == "judge" for run in self.done.values())

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
        elapsed = time.perf_counter() - self.began
        earlier = json.loads(self.store.meta("timing") or "{}")
        timing = {
            "forecast": earlier.get("forecast", self.forecast.seconds),
            "seconds": earlier.get("seconds", 0.0) + elapsed,
            "compile": earlier.get("compile", 0.0) + self.compile_seconds,
            "train": earlier.get("train", 0.0) + self.train_seconds,
            "runs": self.total,
            "programs": max(earlier.get("programs", 0), len(self.plan.programs)),
        }
        self.store.set_meta(timing=json.dumps(timing))
        if self.machine.learned is not None and self.plan.programs:
            names = frozenset(program_name(self.plan, p) for p in self.plan.programs)
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
        mean: dict[str, list[float]] = {}
        for run in self.done.values():
            if run.phase == "judge":
                mean.setdefault(run.cell, []).append(run.validation_score)
        best = max(self.cells, key=lambda cell: float(np.mean(mean[cell.name])))
        recipe = self.chosen(best)
        runs = self.judging_runs(best, recipe)
        stored = [self.done[run.id(self.fingerprint)] for run in runs]
        words = [self.weights(row) for row in stored]
        if any(w is None for w in words) or not self.has_structure(recipe):
            words = self.train_again(runs)
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
        return {
            "levels": best.levels,
            "recipe": recipe.describe(),
            "validation_scores": [row.validation_score for row in stored],
            "test_scores": test,
            "train_scores": train,
        }

    def has_structure(self, recipe: Recipe) -> bool:
        return recipe.structure() in self.plan.places

    def weights(self, run: StoredRun) -> Any:
        return self.kept.get(run.id) if run.id in self.kept else self.store.weights(run)

    def train_again(self, runs: list[Run]) -> list[Any]:
        """Train the winner's runs once more for their weights; they get the same numbers."""
        self.plan = plan(self.task, runs, workers=self.workers, side_by_side=default_side_by_side())
        words: list[Any] = [None] * len(runs)
        for event in execute(self.plan, workers=self.workers, side_by_side=default_side_by_side()):
            if isinstance(event, RunResult):
                words[event.index] = event.weights
        return words

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
        path = Path("checkpoints") / f"{name}.safetensors"
        if not (self.store.folder / path).exists():
            return None
        t = self.store.read_tensors(path)
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
            )
        )


def _facts(
    question: Question,
    dataset: Dataset,
    task: Task,
    preprocessor: Preprocessor,
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
        notes=(*dataset.notes, *preprocessor.notes),
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


def _check_same_data(store: Store, facts: Facts, folder: Path) -> None:
    text = store.meta("facts")
    if text is None:
        return
    before = Facts.from_json(text)
    if before.fingerprint != facts.fingerprint:
        raise StudyError(
            f"The data of the study in {folder} has changed since it began ({facts.name}: "
            f"{facts.rows} rows now, {before.rows} then), so old and new runs can't be compared. "
            "Bring the old data back, or start a new study with another --out."
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
    vary: Mapping[str, Any] | None,
) -> tuple[dict[str, tuple] | None, dict[str, tuple[str, ...]]]:
    """Take labels off levels that were given as a mapping of label to value."""
    if vary is None:
        return None, {}
    settings, labels = {}, {}
    for axis, levels in vary.items():
        if isinstance(levels, Mapping):
            settings[axis] = tuple(levels.values())
            labels[axis] = tuple(str(label) for label in levels)
        else:
            settings[axis] = levels
    return settings, labels


def _absolute(data: str | Path) -> str:
    path = Path(data)
    return str(path.resolve()) if path.exists() else str(data)


def _new_folder(out: str | Path | None) -> Path:
    """Return a folder for a new study.

    Raises:
        StudyError: If `out` already holds a study, or can't be made.
    """
    if out is None:
        number = 1
        while (folder := Path("gradlab-study" + (f"-{number}" if number > 1 else ""))).exists():
            number += 1
    else:
        folder = Path(out)
        if (folder / "study.toml").exists():
            raise StudyError(
                f"{folder} already holds a study. To go on with it: gradlab resume {folder}. "
                "For a new one give another --out."
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(
            f"Could not make the study folder {folder}: {error.strerror}. Choose another --out."
        ) from error
    return folder


def _machine_text() -> str:
    return f"{platform.system()} {platform.machine()}, {cores()} cores, Python {platform.python_version()}"


def repeat_command(arguments: Sequence[str]) -> str:
    """Return a command line that can be pasted into a shell."""
    return shlex.join(arguments)
