"""Which way of exploring, which learning rate, which agent acts best: many agents, many seeds."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from gradlab.errors import RecipeError, unknown
from gradlab.files import write_whole
from gradlab.lab.acting.exact import best_return
from gradlab.lab.acting.levels import AGENTS, NAMES, Level, axes_of, level_of, settings_of
from gradlab.lab.acting.runs import Cell, Run, Stand, network_of, train_cells
from gradlab.lab.acting.unit import Unit, unit_of, written
from gradlab.lab.acting.verdicts import difference_words, verdict_sentences
from gradlab.lab.acting.worlds import environment_of, options_of
from gradlab.lab.analysis.results_folder import write_results
from gradlab.lab.statistics import rank_axis, seed_means
from gradlab.lab.verdicts import AxisRanking
from gradlab.rl import ENVIRONMENTS, Environment

if TYPE_CHECKING:
    import polars as pl

EPISODES, STEPS, SEEDS = 500, 50_000, 10
EPISODES_OF = {"vacuum": 10_000, "frozen_lake": 5000, "taxi": 10_000, "bandit": 1000}
"""Episodes of tables by default, where `EPISODES` are too few to learn or more than needed."""
GOALS = {"cart_pole": 195.0}
"""Mean return over 100 training episodes that counts as solved, where it is not the environment's
own `solved_return`: the rule of CartPole-v0, which most results are told by."""
MOST_RUNS = 20_000
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
        said = [*self._contrast()]
        for ranking in self.after.values():
            said += verdict_sentences(ranking, self.unit, when="after training")
        if not self.axes:
            said += self._alone()
        said += self.about_optimum
        for ranking in self.learning.values():
            said += verdict_sentences(ranking, self.unit, when="while learning")
        said += self.about_solving
        if self.missing:
            said.append(
                f"Stopped early: {len(self.runs)} of {len(self.runs) + self.missing} runs are in "
                "these numbers."
            )
        return tuple(map(_capital, said))

    def _contrast(self) -> list[str]:
        """Return exploring against greedy agents in one sentence."""
        if self.exploring is None:
            return []
        found = self.exploring.difference("exploring agents", "greedy agents")
        if found is None:
            return []
        if found.verdict in ("better", "worse"):
            ahead, behind = ("Exploring", "greedy") if found.mean > 0 else ("Greedy", "exploring")
            seen = found if found.mean > 0 else found.flipped()
            words = difference_words(seen, self.unit)
            return [f"{ahead} agents {self.unit.many} {words} than {behind} ones after training."]
        how = (
            "are practically equal" if found.verdict == "practically equal"
            else "can't be told apart"
        )  # fmt: skip
        return [f"Exploring and greedy agents {how} after training."]

    def _alone(self) -> list[str]:
        scores = self.scores("after")[0]
        known = scores[np.isfinite(scores)]
        if not len(known):
            return ["No run came to an end."]
        ranking = rank_axis("agent", [self.cells[0].agent], scores[None], unit="", margin=0.0)
        row = ranking.rows[0]
        interval = (
            "" if row.low is None or row.high is None
            else f" [{written(row.low)}, {written(row.high)}]"
        )  # fmt: skip
        mean = float(known.mean())
        does = f"{NAMES[self.cells[0].agent]} {self.unit.one} {self.unit.phrase(mean)}{interval}"
        return [f"{does} after training, the mean of {len(known)} seeds."]

    @property
    def about_optimum(self) -> tuple[str, ...]:
        """How near the best setting comes to the best that can be."""
        if self.optimum is None:
            return ()
        scores, best = self.scores("after"), self.unit.scale * self.optimum
        means = _means(scores)
        if not np.isfinite(means).any():
            return ()
        cell = int(np.nanargmax(means))
        found = float(means[cell])
        reached = int(np.sum(scores[cell] >= best - 1e-6 * max(1.0, abs(best))))
        n = int(np.isfinite(scores[cell]).sum())
        who = self.cells[cell].name
        text = f"The best possible is {self.unit.phrase(best)}, exactly, by the model"
        if reached == n:
            return (f"{text}; every seed of {who} gets there.",)
        share = f", {found / best:.0%} of it" if best > 0 and found > 0 else ""
        some = f"; {reached} of {n} seeds get there" if reached else ""
        return (f"{text}; {who} comes to {written(found)}{share}{some}.",)

    @property
    def about_solving(self) -> tuple[str, ...]:
        """How many runs met the environment's goal, and when."""
        deep = [run for run in self.runs if run.network is not None]
        if not deep or self.goal is None:
            return ()
        said = []
        for i, cell in enumerate(self.cells):
            runs = [run for run in deep if run.cell == i]
            times = [run.solved_at for run in runs if run.solved_at is not None]
            if not runs:
                continue
            name = f" of {cell.name}" if len(self.cells) > 1 else ""
            when = f", after a median of {int(np.median(times)):,} steps" if times else ""
            said.append(
                f"{len(times)} of {len(runs)} runs{name} reached a mean of "
                f"{self.unit.phrase(self.goal * self.unit.scale)} over 100 training episodes{when}."
            )
        return tuple(said)

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
        after, learning = self.scores("after"), self.scores("learning")
        for i, cell in enumerate(self.cells):
            mean, half = mean_and_half(after[i][:, None])
            levels = {axis: level.name for axis, level in cell.levels.items()}
            row = {"agent": NAMES[cell.agent]} | levels | {
                "after training": float(mean[0]),
                # Agents alike differ by rounding alone.
                "± (95 %)": float(half[0]) if half[0] > 1e-9 * abs(mean[0]) else 0.0,
                "while learning": float(_means(learning[i : i + 1])[0]),
                "seeds": int(np.isfinite(after[i]).sum()),
            }  # fmt: skip
            if self.optimum is not None and self.optimum > 0 and np.nanmin(after, initial=0) >= 0:
                row["of the best (%)"] = 100 * float(mean[0]) / (self.optimum * self.unit.scale)
            rows.append(row)
        return pl.DataFrame(rows)

    @property
    def best_cell(self) -> int:
        """Number of the setting with the highest mean after training."""
        means = _means(self.scores("after"))
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
        """Write report.html, runs.csv and results.json into an existing folder, and networks."""
        folder = Path(folder)
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


