"""The random numbers of agents and environments, drawn for many steps at once.

Outside the loop over the steps they cost next to nothing; inside it every use works them out again.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from gradlab.rl.keys import Key, fold, uniform
from gradlab.rl.model import Tables, outcome_draws

ACTING, EXPLORING, RESETTING, TABLE = range(4)  # purposes of random numbers in a step


class Chance(NamedTuple):
    """Random numbers of one step, or of many; they depend on nothing that happens."""

    explore: tuple[Float[Array, "*steps agents"], Float[Array, "*steps agents"]]
    table: Int[Array, "*steps agents"] | None
    act: Any
    """Draws for `step_from`, or a key."""
    reset: Any
    """A draw for `reset_from`, or a key."""


def chances(n_tables: int, tables: Tables | None, key: Key, steps: Key) -> Chance:
    """Return the numbers of every step for every agent, from the agents' keys."""

    def drawn(step):
        word = fold(key, step)
        explore = fold(word, EXPLORING)
        act, reset = fold(word, ACTING), fold(word, RESETTING)
        one_start = tables is not None and len(tables.start) == 1
        return Chance(
            explore=(uniform(explore), uniform(fold(explore, 1))),
            table=(fold(word, TABLE) >> 31).astype(jnp.int32) if n_tables > 1 else None,
            act=act if tables is None else outcome_draws(tables, act),
            reset=None if one_start else reset if tables is None else uniform(reset),
        )

    return jax.vmap(drawn)(steps)
