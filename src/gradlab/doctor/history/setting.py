"""How others' training is set, from a file or a dict: everything in it is optional."""

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

from gradlab.data.opening import read_bytes
from gradlab.doctor.evidence import Layer, LayerKind, Setup, TaskName
from gradlab.doctor.history.words import activation_word, guess_task, loss_word, optimizer_word
from gradlab.errors import RecipeError, suggest
from gradlab.optim import OPTIMIZERS

# Annotations of the fields of Setup and Layer.
NUMBERS = (float, float | None)
COUNTS = (int, int | None)
SWITCHES = (bool, bool | None)


def read_setup(source: str | Path | Mapping[str, Any]) -> Setup:
    """Return how a training is set, as told in a JSON or TOML file or a dict.

    The names are those of `Setup`, and in `layers` those of `Layer`; all are optional. Losses,
    optimizers and activations may be called as in PyTorch or Keras.

    Args:
        source: Path or dict.

    Returns:
        The setup. A task that is not told follows from the loss or the last activation; where
        these don't say either it is "regression", for which the fewest things are expected.

    Raises:
        DataError: If the file can't be read.
        RecipeError: For a name that `Setup` does not have, or a value that it can't have.

    >>> setup = read_setup({"loss": "CrossEntropyLoss", "optimizer": "Adam", "learning_rate": 0.1})
    >>> setup.task, setup.loss, setup.optimizer, setup.usual_learning_rate
    ('multiclass', 'cross_entropy', 'adam', 0.001)
    """
    return with_task(read_fields(source), None)


def read_fields(source: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `Setup` that were told, checked and in Gradlab's words."""
    where, told = _read(source)
    found = _checked(told, Setup, where)
    if "layers" in told:
        found["layers"] = tuple(
            _layer(entry, i, where) for i, entry in enumerate(_list(told["layers"], where))
        )
    if "loss" in found and (word := loss_word(found["loss"])) is not None:
        found["loss"] = word.loss
        for name, value in (("loss_takes", word.takes), ("loss_guarded", word.guarded)):
            if value is not None:
                found.setdefault(name, value)
    if "optimizer" in found:
        found["optimizer"] = optimizer_word(
            found["optimizer"], momentum=found.get("momentum") or 0.0
        )
        if found["optimizer"] in OPTIMIZERS:
            found.setdefault("usual_learning_rate", OPTIMIZERS[found["optimizer"]].learning_rate)
    return found


def with_task(found: dict[str, Any], otherwise: TaskName | None) -> Setup:
    """Return the setup; a task that is not told is guessed, and is `otherwise` if that fails."""
    layers = found.get("layers", ())
    task = found.get("task") or guess_task(found.get("loss"), layers, found.get("n_outputs"))
    setup = Setup(**(found | {"task": task or otherwise or "regression", "layers": layers}))
    output = setup.output
    if setup.n_outputs is None and output is not None:
        setup = replace(setup, n_outputs=output.units)
    return setup


def _read(source: str | Path | Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if isinstance(source, Mapping):
        return "The setup", source
    path = Path(source)
    text = read_bytes(path).decode("utf-8-sig", errors="replace")
    try:
        told = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        kind = "TOML" if path.suffix.lower() == ".toml" else "JSON"
        raise RecipeError(f"{path} is not {kind}: {error}. Mend it there.") from error
    if not isinstance(told, dict):
        raise RecipeError(
            f'{path}: expected an object such as {{"optimizer": "adam"}}; came '
            f"{type(told).__name__}."
        )
    inner = told.get("setup")
    return str(path), inner if isinstance(inner, dict) else told


def _list(value: Any, where: str) -> list:
    if isinstance(value, list | tuple):
        return list(value)
    raise RecipeError(f"{where}, layers: expected a list; came {type(value).__name__}.")


def _layer(entry: Any, index: int, where: str) -> Layer:
    place = f"layers[{index}]"
    if isinstance(entry, Layer):
        return entry
    if not isinstance(entry, Mapping):
        raise RecipeError(
            f'{where}, {place}: expected an object such as {{"kind": "dense", "units": 10}}; came '
            f"{type(entry).__name__}."
        )
    found = _checked(entry, Layer, f"{where}, {place}")
    found.setdefault("kind", "dense")
    found.setdefault("place", place)
    if found["kind"] not in get_args(LayerKind):
        raise RecipeError(
            f"{where}, {place}: kind is one of {', '.join(get_args(LayerKind))}; came "
            f"{found['kind']!r}."
        )
    if "activation" in found:
        found["activation"] = activation_word(found["activation"])
    return Layer(**found)


def _checked(told: Mapping[str, Any], kind: type, where: str) -> dict[str, Any]:
    types = {field.name: field.type for field in fields(kind)}
    found = {}
    for name, value in told.items():
        if name not in types:
            raise RecipeError(
                f"{where}: there is no setting '{name}'.{suggest(name, types)} "
                f"Known: {', '.join(types)}."
            )
        if value is None or name == "layers":
            continue
        found[name] = _value(value, name, types[name], where)
    return found


def _value(value: Any, name: str, kind: Any, where: str) -> Any:
    if kind in NUMBERS + COUNTS:
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number) or number < 0 or (kind in COUNTS and number % 1):
            expected = "a whole number of 0 or more" if kind in COUNTS else "a number of 0 or more"
            raise RecipeError(f"{where}: {name} is {expected}; came {value!r}.")
        return int(number) if kind in COUNTS else number
    if kind in SWITCHES:
        if not isinstance(value, bool):
            raise RecipeError(f"{where}: {name} is true or false; came {value!r}.")
        return value
    if name == "augment":
        return tuple(map(str, value)) if isinstance(value, list | tuple) else (str(value),)
    if not isinstance(value, str):
        raise RecipeError(f"{where}: {name} is a word; came {value!r}.")
    choices = CHOICES.get(name)
    if choices and value not in choices:
        raise RecipeError(
            f"{where}: {name} is one of {', '.join(choices)}; came {value!r}."
            f"{suggest(value, choices)}"
        )
    return value


CHOICES = {
    "task": get_args(TaskName),
    "loss_takes": ("scores", "outputs"),
    "validation": ("none", "separate", "fraction"),
}
