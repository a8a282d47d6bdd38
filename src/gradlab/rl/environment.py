"""What an agent acts in: two pure functions that compile, and what a picture needs to know.

    state, observation = environment.reset(key)
    state, observation, reward, ended = environment.step(state, action, key)

`state` is any pytree and is the environment's secret; the agent sees the observation. Both
functions are pure, so `jax.vmap` makes many environments and `jax.lax.scan` a whole episode. A
`key` is one 32-bit word of `gradlab.rl.keys`; the caller gives a fresh one to every call.

`ended` says that nothing can follow (a goal, a hole, an empty battery). A time limit is not the
environment's affair: the runner cuts the episode after `time_limit` steps, and a learner that is
cut off still counts on what would have followed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.errors import DataError
from gradlab.rl.keys import Key, seed_key
from gradlab.rl.model import TransitionModel

Reset = Callable[[Key], tuple[Any, Any]]
Step = Callable[[Any, Any, Key], tuple[Any, Any, Any, Any]]


@dataclass(frozen=True, eq=False)
class Drawing:
    """Where things are, for pictures of values, policies, visits and episodes.

    Attributes:
        text: The map, one string a row; a letter a cell (`legend` says what each means).
        positions: Row and column of every numbered observation, shape (n_observations, 2); -1 for
            one without a place. Several observations may share a cell (the taxi's passenger).
        arrows: Step (rows, columns) that each action makes, None for one that doesn't move.
        legend: Meaning of the letters.
    """

    text: tuple[str, ...]
    positions: np.ndarray | None = None
    arrows: tuple[tuple[int, int] | None, ...] | None = None
    legend: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return "\n".join(self.text)


@dataclass(frozen=True, eq=False)
class Environment:
    """A task for an agent: `reset` and `step` (see this module's first lines) and their shapes.

    Attributes:
        name: As in `ENVIRONMENTS`.
        reset: key -> (state, observation).
        step: (state, action int32, key) -> (state, observation, reward, ended).
        n_actions: Actions are 0 … n_actions - 1.
        observation_shape: Shape of an observation, () for a number.
        n_observations: Observations are int32 numbers 0 … n_observations - 1; None if they are
            arrays of floats.
        time_limit: Steps after which the runner cuts an episode; None for no limit.
        model: The probabilities of everything that can happen, for exact methods; None if unknown.
        action_names: One word an action.
        drawing: Map for pictures.
        describe: state -> text picture of that state (host side), for episodes in the terminal.
        solved_return: Mean return from which the task counts as solved.

    Equality is identity: an environment is an argument of compiled programs.
    """

    name: str
    reset: Reset
    step: Step
    n_actions: int
    observation_shape: tuple[int, ...] = ()
    n_observations: int | None = None
    time_limit: int | None = None
    model: TransitionModel | None = None
    action_names: tuple[str, ...] = ()
    drawing: Drawing | None = None
    describe: Callable[[Any], str] | None = None
    solved_return: float | None = None

    def action_name(self, action: int) -> str:
        """Return the word of an action, or its number."""
        return self.action_names[action] if self.action_names else str(action)


def check_environment(environment: Environment) -> Environment:
    """Return the environment if its functions keep the contract; say what they return if not.

    Nothing is run: shapes and types are traced.

    Raises:
        DataError: If reset or step can't be traced, or return other shapes or types than stated.
    """
    name = environment.name
    if environment.n_actions < 1:
        raise DataError(f"Environment '{name}' needs n_actions >= 1; got {environment.n_actions}.")
    if environment.time_limit is not None and environment.time_limit < 1:
        raise DataError(
            f"Environment '{name}' needs time_limit >= 1 or None; got {environment.time_limit}."
        )
    key, action = jax.eval_shape(lambda: (seed_key(0), jnp.int32(0)))
    state, observation = _traced(name, "reset", 2, environment.reset, key)
    _check_observation(environment, "reset", observation)
    after = _traced(name, "step", 4, environment.step, state, action, key)
    _check_same(name, state, after[0])
    _check_observation(environment, "step", after[1])
    for what, leaf, kinds in (("reward", after[2], "fiu"), ("ended", after[3], "b")):
        expected = "one number" if what == "reward" else "one bool"
        shape, dtype = getattr(leaf, "shape", None), getattr(leaf, "dtype", None)
        if shape != () or dtype is None or dtype.kind not in kinds:
            raise DataError(
                f"step of environment '{name}' must return {expected} as {what}; "
                f"got {_described(leaf)}."
            )
    return environment


def _traced(name: str, what: str, n: int, function: Callable, *arguments) -> tuple:
    try:
        result = jax.eval_shape(function, *arguments)
    except Exception as error:
        raise DataError(
            f"{what} of environment '{name}' can't be compiled: {str(error).splitlines()[0]} "
            "Write it with jax.numpy and without `if` on values, or wrap a Gymnasium "
            "environment with from_gymnasium."
        ) from error
    if not isinstance(result, tuple) or len(result) != n:
        parts = "(state, observation)" if n == 2 else "(state, observation, reward, ended)"
        got = f"{len(result)} parts" if isinstance(result, tuple) else _described(result)
        raise DataError(f"{what} of environment '{name}' must return {parts}; got {got}.")
    return result


def _check_observation(environment: Environment, what: str, observation: Any) -> None:
    shape = getattr(observation, "shape", None)
    dtype = getattr(observation, "dtype", None)
    kind = "iu" if environment.n_observations is not None else "fiub"
    expected = () if environment.n_observations is not None else environment.observation_shape
    if shape != tuple(expected) or dtype is None or dtype.kind not in kind:
        wanted = (
            f"one whole number below {environment.n_observations}"
            if environment.n_observations is not None
            else f"an array of shape {tuple(expected)}"
        )
        raise DataError(
            f"{what} of environment '{environment.name}' must return {wanted} as observation; "
            f"got {_described(observation)}."
        )


def _check_same(name: str, before: Any, after: Any) -> None:
    def signature(tree):
        leaves, structure = jax.tree.flatten(tree)
        return structure, [(leaf.shape, leaf.dtype) for leaf in leaves]

    if signature(before) != signature(after):
        raise DataError(
            f"step of environment '{name}' must return a state of the same shapes and types as "
            f"reset's, {_described(before)}; got {_described(after)}."
        )


def _described(tree: Any) -> str:
    leaves = jax.tree.leaves(tree)
    if len(leaves) == 1 and hasattr(leaves[0], "shape"):
        return f"{leaves[0].dtype} of shape {leaves[0].shape}"
    return (
        ", ".join(
            f"{getattr(x, 'dtype', type(x).__name__)}{list(getattr(x, 'shape', ()))}"
            for x in leaves
        )
        or "nothing"
    )
