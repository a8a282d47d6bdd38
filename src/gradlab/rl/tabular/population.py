"""Train many tabular agents at once: settings and seeds are members of one compiled program."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import jax.numpy as jnp
import numpy as np

from gradlab.errors import DataError, RecipeError, unknown
from gradlab.process import cores
from gradlab.rl.environment import Environment, check_environment
from gradlab.rl.exploration import Exploration, epsilon_greedy
from gradlab.rl.keys import seed_key
from gradlab.rl.tabular.algorithms import ALGORITHMS
from gradlab.rl.tabular.program import Layout, Settings, advance, start
from gradlab.rl.tabular.record import Record

LANES = 256
"""Agents in one call: their values then stay in the cache of a core, and each step's fixed cost
is shared by enough of them."""
LANE_MULTIPLE = 16
STEPS = 512
LONGEST_EPISODE = 100_000
"""Steps after which an episode without a time limit counts as endless."""
LARGEST_TABLE = 2**28
"""Values that the agents of one call may have together: 1 GiB."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class AgentSettings:
    """One agent of a population.

    Attributes:
        learning_rate: α, 0 < α <= 1, or one for each episode (the last holds on); 1 gives the
            deterministic update Q(s, a) <- r + γ max Q(s', a').
        visit_power: p >= 0; the N-th update of Q(s, a) uses α / N^p. 0 keeps α, 1 makes Q the mean
            of its targets; between 1/2 and 1 (exclusive of 1/2) values converge.
        discount: γ, 0 <= γ <= 1.
        exploration: How it chooses, from `EXPLORATIONS`.
        initial_value: Every Q(s, a) at the start; above what can be earned it makes a greedy agent
            try everything.
        seed: Of its chances and of its environment's; equal seeds meet equal chances.
    """

    learning_rate: float | np.ndarray = 0.1
    visit_power: float = 0.0
    discount: float = 0.99
    exploration: Exploration = field(default_factory=epsilon_greedy)
    initial_value: float = 0.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class TabularRuns:
    """What a population learnt and earned.

    Attributes:
        q_values: Values at the end, shape (agents, observations, actions); the mean of both tables
            for double Q.
        returns: Sum of rewards of each episode, shape (agents, episodes).
        lengths: Steps of each episode, int, same shape.
        ended: Whether the episode came to an end by itself (not cut by the time limit).
        visits: How often each action was taken, int, shape (agents, observations, actions); None
            if that was not recorded.
        diverged: Which agents have values that are no finite numbers.
        seconds: Time it took, compilation included.
    """

    q_values: np.ndarray
    returns: np.ndarray
    lengths: np.ndarray
    ended: np.ndarray
    visits: np.ndarray | None
    diverged: np.ndarray
    seconds: float

    @property
    def policies(self) -> np.ndarray:
        """The action of the highest value, the first among equals, (agents, observations)."""
        return self.q_values.argmax(axis=2)

    @property
    def steps(self) -> int:
        """Steps that all agents took together."""
        return int(self.lengths.sum())


