"""The probabilities of everything that can happen: an environment's model, as arrays.

For state s and action a, outcome k has probability[s, a, k], leads to next_state[s, a, k], pays
reward[s, a, k] and, if ended[s, a, k], is the last of its episode. Exact methods read the arrays;
`reset_from` and `step_from` draw from them, which is how every numbered environment runs: a step
of thousands of agents is a few look-ups.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from gradlab.errors import DataError
from gradlab.rl.alias import alias_table
from gradlab.rl.keys import Key, fold, normal, uniform


class Tables(NamedTuple):
    """A model as the compiled step reads it: flat, 32 bits, one look-up for what follows.

    Outcome k of action a in state s stands at (s * n_actions + a) * n_outcomes + k.
    """

    cumulative: Float[Array, "rows thresholds"]
    """Probabilities summed up, without the last; one row if all states and actions share it."""
    follows: Int[Array, " outcomes"]
    """2 * next state + (1 if the episode ends)."""
    reward: Float[Array, " outcomes"]
    noise: Float[Array, " outcomes"] | None
    start: Int[Array, " starts"]
    accept: Float[Array, " starts"]
    """Walker's alias method: take start i with this probability, alias[i] else."""
    alias: Int[Array, " starts"]
    observation: Int[Array, " states"] | None


@dataclass(frozen=True, eq=False)
class TransitionModel:
    """Everything that can happen in an environment of numbered states.

    Attributes:
        probability: Probability of each outcome, shape (states, actions, outcomes); sums to 1.
        next_state: State after it, int, same shape.
        reward: Mean reward of it, same shape.
        ended: Whether it ends the episode, same shape.
        start: Probability of starting in each state, shape (states,).
        observation: What the agent sees in each state, int, shape (states,); None if it sees the
            state itself (full observation).
        reward_noise: Standard deviation of a normal error of the reward, shape as `reward`, or
            None for exact rewards.

    Raises:
        DataError: If shapes differ, probabilities are no probabilities, a state doesn't exist or a
            reward is not finite; the message names state, action and outcome.

    >>> one_step = TransitionModel.from_lists([[[(1.0, 1, 5.0, True)]], [[(1.0, 1, 0.0, True)]]])
    >>> one_step.n_states, one_step.n_actions, float(one_step.expected_reward[0, 0])
    (2, 1, 5.0)
    """

    probability: np.ndarray
    next_state: np.ndarray
    reward: np.ndarray
    ended: np.ndarray
    start: np.ndarray
    observation: np.ndarray | None = None
    reward_noise: np.ndarray | None = None

    def __post_init__(self):
        _check(self)

    @classmethod
    def from_lists(
        cls,
        table: Mapping[int, Any] | Sequence[Any],
        *,
        start: Any = 0,
        observation: np.ndarray | None = None,
    ) -> "TransitionModel":
        """Build from nested lists, table[s][a] = [(probability, next state, reward, ended), …].

        This is the form of Gymnasium's `P`. Shorter lists are filled up: their last
        outcome again, with probability 0. `start` is a state, or a probability for each state.
        """
        n_states, n_actions = len(table), len(table[0])
        for s in range(n_states):
            if len(table[s]) != n_actions:
                raise DataError(
                    f"Every state needs the same number of actions; state 0 has {n_actions}, "
                    f"state {s} has {len(table[s])}. Repeat an action that does nothing."
                )
        width = max(len(table[s][a]) for s in range(n_states) for a in range(n_actions))
        shape = (n_states, n_actions, width)
        probability, reward = np.zeros(shape), np.zeros(shape)
        next_state, ended = np.zeros(shape, np.int32), np.zeros(shape, bool)
        for s in range(n_states):
            for a in range(n_actions):
                listed = table[s][a]
                probability[s, a, : len(listed)] = [outcome[0] for outcome in listed]
                for k in range(width):
                    outcome = listed[min(k, len(listed) - 1)]
                    next_state[s, a, k], reward[s, a, k], ended[s, a, k] = outcome[1:]
        if np.ndim(start) == 0:
            start = np.eye(n_states)[int(start)]
        return cls(probability, next_state, reward, ended, np.asarray(start, float), observation)

    @property
    def n_states(self) -> int:
        """Number of states."""
        return self.probability.shape[0]

    @property
    def n_actions(self) -> int:
        """Number of actions."""
        return self.probability.shape[1]

    @property
    def n_observations(self) -> int:
        """Number of things the agent can see; that of states if it sees them."""
        return self.n_states if self.observation is None else int(self.observation.max()) + 1

    @cached_property
    def expected_reward(self) -> np.ndarray:
        """Mean reward of each action in each state, shape (states, actions)."""
        return (self.probability * self.reward).sum(axis=2)

    @cached_property
    def reachable(self) -> np.ndarray:
        """Which states an episode can meet, bool, shape (states,)."""
        follows = (self.probability > 0) & ~self.ended
        seen = np.asarray(self.start > 0)
        while True:
            more = seen.copy()
            more[self.next_state[seen][follows[seen]]] = True
            if np.array_equal(more, seen):
                return seen
            seen = more

    @cached_property
    def can_end(self) -> np.ndarray:
        """From which states some course of actions can end the episode, bool, shape (states,)."""
        possible = self.probability > 0
        good = np.asarray((possible & self.ended).any(axis=(1, 2)))
        while True:
            leads = (possible & ~self.ended & good[self.next_state]).any(axis=(1, 2))
            if np.array_equal(good | leads, good):
                return good
            good = np.asarray(good | leads)

    @cached_property
    def tables(self) -> Tables:
        """The same as 32-bit look-up tables for compiled steps."""
        summed = self.probability.cumsum(axis=2)[:, :, :-1].reshape(
            self.n_states * self.n_actions, -1
        )
        # A last real outcome must take all that is left: 0.1 * 10 sums to less than 1.
        summed = np.where(summed > 1 - 1e-9, 2.0, summed)
        # Where all states that an episode acts in share their probabilities (slippery ice), one
        # row does: the compiled step then gathers none.
        met = summed[np.repeat(self.reachable, self.n_actions)]
        if (met == met[0]).all():
            summed = met[:1]
        starts = np.flatnonzero(self.start > 0)
        accept, alias = alias_table(self.start[starts])
        real = jnp.result_type(float)
        return Tables(
            cumulative=jnp.asarray(summed, real),
            follows=jnp.asarray(2 * self.next_state.ravel() + self.ended.ravel(), jnp.int32),
            reward=jnp.asarray(self.reward.ravel(), real),
            noise=(
                None if self.reward_noise is None else jnp.asarray(self.reward_noise.ravel(), real)
            ),
            start=jnp.asarray(starts, jnp.int32),
            accept=jnp.asarray(accept, jnp.float32),
            alias=jnp.asarray(starts[alias], jnp.int32),
            observation=(
                None if self.observation is None else jnp.asarray(self.observation, jnp.int32)
            ),
        )


