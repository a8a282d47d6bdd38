"""Memory of transitions: one array on the device, a row each, the oldest written over first."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Int32

from gradlab.rl.keys import Key, below, fold


class Transitions(NamedTuple):
    """What was seen, done, got and seen next, a row each."""

    observations: Float[Array, "rows features"]
    actions: Int[Array, " rows"]
    rewards: Float[Array, " rows"]
    next_observations: Float[Array, "rows features"]
    ended: Float[Array, " rows"]
    """1 where the world ended there: nothing comes after. A time limit is no such end."""


class Replay(NamedTuple):
    """The memory.

    Args:
        rows: Observation, next observation, action, reward, end; so that one gather fetches a
            batch.
        written: Transitions ever written.
    """

    rows: Float[Array, "size columns"]
    written: Int32[Array, ""]


def empty_replay(size: int, features: int) -> Replay:
    """Return a memory that holds nothing yet.

    >>> empty_replay(size=100, features=4).rows.shape
    (100, 11)
    """
    return Replay(jnp.zeros((size, 2 * features + 3)), jnp.zeros((), jnp.int32))


def packed(transitions: Transitions) -> Float[Array, "rows columns"]:
    """Return transitions as rows of the memory."""
    numbers = (transitions.actions, transitions.rewards, transitions.ended)
    return jnp.concatenate(
        [transitions.observations, transitions.next_observations]
        + [column.astype(jnp.float32)[:, None] for column in numbers],
        axis=1,
    )


def unpacked(rows: Float[Array, "rows columns"]) -> Transitions:
    """Return rows of the memory as transitions."""
    features = (rows.shape[1] - 3) // 2
    return Transitions(
        rows[:, :features],
        rows[:, -3].astype(jnp.int32),
        rows[:, -2],
        rows[:, features : 2 * features],
        rows[:, -1],
    )


def remember(replay: Replay, rows: Float[Array, "new columns"]) -> Replay:
    """Write rows over the oldest; the size is a multiple of how many come at a time."""
    place = replay.written % replay.rows.shape[0]
    written = jax.lax.dynamic_update_slice_in_dim(replay.rows, rows, place, axis=0)
    return Replay(written, replay.written + rows.shape[0])


def recall(replay: Replay, key: Key, n: int) -> Transitions:
    """Draw n transitions with replacement, all that are held alike likely."""
    held = jnp.minimum(replay.written, replay.rows.shape[0])
    return unpacked(replay.rows[below(fold(key, jnp.arange(n)), held)])
