"""Training the agents of a study: all cells and seeds of one algorithm at once."""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from gradlab.errors import DataError
from gradlab.lab.acting.exact import mean_return, shares_of
from gradlab.lab.acting.levels import NAMES, Level, for_network
from gradlab.lab.acting.play import returns_of_table
from gradlab.rl.deep import DQN, Goal
from gradlab.rl.deep.training import Member, Outcome, Progress, loop_of, train_members
from gradlab.rl.environment import Environment
from gradlab.rl.tabular import AgentSettings, TabularRuns, train_agents

A_ROUND = 512
"""Tables trained in one call, about."""
EVALUATION_EPISODES = 100
"""Episodes that judge a policy where no model says exactly what it is worth."""
EVALUATION_SEED = 1_000_000


@dataclass(frozen=True, eq=False)
class Run:
    """One agent after its training.

    Attributes:
        cell: Number of its setting.
        seed: Its seed.
        after: Mean return of an episode when it acts by what it has learnt, without exploring.
        learning: Mean return of the episodes of its training.
        returns: Return of each of these.
        ends: Step of the training at which each ended.
        status: "done", "solved" or "diverged".
        solved_at: Step at which the environment's goal was met; None if never.
        q_values: Value of each action at each numbered observation; None of others.
        visits: How often each numbered observation was met in training; None if not counted.
        network: The trained estimator of a network; None of a table.
    """

    cell: int
    seed: int
    after: float
    learning: float
    returns: Float[np.ndarray, " episodes"]
    ends: Int[np.ndarray, " episodes"]
    status: str = "done"
    solved_at: int | None = None
    q_values: Float[np.ndarray, "observations actions"] | None = None
    visits: Float[np.ndarray, " observations"] | None = None
    network: DQN | None = None


@dataclass(frozen=True)
class Stand:
    """How far a study has got, for a progress bar."""

    done: int
    total: int
    share: float
    words: str = ""


@dataclass(frozen=True)
class Cell:
    """One setting: its levels by axis, its agent, and everything that is set."""

    levels: Mapping[str, Level]
    agent: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the levels' names."""
        return ", ".join(level.name for level in self.levels.values()) or NAMES[self.agent]


def train_cells(
    environment: Environment,
    cells: Sequence[Cell],
    seeds: Sequence[int],
    *,
    episodes: int,
    steps: int,
    goal: float | None = None,
    stop_when_solved: bool = False,
) -> Iterator[Run | Stand]:
    """Train every cell with every seed; yield runs as they come, and where things stand."""
    total, done = len(cells) * len(seeds), 0
    tabular = [i for i, cell in enumerate(cells) if cell.agent != "dqn"]
    deep = [i for i, cell in enumerate(cells) if cell.agent == "dqn"]
    deep_goal = None if goal is None else Goal(goal)
    for news in chain(
        _tabular(environment, cells, tabular, seeds, episodes),
        _deep(environment, cells, deep, seeds, steps, deep_goal, stop_when_solved),
    ):
        if isinstance(news, Run):
            done += 1
            yield news
            yield Stand(done, total, done / total)
        else:
            yield Stand(done, total, (done + news.share) / total, news.words)


def network_of(cell: Cell, steps: int, seed: int) -> DQN:
    """Return the estimator of a cell, checked."""
    settings = dict(cell.settings)
    exploring = settings.pop("exploration", None)
    if exploring is not None:
        settings |= for_network(exploring, steps)
    return DQN(**settings, random_state=seed).check()


