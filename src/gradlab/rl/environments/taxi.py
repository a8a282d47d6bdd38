"""Taxi: fetch a passenger and bring it to the right place."""

from itertools import product

import numpy as np

from gradlab.rl.environment import Drawing, Environment
from gradlab.rl.environments.text_map import DOWN, LEFT, RIGHT, UP, marked
from gradlab.rl.model import TransitionModel
from gradlab.rl.numbered import numbered_environment

STREETS = (
    "+---------+",
    "|R: | : :G|",
    "| : | : : |",
    "| : : : : |",
    "| | : | : |",
    "|Y| : |B: |",
    "+---------+",
)
STANDS = ((0, 0), (0, 4), (4, 0), (4, 3))
STAND_NAMES = ("R", "G", "Y", "B")
IN_TAXI = 4
PLAN = tuple(row.translate(str.maketrans("|+-: ", "###..")) for row in STREETS)
"""The same in the letters of all maps."""
LEGEND = {"R": "stand", "G": "stand", "Y": "stand", "B": "stand", ".": "street", "#": "wall"}
DIRECTIONS = (DOWN, UP, RIGHT, LEFT)


def taxi(*, time_limit: int | None = 200) -> Environment:
    """Return Gymnasium's taxi: 25 places x 5 for the passenger x 4 destinations = 500 states.

    Every step costs 1, a wrong pick-up or drop-off 10; the right drop-off pays 20 and ends.
    state = ((row * 5 + column) * 5 + passenger) * 4 + destination, passenger 4 rides in the taxi.
    Actions: south, north, east, west, pick up, drop off. Starts anywhere, with the passenger at a
    stand that is not the destination. The best mean return is 7.93 from a start drawn so.

    >>> task = taxi()
    >>> task.n_observations, task.n_actions
    (500, 6)

    Source: Dietterich 2000, section 2; Gymnasium 1.0, Taxi-v3 (v4 has the same rules).
    """
    table = [[[]] * 6 for _ in range(500)]
    start = np.zeros(500)
    for row, column, passenger, destination in product(range(5), range(5), range(5), range(4)):
        state = _number(row, column, passenger, destination)
        table[state] = [[_outcome(row, column, passenger, destination, a)] for a in range(6)]
        start[state] = passenger not in (IN_TAXI, destination)
    return numbered_environment(
        "taxi",
        TransitionModel.from_lists(table, start=start / start.sum()),
        time_limit=time_limit,
        action_names=("south", "north", "east", "west", "pick up", "drop off"),
        drawing=Drawing(
            PLAN,
            np.array([(1 + s // 100, 1 + 2 * (s // 20 % 5)) for s in range(500)]),
            (DOWN, UP, (0, 2), (0, -2), None, None),
            LEGEND,
        ),
        describe=_described,
        solved_return=8.0,
    )


def _number(row: int, column: int, passenger: int, destination: int) -> int:
    return ((row * 5 + column) * 5 + passenger) * 4 + destination


def _outcome(
    row: int, column: int, passenger: int, destination: int, action: int
) -> tuple[float, int, float, bool]:
    here, reward, ended = (row, column), -1.0, False
    if action < 2:
        row = min(max(row + DIRECTIONS[action][0], 0), 4)
    elif action == 2 and STREETS[1 + row][2 * column + 2] == ":":
        column += 1
    elif action == 3 and STREETS[1 + row][2 * column] == ":":
        column -= 1
    elif action == 4:
        if passenger < IN_TAXI and here == STANDS[passenger]:
            passenger = IN_TAXI
        else:
            reward = -10.0
    elif action == 5:
        if passenger == IN_TAXI and here == STANDS[destination]:
            passenger, reward, ended = destination, 20.0, True
        elif passenger == IN_TAXI and here in STANDS:
            passenger = STANDS.index(here)
        else:
            reward = -10.0
    return 1.0, _number(row, column, passenger, destination), reward, ended


def _described(state) -> str:
    place, rest = divmod(int(state), 20)
    passenger, destination = divmod(rest, 4)
    row, column = divmod(place, 5)
    lines = marked(PLAN, 1 + row, 1 + 2 * column, "@")
    waits = "in the taxi" if passenger == IN_TAXI else f"at {STAND_NAMES[passenger]}"
    return "\n".join([lines, f"passenger {waits}, to {STAND_NAMES[destination]}"])
