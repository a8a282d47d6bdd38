"""The robot vacuum cleaner: clean one more room, or drive to the outlet while the battery lasts?"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gradlab.errors import DataError, RecipeError, unknown
from gradlab.rl.environment import Drawing, Environment
from gradlab.rl.environments.text_map import DOWN, LEFT, RIGHT, UP, marked, read_map
from gradlab.rl.model import TransitionModel
from gradlab.rl.numbered import numbered_environment

LEGEND = {
    "O": "outlet",
    "S": "present place",
    "D": "room to clean",
    ".": "clean floor",
    "#": "wall",
}
DIRECTIONS = (UP, RIGHT, DOWN, LEFT)
RETURN = len(DIRECTIONS)
LARGEST_NUMBER_OF_STATES = 200_000

WAYS_BACK = ("included", "driven")
VIEWS = ("everything", "place and battery", "place")


class Plan(NamedTuple):
    """A floor plan and what things cost, in per cent of a full battery."""

    rows: tuple[str, ...]
    battery: int
    clean_cost: int
    move_cost: int
    return_cost: int
    way_back: str


PLANS = {
    "documents": Plan(("OSD",), 30, 19, 10, 10, "included"),
    "house": Plan(
        # A room beside the outlet, and many behind a corridor: who is content with the first
        # never finds the others.
        (
            "DO..D",
            "#.#DD",
            "D..DD",
        ),
        battery=80,
        clean_cost=10,
        move_cost=5,
        return_cost=10,
        way_back="driven",
    ),
}


class Situation(NamedTuple):
    """Where the robot is, what is left in its battery, and which rooms it has cleaned (bits)."""

    cell: int
    battery: int
    cleaned: int


class Rules(NamedTuple):
    """Everything that a step needs to know."""

    plan: Plan
    rooms: dict[int, int]
    """Number of the room in each cell that has one."""
    to_outlet: dict[int, int]
    """Cells of the shortest way from each cell to the outlet, the outlet first."""
    empty_penalty: float


def vacuum(
    plan: str | Sequence[str] = "house",
    *,
    battery: int | None = None,
    clean_cost: int | None = None,
    move_cost: int | None = None,
    return_cost: int | None = None,
    way_back: str | None = None,
    empty_penalty: float = 2.0,
    observe: str = "everything",
) -> Environment:
    """Return the robot vacuum cleaner of the documents, on a floor plan of any size.

    Entering a room that it has never entered cleans it: the reward is 1 and the battery pays
    `clean_cost` per cent. Any other step pays `move_cost`, a bump into a wall too. The outlet ends
    the episode, and so does an empty battery, anywhere else, with a reward of -`empty_penalty`.
    Actions: up, right, down, left, return. So the return of an episode is the number of rooms
    cleaned, less the penalty if the robot never got home.

    The documents' robot has 30 %, a new room takes 19 %, the way to the outlet 10 %. They don't say
    from where the way is counted, and everything hangs on it: 19 + 10 = 29 <= 30 is right only if
    the way back from the *new* room is in these figures. `way_back` says which:

    - "included": action return costs `return_cost` from wherever the robot is;
    - "driven": it costs `move_cost` for every cell of the shortest way from where it is.

    Args:
        plan: "documents" (outlet, present place, one new room), "house" (7 rooms, of which
            one charge cleans 5), or rows of O (outlet), S (present place; without one the robot
            starts at the outlet), D (room to clean), . (floor), # (wall).
        battery: Per cent at the start; None takes the plan's figure, as for all that follow.
        clean_cost: Per cent for entering and cleaning a new room.
        move_cost: Per cent for any other step.
        return_cost: Per cent for the way back, if included.
        way_back: See above.
        empty_penalty: Taken off when the battery runs empty on the way.
        observe: What the agent sees: "everything", "place and battery" (not which rooms are clean)
            or "place" alone.

    Raises:
        DataError: If the plan is no plan, or has no room that can be reached.
        RecipeError: If a cost is no whole number of per cent, the battery is not 1 … 1000, or the
            plan makes more than 200,000 situations.

    >>> from gradlab.rl import seed_key
    >>> robot = vacuum("documents")
    >>> state, _ = robot.reset(seed_key(0))
    >>> print(robot.describe(state))
    O@D
    battery 30 %, 0 rooms cleaned
    >>> state, _, reward, ended = robot.step(state, 1, seed_key(1))   # right: the new room, 19 %
    >>> print(robot.describe(state))
    OS@
    battery 11 %, 1 room cleaned
    >>> state, _, reward, ended = robot.step(state, 4, seed_key(2))   # return: 10 %
    >>> print(robot.describe(state), bool(ended))
    @Sc
    battery 1 %, 1 room cleaned True
    """
    chosen = _plan(plan, battery, clean_cost, move_cost, return_cost, way_back)
    if not (np.isfinite(empty_penalty) and empty_penalty >= 0):
        raise RecipeError(f"empty_penalty must be a finite number >= 0; got {empty_penalty}.")
    if observe not in VIEWS:
        raise RecipeError(unknown("observe", observe, VIEWS))
    rules = _rules(chosen, empty_penalty)
    situations, table = _explore(rules)
    seen = _observation(situations, observe)
    places = _places(situations, seen, len(chosen.rows[0]))
    return numbered_environment(
        "vacuum",
        TransitionModel.from_lists(table, observation=None if observe == "everything" else seen),
        # A battery that never empties (free moves) would let the robot drive for ever.
        time_limit=1000 if min(chosen.move_cost, chosen.clean_cost) == 0 else None,
        action_names=("up", "right", "down", "left", "return"),
        drawing=Drawing(chosen.rows, places, (*DIRECTIONS, None), LEGEND),
        describe=lambda state: _described(rules, situations[int(state)]),
    )


def _plan(plan: str | Sequence[str], battery, clean_cost, move_cost, return_cost, way_back) -> Plan:
    if isinstance(plan, str) and "\n" not in plan and len(plan) > 1 and plan.islower():
        if plan not in PLANS:
            raise RecipeError(unknown("plan", plan, PLANS))
        chosen = PLANS[plan]
    else:
        rows = read_map(plan, LEGEND, exactly="O", at_least="D")
        if "".join(rows).count("S") > 1:
            raise DataError("A floor plan has at most one S (present place).")
        chosen = PLANS["house"]._replace(rows=tuple(rows))
    given = {
        "battery": battery,
        "clean_cost": clean_cost,
        "move_cost": move_cost,
        "return_cost": return_cost,
    }
    for name, value in given.items():
        lowest = 1 if name == "battery" else 0
        if value is not None and not (isinstance(value, int) and lowest <= value <= 1000):
            raise RecipeError(
                f"{name} must be a whole number of per cent from {lowest} to 1000; got {value!r}."
            )
    if way_back is not None and way_back not in WAYS_BACK:
        raise RecipeError(unknown("way_back", way_back, WAYS_BACK))
    given["way_back"] = way_back
    return chosen._replace(**{name: value for name, value in given.items() if value is not None})


def _rules(plan: Plan, empty_penalty: float) -> Rules:
    letters = "".join(plan.rows)
    rooms = {cell: i for i, cell in enumerate(np.flatnonzero([x == "D" for x in letters]).tolist())}
    outlet = letters.index("O")
    distance = {outlet: 0}
    queue = deque([outlet])
    while queue:
        cell = queue.popleft()
        for direction in DIRECTIONS:
            there = _entered(plan.rows, cell, direction)
            if there not in distance:
                distance[there] = distance[cell] + 1
                queue.append(there)
    start = letters.find("S")
    if not any(room in distance for room in rooms) or (start >= 0 and start not in distance):
        raise DataError(
            "Walls of this floor plan cut the robot off: no way joins the outlet, the present "
            "place and a room to clean. Open a wall (#)."
        )
    return Rules(plan, rooms, distance, float(empty_penalty))


def _entered(rows: Sequence[str], cell: int, direction: tuple[int, int]) -> int:
    row, column = divmod(cell, len(rows[0]))
    row, column = row + direction[0], column + direction[1]
    if 0 <= row < len(rows) and 0 <= column < len(rows[0]) and rows[row][column] != "#":
        return row * len(rows[0]) + column
    return cell


def _explore(rules: Rules) -> tuple[list[Situation], list]:
    """Return all situations that can be met, the start first, and the table of what follows."""
    plan, outlet = rules.plan, next(iter(rules.to_outlet))
    letters = "".join(plan.rows)
    moves = {
        cell: [_entered(plan.rows, cell, direction) for direction in DIRECTIONS]
        for cell in rules.to_outlet
    }
    bits = {cell: 1 << room for cell, room in rules.rooms.items()}
    # The robot back at the outlet is another state than the one that starts there: its last
    # number says whether the episode is over.
    start = letters.index("S" if "S" in letters else "O")
    numbers: dict[tuple[int, int, int, bool], int] = {(start, plan.battery, 0, False): 0}
    queue, table = deque(numbers), []
    while queue:
        cell, battery, cleaned, over = here = queue.popleft()
        if over:
            table.append([[(1.0, numbers[here], 0.0, True)]] * (RETURN + 1))
            continue
        options = []
        for action in range(RETURN + 1):
            there = outlet if action == RETURN else moves[cell][action]
            new = bits.get(there, 0) & ~cleaned if action != RETURN else 0
            if action == RETURN:
                driven = rules.to_outlet[cell] * plan.move_cost
                cost = plan.return_cost if plan.way_back == "included" else driven
            else:
                cost = plan.clean_cost if new else plan.move_cost
            if cost > battery:  # it stops on the way
                after, reward = (cell, 0, cleaned, True), -rules.empty_penalty
            else:
                home = there == outlet and (action == RETURN or there != cell)
                after, reward = (there, battery - cost, cleaned | new, home), float(new > 0)
            if after not in numbers:
                numbers[after] = len(numbers)
                queue.append(after)
            options.append([(1.0, numbers[after], reward, after[3])])
        table.append(options)
        if len(numbers) > LARGEST_NUMBER_OF_STATES:
            raise RecipeError(
                f"This floor plan makes more than {LARGEST_NUMBER_OF_STATES:,} situations. "
                "Take fewer rooms, a smaller battery or costs with a larger common divisor."
            )
    return [Situation(*situation[:3]) for situation in numbers], table


def _observation(situations: list[Situation], observe: str) -> np.ndarray:
    """Return a number from 0 for what the agent sees in each situation."""
    if observe == "everything":
        return np.arange(len(situations), dtype=np.int32)
    seen = [s.cell if observe == "place" else (s.cell, s.battery) for s in situations]
    numbers = {what: i for i, what in enumerate(dict.fromkeys(seen))}
    return np.array([numbers[what] for what in seen], np.int32)


def _places(situations: list[Situation], seen: np.ndarray, n_columns: int) -> np.ndarray:
    places = np.zeros((int(seen.max()) + 1, 2), int)
    for situation, number in zip(situations, seen, strict=True):
        places[number] = divmod(situation.cell, n_columns)
    return places


def _described(rules: Rules, situation: Situation) -> str:
    n_columns = len(rules.plan.rows[0])
    rows = [list(row) for row in rules.plan.rows]
    for cell, room in rules.rooms.items():
        if situation.cleaned >> room & 1:
            rows[cell // n_columns][cell % n_columns] = "c"
    place = divmod(situation.cell, n_columns)
    n_cleaned = situation.cleaned.bit_count()
    return (
        f"{marked([''.join(row) for row in rows], *place, '@')}\n"
        f"battery {situation.battery} %, {n_cleaned} room{'s' * (n_cleaned != 1)} cleaned"
    )
