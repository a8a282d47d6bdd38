"""What may be varied about an agent, as it is typed and as it is meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

from gradlab.errors import RecipeError, unknown
from gradlab.rl.deep import DQN
from gradlab.rl.exploration import (
    EXPLORATIONS,
    Exploration,
    epsilon_greedy,
    greedy,
    softmax,
    ucb,
)

TABULAR = ("q_learning", "sarsa", "double_q")
AGENTS = (*TABULAR, "dqn")
NAMES = {
    "q_learning": "Q-learning",
    "sarsa": "Sarsa",
    "double_q": "double Q-learning",
    "dqn": "deep Q-network",
}
TABULAR_SETTINGS = ("exploration", "learning_rate", "visit_power", "discount", "initial_value")
DEEP_SETTINGS = ("exploration", *(n for n in signature(DQN).parameters if n != "random_state"))
EXAMPLES = "greedy, epsilon:0.1, epsilon:1-0.05, softmax:0.5 or ucb:1"
RANGES = {
    "learning_rate": ("above 0 and at most 1", lambda x: 0 < x <= 1),
    "discount": ("from 0 to 1", lambda x: 0 <= x <= 1),
    "visit_power": ("of at least 0", lambda x: 0 <= x < float("inf")),
    "initial_value": ("that is finite", lambda x: abs(x) < float("inf")),
}
ALIASES = {"epsilon": "epsilon_greedy", "eps": "epsilon_greedy", "boltzmann": "softmax"}


@dataclass(frozen=True)
class Level:
    """A level of an axis: what it is called, and the value it stands for."""

    name: str
    value: Any


def settings_of(agent: str) -> tuple[str, ...]:
    """Return what may be set and varied of an agent.

    Raises:
        RecipeError: If there is no such agent.
    """
    if agent not in AGENTS:
        raise RecipeError(unknown("agent", str(agent), AGENTS))
    return DEEP_SETTINGS if agent == "dqn" else TABULAR_SETTINGS


def axes_of(
    vary: Mapping[str, Sequence[Any]] | None, agents: Sequence[str], episodes: int = 200
) -> dict[str, tuple[Level, ...]]:
    """Return the axes of a study with their levels, checked; "agent" is one like the others.

    Raises:
        RecipeError: If a setting does not exist, has no levels or one twice, or a level is none.

    >>> axes = axes_of({"exploration": ["greedy", "epsilon:0.1"]}, ["q_learning"])
    >>> [level.name for level in axes["exploration"]]
    ['greedy', 'ε-greedy 0.1']
    """
    axes = {}
    for name, levels in (vary or {}).items():
        if isinstance(levels, str) or not isinstance(levels, Sequence):
            raise RecipeError(f"vary takes a list of levels for {name}; got {levels!r}.")
        known = ("agent", *settings_of(agents[0]))
        for agent in agents:
            if name != "agent" and name not in settings_of(agent):
                raise RecipeError(_no_setting(name, agent, known))
        if len(levels) < 2:
            raise RecipeError(
                f"vary needs at least two levels of {name} to compare; got {len(levels)}. "
                "To set one, use set."
            )
        found = tuple(level_of(name, value, episodes) for value in levels)
        names = [level.name for level in found]
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise RecipeError(f"Level '{twice}' of {name} is there twice. Give it once.")
        axes[name] = found
    return axes


def level_of(name: str, value: Any, episodes: int = 200) -> Level:
    """Return the level that a value means; text is read.

    Raises:
        RecipeError: If it means none.
    """
    if name == "exploration":
        found = exploration_of(value, episodes)
        return Level(found.name, found)
    if name == "agent":
        settings_of(value)
        return Level(NAMES[value], value)
    if isinstance(value, str) and name not in ("activation", "optimizer"):
        raise RecipeError(f"{name} takes numbers; got '{value}'.")
    shown = "x".join(map(str, value)) if isinstance(value, tuple | list) else f"{value}"
    if name in RANGES:
        words, fits = RANGES[name]
        if not (_is_number(value) and fits(value)):
            raise RecipeError(f"{name} must be a number {words}; got {value!r}.")
    if name == "hidden" and isinstance(value, int):
        value = (value,)
    return Level(shown, value)


def exploration_of(value: Any, episodes: int = 200) -> Exploration:
    """Return a way of exploring, given as such or as text: kind, colon, number or from-to.

    Numbers are ε, the temperature, or the confidence of ucb. "epsilon:1-0.05" falls over the first
    half of the training.

    Raises:
        RecipeError: If the kind does not exist or the number can't be one.

    >>> exploration_of("epsilon:0.2").level.tolist(), exploration_of("softmax").kind
    ([0.2], 'softmax')
    """
    if isinstance(value, Exploration):
        return value
    if not isinstance(value, str):
        raise RecipeError(f"exploration is one of {EXAMPLES}; got {value!r}.")
    kind, colon, numbers = value.strip().lower().partition(":")
    kind = ALIASES.get(kind, kind)
    if kind not in EXPLORATIONS:
        raise RecipeError(f"{unknown('exploration', kind, EXPLORATIONS)} Type {EXAMPLES}.")
    try:
        first, _, last = numbers.partition("-")
        level = [float(part) for part in (first, last) if part] if colon else []
    except ValueError:
        level = []
    if colon and not level:
        raise RecipeError(f"exploration '{value}' has no number that can be read. Type {EXAMPLES}.")
    if kind == "greedy" and colon:
        raise RecipeError(f"greedy has no number; got '{value}'. Type {EXAMPLES}.")
    if kind == "ucb":
        if len(level) > 1:
            raise RecipeError(f"ucb takes one number, its confidence; got '{value}'.")
        return ucb(confidence=level[0]) if level else ucb()
    if kind == "greedy":
        return greedy()
    name = "epsilon" if kind == "epsilon_greedy" else "temperature"
    given: dict[str, Any] = dict(zip((name, f"final_{name}"), level, strict=False))
    given["decay_episodes"] = max(1, episodes // 2)
    return epsilon_greedy(**given) if kind == "epsilon_greedy" else softmax(**given)


def for_network(exploration: Exploration, steps: int) -> dict[str, Any]:
    """Return the settings of a DQN that explores so.

    Raises:
        RecipeError: If it counts visits, which a network can't.
    """
    first, last = float(exploration.level[0]), float(exploration.level[-1])
    if exploration.kind == "ucb":
        raise RecipeError(
            "ucb counts how often each state was visited, which dqn can't. Take epsilon or "
            "softmax, or a tabular agent: q_learning, sarsa, double_q."
        )
    if exploration.kind == "softmax":
        if first != last:
            raise RecipeError("dqn takes one temperature of softmax, as softmax:0.5.")
        return {"epsilon": 0.0, "final_epsilon": 0.0, "temperature": first}
    return {"epsilon": first, "final_epsilon": last, "epsilon_steps": max(1, steps // 2)}


def _no_setting(name: str, agent: str, known: Sequence[str]) -> str:
    text = unknown(f"setting of {agent}", name, [k for k in known if k != "agent"])
    if agent != "dqn" and name in DEEP_SETTINGS:
        return f"{name} is a setting of dqn, not of {agent}. Give agent dqn, or leave it out."
    return text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
