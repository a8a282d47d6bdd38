"""Episodes as they are played: what was seen, done and paid, and what it was worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.errors import DataError, RecipeError
from gradlab.rl.environment import Environment
from gradlab.rl.keys import Key, fold, seed_key
from gradlab.rl.value_iteration import check_discount

Policy = Callable[[Any, Key], Any]
"""(observation, key) -> action, pure; or, for numbered observations, an array of actions."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One episode, or its first steps, in the order in which things happen.

    O_0, A_0, R_1, O_1, A_1, R_2, O_2, …: actions[t] was taken on observations[t] and brought
    rewards[t] and observations[t + 1].

    Attributes:
        observations: Shape (steps + 1, *observation_shape).
        actions: Shape (steps,).
        rewards: Shape (steps,).
        ended: Whether the environment ended with each step, shape (steps,).
        states: The environment's states, a pytree of arrays of steps + 1, for pictures.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    ended: np.ndarray
    states: Any

    def __len__(self) -> int:
        return len(self.actions)

    def discounted(self, discount: float = 1.0) -> float:
        """Return the sum of the rewards, each step later worth `discount` times as much."""
        return float(discounted_return(self.rewards, discount))

    def state(self, t: int) -> Any:
        """Return the environment's state after t steps."""
        return jax.tree.map(lambda leaf: leaf[t], self.states)

    def pictures(self, environment: Environment) -> list[str]:
        """Return a text picture of every state."""
        describe = environment.describe or str
        return [describe(self.state(t)) for t in range(len(self) + 1)]


def rollout(
    environment: Environment, policy: Policy | np.ndarray, key: Key, steps: int | None = None
) -> Trajectory:
    """Play one episode by a policy; stop at its end or after so many steps.

    Args:
        environment: Where.
        policy: (observation, key) -> action, or an action for each numbered observation.
        key: Of all its chances, from `seed_key`.
        steps: At most so many; None takes the environment's time limit.

    Raises:
        RecipeError: If there is neither `steps` nor a time limit, or a policy's actions don't
            exist.
        DataError: If the environment breaks its contract.

    >>> import gradlab.rl as rl, numpy as np
    >>> path = rollout(rl.chain(4), np.ones(4, int), rl.seed_key(0))
    >>> path.observations.tolist(), path.rewards.tolist()
    ([0, 1, 2, 3, 3], [0.0, 0.0, 0.0, 1.0])
    >>> round(path.discounted(0.9), 3)
    0.729
    """
    steps = _steps(environment, steps)
    table, function = _policy(environment, policy)
    played = jax.device_get(_play(environment, function, steps, table, key))
    observations, states, actions, rewards, ended = played
    n = int(np.flatnonzero(ended)[0]) + 1 if ended.any() else steps
    _check_actions(environment, actions[:n])
    return Trajectory(
        observations[: n + 1],
        actions[:n],
        rewards[:n],
        ended[:n],
        jax.tree.map(lambda leaf: leaf[: n + 1], states),
    )


def evaluate(
    environment: Environment,
    policy: Policy | np.ndarray,
    *,
    episodes: int = 1000,
    discount: float = 1.0,
    seed: int = 0,
    steps: int | None = None,
) -> np.ndarray:
    """Return the (discounted) returns of many episodes played by a policy, shape (episodes,).

    Raises:
        RecipeError: As `rollout`, and if discount is not in [0, 1].

    >>> import gradlab.rl as rl, numpy as np
    >>> evaluate(rl.chain(4), np.ones(4, int), episodes=2).tolist()
    [1.0, 1.0]
    """
    check_discount(discount)
    steps = _steps(environment, steps)
    table, function = _policy(environment, policy)
    keys = fold(seed_key(seed), jnp.arange(episodes, dtype=jnp.uint32))
    actions, returns = _play_many(environment, function, steps, table, keys, discount)
    _check_actions(environment, np.asarray(actions))
    return np.asarray(returns)


