"""Frozen lake: reach the goal over slippery ice without falling into a hole."""

from collections.abc import Sequence

from gradlab.errors import RecipeError, unknown
from gradlab.rl.environment import Environment
from gradlab.rl.environments.grid import Landing, grid_environment
from gradlab.rl.environments.text_map import DOWN, LEFT, RIGHT, UP, read_map

MAPS = {
    "4x4": ("SFFF", "FHFH", "FFFH", "HFFG"),
    "8x8": (
        "SFFFFFFF",
        "FFFFFFFF",
        "FFFHFFFF",
        "FFFFFHFF",
        "FFFHFFFF",
        "FHHFFFHF",
        "FHFFHFHF",
        "FFFHFFFG",
    ),
}
LEGEND = {"S": "start", "F": "ice", "H": "hole", "G": "goal"}


def frozen_lake(
    size: str = "4x4",
    *,
    slippery: bool = True,
    success: float = 1 / 3,
    lake: str | Sequence[str] | None = None,
    time_limit: int | None = None,
) -> Environment:
    """Return Gymnasium's frozen lake: reward 1 at the goal, 0 else; holes end the episode.

    On slippery ice a step goes where it should with probability `success` and to either side with
    (1 - success) / 2. Actions: left, down, right, up. Optimal chance of reaching the goal within
    the time limit: 0.74 (4x4, 100 steps), 0.91 (8x8, 200 steps).

    Args:
        size: "4x4" or "8x8", Gymnasium's maps.
        slippery: False makes every step go where it should.
        success: Probability of that on slippery ice, in [0, 1].
        lake: A map of your own, rows of S (start), F (ice), H (hole), G (goal); overrides `size`.
        time_limit: Steps an episode may take; 100 for up to 16 cells, else 200.

    Raises:
        DataError: If the map is no map or its goal can't be reached.
        RecipeError: If there is no map of that size, or success is no probability.

    >>> print(frozen_lake("4x4").drawing)
    SFFF
    FHFH
    FFFH
    HFFG

    Source: Gymnasium 1.0, FrozenLake-v1.
    """
    if lake is None and size not in MAPS:
        raise RecipeError(unknown("map", size, MAPS))
    if not 0 <= success <= 1:
        raise RecipeError(f"success must be a probability from 0 to 1; got {success}.")
    rows = read_map(MAPS[size] if lake is None else lake, LEGEND, exactly="S", at_least="G")
    n_cells = len(rows) * len(rows[0])

    def landing(letter: str) -> Landing:
        return Landing(reward=float(letter == "G"), ended=letter in "GH")

    return grid_environment(
        "frozen_lake",
        rows,
        landing,
        directions=(LEFT, DOWN, RIGHT, UP),
        action_names=("left", "down", "right", "up"),
        legend=LEGEND,
        success=success if slippery else 1.0,
        absorbing="GH",
        walls="",
        time_limit=time_limit or (100 if n_cells <= 16 else 200),
        solved_return={"4x4": 0.70, "8x8": 0.85}[size] if lake is None and slippery else None,
    )
