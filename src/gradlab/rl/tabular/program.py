"""The compiled program of tabular agents: many agents (lanes), many steps, one call.

Every lane is one agent with its own environment. A lane that ends an episode starts the next one
within the same step, so none ever waits for another. Four things make a step cheap:

- values are looked up once: the row of Q at s' serves the update of the last action *and* the
  choice of the next one. So the update of an action happens in the step after it;
- everything else is arithmetic along the lanes (actions first, lanes last);
- random numbers are hashes of (agent, step, purpose);
- what happened leaves the program as two numbers a step, return so far and how the episode goes
  on, and the host picks out the episodes that ended.

Lanes never mix, and every operation is element by element, so an agent's numbers are bitwise the
same in any company.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt32

from gradlab.rl.environment import Environment
from gradlab.rl.exploration import choose
from gradlab.rl.model import Tables, reset_from, step_from
from gradlab.rl.tabular.algorithms import ALGORITHMS, pick
from gradlab.rl.tabular.chances import Chance, chances

RUNNING, ENDED, CUT = range(3)


class Layout(NamedTuple):
    """What the shape of the program depends on."""

    algorithm: str
    kinds: tuple[str, ...]
    n_observations: int
    n_actions: int
    counts: bool
    """Whether visits are counted: for the records, ucb, or a learning rate that falls with them."""
    falling: bool
    """Whether some learning rate falls with the visits."""
    environment: Environment | None
    """None: the environment is its tables, which are arguments."""
    steps: int


class Settings(NamedTuple):
    """Numbers of the agents; schedules have one column an episode, or one column."""

    key: UInt32[Array, " agents"]
    learning_rate: Float[Array, "agents rates"]
    visit_power: Float[Array, " agents"]
    discount: Float[Array, " agents"]
    level: Float[Array, "agents levels"]
    kind: Int[Array, ""]
    episodes: Int[Array, " agents"]
    """How many each agent plays; 0 for a lane that only fills up the block."""
    time_limit: Int[Array, ""]


class Pending(NamedTuple):
    """The last action, whose value is updated as soon as the values of what followed are read."""

    base: Int[Array, " agents"]
    """Where its row starts in the flat table."""
    action: Int[Array, " agents"]
    old: tuple[Float[Array, " agents"], ...]
    """Its value before, in each table."""
    rate: Float[Array, " agents"]
    reward: Float[Array, " agents"]
    ended: Bool[Array, " agents"]
    valid: Bool[Array, " agents"]


class Lanes(NamedTuple):
    """Everything that an agent and its environment are at one moment."""

    table: Float[Array, " cells"]
    """Values, flat, by (agent, observation, table, action)."""
    counts: Int[Array, " visits"] | None
    """How often each action was taken, flat, by (agent, observation, action)."""
    state: Any
    observation: Int[Array, " agents"]
    pending: Pending
    step: UInt32[Array, ""]
    age: Int[Array, " agents"]
    """Steps of this episode."""
    gain: Float[Array, " agents"]
    """Rewards of this episode."""
    episode: Int[Array, " agents"]
    cut: Bool[Array, " agents"]
    """Whether the episode was cut by its time limit, so that this step only updates and resets."""


@partial(jax.jit, static_argnames="layout")
def start(
    layout: Layout, tables: Tables | None, settings: Settings, initial: Float[Array, " agents"]
) -> Lanes:
    """Return agents before their first step, all values at `initial`."""
    n = len(settings.key)
    width = ALGORITHMS[layout.algorithm].n_tables * layout.n_actions
    drawn = chances(
        ALGORITHMS[layout.algorithm].n_tables, tables, settings.key, jnp.zeros(1, jnp.uint32)
    )
    chance = jax.tree.map(lambda numbers: numbers[0], drawn)
    state, observation = _reset(layout, tables, n, chance.reset)
    zeros = jnp.zeros(n, jnp.int32)
    reals = jnp.zeros(n, settings.discount.dtype)
    never = jnp.zeros(n, bool)
    return Lanes(
        table=jnp.repeat(initial, layout.n_observations * width),
        counts=(
            jnp.zeros(n * layout.n_observations * layout.n_actions, jnp.int32)
            if layout.counts
            else None
        ),
        state=state,
        observation=observation,
        pending=Pending(
            base=jnp.arange(n, dtype=jnp.int32) * (layout.n_observations * width),
            action=zeros,
            old=(initial,) * (width // layout.n_actions),
            rate=reals,
            reward=reals,
            ended=never,
            valid=never,
        ),
        step=jnp.uint32(1),
        age=zeros,
        gain=reals,
        episode=zeros,
        cut=never,
    )


@partial(jax.jit, static_argnames="layout", donate_argnames="lanes")
def advance(
    layout: Layout, tables: Tables | None, settings: Settings, lanes: Lanes
) -> tuple[Lanes, Float[Array, "steps agents"], Int[Array, "steps agents"], Bool[Array, ""]]:
    """Take `layout.steps` steps; return the agents, their returns so far after each step, how the
    episode went on (RUNNING, ENDED or CUT), and whether all episodes of all agents are over.
    """
    steps = lanes.step + jnp.arange(layout.steps, dtype=jnp.uint32)
    drawn = jax.lax.optimization_barrier(
        chances(ALGORITHMS[layout.algorithm].n_tables, tables, settings.key, steps)
    )
    lanes, (gains, codes) = jax.lax.scan(
        lambda now, chance: _step(layout, tables, settings, now, chance), lanes, drawn
    )
    lanes = lanes._replace(step=lanes.step + jnp.uint32(layout.steps))
    over = (lanes.episode >= settings.episodes) & ~lanes.pending.valid & ~lanes.cut
    return lanes, gains, codes, over.all()


def _step(layout: Layout, tables: Tables | None, settings: Settings, now: Lanes, chance: Chance):
    algorithm = ALGORITHMS[layout.algorithm]
    n, n_actions, n_tables = len(settings.key), layout.n_actions, algorithm.n_tables
    lane = jnp.arange(n, dtype=jnp.int32)
    last = now.pending

    # The one look-up: values of all actions where each agent is now.
    place = lane * layout.n_observations + now.observation
    base = place * (n_tables * n_actions)
    rows = _rows(now.table, base, n_tables * n_actions)
    counts = _rows(now.counts, place * n_actions, n_actions) if layout.counts else None

    def chosen(rows):
        level = _of_episode(settings.level, now.episode)
        mean = (
            rows
            if n_tables == 1
            else [
                (one + other) / 2
                for one, other in zip(rows[:n_actions], rows[n_actions:], strict=True)
            ]
        )
        return choose(layout.kinds, settings.kind, level, mean, counts, chance.explore)

    def split(rows):
        return [rows[i : i + n_actions] for i in range(0, len(rows), n_actions)]

    # Update the last action's value.
    action = chosen(rows) if algorithm.on_policy else None
    table = chance.table
    follows = algorithm.bootstrap(split(rows), action, table)
    target = last.reward + jnp.where(last.ended, 0, settings.discount * follows)
    old = last.old[0] if table is None else jnp.where(table == 0, last.old[0], last.old[1])
    new = jnp.where(last.valid, (1 - last.rate) * old + last.rate * target, old)
    slot = last.action if table is None else table * n_actions + last.action
    new = jax.lax.optimization_barrier(new)
    if action is None:
        # The row was read before the update, and may be the one that was updated.
        same = last.base == base
        rows = [jnp.where(same & (slot == i), new, row) for i, row in enumerate(rows)]
        action = chosen(rows)
    action, rows = jax.lax.optimization_barrier((action, rows))
    values = _put(now.table, last.base + slot, new)

    # Act, unless the agent has done its episodes or this step closes one that was cut.
    acting = (now.episode < settings.episodes) & ~now.cut
    count, visits = None, now.counts
    if counts is not None:
        count = pick(counts, action) + acting
        visits = _put(visits, place * n_actions + action, count)
    rate = _of_episode(settings.learning_rate, now.episode)
    if layout.falling and count is not None:
        rate = rate * jnp.power(jnp.maximum(count, 1).astype(rate.dtype), -settings.visit_power)
    state, observation, reward, ended = _act(layout, tables, now.state, action, chance.act)
    reward = reward.astype(rate.dtype)
    ended = ended & acting
    age, gain = now.age + 1, now.gain + reward
    cut = acting & ~ended & (age >= settings.time_limit)
    fresh = ended | now.cut
    anew, first = _reset(layout, tables, n, chance.reset)
    state = jax.tree.map(lambda a, b: jnp.where(_like(fresh, b), a, b), anew, state)
    lanes = Lanes(
        table=values,
        counts=visits,
        state=state,
        observation=jnp.where(fresh, first, observation),
        pending=Pending(
            base=base,
            action=action,
            old=tuple(pick(row, action) for row in split(rows)),
            rate=rate,
            reward=reward,
            ended=ended,
            valid=acting,
        ),
        step=now.step,
        age=jnp.where(fresh, 0, age),
        gain=jnp.where(fresh, 0, gain),
        episode=now.episode + (ended | cut),
        cut=cut,
    )
    code = jnp.where(ended, ENDED, jnp.where(cut, CUT, RUNNING)).astype(jnp.int8)
    return lanes, (gain, code)


def _reset(layout: Layout, tables: Tables | None, n: int, chance):
    if tables is not None:
        state = reset_from(tables, jnp.zeros(n) if chance is None else chance)
        return state, state if tables.observation is None else tables.observation[state]
    assert layout.environment is not None
    state, observation = jax.vmap(layout.environment.reset)(chance)
    return state, observation.astype(jnp.int32)


def _act(layout: Layout, tables: Tables | None, state, action, chance):
    if tables is not None:
        state, reward, ended = step_from(tables, layout.n_actions, state, action, *chance)
        observation = state if tables.observation is None else tables.observation[state]
        return state, observation, reward, ended
    assert layout.environment is not None
    state, observation, reward, ended = jax.vmap(layout.environment.step)(state, action, chance)
    return state, observation.astype(jnp.int32), reward, ended


def _of_episode(schedule, episode):
    """Return each agent's number for its episode; the last one holds on."""
    if schedule.shape[1] == 1:
        return schedule[:, 0]
    column = jnp.minimum(episode, schedule.shape[1] - 1)
    lane = jnp.arange(len(episode), dtype=jnp.int32)
    return _gather(schedule.ravel(), lane * schedule.shape[1] + column)


def _rows(flat, base, width):
    """Return `width` numbers from each base on, as `width` arrays along the lanes."""
    # Agent by agent: a row is one line of the cache, met once.
    cell = jnp.arange(width, dtype=jnp.int32)
    rows = jax.lax.optimization_barrier(_gather(flat, base[:, None] + cell[None, :]))
    return [rows[:, i] for i in range(width)]


def _gather(flat, index):
    return flat.at[index].get(mode="promise_in_bounds", wrap_negative_indices=False)


def _put(flat, index, value):
    """Write one number a lane; lanes own separate stretches, in order."""
    return flat.at[index].set(
        value,
        mode="promise_in_bounds",
        wrap_negative_indices=False,
        unique_indices=True,
        indices_are_sorted=True,
    )


def _like(flag, leaf):
    return flag.reshape(flag.shape + (1,) * (leaf.ndim - 1))
