"""Acting without learning: episodes of a network that takes the best action."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from gradlab.rl.deep.learning import EVALUATE, Loop
from gradlab.rl.deep.q_network import encode, q_values
from gradlab.rl.keys import Key, fold, seed_key

LONGEST = 10_000
"""Steps after which an episode is cut where the environment sets no limit."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Episodes of a greedy policy.

    Attributes:
        returns: Return of each episode, not discounted.
        lengths: Steps of each.
        cut: Whether it was cut at the time limit.
    """

    returns: Float[np.ndarray, " episodes"]
    lengths: Int[np.ndarray, " episodes"]
    cut: np.ndarray

    @property
    def mean_return(self) -> float:
        """Mean return of an episode."""
        return float(self.returns.mean())


@dataclass(frozen=True, eq=False)
class Episode:
    """One episode, for pictures.

    Attributes:
        observations: What was seen before each action, and at the end, (steps + 1, ...).
        actions: What was done, (steps,).
        rewards: What it gave, (steps,).
        ended: Whether the world ended it, not the time limit.
    """

    observations: np.ndarray
    actions: Int[np.ndarray, " steps"]
    rewards: Float[np.ndarray, " steps"]
    ended: bool


def evaluate_network(loop: Loop, network: PyTree, *, episodes: int, seed: int) -> Evaluation:
    """Play episodes with the best action always, on starts that no training has seen.

    Args:
        loop: Of the environment and the structure.
        network: Arrays of the network.
        episodes: How many.
        seed: Of starts and chance; its numbers are apart from those of training with any seed.
    """
    totals, lengths, ended = _play(loop, network, fold(seed_key(seed), EVALUATE), episodes)
    return Evaluation(np.asarray(totals, np.float64), np.asarray(lengths), ~np.asarray(ended, bool))


@partial(jax.jit, static_argnames=("loop", "episodes"))
def _play(
    loop: Loop, network: PyTree, key: Key, episodes: int
) -> tuple[Float[Array, " episodes"], Int[Array, " episodes"], Array]:
    environment, whole = loop.environment, loop.whole(network)
    limit = environment.time_limit or LONGEST
    keys = fold(key, jnp.arange(episodes))
    worlds, seen = jax.vmap(environment.reset)(fold(keys, 0))

    def going(carry):
        _, _, _, _, over, count = carry
        return (count < limit) & ~over.all()

    def step(carry):
        worlds, seen, totals, lengths, over, count = carry
        actions = _best(loop, whole, seen)
        worlds, seen, rewards, ended = jax.vmap(environment.step)(
            worlds, actions, fold(keys, count + 1)
        )
        totals = totals + jnp.where(over, 0.0, rewards)
        return worlds, seen, totals, lengths + ~over, over | ended, count + 1

    zeros = jnp.zeros(episodes, jnp.int32)
    start = (worlds, seen, jnp.zeros(episodes), zeros, zeros.astype(bool), jnp.int32(0))
    _, _, totals, lengths, over, _ = jax.lax.while_loop(going, step, start)
    return totals, lengths, over


def greedy_episode(loop: Loop, network: PyTree, *, seed: int, steps: int) -> Episode:
    """Record one episode of at most so many steps."""
    limit = min(steps, loop.environment.time_limit or LONGEST)
    found = _record(loop, network, fold(seed_key(seed), EVALUATE), limit)
    first, after, actions, rewards, ended = (np.asarray(leaf) for leaf in found)
    n = int(ended.argmax()) + 1 if ended.any() else limit
    observations = np.concatenate([first[None], after[:n]])
    return Episode(observations, actions[:n], rewards[:n].astype(np.float64), bool(ended.any()))


@partial(jax.jit, static_argnames=("loop", "steps"))
def _record(loop: Loop, network: PyTree, key: Key, steps: int):
    environment, whole = loop.environment, loop.whole(network)
    world, first = environment.reset(fold(fold(key, 0), 0))

    def step(carry, count):
        world, seen = carry
        action = _best(loop, whole, seen[None])[0]
        world, seen, reward, ended = environment.step(world, action, fold(fold(key, 0), count + 1))
        return (world, seen), (seen, action, reward, ended)

    _, told = jax.lax.scan(step, (world, first), jnp.arange(steps))
    return (first, *told)


def _best(loop: Loop, whole, seen: Array) -> Int[Array, " batch"]:
    inputs = jax.vmap(lambda one: encode(loop.environment, one))(seen)
    return q_values(whole, inputs).argmax(axis=1).astype(jnp.int32)
