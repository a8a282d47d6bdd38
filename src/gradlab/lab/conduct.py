"""The conduct of a study: tune every level, judge it on fresh seeds, test the winner once."""

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.lab.design import Cell
from gradlab.lab.question import Question
from gradlab.lab.store import Store, StoredRun
from gradlab.lab.study import merit
from gradlab.optim import learning_rate_grid
from gradlab.process import cores
from gradlab.training.executors import (
    Checkpoint,
    Compiled,
    Progressed,
    RunResult,
    execute,
    trained_network,
)
from gradlab.training.forecast import Costs, Forecast, forecast, program_name
from gradlab.training.plan import Plan, Run, default_side_by_side, plan
from gradlab.training.population import Control
from gradlab.training.predict import rows_a_call, score_rows
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task

FLUSH_SECONDS = 1.0
"""Finished runs are written together this often; a kill loses at most these."""

CHECKPOINT_SECONDS = 20.0
WEIGHTS_BYTES = 512 * 2**20
"""Judged runs' weights are kept up to this size in all; beyond it the winner is trained again."""


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


class Conduct:
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
        chunk = rows_a_call(recipe, self.task.interface)
        test, train = [], []
        for run, row, w in zip(runs, stored, words, strict=True):
            parts = [(self.task.splits[run.split][0], train)]
            if len(self.task.test):
                parts.append((self.task.test, test))
            network = trained_network(self.plan, recipe, w)
            for rows, scores in parts:
                scores.append(
                    self.task.trivial_score
                    if row.status == "diverged"
                    else score_rows(self.task, *network, rows, split=run.split, chunk=chunk)
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
