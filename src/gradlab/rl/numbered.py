"""An environment of numbered states from its model: reset and step are look-ups."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from gradlab.rl.environment import Drawing, Environment
from gradlab.rl.keys import uniform
from gradlab.rl.model import TransitionModel, outcome_draws, reset_from, step_from


def numbered_environment(
    name: str,
    model: TransitionModel,
    *,
    time_limit: int | None = None,
    action_names: tuple[str, ...] = (),
    drawing: Drawing | None = None,
    describe: Callable[[Any], str] | None = None,
    solved_return: float | None = None,
) -> Environment:
    """Return the environment that behaves as the model says.

    The state is an int32; the observation is the state, or `model.observation` of it.

    >>> import gradlab.rl as rl
    >>> model = rl.TransitionModel.from_lists([[[(1.0, 0, 1.0, True)]]])
    >>> task = numbered_environment("one step", model)
    >>> state, observation = task.reset(rl.seed_key(0))
    >>> state, observation, reward, ended = task.step(state, 0, rl.seed_key(1))
    >>> float(reward), bool(ended)
    (1.0, True)
    """
    tables = model.tables

    def observed(state):
        return state if tables.observation is None else tables.observation[state]

    def reset(key):
        state = reset_from(tables, uniform(key))
        return state, observed(state)

    def step(state, action, key):
        action = jnp.asarray(action)
        state, reward, ended = step_from(
            tables, model.n_actions, state, action, *outcome_draws(tables, key)
        )
        return state, observed(state), reward, ended

    return Environment(
        name=name,
        reset=reset,
        step=step,
        n_actions=model.n_actions,
        n_observations=model.n_observations,
        time_limit=time_limit,
        model=model,
        action_names=action_names,
        drawing=drawing,
        describe=describe,
        solved_return=solved_return,
    )