def reset_from(tables: Tables, draw: Float[Array, "*batch"]) -> Int[Array, "*batch"]:
    """Return a starting state for every number uniform in [0, 1)."""
    n = len(tables.start)
    if n == 1:
        return jnp.broadcast_to(tables.start[0], draw.shape)
    place = draw * n
    index = jnp.minimum(place.astype(jnp.int32), n - 1)
    return jnp.where(place - index < tables.accept[index], tables.start[index], tables.alias[index])


def step_from(
    tables: Tables,
    n_actions: int,
    state: Int[Array, "*batch"],
    action: Int[Array, "*batch"],
    draw: Float[Array, "*batch"],
    error: Float[Array, "*batch"] | None,
) -> tuple[Int[Array, "*batch"], Float[Array, "*batch"], Bool[Array, "*batch"]]:
    """Return what follows, (next state, reward, ended), for every state and action.

    `draw` is uniform in [0, 1) and picks the outcome; `error` is standard normal, for models with
    `reward_noise`.
    """
    row = state * n_actions + action
    n_outcomes = tables.cumulative.shape[1] + 1
    outcome = row * n_outcomes
    if n_outcomes > 1:
        shared = tables.cumulative.shape[0] == 1
        for k in range(n_outcomes - 1):  # a few compares cost less than one gather of a row
            threshold = tables.cumulative[0, k] if shared else tables.cumulative[row, k]
            outcome = outcome + (draw >= threshold).astype(jnp.int32)
    outcome = jax.lax.optimization_barrier(outcome)  # or it is worked out once for each look-up
    follows = tables.follows.at[outcome].get(mode="promise_in_bounds", wrap_negative_indices=False)
    reward = tables.reward.at[outcome].get(mode="promise_in_bounds", wrap_negative_indices=False)
    if tables.noise is not None and error is not None:
        reward = reward + tables.noise[outcome] * error.astype(reward.dtype)
    return follows >> 1, reward, (follows & 1).astype(bool)


def outcome_draws(
    tables: Tables, key: Key
) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"] | None]:
    """Return the `draw` and `error` of `step_from` that belong to a key."""
    return uniform(key), None if tables.noise is None else normal(fold(key, 1))


def _check(model: TransitionModel) -> None:
    shape = model.probability.shape
    if len(shape) != 3 or 0 in shape:
        raise DataError(
            "A transition model needs probability of shape (states, actions, outcomes), "
            f"none of them 0; got {shape}."
        )
    for name in ("next_state", "reward", "ended", "reward_noise"):
        value = getattr(model, name)
        if value is not None and value.shape != shape:
            raise DataError(
                f"{name} must have the shape of probability, {shape}; got {value.shape}."
            )
    if model.start.shape != shape[:1]:
        raise DataError(f"start must have shape {shape[:1]}; got {model.start.shape}.")
    for name, wrong in (
        ("probability", ~np.isfinite(model.probability) | (model.probability < 0)),
        ("next_state", (model.next_state < 0) | (model.next_state >= shape[0])),
        ("reward", ~np.isfinite(model.reward)),
    ):
        if wrong.any():
            s, a, k = (int(i) for i in np.argwhere(wrong)[0])
            needed = {
                "probability": "a number from 0 to 1",
                "next_state": f"a state from 0 to {shape[0] - 1}",
                "reward": "a finite number",
            }[name]
            raise DataError(
                f"{name} of state {s}, action {a}, outcome {k} must be {needed}; "
                f"got {getattr(model, name)[s, a, k]}."
            )
    total = model.probability.sum(axis=2)
    if (wrong := np.abs(total - 1) > 1e-6).any():
        s, a = (int(i) for i in np.argwhere(wrong)[0])
        raise DataError(
            f"The probabilities of state {s}, action {a} must sum to 1; they sum to "
            f"{total[s, a]:.6g}."
        )
    if (model.start < 0).any() or abs(float(model.start.sum()) - 1) > 1e-6:
        raise DataError(
            "start must be probabilities that sum to 1; they sum to "
            f"{float(model.start.sum()):.6g}."
        )
    seen = model.observation
    if seen is not None and (seen.shape != shape[:1] or (seen < 0).any()):
        raise DataError(
            f"observation must be one number from 0 for each of {shape[0]} states; "
            f"got shape {seen.shape}."
        )
