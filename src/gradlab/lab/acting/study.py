"""Which way of exploring, which learning rate, which agent acts best: many agents, many seeds."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from gradlab.files import made_folder, write_whole
from gradlab.lab.acting.levels import NAMES, Level
from gradlab.lab.acting.runs import Cell, Run
from gradlab.lab.acting.unit import Unit, unit_of
from gradlab.lab.analysis.results_folder import write_results
from gradlab.lab.effects import seed_means
from gradlab.lab.ranking import rank_axis
from gradlab.lab.verdicts import AxisRanking
from gradlab.rl import Environment

if TYPE_CHECKING:
    import polars as pl

MARGIN = 0.01
"""Share of the best return below which a difference does not matter."""
GREEDY = "greedy"


@dataclass(frozen=True, eq=False)
class ActingStudy:
    """Agents that learnt to act, compared.

    Attributes:
        environment: What they acted in.
        axes: What was varied, with its levels; empty if nothing.
        cells: Every combination of levels.
        seeds: Of the agents; every cell has all of them.
        episodes: Of each tabular agent.
        steps: Of each network.
        runs: The trained agents, by cell and seed.
        optimum: Best mean return of an episode by the model; None without one.
        goal: Mean return over 100 training episodes that counts as solved; None for none.
        settings: What was set, as it was given.
        missing: Runs that were stopped before their end.
        command: The command that does it again; "" if there is none.
        seconds: Time it took.
    """

    environment: Environment
    axes: dict[str, tuple[Level, ...]]
    cells: tuple[Cell, ...]
    seeds: tuple[int, ...]
    episodes: int
    steps: int
    runs: tuple[Run, ...]
    optimum: float | None
    goal: float | None
    settings: dict[str, Any]
    missing: int
    command: str
    seconds: float

    @property
    def unit(self) -> Unit:
        """The words of the return."""
        return unit_of(self.environment.name)

    def scores(self, when: str) -> Float[np.ndarray, "cells seeds"]:
        """Return mean returns, in the unit: "after" training or while "learning"; NaN if missing.

        A run whose values grew beyond all bounds counts as the worst of the others.
        """
        found = np.full((len(self.cells), len(self.seeds)), np.nan)
        place = {seed: i for i, seed in enumerate(self.seeds)}
        for run in self.runs:
            found[run.cell, place[run.seed]] = self.unit.scale * getattr(run, when)
        lost = [r for r in self.runs if r.status == "diverged"]
        for run in lost:
            if not np.isfinite(found[run.cell, place[run.seed]]):
                worst = np.nanmin(found) if np.isfinite(found).any() else 0.0
                found[run.cell, place[run.seed]] = worst
        return found

    @cached_property
    def after(self) -> dict[str, AxisRanking]:
        """Each axis ranked by what agents get after training, acting greedily."""
        return self._rankings("after")

    @cached_property
    def learning(self) -> dict[str, AxisRanking]:
        """Each axis ranked by what agents got while they learnt, exploration paid for."""
        return self._rankings("learning")

    def _rankings(self, when: str) -> dict[str, AxisRanking]:
        scores = self.scores(when)
        rankings = {}
        for axis, levels in self.axes.items():
            rows = []
            for level in levels:
                cells = [i for i, c in enumerate(self.cells) if c.levels[axis] is level]
                seeds = np.tile(np.arange(len(self.seeds)), len(cells))
                rows.append(seed_means(scores[cells].reshape(1, -1), seeds)[0])
            rankings[axis] = rank_axis(
                axis,
                [level.name for level in levels],
                np.stack(rows),
                unit=self.unit.what,
                margin=self.margin,
            )
        return rankings

    @property
    def margin(self) -> float:
        """Largest difference that does not matter, in the unit."""
        if self.optimum:
            return MARGIN * abs(self.optimum) * self.unit.scale
        if self.goal:
            return MARGIN * abs(self.goal) * self.unit.scale
        scores = self.scores("after")
        known = scores[np.isfinite(scores)]
        return MARGIN * float(np.abs(known).max()) if len(known) and known.any() else MARGIN

    @cached_property
    def exploring(self) -> AxisRanking | None:
        """All exploring agents together against greedy ones, if both are there."""
        levels = self.axes.get("exploration", ())
        names = [level.name for level in levels]
        if GREEDY not in names or len(names) < 2:
            return None
        scores = self.scores("after")
        by_seed = {
            sort: np.mean(
                [
                    scores[i]
                    for i, cell in enumerate(self.cells)
                    if (cell.levels["exploration"].name == GREEDY) == (sort == GREEDY)
                ],
                axis=0,
            )
            for sort in ("exploring", GREEDY)
        }
        return rank_axis(
            "exploration",
            ["exploring agents", "greedy agents"],
            np.stack([by_seed["exploring"], by_seed[GREEDY]]),
            unit=self.unit.what,
            margin=self.margin,
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to conclude, most important first."""
        from gradlab.lab.acting.sentences import sentences_of

        return sentences_of(self)

    def table(self) -> "pl.DataFrame":
        """Return a row for each run: levels, seed, scores, status."""
        import polars as pl

        rows = []
        for run in self.runs:
            levels = {axis: level.name for axis, level in self.cells[run.cell].levels.items()}
            rows.append(
                {
                    "agent": self.cells[run.cell].agent,
                    **levels,
                    "seed": run.seed,
                    "after_training": run.after,
                    "while_learning": run.learning,
                    "episodes": len(run.returns),
                    "status": run.status,
                    "solved_at": run.solved_at,
                }
            )
        return pl.DataFrame(rows, infer_schema_length=None)

    def cells_table(self) -> "pl.DataFrame":
        """Return a row for each setting: means over seeds with 95 % intervals, in the unit."""
        import polars as pl

        from gradlab.plots.returns import mean_and_half

        rows = []
        after, learning = self.scores("after"), self.means("learning")
        for i, cell in enumerate(self.cells):
            mean, half = mean_and_half(after[i][:, None])
            levels = {axis: level.name for axis, level in cell.levels.items()}
            row = {"agent": NAMES[cell.agent]} | levels | {
                "after training": float(mean[0]),
                # Agents alike differ by rounding alone.
                "± (95 %)": float(half[0]) if half[0] > 1e-9 * abs(mean[0]) else 0.0,
                "while learning": float(learning[i]),
                "seeds": int(np.isfinite(after[i]).sum()),
            }  # fmt: skip
            if self.optimum is not None and self.optimum > 0 and np.nanmin(after, initial=0) >= 0:
                row["of the best (%)"] = 100 * float(mean[0]) / (self.optimum * self.unit.scale)
            rows.append(row)
        return pl.DataFrame(rows)

    def means(self, when: str) -> Float[np.ndarray, " cells"]:
        """Return the mean of each cell's scores over its seeds; NaN where there is none."""
        scores = self.scores(when)
        known = np.isfinite(scores)
        n = known.sum(axis=1)
        sums = np.where(known, scores, 0.0).sum(axis=1)
        return np.where(n > 0, sums / np.maximum(n, 1), np.nan)

    @property
    def best_cell(self) -> int:
        """Number of the setting with the highest mean after training."""
        means = self.means("after")
        return int(np.nanargmax(means)) if np.isfinite(means).any() else 0

    def typical(self, cell: int) -> Run | None:
        """Return the run of a setting whose score is the median one."""
        runs = [r for r in self.runs if r.cell == cell and np.isfinite(r.after)]
        runs.sort(key=lambda run: (run.after, run.seed))
        return runs[(len(runs) - 1) // 2] if runs else None

    def to_dict(self) -> dict[str, Any]:
        """Return the results for machines."""
        return {
            "environment": self.environment.name,
            "agents": sorted({cell.agent for cell in self.cells}),
            "unit": self.unit.what,
            "scale": self.unit.scale,
            "vary": {axis: [level.name for level in levels] for axis, levels in self.axes.items()},
            "settings": {name: _plain(value) for name, value in self.settings.items()},
            "seeds": list(self.seeds),
            "episodes": self.episodes,
            "steps": self.steps,
            "optimum": self.optimum,
            "goal": self.goal,
            "runs": self.table().to_dicts() if self.runs else [],
            "missing": self.missing,
            "rankings": {
                when: {axis: _of_ranking(ranking) for axis, ranking in rankings.items()}
                for when, rankings in (("after", self.after), ("learning", self.learning))
            },
            "sentences": list(self.sentences),
            "command": self.command,
            "seconds": self.seconds,
        }

    def save(self, folder: str | Path) -> Path:
        """Write report.html, runs.csv and results.json into a folder, and networks."""
        folder = made_folder(folder)
        write_whole(folder / "runs.csv", self.table().write_csv())
        best = self.typical(self.best_cell)
        if best is not None and best.network is not None:
            best.network.save(folder / "network.safetensors")
        self.report(folder / "report.html")
        write_results(folder, self.to_dict())
        return folder

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that works offline."""
        from gradlab.lab.acting.page import page_of
        from gradlab.report import write_page

        return write_page(page_of(self), path)


def _of_ranking(ranking: AxisRanking) -> list[dict[str, Any]]:
    found = []
    for row in ranking.rows:
        against = row.difference_to_leader
        found.append(
            {
                "level": row.level,
                "mean": row.mean,
                "low": row.low,
                "high": row.high,
                "verdict": row.verdict,
                "difference_to_leader": None if against is None else against.mean,
                "difference_low": None if against is None else against.low,
                "difference_high": None if against is None else against.high,
                "p_corrected": None if against is None else against.p_corrected,
                "seeds_needed": row.seeds_needed,
            }
        )
    return found


def _plain(value: Any) -> Any:
    return (
        value if isinstance(value, str | int | float | bool | None | list | tuple) else str(value)
    )
