"""The environment of a study: by name, from a map in a file, or a user's own."""

from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any

from gradlab.errors import DataError, RecipeError, suggest
from gradlab.rl import ENVIRONMENTS, Environment, check_environment

MAP_ARGUMENT = {"vacuum": "plan", "grid_world": "world", "frozen_lake": "lake"}
"""What each environment that is drawn by a map calls it."""


def environment_of(
    environment: Any, settings: Mapping[str, Any]
) -> tuple[Environment, dict[str, Any]]:
    """Return the environment, and the settings that are not its own.

    Args:
        environment: A name of ENVIRONMENTS, the path of a text map, or an Environment.
        settings: Of the environment and the agent, together.

    Raises:
        DataError: If a map can't be read or is none, or an environment breaks its contract.
        RecipeError: If the name does not exist or a setting makes no sense.

    >>> environment_of("chain", {"length": 3, "discount": 0.9})[1]
    {'discount': 0.9}
    """
    if isinstance(environment, Environment):
        return check_environment(environment), dict(settings)
    if not isinstance(environment, str | Path):
        raise RecipeError(
            "An environment is a name, the path of a text map, or a gradlab.rl.Environment; got "
            f"{type(environment).__name__}. Wrap a Gymnasium environment with from_gymnasium."
        )
    name, rows = str(environment), None
    if name.replace("-", "_") in ENVIRONMENTS:
        name = name.replace("-", "_")
    elif _is_file(name):
        rows = _rows(Path(name))
        name = kind_of_map(rows)
    else:
        raise RecipeError(
            f"Unknown environment '{name}'.{suggest(name, ENVIRONMENTS)} Known: "
            f"{', '.join(ENVIRONMENTS)}; or the path of a text file with a map."
        )
    factory = ENVIRONMENTS[name]
    parameters = list(signature(factory).parameters)
    own = {key: value for key, value in settings.items() if key in parameters}
    rest = {key: value for key, value in settings.items() if key not in parameters}
    if isinstance(own.get("size"), tuple):  # 8x8, as it is typed
        own["size"] = "x".join(map(str, own["size"]))
    if rows is not None:
        own[MAP_ARGUMENT[name]] = rows
    return check_environment(factory(**own)), rest


def kind_of_map(rows: list[str]) -> str:
    """Return the environment whose letters a map has.

    O (outlet) or D (room to clean): vacuum. H (hole) or F (ice): frozen_lake. Else grid_world.

    >>> kind_of_map(["O.D"]), kind_of_map(["S#G"])
    ('vacuum', 'grid_world')
    """
    letters = set("".join(rows))
    if letters & set("OD"):
        return "vacuum"
    return "frozen_lake" if letters & set("HF") else "grid_world"


def options_of(environment: str) -> tuple[str, ...]:
    """Return what may be set of a built-in environment."""
    return tuple(signature(ENVIRONMENTS[environment]).parameters)


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file() or (Path(name).suffix == ".txt")
    except OSError:
        return False


def _rows(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise DataError(f"The map {path} can't be read: {why}.") from error
    rows = [line.rstrip() for line in text.splitlines() if line.strip()]
    if not rows:
        raise DataError(f"The map {path} is empty. Write a row of letters for each row of cells.")
    return rows
