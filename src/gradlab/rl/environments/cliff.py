"""Cliff walking: the short way runs along an edge."""

from gradlab.errors import RecipeError
from gradlab.rl.environment import Environment
from gradlab.rl.environments.grid import Landing, grid_environment
from gradlab.rl.environments.text_map import DOWN, LEFT, RIGHT, UP

LEGEND = {"S": "start", ".": "ground", "C": "cliff", "G": "goal"}


def cliff(
    *, height: int = 4, width: int = 12, slippery: bool = False, time_limit: int | None = 1000
) -> Environment:
    """Return cliff walking: every step costs 1, a fall costs 100 and leads back to the start.

    Start and goal are the lower corners, the cells between them are the cliff. Q-learning finds
    the shortest way along the edge, Sarsa with ε-greedy steps learns the safer one above it.
    Actions: up, right, down, left; slippery: a third each for the direction and both sides.
    The best return is -(width + 1) for height 2 and more.

    Raises:
        RecipeError: If height < 2 or width < 3, which leave no way round the cliff.

    >>> print(cliff(height=2, width=6).drawing.text)
    ('......', 'SCCCCG')

    Source: Sutton & Barto 2018, example 6.6; Gymnasium 1.0, CliffWalking-v1.
    """
    if height < 2 or width < 3:
        raise RecipeError(f"A cliff needs height >= 2 and width >= 3; got {height} and {width}.")
    rows = ["." * width] * (height - 1) + ["S" + "C" * (width - 2) + "G"]

    def landing(letter: str) -> Landing:
        if letter == "C":
            return Landing(reward=-100.0, to_start=True)
        return Landing(reward=-1.0, ended=letter == "G")

    return grid_environment(
        "cliff",
        rows,
        landing,
        directions=(UP, RIGHT, DOWN, LEFT),
        action_names=("up", "right", "down", "left"),
        legend=LEGEND,
        success=1 / 3 if slippery else 1.0,
        time_limit=time_limit,
    )
