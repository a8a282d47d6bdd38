"""Which recipes a study compares."""

import dataclasses
import itertools
from typing import Any

import numpy as np

from gradlab.errors import RecipeError
from gradlab.lab.question import Question, level_name
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
        settings = [
            {axis: i} for axis, levels in question.vary.items() for i in range(len(levels))
        ]
    else:
        count = int(np.prod([len(levels) for levels in question.vary.values()]))
        if question.design == "factorial":
            if count > MOST_CELLS:
                raise RecipeError(
                    f"A factorial study of these settings has {count:,} combinations; at most "
                    f"{MOST_CELLS:,}. Vary fewer, or use design='random'."
                )
            chosen: Any = range(count)
        else:
            generator = np.random.default_rng(question.seed)
            chosen = sorted(
                generator.choice(count, min(question.samples, count), replace=False).tolist()
            )
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
            levels = _levels_of(recipe, question, names, setting)
        else:
            levels = {axis: names[axis][i] for axis, i in setting.items()}
        cells.setdefault(cell_name(levels), Cell(recipe, levels, tuned))
    return list(cells.values())


def base_levels(question: Question) -> dict[str, str]:
    """Return the base recipe's level of each axis that lists it."""
    found = {}
    for axis, levels in question.vary.items():
        own = _value(question.base, axis)
        for level, name in zip(levels, _names(question, axis), strict=True):
            if _same(level, own):
                found[axis] = name
    return found


def _levels_of(
    recipe: Recipe, question: Question, names: dict[str, tuple[str, ...]], setting: dict[str, int]
) -> dict[str, str]:
    """Return every axis on which the cell stands: its own, and all if it equals the base."""
    base = base_levels(question)
    ((axis, i),) = setting.items()
    if base.get(axis) == names[axis][i]:
        return base
    return {axis: names[axis][i]}


def _changed(base: Recipe, changes: dict[str, Any]) -> Recipe:
    plain = {}
    for axis, level in changes.items():
        # "none" stands for None in a file, where a field has no technique of that name.
        none = level == "none" and axis not in ("norm",) and axis in Recipe.model_fields
        plain[axis] = None if none else level
    try:
        return base.replace(**plain)
    except RecipeError as error:
        told = ", ".join(f"{axis}={level_name(level)}" for axis, level in changes.items())
        raise RecipeError(f"{told}: {error}") from None


def level_names(question: Question) -> dict[str, tuple[str, ...]]:
    """Return the names of every axis's levels."""
    return {axis: _names(question, axis) for axis in question.vary}


def _names(question: Question, axis: str) -> tuple[str, ...]:
    if axis in question.labels:
        return question.labels[axis]
    return tuple(level_name(level) for level in question.vary[axis])


def _value(recipe: Recipe, axis: str) -> Any:
    if "." in axis:
        return recipe.parameters.get(axis, recipe.hyper().get(axis))
    return getattr(recipe, axis, None)


def _same(level: Any, own: Any) -> bool:
    if level is None or own is None:
        return level is own or (level == "none" and own is None)
    if isinstance(level, str) and isinstance(own, str):
        return level.lower() == own.lower()
    return type(level) is not str and type(own) is not str and bool(np.all(level == own))
