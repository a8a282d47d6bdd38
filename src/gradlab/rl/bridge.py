"""To and from Gymnasium (the extra `[rl]`), imported only when used.

Source: Gymnasium 1.0, https://gymnasium.farama.org
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.errors import DataError, GradlabError
from gradlab.rl.environment import Drawing, Environment, check_environment
from gradlab.rl.environments.text_map import cell_positions
from gradlab.rl.keys import fold, seed_key
from gradlab.rl.model import TransitionModel
from gradlab.rl.numbered import numbered_environment


class MissingGymnasium(GradlabError):
    """Gymnasium is not installed."""


def from_gymnasium(env: Any) -> Environment:
    """Return a Gymnasium environment, or one named by its id, as one of ours.

    One with a table of probabilities (`P`: FrozenLake, CliffWalking, Taxi) becomes compiled, and
    has a model. Any other runs in Python, called back from the compiled program step by step:
    right, but no faster than it is, and by one agent at a time.

    Args:
        env: A `gymnasium.Env` with discrete actions, or an id such as "FrozenLake-v1".

    Raises:
        MissingGymnasium: If Gymnasium is not installed.
        DataError: If its actions are not discrete, or its observations neither discrete nor a box.

    >>> from_gymnasium("FrozenLake-v1").n_observations   # doctest: +SKIP
    16
    """
    gymnasium = _gymnasium()
    if isinstance(env, str):
        try:
            env = gymnasium.make(env)
        except gymnasium.error.Error as error:
            raise DataError(f"Gymnasium can't make '{env}': {error}") from error
    name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    limit = env.spec.max_episode_steps if env.spec is not None else None
    if not isinstance(env.action_space, gymnasium.spaces.Discrete):
        raise DataError(
            f"'{name}' has actions {env.action_space}; agents here choose among numbered ones "
            "(Discrete)."
        )
    threshold = env.spec.reward_threshold if env.spec is not None else None
    solved = None if threshold is None else float(threshold)
    table = getattr(env.unwrapped, "P", None)
    start = getattr(env.unwrapped, "initial_state_distrib", None)
    if isinstance(table, dict) and start is not None:
        model = TransitionModel.from_lists(table, start=np.asarray(start, float))
        return numbered_environment(
            name, model, time_limit=limit, drawing=_drawing(env.unwrapped), solved_return=solved
        )
    return _called_back(gymnasium, env, name, limit, solved)


def to_gymnasium(environment: Environment) -> Any:
    """Return an environment of ours as a `gymnasium.Env`, wrapped in its time limit.

    Raises:
        MissingGymnasium: If Gymnasium is not installed.
        DataError: If the environment breaks its contract.

    >>> import gradlab.rl as rl
    >>> env = to_gymnasium(rl.cart_pole())   # doctest: +SKIP
    >>> env.action_space                     # doctest: +SKIP
    Discrete(2)
    """
    gymnasium = _gymnasium()
    check_environment(environment)
    env = _adapter(gymnasium, environment)
    if environment.time_limit is None:
        return env
    return gymnasium.wrappers.TimeLimit(env, environment.time_limit)


def _gymnasium() -> Any:
    try:
        import gymnasium
    except ImportError as error:
        raise MissingGymnasium(
            "This needs Gymnasium, which is not installed. pip install 'gradlab[rl]' "
            "(the built-in environments need nothing: gradlab.rl.ENVIRONMENTS)."
        ) from error
    return gymnasium


def _drawing(env: Any) -> Drawing | None:
    """Return the map of a FrozenLake, whose states are the cells of its `desc`."""
    desc = getattr(env, "desc", None)
    if desc is None or np.asarray(desc).size != env.observation_space.n:
        return None
    rows = tuple(b"".join(row).decode() for row in np.asarray(desc, "S1"))
    return Drawing(rows, cell_positions(rows))


def _called_back(
    gymnasium: Any, env: Any, name: str, limit: int | None, solved: float | None
) -> Environment:
    space = env.observation_space
    if isinstance(space, gymnasium.spaces.Discrete):
        shape, n_observations, dtype = (), int(space.n), jnp.int32
    elif isinstance(space, gymnasium.spaces.Box):
        shape, n_observations, dtype = space.shape, None, jnp.result_type(float)
    else:
        raise DataError(
            f"'{name}' has observations {space}; agents here see numbers (Discrete) or arrays "
            "(Box). Flatten them with gymnasium.wrappers.FlattenObservation."
        )
    offset = int(getattr(space, "start", 0))
    first_action = int(env.action_space.start)
    seen = jax.ShapeDtypeStruct(shape, dtype)
    counter = jax.ShapeDtypeStruct((), jnp.int32)
    at = {"step": -1}

    def observed(observation):
        array = (np.asarray(observation) - offset).astype(dtype)
        if array.shape != shape:
            raise DataError(
                f"'{name}' must return observations of shape {shape}; got {array.shape}."
            )
        return array

    def on_reset(key):
        observation, _ = env.reset(seed=int(key) % 2**31)
        at["step"] = 0
        return np.int32(0), observed(observation)

    def on_step(step, action):
        if int(step) != at["step"]:
            raise DataError(
                f"'{name}' keeps its state in Python, so its steps must be taken one after "
                "another, by one agent at a time. Use an environment with a model for more."
            )
        observation, reward, ended, _, _ = env.step(int(action) + first_action)
        at["step"] += 1
        return np.int32(at["step"]), observed(observation), np.asarray(reward, real), bool(ended)

    real = jnp.result_type(float)

    def reset(key):
        return _ordered(on_reset, (counter, seen), key)

    def step(state, action, key):
        del key  # the environment has its own
        shapes = (counter, seen, jax.ShapeDtypeStruct((), real), jax.ShapeDtypeStruct((), bool))
        return _ordered(on_step, shapes, state, jnp.asarray(action, jnp.int32))

    return Environment(
        name=name,
        reset=reset,
        step=step,
        n_actions=int(env.action_space.n),
        observation_shape=shape,
        n_observations=n_observations,
        time_limit=limit,
        solved_return=solved,
    )


def _ordered(function: Callable, shapes: Any, *arguments: Any) -> Any:
    from jax.experimental import io_callback

    return io_callback(function, shapes, *arguments, ordered=True)


def _adapter(gymnasium: Any, environment: Environment) -> Any:
    """Return a `gymnasium.Env`; its class is made here, so that Gymnasium stays optional."""
    numbered = environment.n_observations is not None
    reset, step = jax.jit(environment.reset), jax.jit(environment.step)

    class Adapter(gymnasium.Env):
        metadata = {"render_modes": ["ansi"]}  # noqa: RUF012  (Gymnasium's own form)

        def __init__(self, render_mode: str | None = None):
            self.render_mode = render_mode
            self.action_space = gymnasium.spaces.Discrete(environment.n_actions)
            self.observation_space = (
                gymnasium.spaces.Discrete(environment.n_observations)
                if numbered
                else gymnasium.spaces.Box(
                    -np.inf, np.inf, environment.observation_shape, np.float32
                )
            )

        def reset(self, *, seed: int | None = None, options: dict | None = None):
            super().reset(seed=seed)
            self._key = seed_key(int(self.np_random.integers(2**31)))
            self._count = 0
            self._state, observation = reset(fold(self._key, 0))
            return self._seen(observation), {}

        def step(self, action):
            self._count += 1
            key = fold(self._key, self._count)
            self._state, observation, reward, ended = step(self._state, jnp.int32(action), key)
            return self._seen(observation), float(reward), bool(ended), False, {}

        def render(self):
            if self.render_mode == "ansi":
                return (environment.describe or str)(self._state)
            return None

        def _seen(self, observation):
            if numbered:
                return int(observation)
            return np.asarray(observation, np.float32)

    return Adapter()
