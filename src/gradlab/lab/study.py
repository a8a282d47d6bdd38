"""A study that has been run, wholly or in part: its tables and rankings."""

import dataclasses
import functools
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gradlab.errors import RecipeError, StudyError, unknown
from gradlab.lab.command import command_of
from gradlab.lab.design import cell_name
from gradlab.lab.effects import AxisEffects, axis_effects
from gradlab.lab.facts import Facts
from gradlab.lab.question import Design, Question, Source, Tuning, question_from_dict
from gradlab.lab.ranking import rank_axis
from gradlab.lab.store import DATABASE, STUDY_FILE, Store, StoredRun, read_question
from gradlab.lab.verdicts import AxisRanking
from gradlab.optim import OPTIMIZERS
from gradlab.training.population import HISTORY
from gradlab.training.recipe import Recipe

if TYPE_CHECKING:
    import polars as pl


JudgedCell = tuple[dict[str, str], dict[int, float]]
"""A cell's levels, and its judging scores by seed."""


@dataclasses.dataclass(frozen=True)
class Winner:
    """The best recipe and its scores on the test part, read once at the end."""

    levels: dict[str, str]
    recipe: dict[str, Any]
    validation_scores: tuple[float, ...]
    test_scores: tuple[float, ...]
    train_scores: tuple[float, ...]

    @property
    def test_score(self) -> float:
        """Mean test score over the judging seeds."""
        return float(np.mean(self.test_scores))


