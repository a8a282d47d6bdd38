"""Which recipes a study compares."""

import dataclasses
import json
import math
from typing import Any

import numpy as np

from gradlab.errors import RecipeError
from gradlab.lab.question import Question, level_name, level_names
from gradlab.training.layers import parse_layers
from gradlab.training.recipe import Recipe

MOST_CELLS = 100_000


@dataclasses.dataclass(frozen=True)
class Cell:
    """One recipe of a study.

    Args:
        recipe: What is trained.
        levels: Its level of every axis, as names.
        tuned: Whether its learning rate is searched; not where the question sets it.
    """

    recipe: Recipe
    levels: dict[str, str]
    tuned: bool

    @property
    def name(self) -> str:
        """Its levels as one text, equal in every study that asks the same."""
        return cell_name(self.levels)


def cell_name(levels: dict[str, str]) -> str:
    """Return levels as one text.

    >>> cell_name({"optimizer": "adam", "dropout": "0.2"})
    'dropout=0.2, optimizer=adam'
    """
    return ", ".join(f"{axis}={name}" for axis, name in sorted(levels.items()))


def cells_of(question: Question) -> list[Cell]:
    """Return the different recipes of a study, the base first where it is one of them.

    In a one-at-a-time study every axis holds the levels round the base; a level that equals the
    base's is the same cell in all of them, so it is trained once.

    Raises:
        RecipeError: If a level does not fit, or there are too many combinations.
    """
    names = level_names(question)
    if question.design == "one-at-a-time":
        settings = [{axis: i} for axis, levels in question.vary.items() for i in range(len(levels))]
    else:
        count = math.prod(len(levels) for levels in question.vary.values())
        if question.design == "factorial":
            if count > MOST_CELLS:
                raise RecipeError(
                    f"A factorial study of these settings has {count:,} combinations; at most "
                    f"{MOST_CELLS:,} are possible. Vary fewer, or choose the random design."
                )
            chosen: Any = range(count)
        else:
            if count >= 2**63:
                raise RecipeError("These settings have more than 2^63 combinations. Vary fewer.")
            chosen = _draw(count, min(question.samples, count), question.seed)
        shape = [len(levels) for levels in question.vary.values()]
        settings = [
            dict(zip(question.vary, map(int, np.unravel_index(i, shape)), strict=True))
            for i in chosen
        ]
    cells: dict[str, Cell] = {}
    for setting in settings:
        changes = {axis: question.vary[axis][i] for axis, i in setting.items()}
        recipe = _changed(question.base, changes)
        tuned = bool(question.tuning.learning_rates) and "learning_rate" not in question.vary
        tuned = tuned and recipe.learning_rate is None
        if question.design == "one-at-a-time":
            ((axis, i),) = setting.items()
            levels = _levels_of(question, names, axis, i)
        else:
            levels = {axis: names[axis][i] for axis, i in setting.items()}
        cells.setdefault(cell_name(levels), Cell(recipe, levels, tuned))
    _check_different(cells)
    return list(cells.values())


OF_LAYERS = {
    "activation": "'dense 64' or 'conv 16'",
    "norm": "'dense 64' or 'conv 16'",
    "kernel": "'conv 16' without a size",
    "pooling": "'pool 2'",
    "cell": "'recurrent 64'",
}
"""Settings that reach a network through layers that leave them open, and such layers."""


def check_effect(question: Question) -> None:
    """Refuse to vary what no layer of the network takes from the recipe.

    Raises:
        RecipeError: Naming the setting and a layer that would take it.
    """
    if "layers" in question.vary or "hidden" in question.vary:
        return
    for axis in OF_LAYERS.keys() & question.vary.keys():
        levels = question.vary[axis]
        networks = {_changed(question.base, {axis: level}).specs() for level in levels}
        if len(levels) > 1 and len(networks) == 1:
            written = ", ".join(layer.text() for layer in question.base.given_layers())
            raise RecipeError(
                f"vary: {axis} changes nothing in the network {written or 'without layers'}: none "
                f"of its layers leaves it to the recipe. Give layers with {OF_LAYERS[axis]}."
            )


def _check_different(cells: dict[str, Cell]) -> None:
    """Two names of one recipe would share their runs, and no test could tell them apart."""
    names: dict[str, str] = {}
    for name, cell in cells.items():
        twin = names.setdefault(json.dumps(cell.recipe.describe(), sort_keys=True), name)
        if twin != name:
            raise RecipeError(f"{twin} and {name} are the same recipe. Leave one of them out.")


def _draw(count: int, n: int, seed: int) -> list[int]:
    """Return n different numbers below count, rising."""
    generator = np.random.default_rng(seed)
    if count <= MOST_CELLS:
        return sorted(generator.choice(count, n, replace=False).tolist())
    drawn: set[int] = set()
    while len(drawn) < n:  # `choice` would first lay out all of them
        drawn.update(generator.integers(count, size=n - len(drawn)).tolist())
    return sorted(drawn)


def base_levels(question: Question) -> dict[str, str]:
    """Return the base recipe's level of each axis that lists it."""
    found = {}
    for axis, names in level_names(question).items():
        own = _value(question.base, axis)
        for level, name in zip(question.vary[axis], names, strict=True):
            if _same(_written_layers(level) if axis == "layers" else level, own):
                found[axis] = name
    return found


def _levels_of(
    question: Question, names: dict[str, tuple[str, ...]], axis: str, i: int
) -> dict[str, str]:
    """Return every axis on which the cell stands: its own, and all if it equals the base."""
    base = base_levels(question)
    if base.get(axis) == names[axis][i]:
        return base
    return {axis: names[axis][i]}


def _changed(base: Recipe, changes: dict[str, Any]) -> Recipe:
    # "none" stands for None in a file, where a field has no technique of that name.
    plain = {
        axis: None if level == "none" and axis in _NONE_MEANS_NOTHING else level
        for axis, level in changes.items()
    }
    if base.learning_rate is not None:
        # A rate set in the base holds for every level, also for other optimizers.
        plain.setdefault("learning_rate", base.learning_rate)
    try:
        return base.replace(**plain)
    except RecipeError as error:
        told = ", ".join(f"{axis}={level_name(level)}" for axis, level in changes.items())
        raise RecipeError(f"{told}: {error}") from None


_NONE_MEANS_NOTHING = tuple(
    name for name, field in Recipe.model_fields.items() if field.default is None
)
"""Fields that may be left open."""


def _value(recipe: Recipe, axis: str) -> Any:
    if "." in axis:
        return recipe.parameters.get(axis, recipe.hyper().get(axis))
    if axis == "layers":
        return tuple(layer.text() for layer in recipe.given_layers())
    return recipe.rate() if axis == "learning_rate" else getattr(recipe, axis, None)


def _written_layers(level: Any) -> Any:
    """Return layers as a recipe writes them; what can't be read is refused where it is used."""
    try:
        return level if level in (None, "none") else tuple(s.text() for s in parse_layers(level))
    except RecipeError:
        return level


def _same(level: Any, own: Any) -> bool:
    if level is None or own is None:
        return level is own or (level == "none" and own is None)
    if isinstance(level, str) and isinstance(own, str):
        return level.lower() == own.lower()
    return level == own
