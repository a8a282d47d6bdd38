"""Movement on a grid: the table that grid world, frozen lake and cliff share."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from gradlab.errors import DataError
from gradlab.rl.environment import Drawing, Environment
from gradlab.rl.environments.text_map import cell_positions, marked
from gradlab.rl.model import TransitionModel
from gradlab.rl.numbered import numbered_environment

Direction = tuple[int, int]


class Landing(NamedTuple):
    """What entering a cell does."""

    reward: float
    ended: bool = False
    to_start: bool = False


def grid_environment(
    name: str,
    rows: Sequence[str],
    landing: Callable[[str], Landing],
    *,
    directions: tuple[Direction, ...],
    action_names: tuple[str, ...],
    legend: dict[str, str],
    success: float = 1.0,
    absorbing: str = "",
    walls: str = "#",
    time_limit: int | None = None,
    solved_return: float | None = None,
) -> Environment:
    """Return an environment of one agent that moves between the cells of a map.

    States are cells, numbered row by row. A step goes in the direction of its action with
    probability `success`, and with (1 - success) / 2 in each perpendicular one; off the map and
    into walls it stays where it is. `landing` says what the letter of the cell it ends in does.
    Cells of `absorbing` letters can't be left.

    Raises:
        DataError: If no course of actions leads from the start to an end.
    """
    n_columns = len(rows[0])
    letters = "".join(rows)
    start = letters.index("S")
    slip = (1 - success) / 2

    def entered(cell: int, direction: Direction) -> int:
        row, column = divmod(cell, n_columns)
        row = min(max(row + direction[0], 0), len(rows) - 1)
        column = min(max(column + direction[1], 0), n_columns - 1)
        there = row * n_columns + column
        return cell if letters[there] in walls else there

    def outcomes(cell: int, action: int) -> list[tuple[float, int, float, bool]]:
        if letters[cell] in absorbing:
            return [(1.0, cell, 0.0, True)]
        chances = [(1.0, action)]
        if success < 1:
            # Gymnasium's order, so that the tables can be compared outcome by outcome.
            chances = [(slip, action - 1), (success, action), (slip, action + 1)]
        listed = []
        for probability, way in chances:
            there = entered(cell, directions[way % len(directions)])
            reward, ended, to_start = landing(letters[there])
            listed.append((probability, start if to_start else there, reward, ended))
        return listed

    table = [[outcomes(cell, a) for a in range(len(directions))] for cell in range(len(letters))]
    model = TransitionModel.from_lists(table, start=start)
    check_can_end(name, model)
    return numbered_environment(
        name,
        model,
        time_limit=time_limit,
        action_names=action_names,
        drawing=Drawing(tuple(rows), cell_positions(rows), directions, legend),
        describe=lambda state: marked(rows, *divmod(int(state), n_columns), "@"),
        solved_return=solved_return,
    )


def check_can_end(name: str, model: TransitionModel) -> None:
    """Raise a DataError if an episode can never end: an agent would look for ever."""
    if not model.can_end[np.flatnonzero(model.start > 0)].all():
        raise DataError(
            f"In this {name} no way leads from the start to the goal or to another end. "
            "Open a wall, or put the goal where the agent can get."
        )
