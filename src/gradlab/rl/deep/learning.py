"""Deep Q-learning as one compiled loop: act, remember, draw from memory, learn.

Source: Mnih et al. 2015, https://doi.org/10.1038/nature14236, algorithm 1; double Q-learning: van
Hasselt et al. 2016, https://arxiv.org/abs/1509.06461, eq. 4.
"""

import threading
from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int32, PyTree, UInt32

from gradlab.nn.module import Sequential
from gradlab.optim import OPTIMIZERS
from gradlab.rl.deep.q_network import encode, n_features, q_network, q_values
from gradlab.rl.deep.replay import (
    Replay,
    Transitions,
    empty_replay,
    packed,
    recall,
    remember,
)
from gradlab.rl.environment import Environment
from gradlab.rl.keys import Key, Number, below, fold, seed_key, uniform
from gradlab.scalars import Scalar


@dataclass(frozen=True)
class Structure:
    """What changes the compiled program; agents that share it differ in numbers only."""

    hidden: tuple[int, ...] = (64, 64)
    activation: str = "relu"
    optimizer: str = "adam"
    batch_size: int = 64
    replay_size: int = 10_000
    """A multiple of `learn_every`."""
    learn_every: int = 4
    """Steps between two updates."""
    double: bool = False


RESET, STEP, EXPLORE, REPLAY, EVALUATE = range(5)
"""What the random numbers of a step are for."""


class Hyper(NamedTuple):
    """The numbers of one agent."""

    learning_rate: Scalar
    discount: Scalar
    epsilon: Scalar
    final_epsilon: Scalar
    epsilon_steps: Scalar
    """Steps over which ε falls in a straight line."""
    temperature: Scalar
    """Of a softmax over values; 0 takes the best."""
    warm_up: Scalar
    """Steps before the first update."""
    target_every: Scalar
    """Steps between two updates of the target network."""
    target_rate: Scalar
    """Share of the way that the target network goes then; 1 copies."""
    error_clip: Scalar
    """Error beyond which the loss is linear."""


class Agent(NamedTuple):
    """All that a training carries from step to step."""

    network: PyTree
    target: PyTree
    optimizer: PyTree
    replay: Replay
    world: PyTree
    observation: Array
    total: Float[Array, ""]
    """Return of the episode so far, not discounted."""
    length: Int32[Array, ""]
    """Steps of the episode so far."""
    step: Int32[Array, ""]


class Learnt(NamedTuple):
    """What an update changes: the memory stays outside, where nothing copies it."""

    network: PyTree
    target: PyTree
    optimizer: PyTree


class Record(NamedTuple):
    """What a call tells: a number a step, and a loss an update (NaN before the first)."""

    totals: Float[Array, " steps"]
    """Return of the episode so far."""
    lengths: Int32[Array, " steps"]
    over: Bool[Array, " steps"]
    """Whether the episode ended with this step."""
    losses: Float[Array, " updates"]


def key_of(seed: Number, step: Number, purpose: int) -> Key:
    """Return the key of one purpose at one step of a run."""
    return fold(fold(seed_key(seed), step), purpose)


def epsilon_at(hyper: Hyper, step: Scalar) -> Float[Array, ""]:
    """Return the chance of a random action, falling in a straight line."""
    share = jnp.clip(step / jnp.maximum(hyper.epsilon_steps, 1), 0.0, 1.0)
    return hyper.epsilon + share * (hyper.final_epsilon - hyper.epsilon)


def huber(x: Float[Array, "*shape"], clip: Scalar) -> Float[Array, "*shape"]:
    """Return x²/2 where |x| <= clip, and clip (|x| - clip/2) beyond: no slope is above `clip`.

    With clip = 1 the loss of Mnih et al. 2015 ("clip the error term to be between -1 and 1"), made
    for rewards of -1, 0 and 1 that come rarely; with clip = inf half the square.

    >>> huber(jnp.array([0.5, 3.0]), 1.0).tolist()
    [0.125, 2.5]
    """
    near = jnp.minimum(jnp.abs(x), clip)
    return near * (jnp.abs(x) - 0.5 * near)


