"""Grid world: walls, goals and pits from a text map."""

from collections.abc import Sequence

import numpy as np

from gradlab.errors import RecipeError
from gradlab.rl.environment import Environment
from gradlab.rl.environments.grid import Landing, grid_environment
from gradlab.rl.environments.text_map import DOWN, LEFT, RIGHT, UP, read_map

LEGEND = {"S": "start", ".": "free", "#": "wall", "G": "goal", "P": "pit"}
ROOMS = (
    ".....#.....",
    ".....#.....",
    "...........",
    ".....#.....",
    ".....#.....",
    "#.####.....",
    ".....###.##",
    ".....#.....",
    ".....#.....",
    "...........",
    "S....#....G",
)


def grid_world(
    world: str | Sequence[str] = ROOMS,
    *,
    step_reward: float = -0.01,
    goal_reward: float = 1.0,
    pit_reward: float = -1.0,
    success: float = 1.0,
    time_limit: int | None = 500,
) -> Environment:
    """Return a grid world: find the goal, walk round the walls, keep out of the pits.

    Actions: up, right, down, left. Goal and pits end the episode. The built-in map is the four
    rooms of Sutton, Precup & Singh 1999.

    Args:
        world: Rows of S (start), . (free), # (wall), G (goal), P (pit).
        step_reward: Paid for a step that ends nowhere special; negative makes short ways best.
        goal_reward: Paid for a step into the goal.
        pit_reward: Paid for a step into a pit.
        success: Probability that a step goes where it should; else it goes to either side.
        time_limit: Steps an episode may take.

    Raises:
        DataError: If the map is no map or its goal can't be reached.
        RecipeError: If a reward is not finite or success is no probability.

    >>> world = grid_world("S.#G\\n....")
    >>> print(world.describe(5))
    S.#G
    .@..
    """
    for name, value in (
        ("step_reward", step_reward),
        ("goal_reward", goal_reward),
        ("pit_reward", pit_reward),
    ):
        if not np.isfinite(value):
            raise RecipeError(f"{name} must be a finite number; got {value}.")
    if not 0 <= success <= 1:
        raise RecipeError(f"success must be a probability from 0 to 1; got {success}.")
    rewards = {"G": goal_reward, "P": pit_reward}
    return grid_environment(
        "grid_world",
        read_map(world, LEGEND, exactly="S", at_least="G"),
        lambda letter: Landing(rewards.get(letter, step_reward), ended=letter in "GP"),
        directions=(UP, RIGHT, DOWN, LEFT),
        action_names=("up", "right", "down", "left"),
        legend=LEGEND,
        success=success,
        absorbing="GP",
        time_limit=time_limit,
    )
