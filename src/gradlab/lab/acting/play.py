"""Episodes of a trained agent: by the hundred to judge it, one to show it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from gradlab.rl.environment import Environment
from gradlab.rl.keys import Key, fold, seed_key, uniform

LONGEST = 10_000
"""Steps after which an episode is cut where the environment sets no limit."""
MOST_SHOWN = 500


@dataclass(frozen=True, eq=False)
class Shown:
    """One episode to look at.

    Attributes:
        observations: Before each action and at the end.
        actions: What was done.
        rewards: What it gave.
        frames: The environment's picture of each state as text; empty if it draws none.
        ended: Whether the world ended it.
    """

    observations: np.ndarray
    actions: Int[np.ndarray, " steps"]
    rewards: Float[np.ndarray, " steps"]
    frames: tuple[str, ...]
    ended: bool

    @property
    def total(self) -> float:
        """Return of the episode."""
        return float(self.rewards.sum())


def returns_of_table(
    environment: Environment,
    q_values: Float[np.ndarray, "observations actions"],
    *,
    episodes: int,
    seed: int,
) -> Float[np.ndarray, " episodes"]:
    """Return the returns of episodes with the best action always, among equals each alike."""
    table = jnp.asarray(q_values, jnp.float32)
    return np.asarray(_play(environment, table, seed_key(seed), episodes), np.float64)


@partial(jax.jit, static_argnames=("environment", "episodes"))
def _play(
    environment: Environment, table: Float[Array, "observations actions"], key: Key, episodes: int
) -> Float[Array, " episodes"]:
    limit = environment.time_limit or LONGEST
    keys = fold(key, jnp.arange(episodes))
    worlds, seen = jax.vmap(environment.reset)(fold(keys, 0))

    def going(carry):
        return (carry[4] < limit) & ~carry[3].all()

    def step(carry):
        worlds, seen, totals, over, count = carry
        now = fold(keys, count + 1)
        rows = table[seen]
        draws = uniform(fold(now[:, None], jnp.arange(rows.shape[1])[None, :]))
        best = rows == rows.max(axis=1, keepdims=True)
        actions = jnp.where(best, draws, -1.0).argmax(axis=1).astype(jnp.int32)
        worlds, seen, rewards, ended = jax.vmap(environment.step)(worlds, actions, now)
        return worlds, seen, totals + jnp.where(over, 0.0, rewards), over | ended, count + 1

    start = (worlds, seen, jnp.zeros(episodes), jnp.zeros(episodes, bool), jnp.int32(0))
    return jax.lax.while_loop(going, step, start)[2]


def show(environment: Environment, act: Callable[[Any], int], *, seed: int) -> Shown:
    """Play one episode on the host, step by step, at most `MOST_SHOWN` steps."""
    step = jax.jit(environment.step)
    key = seed_key(seed)
    state, seen = jax.jit(environment.reset)(fold(key, 0))
    observations, actions, rewards = [np.asarray(seen)], [], []
    frames = [] if environment.describe is None else [environment.describe(state)]
    ended = False
    for count in range(min(environment.time_limit or MOST_SHOWN, MOST_SHOWN)):
        action = int(act(np.asarray(seen)))
        state, seen, reward, over = step(state, jnp.int32(action), fold(key, count + 1))
        observations.append(np.asarray(seen))
        actions.append(action)
        rewards.append(float(reward))
        if environment.describe is not None:
            frames.append(environment.describe(state))
        if bool(over):
            ended = True
            break
    return Shown(
        np.array(observations),
        np.array(actions, np.int64),
        np.array(rewards, np.float64),
        tuple(frames),
        ended,
    )