def discounted_return(
    rewards: np.ndarray | Sequence[Any], discount: float = 1.0
) -> np.ndarray | np.floating:
    """Return Σ_k γ^k R_{t+k+1} from the first step on; the last axis is time.

    Raises:
        RecipeError: If discount is not in [0, 1].

    >>> float(discounted_return(np.array([1.0, 2.0, 4.0]), 0.5))
    3.0
    """
    check_discount(discount)
    rewards = np.asarray(rewards, float)
    return (rewards * discount ** np.arange(rewards.shape[-1])).sum(axis=-1)


def regret(returns: np.ndarray | Sequence[Any], best: float) -> np.ndarray:
    """Return what was missed up to each episode, Σ (best - return), along the last axis.

    >>> regret(np.array([0.0, 1.0, 1.0]), best=1.0).tolist()
    [1.0, 1.0, 1.0]
    """
    return np.cumsum(best - np.asarray(returns, float), axis=-1)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _play(environment, function, steps, table, key):
    return _episode(environment, function, steps, table, key)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _play_many(environment, function, steps, table, keys, discount):
    def total(key):
        _, _, actions, rewards, ended = _episode(environment, function, steps, table, key)
        alive = jnp.cumsum(jnp.concatenate([jnp.zeros(1, bool), ended[:-1]])) == 0
        worth = jnp.asarray(discount, rewards.dtype) ** jnp.arange(steps)
        # Actions of steps after the end were never taken: they count as the first one.
        return jnp.where(alive, actions, actions[0]), (rewards * alive * worth).sum()

    actions, returns = jax.lax.map(total, keys, batch_size=min(256, len(keys)))
    return jnp.stack([actions.min(), actions.max()]), returns


def _episode(environment, function, steps, table, key):
    state, observation = environment.reset(fold(key, 0))

    def step(now, t):
        state, observation = now
        word = fold(key, t)
        action = table[observation] if function is None else function(observation, fold(word, 1))
        action = jnp.asarray(action, jnp.int32)
        state, observation, reward, ended = environment.step(state, action, fold(word, 2))
        return (state, observation), (observation, state, action, reward, ended)

    times = jnp.arange(1, steps + 1, dtype=jnp.uint32)
    _, (seen, states, actions, rewards, ended) = jax.lax.scan(step, (state, observation), times)

    def with_first(first, rest):
        return jnp.concatenate([jnp.asarray(first, rest.dtype)[None], rest])

    return (
        with_first(observation, seen),
        jax.tree.map(with_first, state, states),
        actions,
        jnp.asarray(rewards, jnp.result_type(float)),
        ended,
    )


def _steps(environment: Environment, steps: int | None) -> int:
    steps = steps if steps is not None else environment.time_limit
    if steps is None:
        if environment.model is not None:
            return max(1000, environment.model.n_states)
        raise RecipeError(
            f"'{environment.name}' has no time limit; say after how many steps to stop (steps=…)."
        )
    if steps < 1:
        raise RecipeError(f"An episode needs at least one step; got steps={steps}.")
    return steps


def _policy(environment: Environment, policy) -> tuple[Any, Policy | None]:
    """Return (table of actions, None) or (None, function): tables are arguments, not constants."""
    if callable(policy):
        return None, policy
    table = np.asarray(policy)
    if table.shape != (environment.n_observations,) or table.dtype.kind not in "iu":
        raise RecipeError(
            f"A policy for '{environment.name}' is a function (observation, key) -> action, or "
            f"one action for each of {environment.n_observations} observations; got {table.dtype} "
            f"of shape {table.shape}."
        )
    _check_actions(environment, table)
    return jnp.asarray(table, jnp.int32), None


def _check_actions(environment: Environment, actions: np.ndarray) -> None:
    if len(actions) and not (actions.min() >= 0 and actions.max() < environment.n_actions):
        raise DataError(
            f"Actions of '{environment.name}' are 0 … {environment.n_actions - 1}; the policy "
            f"took {int(actions.min())} … {int(actions.max())}."
        )
