"""Training many networks that act, side by side: a thread a core, each with a run of its own.

All runs of a structure share one compiled program, which takes a call of some thousand steps at a
time. Nothing in it knows of other runs, so each has the same numbers alone or in any group.
"""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, PyTree

from gradlab.errors import DataError
from gradlab.process import cores
from gradlab.rl.deep.learning import Agent, Hyper, Loop, Record, Structure
from gradlab.rl.environment import Environment, check_environment

CALL_STEPS = 2000
"""Steps of one call, about: some tens of milliseconds, after each of which Python may stop it."""

Status = Literal["done", "solved", "diverged"]


@dataclass(frozen=True)
class Goal:
    """When a task counts as solved: the mean return of so many training episodes in a row.

    The episodes are those of training, random actions and all, by a network that changes meanwhile;
    `evaluate` says how good the last one is. 195 over 100 is the rule of Gymnasium's CartPole-v0.
    """

    mean_return: float
    episodes: int = 100


@dataclass(frozen=True)
class Member:
    """One run of a group."""

    hyper: Hyper
    seed: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a run.

    Attributes:
        index: Its place among the members.
        seed: Its seed.
        status: "done", "solved" (and stopped there) or "diverged" (values grew beyond all bounds).
        steps: Steps taken.
        solved_at: Step at which the goal was first met; None if never.
        returns: Return of each episode, not discounted, shape (episodes,).
        lengths: Steps of each.
        ends: Step of the training at which each ended.
        losses: Mean loss of each call's updates; NaN before the first.
        loss_steps: Step at which each of these calls ended.
        network: Arrays of the network, for `Loop.whole`.
        seconds: Time its calls took.
    """

    index: int
    seed: int
    status: Status
    steps: int
    solved_at: int | None
    returns: Float[np.ndarray, " episodes"]
    lengths: Int[np.ndarray, " episodes"]
    ends: Int[np.ndarray, " episodes"]
    losses: Float[np.ndarray, " calls"]
    loss_steps: Int[np.ndarray, " calls"]
    network: PyTree
    seconds: float


@dataclass(frozen=True)
class Progress:
    """How far a run has got: steps done of all, mean return of its last episodes."""

    index: int
    steps: int
    total: int
    mean_return: float


@lru_cache(maxsize=8)
def loop_of(environment: Environment, structure: Structure) -> Loop:
    """Return the program of an environment and a structure; the same one for the same."""
    check_environment(environment)
    return Loop(environment, structure)


def train_members(
    loop: Loop,
    members: Sequence[Member],
    steps: int,
    *,
    goal: Goal | None = None,
    stop_when_solved: bool = False,
    workers: int | None = None,
) -> Iterator[Progress | Outcome]:
    """Train every member; yield progress, and each member's outcome as it comes.

    Closing the iterator (or Ctrl-C in the consumer) stops after the calls under way.

    Args:
        loop: From `loop_of`.
        members: Runs, which share the structure.
        steps: Of each run; rounded up to whole calls of whole blocks, see `calls_of`.
        goal: When the task counts as solved; None never.
        stop_when_solved: End a run with the call in which it met the goal.
        workers: Threads; None takes the cores.

    Raises:
        DataError: If the environment returns a reward that is not finite.
    """
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()
    waiting: queue.SimpleQueue[tuple[int, Member]] = queue.SimpleQueue()
    for job in enumerate(members):
        waiting.put(job)
    stop = threading.Event()

    def work() -> None:
        try:
            while not stop.is_set():
                index, member = waiting.get_nowait()
                for news in _run(loop, index, member, steps, goal, stop_when_solved):
                    told.put(news)
                    if stop.is_set():
                        return
        except queue.Empty:
            return
        except BaseException as error:  # raised again where it is seen
            told.put(error)

    threads = [
        threading.Thread(target=work, daemon=True)
        for _ in range(min(workers or cores(), len(members)))
    ]
    for thread in threads:
        thread.start()
    try:
        left = len(members)
        while left:
            news = told.get()
            if isinstance(news, BaseException):
                raise news
            left -= isinstance(news, Outcome)
            yield news
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def calls_of(steps: int, learn_every: int) -> tuple[int, int]:
    """Return how many calls a training makes, and of how many blocks each is: all alike.

    >>> calls_of(50_000, learn_every=4), calls_of(3, learn_every=4)
    ((25, 500), (1, 1))
    """
    calls = max(1, round(steps / CALL_STEPS))
    return calls, -(-steps // (calls * learn_every))


@dataclass
class _Story:
    """What a run has told so far."""

    returns: list[np.ndarray] = field(default_factory=list)
    lengths: list[np.ndarray] = field(default_factory=list)
    ends: list[np.ndarray] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def add(self, record: Record, before: int, now: int) -> None:
        over = np.flatnonzero(np.asarray(record.over))
        self.returns.append(np.asarray(record.totals)[over])
        self.lengths.append(np.asarray(record.lengths)[over])
        self.ends.append(before + over + 1)
        losses = np.asarray(record.losses)
        learnt = losses[~np.isnan(losses)]
        self.losses.append(float(learnt.mean()) if len(learnt) else float("nan"))
        self.steps.append(now)


def _run(
    loop: Loop,
    index: int,
    member: Member,
    steps: int,
    goal: Goal | None,
    stop_when_solved: bool,
) -> Iterator[Progress | Outcome]:
    calls, blocks = calls_of(steps, loop.structure.learn_every)
    a_call = blocks * loop.structure.learn_every
    began = time.perf_counter()
    seed, hyper = jnp.uint32(member.seed % 2**32), _as_arrays(member.hyper)
    story, status, solved_at, now = _Story(), "done", None, 0
    # The first call compiles: once, and the others wait for it.
    with loop.compiling:
        agent = loop.new_agent(member.seed, member.hyper.learning_rate)
        agent, record = loop.train(agent, hyper, seed, blocks=blocks)
    for call in range(1, calls + 1):
        if call > 1:
            agent, record = loop.train(agent, hyper, seed, blocks=blocks)
        before, now = now, call * a_call
        _check_rewards(loop.environment, record, before, member.seed)
        story.add(record, before, now)
        returns = np.concatenate(story.returns)
        if solved_at is None and goal is not None:
            solved_at = first_solved(returns, np.concatenate(story.ends), goal)
        recent = returns[-(goal.episodes if goal else 100) :]
        mean = float(recent.mean()) if len(recent) else float("nan")
        yield Progress(index, now, calls * a_call, mean)
        if _has_diverged(agent, record):
            status = "diverged"
            break
        if stop_when_solved and solved_at is not None:
            status = "solved"
            break
    yield Outcome(
        index=index,
        seed=member.seed,
        status=status,
        steps=now,
        solved_at=solved_at,
        returns=np.concatenate(story.returns).astype(np.float64),
        lengths=np.concatenate(story.lengths),
        ends=np.concatenate(story.ends),
        losses=np.array(story.losses),
        loss_steps=np.array(story.steps),
        network=jax.tree.map(np.asarray, agent.network),
        seconds=time.perf_counter() - began,
    )


def first_solved(
    returns: Float[np.ndarray, " episodes"], ends: Int[np.ndarray, " episodes"], goal: Goal
) -> int | None:
    """Return the step at which the mean of the last episodes first reached the goal.

    >>> first_solved(np.array([0.0, 1.0, 3.0]), np.array([5, 9, 12]), Goal(2.0, episodes=2))
    12
    """
    if len(returns) < goal.episodes:
        return None
    sums = np.cumsum(np.concatenate([[0.0], returns]))
    means = (sums[goal.episodes :] - sums[: -goal.episodes]) / goal.episodes
    reached = np.flatnonzero(means >= goal.mean_return - 1e-9 * abs(goal.mean_return))
    return int(ends[reached[0] + goal.episodes - 1]) if len(reached) else None


def _as_arrays(hyper: Hyper) -> Hyper:
    """Return the numbers with fixed types, so that 1 and 1.0 share a compiled program."""
    whole = {"epsilon_steps", "warm_up", "target_every"}
    return Hyper(
        **{
            name: jnp.int32(value) if name in whole else jnp.float32(value)
            for name, value in hyper._asdict().items()
        }
    )


def _check_rewards(environment: Environment, record: Record, before: int, seed: int) -> None:
    wrong = np.flatnonzero(~np.isfinite(np.asarray(record.totals)))
    if len(wrong):
        raise DataError(
            f"Environment '{environment.name}' returned a reward that is not finite: at step "
            f"{before + int(wrong[0]) + 1} of the run with seed {seed} the return became "
            f"{float(np.asarray(record.totals)[wrong[0]])}. A reward must be a finite number: "
            "look for a division by zero or a logarithm of it in its step."
        )


def _has_diverged(agent: Agent, record: Record) -> bool:
    # Before the first update there is no loss; after it a NaN means that weights are lost.
    losses = np.asarray(record.losses)
    if not np.isnan(losses[-1]):
        return bool(np.isinf(losses[-1]))
    return any(not np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(agent.network))
