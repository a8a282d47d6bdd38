"""A chain of states with the reward at its end: how far back does a late reward reach?"""

from gradlab.errors import RecipeError
from gradlab.rl.environment import Drawing, Environment
from gradlab.rl.environments.text_map import LEFT, RIGHT, cell_positions, marked
from gradlab.rl.model import TransitionModel
from gradlab.rl.numbered import numbered_environment

LEGEND = {"S": "start", ".": "state", "G": "end, reward"}


def chain(
    length: int = 4, *, reward: float = 1.0, slip: float = 0.0, time_limit: int | None = 1000
) -> Environment:
    """Return a chain of `length` states; a step forward from the last one pays and ends.

    Actions: back, forward. A step is undone (goes the other way) with probability `slip`. With
    discount γ the value of the state k steps before the last is reward * γ^k:
    1, 0.9, 0.81, 0.729 for γ = 0.9.

    Raises:
        RecipeError: If length < 1 or slip is no probability below 1.

    >>> print(chain(4).drawing)
    S..G
    """
    if length < 1:
        raise RecipeError(f"A chain needs length >= 1; got {length}.")
    if not 0 <= slip < 1:
        raise RecipeError(f"slip must be a probability from 0 to below 1; got {slip}.")

    def moved(state: int, way: int) -> tuple[int, float, bool]:
        if way == 1 and state == length - 1:
            return state, reward, True
        return max(state + way, 0), 0.0, False

    def outcomes(state: int, action: int) -> list[tuple[float, int, float, bool]]:
        way = 1 if action == 1 else -1
        listed = [(1 - slip, *moved(state, way))]
        return [*listed, (slip, *moved(state, -way))] if slip > 0 else listed

    table = [[outcomes(state, action) for action in range(2)] for state in range(length)]
    row = "S" + "." * (length - 2) + "G" if length > 1 else "G"
    return numbered_environment(
        "chain",
        TransitionModel.from_lists(table),
        time_limit=time_limit,
        action_names=("back", "forward"),
        drawing=Drawing((row,), cell_positions([row]), (LEFT, RIGHT), LEGEND),
        describe=lambda state: marked([row], 0, int(state), "@"),
    )
