"""Levels that are Python objects or carry labels: every one gets a name of its own."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import optax

from gradlab.optim import OPTIMIZERS, OptimizerKind, custom
from gradlab.training.recipe import Recipe


def labelled(
    vary: Mapping[str, Any] | None, base: Recipe
) -> tuple[Mapping[str, Any] | None, dict[str, tuple[str, ...]], Recipe]:
    """Take labels off levels that were given as a mapping of label to value, and name objects.

    A run is known by the name of its optimizer, so every optimizer object gets one of its own;
    also the base's, which may be a level too.
    """
    bare = base.optimizer
    if _is_object(bare):
        base = base.model_copy(update={"optimizer": _named(bare, base.optimizer_kind().name)})
    if not isinstance(vary, Mapping):
        return vary, {}, base  # if it is not None, the question says what is wrong with it
    settings: dict[str, Any] = {}
    labels: dict[str, tuple[str, ...]] = {}
    for axis, levels in vary.items():
        settings[axis] = levels
        if isinstance(levels, Mapping):
            labels[axis] = tuple(map(str, levels))
            settings[axis] = list(levels.values())
        if axis != "optimizer" or not isinstance(settings[axis], list | tuple):
            continue
        values = list(settings[axis])
        if any(map(_is_object, values)):
            names = labels.setdefault(axis, tuple(_object_names(values)))
            for i, value in enumerate(values):
                if _is_object(value):
                    settings[axis] = values
                    values[i] = _named(value, names[i])
                    if value is bare:
                        base = base.model_copy(update={"optimizer": values[i]})
    return settings, labels, base


def _is_object(level: Any) -> bool:
    return isinstance(level, optax.GradientTransformation | OptimizerKind)


def _object_names(levels: list[Any]) -> list[str]:
    """Return short, different names: those of kinds, else "optax 1", "optax 2", …"""
    names: list[str] = []
    number = 0
    for level in levels:
        name = level.name if isinstance(level, OptimizerKind) else str(level)
        if isinstance(level, optax.GradientTransformation):
            number += 1
            name = f"optax {number}"
        copy, unique = 1, name
        while unique in names:
            copy += 1
            unique = f"{name} {copy}"
        names.append(unique)
    return names


def _named(level: optax.GradientTransformation | OptimizerKind, name: str) -> OptimizerKind:
    """Return the object as a kind of this name, which no kind of our own may have."""
    own = f"your {name}" if name in OPTIMIZERS else name
    if isinstance(level, OptimizerKind):
        return dataclasses.replace(level, name=own)
    return custom(level, name=own)