def act_study(
    environment: Any,
    agent: str = "q_learning",
    *,
    vary: Mapping[str, Sequence[Any]] | None = None,
    seeds: int | Sequence[int] = SEEDS,
    episodes: int | None = None,
    steps: int | None = None,
    settings: Mapping[str, Any] | None = None,
    goal: float | None = None,
    stop_when_solved: bool = False,
    listen: Callable[[Stand], None] | None = None,
    command: str = "",
) -> ActingStudy:
    """Train agents in an environment, every combination of levels with every seed, and compare.

    An agent is judged twice: by what it gets after training, when it acts by what it has learnt
    and explores no more (exactly, where the environment has a model; else over 100 fresh episodes),
    and by what it got while it learnt. Agents with one seed share their random numbers, so
    differences are paired.

    Args:
        environment: Name in ENVIRONMENTS, path of a text map, or a `gradlab.rl.Environment`.
        agent: "q_learning", "sarsa" or "double_q", which keep a table, or "dqn", a network.
        vary: Settings and their levels. Of tables: exploration, learning_rate, discount,
            initial_value; of dqn all settings of `gradlab.rl.deep.DQN`; and agent itself.
            exploration takes "greedy", "epsilon:0.1", "epsilon:1-0.05", "softmax:0.5", "ucb:1".
        seeds: How many, from 0, or which.
        episodes: Of each table; by default 500, of some environments more (`EPISODES_OF`).
        steps: Of each network; 50,000 by default.
        settings: Settings that all share, of the agent or the environment.
        goal: Mean return over 100 training episodes in a row that counts as solved, for networks;
            by default the environment's own, of cart-pole 195.
        stop_when_solved: End a network's run when it has met the environment's goal.
        listen: Called as work goes on.
        command: The command that does it again, for the report.

    Raises:
        RecipeError: If a name, level or number makes no sense.
        DataError: If the environment is broken.

    >>> study = act_study("chain", vary={"exploration": ["greedy", "epsilon:0.3"]}, seeds=3,
    ...                   episodes=50)
    >>> study.optimum
    1.0
    """
    started = time.perf_counter()
    world, own = environment_of(environment, settings or {})
    agents = _agents(agent, vary)
    _check_fits(world, agents)
    numbers = _seeds(seeds, compared=bool(vary))
    counts = _counts(world, agents, episodes, steps)
    axes = axes_of(vary, agents, counts[0])
    shared = _shared(own, agents, axes, environment, counts[0])
    cells = tuple(_cells(axes, agent, shared))
    if len(cells) * len(numbers) > MOST_RUNS:
        raise RecipeError(
            f"{len(cells)} settings with {len(numbers)} seeds each are "
            f"{len(cells) * len(numbers):,} runs; at most {MOST_RUNS:,} are trained at once. Take "
            "fewer levels or seeds."
        )
    for cell in cells:
        if cell.agent == "dqn":
            network_of(cell, counts[1], 0)
    if goal is None:
        goal = GOALS.get(world.name, world.solved_return)
    runs: list[Run] = []
    missing = 0
    try:
        for news in train_cells(
            world,
            cells,
            numbers,
            episodes=counts[0],
            steps=counts[1],
            goal=goal,
            stop_when_solved=stop_when_solved,
        ):
            if isinstance(news, Run):
                runs.append(news)
            elif listen is not None:
                listen(news)
    except KeyboardInterrupt:
        missing = len(cells) * len(numbers) - len(runs)
        if not runs:
            raise
    runs.sort(key=lambda run: (run.cell, run.seed))
    return ActingStudy(
        environment=world,
        axes=axes,
        cells=cells,
        seeds=numbers,
        episodes=counts[0],
        steps=counts[1],
        runs=tuple(runs),
        optimum=best_return(world),
        goal=goal,
        settings=dict(settings or {}),
        missing=missing,
        command=command,
        seconds=time.perf_counter() - started,
    )


