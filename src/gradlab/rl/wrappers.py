"""Environments made from others: another reward, another observation, a memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax.numpy as jnp

from gradlab.errors import RecipeError
from gradlab.rl.environment import Environment


def without_model(environment: Environment) -> Environment:
    """Return the environment with its probabilities hidden: agents can only try.

    >>> import gradlab.rl as rl
    >>> without_model(rl.chain(4)).model is None
    True
    """
    return replace(environment, model=None)


def with_reward(
    environment: Environment, reward: Callable[[Any, Any, Any, Any], Any]
) -> Environment:
    """Return the environment with another reward signal; its model no longer holds and goes.

    Args:
        environment: The environment.
        reward: (state after, action, reward, ended) -> reward, pure.

    >>> import gradlab.rl as rl
    >>> costly = with_reward(rl.chain(4), lambda state, action, reward, ended: reward - 0.1)
    >>> state, _ = costly.reset(rl.seed_key(0))
    >>> round(float(costly.step(state, 1, rl.seed_key(1))[2]), 3)
    -0.1
    """

    def step(state, action, key):
        state, observation, paid, ended = environment.step(state, action, key)
        return state, observation, reward(state, action, paid, ended), ended

    return replace(environment, step=step, model=None)


def with_observation(
    environment: Environment,
    observe: Callable[[Any], Any],
    *,
    n_observations: int | None = None,
    observation_shape: tuple[int, ...] = (),
) -> Environment:
    """Return the environment seen otherwise, or only in part; its model goes.

    Args:
        environment: The environment.
        observe: observation -> what the agent gets, pure.
        n_observations: How many different numbers that are, or None for arrays.
        observation_shape: Shape of the arrays.

    >>> import gradlab.rl as rl
    >>> blind = with_observation(rl.chain(4), lambda observation: observation * 0, n_observations=1)
    >>> int(blind.reset(rl.seed_key(0))[1])
    0
    """

    def reset(key):
        state, observation = environment.reset(key)
        return state, observe(observation)

    def step(state, action, key):
        state, observation, reward, ended = environment.step(state, action, key)
        return state, observe(observation), reward, ended

    return replace(
        environment,
        reset=reset,
        step=step,
        n_observations=n_observations,
        observation_shape=observation_shape,
        model=None,
        drawing=None,
    )


def with_memory(environment: Environment, length: int = 2) -> Environment:
    """Return the environment with a memory: the agent's state is its last observations.

    S_t = f(H_t): the last `length` observations as one number, Σ_i O_{t-i} n^i, where n is the
    number of observations and those before the first count as the first. `History.state` gives the
    same number from the record of an episode.

    Raises:
        RecipeError: If the observations are not numbered, or there would be over a million states.

    >>> import gradlab.rl as rl
    >>> task = with_memory(rl.chain(4), 2)
    >>> task.n_observations
    16
    """
    n = environment.n_observations
    if n is None or length < 1 or n**length > 1_000_000:
        raise RecipeError(
            f"A memory needs numbered observations, length >= 1 and at most a million states; "
            f"'{environment.name}' has {n} observations, and length is {length}."
        )

    def reset(key):
        state, observation = environment.reset(key)
        number = remembered([observation], n, length)
        return (state, number), number

    def step(state, action, key):
        state, number = state
        state, observation, reward, ended = environment.step(state, action, key)
        # The oldest observation, the highest digit, drops out.
        number = observation.astype(jnp.int32) + number % n ** (length - 1) * n
        return (state, number), number, reward, ended

    describe = environment.describe
    return replace(
        environment,
        reset=reset,
        step=step,
        n_observations=n**length,
        model=None,
        drawing=None,
        describe=None if describe is None else lambda state: describe(state[0]),
    )


def remembered(observations: Sequence[Any], n: int, length: int) -> Any:
    """Return the last observations as one number, the newest the lowest digit of base n."""
    last = [observations[max(len(observations) - 1 - i, 0)] for i in range(length)]
    return sum(observation * n**i for i, observation in enumerate(last))


@dataclass
class History:
    """All past observations, actions and rewards of an episode, H_t = O_0 A_0 R_1 O_1 … R_t O_t.

    >>> history = History(first_observation=2)
    >>> history.append(action=1, reward=0.0, observation=3)
    >>> history.append(action=1, reward=1.0, observation=3)
    >>> len(history), history.state(lambda h: h.observations[-1]), sum(history.rewards)
    (2, 3, 1.0)
    """

    first_observation: Any
    observations: list[Any] = field(init=False)
    actions: list[int] = field(default_factory=list, init=False)
    rewards: list[float] = field(default_factory=list, init=False)

    def __post_init__(self):
        self.observations = [self.first_observation]

    def __len__(self) -> int:
        return len(self.actions)

    def append(self, action: int, reward: float, observation: Any) -> None:
        """Add what the agent did and what came of it."""
        self.actions.append(action)
        self.rewards.append(reward)
        self.observations.append(observation)

    def state(self, of_history: Callable[["History"], Any]) -> Any:
        """Return S_t = f(H_t)."""
        return of_history(self)