def _tabular(
    environment: Environment,
    cells: Sequence[Cell],
    numbers: Sequence[int],
    seeds: Sequence[int],
    episodes: int,
) -> Iterator[Run | Stand]:
    """Train the tables: seed after seed in rounds of some hundred agents, so that a stop keeps
    the rounds before it."""
    for algorithm in dict.fromkeys(cells[i].agent for i in numbers):
        own = [i for i in numbers if cells[i].agent == algorithm]
        a_round = max(1, A_ROUND // len(own))
        for first in range(0, len(seeds), a_round):
            members = [(i, seed) for seed in seeds[first : first + a_round] for i in own]
            settings = [AgentSettings(**cells[i].settings, seed=seed) for i, seed in members]
            found: TabularRuns | None = None
            for news in _listened(environment, algorithm, settings, episodes):
                if isinstance(news, TabularRuns):
                    found = news
                else:
                    yield Stand(0, 0, news * len(members))
            if found is not None:
                _check_rewards(environment, found, [seed for _, seed in members])
                for place, (cell, seed) in enumerate(members):
                    yield _of_table(environment, cell, seed, found, place)


class _StoppedError(Exception):
    """Raised in the training's own threads to end it."""


def _listened(
    environment: Environment, algorithm: str, settings: list[AgentSettings], episodes: int
) -> Iterator[float | TabularRuns]:
    """Train in a thread of its own; yield the share done, and the runs at last."""
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stop = threading.Event()

    def tell(done: int, total: int) -> None:
        if stop.is_set():
            raise _StoppedError
        told.put(done / total)

    def work() -> None:
        try:
            told.put(
                train_agents(environment, algorithm, settings, episodes=episodes, progress=tell)
            )
        except BaseException as error:  # raised again where it is seen
            told.put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            news = told.get()
            if isinstance(news, BaseException):
                raise news
            yield news
            if isinstance(news, TabularRuns):
                return
    finally:
        stop.set()
        thread.join()


def _check_rewards(environment: Environment, found: TabularRuns, seeds: Sequence[int]) -> None:
    wrong = np.argwhere(~np.isfinite(found.returns))
    if len(wrong):
        agent, episode = map(int, wrong[0])
        raise DataError(
            f"Environment '{environment.name}' returned a reward that is not finite: episode "
            f"{episode + 1} of the agent with seed {seeds[agent]} had a return of "
            f"{found.returns[agent, episode]}. A reward must be a finite number: look for a "
            "division by zero or a logarithm of it in its step."
        )


def _of_table(
    environment: Environment, cell: int, seed: int, found: TabularRuns, place: int
) -> Run:
    q_values = np.asarray(found.q_values[place], np.float64)
    returns = np.asarray(found.returns[place], np.float64)
    if found.diverged[place]:
        after = float("nan")
    elif environment.model is not None:
        after = mean_return(environment.model, shares_of(q_values), environment.time_limit)
    else:
        after = float(
            returns_of_table(
                environment, q_values, episodes=EVALUATION_EPISODES, seed=EVALUATION_SEED + seed
            ).mean()
        )
    visits = None if found.visits is None else found.visits[place].sum(axis=1).astype(np.float64)
    return Run(
        cell=cell,
        seed=seed,
        after=after,
        learning=float(returns.mean()),
        returns=returns,
        ends=np.cumsum(found.lengths[place]),
        status="diverged" if found.diverged[place] else "done",
        q_values=q_values,
        visits=visits,
    )


def _deep(
    environment: Environment,
    cells: Sequence[Cell],
    numbers: Sequence[int],
    seeds: Sequence[int],
    steps: int,
    goal: Goal | None,
    stop_when_solved: bool,
) -> Iterator[Run | Stand]:
    jobs = [(i, seed, network_of(cells[i], steps, seed)) for seed in seeds for i in numbers]
    groups: dict[Any, list[tuple[int, int, DQN]]] = {}
    for job in jobs:
        groups.setdefault(job[2].structure(), []).append(job)
    for structure, group in groups.items():
        loop = loop_of(environment, structure)
        shares = np.zeros(len(group))
        members = [Member(agent.hyper(), seed) for _, seed, agent in group]
        for news in train_members(
            loop, members, steps, goal=goal, stop_when_solved=stop_when_solved
        ):
            if isinstance(news, Progress):
                shares[news.index] = news.steps / news.total
                yield Stand(0, 0, float(shares.sum()), f"return {news.mean_return:.4g}")
            elif isinstance(news, Outcome):
                shares[news.index] = 0.0
                cell, seed, agent = group[news.index]
                agent.take(news, loop)
                yield _of_network(environment, cell, seed, agent, news)


def _of_network(
    environment: Environment, cell: int, seed: int, agent: DQN, outcome: Outcome
) -> Run:
    q_values = None
    if environment.n_observations is not None:
        q_values = agent.q_values(np.arange(environment.n_observations)).astype(np.float64)
    if outcome.status == "diverged":
        after = float("nan")
    elif q_values is not None and environment.model is not None:
        after = mean_return(environment.model, shares_of(q_values), environment.time_limit)
    else:
        played = agent.evaluate(episodes=EVALUATION_EPISODES, seed=EVALUATION_SEED + seed)
        after = played.mean_return
    return Run(
        cell=cell,
        seed=seed,
        after=after,
        learning=float(outcome.returns.mean()) if len(outcome.returns) else float("nan"),
        returns=outcome.returns,
        ends=outcome.ends,
        status=outcome.status,
        solved_at=outcome.solved_at,
        q_values=q_values,
        network=agent,
    )
