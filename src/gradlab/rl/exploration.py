"""How an agent chooses between what it knows to be good and what it has not tried.

A rule is a kind with one number, its *level*, that may differ from episode to episode (an array;
the last value holds on). Agents with different kinds and levels are members of one compiled
program.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from gradlab.errors import RecipeError

KINDS = ("epsilon_greedy", "softmax", "ucb")


@dataclass(frozen=True, eq=False)
class Exploration:
    """A kind and its level over the episodes.

    Attributes:
        kind: One of `KINDS`; greedy is epsilon_greedy at level 0.
        level: ε, temperature or confidence of each episode, shape (episodes,); (1,) if it stays.
        name: For tables and pictures.
    """

    kind: str
    level: np.ndarray
    name: str


def greedy() -> Exploration:
    """Always take an action of the highest value known; among equals draw one.

    >>> greedy().level.tolist()
    [0.0]
    """
    return Exploration("epsilon_greedy", np.zeros(1), "greedy")


def epsilon_greedy(
    *, epsilon: float = 0.1, final_epsilon: float | None = None, decay_episodes: int = 100
) -> Exploration:
    """With probability ε take any action, each alike; else be greedy.

    Args:
        epsilon: ε of the first episode, in [0, 1].
        final_epsilon: ε from episode `decay_episodes` on, reached on a straight line; None: ε
            stays.
        decay_episodes: Length of the way down, in episodes.

    >>> epsilon_greedy(epsilon=1.0, final_epsilon=0.0, decay_episodes=4).level.tolist()
    [1.0, 0.75, 0.5, 0.25, 0.0]

    Source: Sutton & Barto 2018, section 2.2.
    """
    level = _over_episodes("epsilon", epsilon, final_epsilon, decay_episodes, 0.0, 1.0)
    return Exploration("epsilon_greedy", level, f"ε-greedy {_words(level)}")


def softmax(
    *,
    temperature: float = 1.0,
    final_temperature: float | None = None,
    decay_episodes: int = 100,
) -> Exploration:
    """Take action a with probability exp(Q(a) / τ) / Σ_b exp(Q(b) / τ) (Boltzmann).

    Args:
        temperature: τ of the first episode, in units of reward, > 0; small is greedy.
        final_temperature: τ from episode `decay_episodes` on; None: τ stays.
        decay_episodes: Length of the way down, in episodes.

    >>> softmax(temperature=0.5).level.tolist()
    [0.5]

    Source: Sutton & Barto 2018, section 2.8.
    """
    tiny = 1e-6
    level = _over_episodes(
        "temperature", temperature, final_temperature, decay_episodes, tiny, np.inf
    )
    return Exploration("softmax", level, f"softmax {_words(level)}")


def ucb(*, confidence: float = 1.0) -> Exploration:
    """Take the action of the highest Q(a) + c sqrt(ln N / N(a)); untried ones first.

    N(a) counts how often action a was taken in this state, N all actions in it.

    Args:
        confidence: c, in units of reward, >= 0; sqrt(2) times the range of rewards in UCB1.

    >>> ucb(confidence=2.0).level.tolist()
    [2.0]

    Source: Auer, Cesa-Bianchi & Fischer 2002, figure 1, https://doi.org/10.1023/A:1013689704352
    """
    level = _over_episodes("confidence", confidence, None, 1, 0.0, np.inf)
    return Exploration("ucb", level, f"UCB {_words(level)}")


def choose(
    kinds: tuple[str, ...],
    kind: Int[Array, ""],
    level: Float[Array, " agents"],
    q_values: Sequence[Float[Array, " agents"]],
    counts: Sequence[Int[Array, " agents"]] | None,
    draws: Sequence[Float[Array, " agents"]],
) -> Int[Array, " agents"]:
    """Return an action for each agent.

    Args:
        kinds: Kinds that the program knows; with several, `kind` switches between them.
        kind: Index into `kinds`, one for all agents of the call.
        level: ε, temperature or confidence of each agent.
        q_values: Values of the first action, of the second, …: written out action by action, so
            that all of it is one loop along the agents.
        counts: How often each action was taken here; only ucb needs it.
        draws: Two numbers uniform in [0, 1) an agent.
    """
    branches = [lambda rule=rule: _RULES[rule](level, q_values, counts, draws) for rule in kinds]
    return branches[0]() if len(branches) == 1 else jax.lax.switch(kind, branches)


def largest(rows: Sequence[Float[Array, " agents"]]) -> Float[Array, " agents"]:
    """Return the largest value of each agent."""
    return reduce(jnp.maximum, rows)


def _epsilon_greedy(level, q_values, counts, draws):
    del counts
    top = largest(q_values)
    explore = draws[0] < level
    return _nth([(value == top) | explore for value in q_values], draws[1])


def _softmax(level, q_values, counts, draws):
    del counts
    top = largest(q_values)
    summed = list(accumulate(jnp.exp((value - top) / level) for value in q_values))
    place = draws[0].astype(top.dtype) * summed[-1]
    return _how_many([place >= below for below in summed[:-1]], level)


def _ucb(level, q_values, counts, draws):
    tried = [count.astype(level.dtype) for count in counts]
    log_total = jnp.log(jnp.maximum(sum(tried), 1.0))
    scores = [
        jnp.where(n == 0, jnp.inf, value + level * jnp.sqrt(log_total / jnp.maximum(n, 1.0)))
        for value, n in zip(q_values, tried, strict=True)
    ]
    top = largest(scores)
    return _nth([score == top for score in scores], draws[0])


def _nth(allowed, draw):
    """Return one of the allowed actions, each alike: the n-th of them for n = draw * how many."""
    ranks = list(accumulate(flag.astype(jnp.int32) for flag in allowed))
    n = jnp.minimum((draw * ranks[-1]).astype(jnp.int32), ranks[-1] - 1)
    # Before the action sought come all those whose rank is at most n.
    return _how_many([rank <= n for rank in ranks[:-1]], draw)


def _how_many(flags, like):
    return sum((flag.astype(jnp.int32) for flag in flags), jnp.zeros(like.shape, jnp.int32))


_RULES = {"epsilon_greedy": _epsilon_greedy, "softmax": _softmax, "ucb": _ucb}


def _over_episodes(name, first, last, episodes, lowest, highest) -> np.ndarray:
    for value in (first, last):
        if value is not None and not (lowest <= value <= highest and np.isfinite(value)):
            top = "" if highest == np.inf else f" to {highest:g}"
            raise RecipeError(f"{name} must be a finite number from {lowest:g}{top}; got {value}.")
    if episodes < 1:
        raise RecipeError(f"decay_episodes must be at least 1; got {episodes}.")
    return np.array([first], float) if last is None else np.linspace(first, last, episodes + 1)


def _words(level: np.ndarray) -> str:
    return f"{level[0]:g}" if len(level) == 1 else f"{level[0]:g} → {level[-1]:g}"


EXPLORATIONS = {
    "greedy": greedy,
    "epsilon_greedy": epsilon_greedy,
    "softmax": softmax,
    "ucb": ucb,
}