def targets(
    network: Sequential,
    target: Sequential,
    batch: Transitions,
    discount: Scalar,
    *,
    double: bool,
) -> Float[Array, " rows"]:
    """Return y = r + γ max_a Q'(s', a), and r alone where the world ended.

    With `double` the network under training chooses the action, and the target network only values
    it: y = r + γ Q'(s', argmax_a Q(s', a)).
    """
    values = q_values(target, batch.next_observations)
    if double:
        best = jnp.argmax(q_values(network, batch.next_observations), axis=1)
        following = jnp.take_along_axis(values, best[:, None], axis=1)[:, 0]
    else:
        following = values.max(axis=1)
    return batch.rewards + discount * (1 - batch.ended) * following


def mean_loss(
    network: Sequential, batch: Transitions, goals: Float[Array, " rows"], clip: Scalar
) -> Float[Array, ""]:
    """Return the mean loss of the values of the actions taken."""
    values = q_values(network, batch.observations)
    # Not take_along_axis: its gradient is a scatter, row after row, and more to compile.
    was_taken = batch.actions[:, None] == jnp.arange(values.shape[1])[None]
    taken = jnp.where(was_taken, values, 0.0).sum(axis=1)
    return huber(taken - goals, clip).mean()


class Loop:
    """The functions of one program: an environment and a structure."""

    def __init__(self, environment: Environment, structure: Structure):
        """Keep what is compiled in."""
        self.environment = environment
        self.structure = structure
        self.features = n_features(environment)
        # What of a network is no array is the same for all; the arrays travel with the agent.
        self.form = eqx.partition(self._network(None), eqx.is_array)[1]
        self.factory = OPTIMIZERS[structure.optimizer].factory
        self.start = jax.jit(self._start)
        self.train = jax.jit(self._train, static_argnames="blocks", donate_argnames="agent")
        self.compiling = threading.Lock()

    def new_agent(self, seed: int, learning_rate: Scalar) -> Agent:
        """Return an agent before its first step."""
        network = jax.tree.map(jnp.asarray, eqx.partition(self._network(seed), eqx.is_array)[0])
        return self.start(network, jnp.uint32(seed % 2**32), learning_rate)

    def whole(self, arrays: PyTree) -> Sequential:
        """Return a network of its arrays."""
        return eqx.combine(arrays, self.form)

    def _network(self, seed: int | None) -> Sequential:
        s = self.structure
        return q_network(
            self.features, s.hidden, self.environment.n_actions, activation=s.activation, seed=seed
        )

    def _start(self, network: PyTree, seed: Number, learning_rate: Scalar) -> Agent:
        world, observation = self.environment.reset(key_of(seed, 0, RESET))
        zero = jnp.zeros((), jnp.int32)
        return Agent(
            network=network,
            target=jax.tree.map(jnp.copy, network),
            optimizer=self.factory(learning_rate).init(network),
            replay=empty_replay(self.structure.replay_size, self.features),
            world=world,
            observation=observation,
            total=jnp.zeros(()),
            length=zero,
            step=zero,
        )

    def _train(
        self, agent: Agent, hyper: Hyper, seed: UInt32[Array, ""], *, blocks: int
    ) -> tuple[Agent, Record]:
        """Go on by blocks of `learn_every` steps and an update each."""

        def block(agent: Agent, _: None) -> tuple[Agent, Record]:
            agent, (rows, totals, lengths, over) = self._play(agent, hyper, seed)
            agent = agent._replace(replay=remember(agent.replay, rows))
            ready = agent.step > hyper.warm_up
            learnt, value = jax.lax.cond(ready, self._learn, self._wait, agent, hyper, seed)
            return agent._replace(**learnt._asdict()), Record(totals, lengths, over, value)

        agent, record = jax.lax.scan(block, agent, length=blocks)
        return agent, jax.tree.map(lambda leaf: leaf.reshape(-1), record)

    def _play(
        self, agent: Agent, hyper: Hyper, seed: UInt32[Array, ""]
    ) -> tuple[Agent, tuple[Array, ...]]:
        """Take `learn_every` steps, with the network as it is."""
        environment, limit = self.environment, self.environment.time_limit

        def step(carry: tuple, _: None) -> tuple[tuple, tuple]:
            world, observation, total, length, count = carry
            count = count + 1
            seen = encode(environment, observation)
            action = self._choose(agent.network, seen, hyper, key_of(seed, count, EXPLORE), count)
            world, after, reward, ended = environment.step(world, action, key_of(seed, count, STEP))
            total, length = total + reward, length + 1
            over = ended if limit is None else ended | (length >= limit)
            row = packed(
                Transitions(
                    seen[None],
                    action[None],
                    jnp.asarray(reward, jnp.float32)[None],
                    encode(environment, after)[None],
                    ended[None],
                )
            )[0]
            again = environment.reset(key_of(seed, count, RESET))
            world, after = jax.tree.map(
                lambda new, old: jnp.where(over, new, old), again, (world, after)
            )
            carry = (world, after, jnp.where(over, 0.0, total), jnp.where(over, 0, length), count)
            return carry, (row, total, length, over)

        start = (agent.world, agent.observation, agent.total, agent.length, agent.step)
        end, told = jax.lax.scan(step, start, length=self.structure.learn_every)
        names = ("world", "observation", "total", "length", "step")
        return agent._replace(**dict(zip(names, end, strict=True))), told

    def _choose(
        self,
        network: PyTree,
        seen: Float[Array, " features"],
        hyper: Hyper,
        key: Key,
        step: Scalar,
    ) -> Int32[Array, ""]:
        """Return a random action with chance ε, else the best, or one of softmax(Q / T)."""
        n_actions = self.environment.n_actions

        def wander() -> Int32[Array, ""]:
            return below(fold(key, 1), n_actions)

        def follow() -> Int32[Array, ""]:
            values = q_values(self.whole(network), seen[None])[0]
            # The largest of values with Gumbel noise is a draw of their softmax.
            draws = uniform(fold(fold(key, 2), jnp.arange(n_actions)))
            noise = -jnp.log(-jnp.log(draws + 2.0**-25))
            return jnp.argmax(values + hyper.temperature * noise).astype(jnp.int32)

        return jax.lax.cond(uniform(key) < epsilon_at(hyper, step), wander, follow)

    def _learn(
        self, agent: Agent, hyper: Hyper, seed: UInt32[Array, ""]
    ) -> tuple[Learnt, Float[Array, ""]]:
        batch = recall(agent.replay, key_of(seed, agent.step, REPLAY), self.structure.batch_size)
        goals = targets(
            self.whole(agent.network),
            self.whole(agent.target),
            batch,
            hyper.discount,
            double=self.structure.double,
        )
        value, slopes = jax.value_and_grad(
            lambda arrays: mean_loss(self.whole(arrays), batch, goals, hyper.error_clip)
        )(agent.network)
        changes, optimizer = self.factory(hyper.learning_rate).update(
            slopes, agent.optimizer, agent.network
        )
        network = optax.apply_updates(agent.network, changes)
        due = agent.step % hyper.target_every < self.structure.learn_every
        rate = jnp.where(due, hyper.target_rate, 0.0)
        target = jax.tree.map(lambda new, old: rate * new + (1 - rate) * old, network, agent.target)
        return Learnt(network, target, optimizer), value

    def _wait(
        self, agent: Agent, hyper: Hyper, seed: UInt32[Array, ""]
    ) -> tuple[Learnt, Float[Array, ""]]:
        del hyper, seed
        return Learnt(agent.network, agent.target, agent.optimizer), jnp.full((), jnp.nan)