class Study:
    """A study folder, opened to read.

    Attributes:
        folder: Where it lives.
        facts: What was found out about the data, and what is compared.
        runs: Every finished run.
    """

    def __init__(self, folder: str | Path) -> None:
        """Open a study.

        Raises:
            StudyError: If the folder is no study, or its files are damaged.
        """
        self.folder = Path(folder)
        content = read_question(self.folder)
        content.pop("objects", None)
        self._question = question_from_dict(content, self.folder / STUDY_FILE)
        store = Store(self.folder)
        try:
            facts = store.meta("facts")
            if facts is None:
                raise StudyError(
                    f"The study in {self.folder} has not begun: no data was read yet. "
                    f"Run: gradlab resume {self.folder}"
                )
            self.facts = Facts.from_json(facts)
            self._meta = {
                key: json.loads(store.meta(key) or "null")
                for key in ("winner", "timing", "versions", "machine")
            }
            self.runs: list[StoredRun] = store.runs()
        except (ValueError, TypeError, KeyError) as error:
            raise StudyError(
                f"What {self.folder / DATABASE} holds is damaged: {error!r}. Bring back a copy of "
                f"the file; or delete it, and run: gradlab resume {self.folder}"
            ) from error
        finally:
            store.close()
        self._rankings: dict[str, AxisRanking] = {}

    def __repr__(self) -> str:
        """Return the folder, the size and the state."""
        state = "finished" if self.finished else "unfinished"
        return f"Study({str(self.folder)!r}, {len(self.runs)} runs, {state})"

    @property
    def finished(self) -> bool:
        """True once the winner has been tested."""
        return self._meta["winner"] is not None

    @property
    def axes(self) -> tuple[str, ...]:
        """Settings that were varied."""
        return tuple(self.facts.axes)

    @property
    def question(self) -> Question:
        """What was asked.

        Raises:
            StudyError: If a level is a Python object, which the folder can't hold.
        """
        if not self.facts.resumable:
            raise StudyError(
                f"The study in {self.folder} compares Python objects, which its folder can't hold; "
                "its results can be read, but it can't be resumed. Run it again from Python."
            )
        return self._question

    @property
    def design(self) -> Design:
        """How cells were chosen."""
        return self._question.design

    @property
    def tuning(self) -> Tuning:
        """Learning rates and seeds of the tuning budget."""
        return self._question.tuning

    @property
    def seeds(self) -> int:
        """Judging seeds a level."""
        return self._question.seeds

    @property
    def source(self) -> Source:
        """Where its data lies and how it is read."""
        return self._question.data.inside(self.folder)

    @property
    def seed(self) -> int:
        """What its parts were drawn with."""
        return self._question.seed

    @property
    def command(self) -> str:
        """What repeats the study, to be pasted into a shell.

        `gradlab resume` for data from memory or settings that no command line can hold: it trains
        nothing again but what is missing. A comment where a level is a Python object.
        """
        if not self.facts.resumable:
            return "# This study compares Python objects: run it again from Python."
        return command_of(self._question) or shlex.join(["gradlab", "resume", str(self.folder)])

    @property
    def timing(self) -> dict[str, float]:
        """Seconds forecast and needed."""
        return self._meta["timing"] or {}

    @property
    def versions(self) -> dict[str, str]:
        """Packages that made the numbers."""
        return self._meta["versions"] or {}

    @property
    def machine(self) -> str:
        """The machine that made the numbers."""
        return self._meta["machine"] or ""

    @property
    def winner(self) -> Winner | None:
        """The best recipe with its test score; None while the study is unfinished."""
        stored = self._meta["winner"]
        if stored is None:
            return None
        scores = {name: tuple(stored[name]) for name in stored if name.endswith("_scores")}
        return Winner(levels=stored["levels"], recipe=stored["recipe"], **scores)

    @property
    def best(self) -> Recipe:
        """The recipe with the highest mean validation score.

        Raises:
            StudyError: If no recipe has been judged yet, or the best holds a Python object.
        """
        recipe = best_cell(self)[1][0].recipe
        name = recipe.get("optimizer", "adam")
        if name not in OPTIMIZERS:
            raise StudyError(
                f"The best recipe of {self.folder} trains with the optimizer object '{name}', "
                "which the folder can't hold. Build it in Python: Recipe(optimizer=…)."
            )
        return Recipe(**recipe)

    @functools.cached_property
    def _by_cell(self) -> dict[tuple[str, str], list[StoredRun]]:
        found: dict[tuple[str, str], list[StoredRun]] = {}
        for run in self.runs:
            found.setdefault((run.phase, run.cell), []).append(run)
        return found

    def cell_runs(self, phase: str, levels: dict[str, str]) -> list[StoredRun]:
        """Return a cell's runs of one phase ("tune" or "judge"), by learning rate and seed."""
        return self._by_cell.get((phase, cell_name(levels)), [])

    @functools.cached_property
    def results(self) -> "pl.DataFrame":
        """One row a run: phase, settings, seed, status, scores, seconds."""
        import polars as pl

        levels = {cell_name(cell["levels"]): cell["levels"] for cell in self.facts.cells}
        own, base = [levels[run.cell] for run in self.runs], self.facts.base
        numbers = {
            "seed": pl.Int64,
            "status": pl.String,
            "epochs": pl.Int64,
            "best_epoch": pl.Int64,
            "learning_rate": pl.Float64,
            "validation_score": pl.Float64,
            "validation_loss": pl.Float64,
            "train_loss": pl.Float64,
            "seconds": pl.Float64,
        }
        return pl.DataFrame(
            {
                "run": pl.Series([run.id for run in self.runs], dtype=pl.String),
                "phase": pl.Series([run.phase for run in self.runs], dtype=pl.String),
                **{
                    axis: pl.Series([row.get(axis, base.get(axis)) for row in own], dtype=pl.String)
                    for axis in self.axes
                },
                # Where the learning rate is an axis, its column holds the number.
                **{
                    name: pl.Series([getattr(run, name) for run in self.runs], dtype=dtype)
                    for name, dtype in numbers.items()
                },
            }
        )

    @functools.cached_property
    def history(self) -> "pl.DataFrame":
        """One row a run and epoch: train loss, validation loss, validation score."""
        import polars as pl

        names = [run.id for run in self.runs for _ in range(len(run.history))]
        epochs = [e + 1 for run in self.runs for e in range(len(run.history))]
        columns = (
            np.concatenate([run.history for run in self.runs])
            if self.runs
            else np.zeros((0, len(HISTORY)))
        )
        return pl.DataFrame(
            {"run": names, "epoch": epochs, **{n: columns[:, i] for i, n in enumerate(HISTORY)}}
        )

    def ranking(self, axis: str) -> AxisRanking:
        """Rank the levels of one axis: means, differences, verdicts.

        Levels are compared seed by seed; in a factorial study a level's scores are first averaged
        over the other settings within each seed, so that pairs share seed and settings. With one
        seed the settings themselves are the pairs. In a random study levels share no settings:
        each combination's mean over its seeds is one independent sample of its levels.

        Raises:
            RecipeError: If the axis was not varied.
            StudyError: If no level has been judged.
        """
        if axis not in self.facts.axes:
            raise RecipeError(unknown("axis", axis, self.facts.axes))
        if axis not in self._rankings:
            self._rankings[axis] = self._rank(axis)
        return self._rankings[axis]

    @property
    def blocks(self) -> Literal["seeds", "settings", "combinations"]:
        """What the levels of an axis are compared over; see `ranking`."""
        if self.design == "random":
            return "combinations"
        return "settings" if self.design == "factorial" and self.seeds == 1 else "seeds"

    def _rank(self, axis: str) -> AxisRanking:
        by_level = [self._judged(axis, name) for name in self.facts.axes[axis]]
        if self.blocks == "combinations":
            scores, averaged = _independent(by_level), self.seeds
        elif self.blocks == "settings":
            scores, averaged = _by_settings(by_level, axis), 1
        else:
            scores, averaged = _by_seed(by_level), max(len(cells) for cells in by_level)
        judged = np.array([not np.isnan(row).all() for row in scores])
        if not judged.any():
            raise StudyError(
                f"No level of {axis} has been judged yet. Run: gradlab resume {self.folder}"
            )
        facts = self.facts
        kept = [name for name, has in zip(facts.axes[axis], judged, strict=True) if has]
        base = facts.base.get(axis)
        corrected = self._question.resample and self.blocks == "seeds"
        return rank_axis(
            axis,
            kept,
            scores[judged],
            base=base if base in kept else None,
            unit=facts.score,
            resolution=(
                1 / (facts.validation * averaged)
                if facts.score == "accuracy" and facts.validation
                else None
            ),
            resample_correction=facts.validation / facts.train if corrected else None,
            test="welch" if self.blocks == "combinations" else "paired t",
        )

    def _judged(self, axis: str, name: str) -> list[JudgedCell]:
        """Return the cells that hold a level, each with its judging scores by seed."""
        return [
            (
                levels,
                {run.seed: run.validation_score for run in self.cell_runs("judge", levels)},
            )
            for levels in (cell["levels"] for cell in self.facts.cells)
            if levels.get(axis) == name
        ]

    def effects(self) -> AxisEffects:
        """Return each axis's share of the variance of judged scores (factorial, random)."""
        judged = [
            (cell["levels"], run)
            for cell in self.facts.cells
            for run in self.cell_runs("judge", cell["levels"])
        ]
        settings: dict[str, list] = {
            axis: [levels.get(axis, self.facts.base.get(axis)) for levels, _ in judged]
            for axis in self.axes
        }
        settings["seed"] = [run.seed for _, run in judged]
        varied = {axis: names for axis, names in settings.items() if len(set(names)) > 1}
        return axis_effects(varied, np.array([run.validation_score for _, run in judged]))

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report, one HTML file that works offline; by default into the folder."""
        from gradlab.lab.summary import report_contents
        from gradlab.report import write_report

        path = self.folder / "report.html" if path is None else Path(path)
        write_report(report_contents(self), path)
        return path


def _by_seed(by_level: list[list[JudgedCell]]) -> np.ndarray:
    """Return (levels, seeds): means over the cells of a level; NaN where one is missing."""
    seeds = sorted({seed for cells in by_level for _, scores in cells for seed in scores})
    table = np.full((len(by_level), len(seeds)), np.nan)
    for row, cells in zip(table, by_level, strict=True):
        for j, seed in enumerate(seeds):
            if all(seed in scores for _, scores in cells):
                row[j] = np.mean([scores[seed] for _, scores in cells])
    return table


def _by_settings(by_level: list[list[JudgedCell]], axis: str) -> np.ndarray:
    """Return (levels, settings of the other axes) of a study with one seed."""
    columns = [
        {
            cell_name({k: v for k, v in levels.items() if k != axis}): next(iter(scores.values()))
            for levels, scores in cells
            if scores
        }
        for cells in by_level
    ]
    settings = sorted({setting for column in columns for setting in column})
    return np.array([[column.get(s, np.nan) for s in settings] for column in columns])


def _independent(by_level: list[list[JudgedCell]]) -> np.ndarray:
    """Return (levels, samples): each cell's mean over its seeds, filled up with NaN."""
    samples = [[np.mean(list(s.values())) for _, s in cells if s] for cells in by_level]
    table = np.full((len(samples), max(map(len, samples))), np.nan)
    for row, values in zip(table, samples, strict=True):
        row[: len(values)] = values
    return table


def merit(runs: list[StoredRun]) -> tuple[bool, float]:
    """Return what cells are chosen by: the mean validation score, but never all runs diverged."""
    trained = any(run.status != "diverged" for run in runs)
    return trained, float(np.mean([run.validation_score for run in runs]))


def best_cell(study: Study) -> tuple[dict[str, str], list[StoredRun]]:
    """Return the levels of the cell with the highest mean validation score, and its judged runs."""
    judged = [
        (cell["levels"], runs)
        for cell in study.facts.cells
        if (runs := study.cell_runs("judge", cell["levels"]))
    ]
    if not judged:
        raise StudyError(
            f"No recipe has been judged yet in {study.folder}. Run: gradlab resume {study.folder}"
        )
    return max(judged, key=lambda cell: merit(cell[1]))


def open_study(folder: str | Path) -> Study:
    """Open a study folder that `compare` wrote.

    Raises:
        StudyError: If it is no study.
    """
    return Study(folder)