def train_agents(
    environment: Environment,
    algorithm: str,
    agents: Sequence[AgentSettings],
    *,
    episodes: int,
    record_visits: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> TabularRuns:
    """Train many agents, each in its own copy of an environment.

    An agent's numbers don't depend on the others: alone or among thousands, they are the same.

    Args:
        environment: One with numbered observations.
        algorithm: Name of one of `ALGORITHMS`.
        agents: Settings and seed of each.
        episodes: Episodes that each plays.
        record_visits: Count how often each action was taken; training is faster without.
        threads: Blocks of agents trained side by side; None takes all cores.
        progress: Called with the episodes done and the episodes in all, now and then.

    Raises:
        RecipeError: If there are no agents or episodes, the algorithm is unknown, or a setting is
            out of its range.
        DataError: If the environment breaks its contract, has no numbered observations, too many
            of them, or an episode of it does not end.

    >>> import gradlab.rl as rl
    >>> settings = [AgentSettings(learning_rate=1.0, discount=0.9, seed=seed) for seed in range(3)]
    >>> runs = train_agents(rl.chain(4), "q_learning", settings, episodes=50)
    >>> [round(float(value), 3) for value in runs.q_values[2, :, 1]]
    [0.729, 0.81, 0.9, 1.0]
    """
    began = time.perf_counter()
    if algorithm not in ALGORITHMS:
        raise RecipeError(unknown("algorithm", algorithm, ALGORITHMS))
    if not agents or episodes < 1:
        raise RecipeError(
            f"Training needs at least one agent and one episode; got {len(agents)} and {episodes}."
        )
    for agent in agents:
        _check_settings(agent)
    job = _Job(environment, algorithm, agents, episodes, record_visits, progress)
    with ThreadPoolExecutor(threads or cores()) as pool:
        for done in [pool.submit(job.train, block) for block in job.blocks]:
            done.result()
    return TabularRuns(
        q_values=job.q_values,
        returns=job.returns,
        lengths=job.lengths,
        ended=job.ended,
        visits=job.visits,
        diverged=np.asarray(~np.isfinite(job.q_values).all(axis=(1, 2))),
        seconds=time.perf_counter() - began,
    )


class _Job:
    """The arrays that blocks of agents write their results into."""

    def __init__(self, environment, algorithm, agents, episodes, record_visits, progress):
        if environment.n_observations is None:
            raise DataError(
                f"Tabular agents need numbered observations; those of '{environment.name}' are "
                f"arrays of shape {environment.observation_shape}. Take DQN."
            )
        self.environment, self.agents = environment, agents
        self.episodes, self.progress = episodes, progress
        self.tables = None if environment.model is None else environment.model.tables
        if self.tables is None:  # the others are built from a model that was checked
            check_environment(environment)
        n_observations, n_actions = environment.n_observations, environment.n_actions
        kinds = tuple(sorted({agent.exploration.kind for agent in agents}))
        falling = any(agent.visit_power != 0 for agent in agents)
        self.layout = Layout(
            algorithm=algorithm,
            kinds=kinds,
            n_observations=n_observations,
            n_actions=n_actions,
            counts=record_visits or falling or "ucb" in kinds,
            falling=falling,
            environment=environment if self.tables is None else None,
            steps=STEPS,
        )
        n_values = n_observations * n_actions * ALGORITHMS[algorithm].n_tables
        self.blocks, self.width = _blocks(agents, kinds, n_values, environment.name)
        n = len(agents)
        self.q_values = np.zeros((n, n_observations, n_actions), jnp.result_type(float))
        self.visits = np.zeros((n, n_observations, n_actions), np.int32) if record_visits else None
        self.returns = np.zeros((n, episodes), self.q_values.dtype)
        self.lengths = np.zeros((n, episodes), np.int32)
        self.ended = np.zeros((n, episodes), bool)
        self.rates = _padded([np.atleast_1d(agent.learning_rate) for agent in agents])
        self.levels = _padded([agent.exploration.level for agent in agents])
        self.done, self.lock, self.stopped = 0, threading.Lock(), False

    def train(self, block: list[int]) -> None:
        """Train the agents of one block to the end of their episodes."""
        try:
            self._train(np.array(block))
        except BaseException:
            self.stopped = True  # the other blocks need not go on
            raise

    def _train(self, block: np.ndarray) -> None:
        settings, initial = self._settings(block)
        lanes = start(self.layout, self.tables, settings, initial)
        record = Record(len(block), self.episodes)
        over = False
        while not over and not self.stopped:
            lanes, gains, codes, finished = advance(self.layout, self.tables, settings, lanes)
            over = bool(finished)
            new = record.add(np.asarray(gains)[:, : len(block)], np.asarray(codes)[:, : len(block)])
            if self.environment.time_limit is None and record.was_cut:
                raise DataError(
                    f"An episode of '{self.environment.name}' has not ended after "
                    f"{LONGEST_EPISODE:,} steps. Give the environment a time_limit, or a goal "
                    "that can be reached."
                )
            self._tell(new)
        shape = (self.width, *self.q_values.shape[1:])
        n_tables = ALGORITHMS[self.layout.algorithm].n_tables
        values = np.asarray(lanes.table).reshape(shape[0], shape[1], n_tables, shape[2])
        self.q_values[block] = values.mean(axis=2)[: len(block)]
        if self.visits is not None and lanes.counts is not None:
            self.visits[block] = np.asarray(lanes.counts).reshape(shape)[: len(block)]
        self.returns[block], self.lengths[block] = record.returns, record.lengths
        self.ended[block] = record.ended

    def _settings(self, block: np.ndarray):
        chosen = [self.agents[i] for i in block]
        lanes = np.minimum(np.arange(self.width), len(block) - 1)  # the last agent fills up
        real = self.q_values.dtype

        def each(name: str, dtype: np.dtype = real):
            return jnp.asarray(np.array([getattr(agent, name) for agent in chosen])[lanes], dtype)

        kind = self.layout.kinds.index(chosen[0].exploration.kind)
        seeds = np.array([agent.seed % 2**32 for agent in chosen], np.uint32)[lanes]
        limit = self.environment.time_limit or LONGEST_EPISODE
        settings = Settings(
            key=seed_key(jnp.asarray(seeds)),
            learning_rate=jnp.asarray(self.rates[block][lanes], real),
            visit_power=each("visit_power"),
            discount=each("discount"),
            level=jnp.asarray(self.levels[block][lanes], real),
            kind=jnp.int32(kind),
            episodes=jnp.asarray(
                np.where(np.arange(self.width) < len(block), self.episodes, 0), jnp.int32
            ),
            time_limit=jnp.int32(limit),
        )
        return settings, each("initial_value")

    def _tell(self, new: int) -> None:
        with self.lock:
            self.done += new
            if self.progress is not None and new:
                self.progress(self.done, self.episodes * len(self.agents))


def _blocks(agents, kinds, n_values: int, name: str) -> tuple[list[list[int]], int]:
    """Return which agents are trained in which call, each of one kind, and the width of all."""
    most = min(LANES, LARGEST_TABLE // n_values // LANE_MULTIPLE * LANE_MULTIPLE)
    if most < LANE_MULTIPLE:
        raise DataError(
            f"'{name}' has {n_values:,} values an agent, more than a table should hold. "
            "Observe less of it, or take DQN."
        )
    blocks = []
    for kind in kinds:
        members = [i for i, agent in enumerate(agents) if agent.exploration.kind == kind]
        n_blocks = -(-len(members) // most)
        blocks += [list(map(int, part)) for part in np.array_split(members, n_blocks)]
    widest = max(map(len, blocks))
    return blocks, -(-widest // LANE_MULTIPLE) * LANE_MULTIPLE


def _padded(schedules: list[np.ndarray]) -> np.ndarray:
    """Return schedules as rows of one array, each with its last value held on."""
    longest = max(map(len, schedules))
    return np.array([np.r_[s, np.full(longest - len(s), s[-1])] for s in schedules])


def _check_settings(agent: AgentSettings) -> None:
    rates = np.atleast_1d(agent.learning_rate)
    for name, good, range_ in (
        ("learning_rate", rates.size > 0 and ((rates > 0) & (rates <= 1)).all(), "in (0, 1]"),
        ("visit_power", 0 <= agent.visit_power < np.inf, ">= 0"),
        ("discount", 0 <= agent.discount <= 1, "in [0, 1]"),
        ("initial_value", np.isfinite(agent.initial_value), "finite"),
    ):
        if not good:
            raise RecipeError(f"{name} must be {range_}; got {getattr(agent, name)}.")