def _agents(agent: str, vary: Mapping[str, Sequence[Any]] | None) -> list[str]:
    given = (vary or {}).get("agent", [agent])
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if name not in AGENTS:
            raise RecipeError(unknown("agent", str(name), AGENTS))
    return names


def _check_fits(world: Environment, agents: Sequence[str]) -> None:
    tabular = [name for name in agents if name != "dqn"]
    if world.n_observations is None and tabular:
        raise RecipeError(
            f"{tabular[0]} keeps a table with a row for each observation, and those of "
            f"'{world.name}' are {world.observation_shape} real numbers without end. Use agent "
            "dqn, a network: --agent dqn."
        )


def _seeds(seeds: int | Sequence[int], *, compared: bool) -> tuple[int, ...]:
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        if seeds < 1:
            raise RecipeError(f"seeds counts agents of each setting, from 1; got {seeds}.")
        numbers = tuple(range(seeds))
    elif isinstance(seeds, Sequence) and not isinstance(seeds, str):
        numbers = tuple(seeds)
        if not numbers or len(set(numbers)) < len(numbers):
            raise RecipeError(f"seeds lists different whole numbers; got {list(numbers)}.")
    else:
        raise RecipeError(f"seeds is how many, or a list of them; got {seeds!r}.")
    if compared and len(numbers) < 2:
        raise RecipeError(
            "A comparison needs at least 2 seeds, better 10: with one, chance can't be told from "
            f"skill. Got {len(numbers)}."
        )
    return numbers


def _counts(
    world: Environment, agents: Sequence[str], episodes: int | None, steps: int | None
) -> tuple[int, int]:
    for name, value in (("episodes", episodes), ("steps", steps)):
        if value is not None and value < 1:
            raise RecipeError(f"{name} must be at least 1, or nothing is learnt; got {value}.")
    if episodes is not None and set(agents) == {"dqn"}:
        raise RecipeError("dqn counts steps, not episodes: give steps, as --steps 50000.")
    if steps is not None and "dqn" not in agents:
        raise RecipeError(f"{agents[0]} counts episodes, not steps: give episodes.")
    return episodes or EPISODES_OF.get(world.name, EPISODES), steps or STEPS


def _shared(
    own: Mapping[str, Any],
    agents: Sequence[str],
    axes: Mapping[str, tuple[Level, ...]],
    environment: Any,
    episodes: int,
) -> dict[str, Any]:
    """Return the settings of all agents, checked."""
    shared = {}
    for name, value in own.items():
        known = list(settings_of(agents[0]))
        if name in axes:
            raise RecipeError(f"{name} is both set and varied; leave one of them out.")
        if any(name not in settings_of(agent) for agent in agents):
            place = str(environment)
            if place in ENVIRONMENTS:
                known += options_of(place)
            raise RecipeError(unknown(f"setting of {agents[0]} in {place}", name, known))
        shared[name] = level_of(name, value, episodes).value
    return shared


def _cells(
    axes: Mapping[str, tuple[Level, ...]], agent: str, shared: Mapping[str, Any]
) -> list[Cell]:
    cells = []
    for combination in product(*axes.values()):
        levels = dict(zip(axes, combination, strict=True))
        settings = dict(shared) | {
            name: level.value for name, level in levels.items() if name != "agent"
        }
        who = levels["agent"].value if "agent" in levels else agent
        cells.append(Cell(levels, who, settings))
    return cells


def _capital(sentence: str) -> str:
    """Begin with a capital; ε stays as it is, a capital one reads as E."""
    return sentence[0].upper() + sentence[1:] if sentence[0].isascii() else sentence


def _means(scores: Float[np.ndarray, "cells seeds"]) -> Float[np.ndarray, " cells"]:
    known = np.isfinite(scores)
    n = known.sum(axis=1)
    sums = np.where(known, scores, 0.0).sum(axis=1)
    return np.where(n > 0, sums / np.maximum(n, 1), np.nan)


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
