"""Asking which agent acts best: what is asked for is checked, trained and handed on."""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

from gradlab.errors import RecipeError, unknown
from gradlab.lab.acting.exact import best_return
from gradlab.lab.acting.levels import AGENTS, Level, axes_of, level_of, settings_of
from gradlab.lab.acting.runs import Cell, Run, Stand, network_of, train_cells
from gradlab.lab.acting.study import ActingStudy
from gradlab.lab.acting.worlds import environment_of, options_of
from gradlab.rl import ENVIRONMENTS, Environment

EPISODES, STEPS, SEEDS = 500, 50_000, 10
EPISODES_OF = {"vacuum": 10_000, "frozen_lake": 5000, "taxi": 10_000, "bandit": 1000}
"""Episodes of tables by default, where `EPISODES` are too few to learn or more than needed."""
GOALS = {"cart_pole": 195.0}
"""Mean return over 100 training episodes that counts as solved, where it is not the environment's
own `solved_return`: the rule of CartPole-v0, which most results are told by."""
MOST_RUNS = 20_000


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
