"""What people type after an option, as values."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from gradlab.errors import RecipeError, StudyError

if TYPE_CHECKING:
    from gradlab.lab.question import Source
    from gradlab.training.recipe import Recipe


PYTHON_ONLY = ("classes", "shrinkage")
"""Arguments that messages name and no command takes."""

MOST_COUNT = 10_000
"""Largest number of clusters or components that is taken for what was meant."""


def recipe_from(
    texts: list[str], base: "Recipe | None" = None, *, epochs: int | None = None
) -> "Recipe":
    """Return a recipe with the fields that --set and --epochs give.

    Raises:
        RecipeError: If a field or value does not exist.
    """
    from gradlab.lab.words import parse_set
    from gradlab.training.recipe import Recipe

    # Together: whether a patience or a warm-up fits depends on the epochs.
    fields = parse_set(texts) | ({} if epochs is None else {"epochs": epochs})
    return (base or Recipe()).replace(**fields)


def recipe_file(path: Path | None) -> "Recipe | None":
    """Return the recipe of a TOML file: its table [recipe], as `gradlab doctor --cure` writes it.

    Raises:
        RecipeError: If the file can't be read, or holds no recipe.
    """
    if path is None:
        return None
    import tomllib

    from gradlab.training.recipe import Recipe

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"The recipe file {path} can't be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is no TOML file: {error}.") from error
    fields = content.get("recipe")
    if not isinstance(fields, dict):
        raise RecipeError(f"{path} holds no recipe: expected a table [recipe] with its fields.")
    return Recipe(**fields)


def source_from(
    *,
    target: str | None,
    task: str,
    groups: str | None,
    time: str | None,
    test: str | None,
    drop: list[str],
    header: bool | None,
    series: str | None,
    text: str | None,
    tokens: str | None,
    window: int | None,
    horizon: int | None,
    image_size: str | None,
    unreadable: str,
    scaling: str,
    ratios: str,
) -> "Source":
    """Return how data is read, checked."""
    from gradlab.lab.question import Source

    try:
        parts = tuple(float(part) for part in ratios.split(","))
    except ValueError:
        parts = ()
    if len(parts) != 3:
        raise RecipeError(
            "--ratios takes three numbers, training,validation,test, as 0.6,0.2,0.2; "
            f"got '{ratios}'."
        )
    return Source(
        target=target,
        task=task,  # type: ignore[arg-type]
        groups=groups,
        time=time,
        test=test,
        drop=tuple(name for text in drop for name in text.split(",")),
        header=header,
        series=series,
        text=text,
        tokens=tokens,  # type: ignore[arg-type]
        window=window,
        horizon=horizon,
        image_size=image_size,
        unreadable=unreadable,  # type: ignore[arg-type]
        scaling=scaling,  # type: ignore[arg-type]
        ratios=parts,  # type: ignore[arg-type]
    )


def counts_from(text: str, option: str) -> tuple[int, ...]:
    """Return whole numbers from 1, given as 3, as 2,3,10 or as 2-10.

    Raises:
        RecipeError: If the text is none of these.

    >>> counts_from("2,3,10", "--k"), counts_from("2-5", "--k")
    ((2, 3, 10), (2, 3, 4, 5))
    """
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()):
            found = set()
            break
        low, high = int(first), int(last or first)
        if not 1 <= low <= high <= MOST_COUNT:
            found = set()
            break
        found |= set(range(low, high + 1))
    if not found or (text.strip().endswith("-")):
        raise RecipeError(
            f"{option} takes whole numbers from 1 to {MOST_COUNT:,}: one as 3, several as 2,3,10, "
            f"or from to as 2-10; got '{text}'."
        )
    return tuple(sorted(found))


def components_from(text: str) -> int | float | str:
    """Return a number of components, a share of the variance, or "none" for all.

    >>> components_from("2"), components_from("0.7"), components_from("none")
    (2, 0.7, 'none')
    """
    if text.lower() in ("none", "all"):
        return "none"
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        raise RecipeError(
            "--components takes a whole number, a share of the variance as 0.7, or none for all; "
            f"got '{text}'."
        ) from None


def cost_from(text: str) -> tuple[float, float]:
    """Return the costs of a false alarm and of a miss, given as 1:5.

    >>> cost_from("1:5")
    (1.0, 5.0)
    """
    alarm, colon, miss = text.partition(":")
    try:
        costs = (float(alarm), float(miss)) if colon else ()
    except ValueError:
        costs = ()
    if len(costs) != 2 or not all(0 <= cost < float("inf") for cost in costs):
        raise RecipeError(
            "--cost takes the costs of a false alarm and of a miss, none below 0, as 1:5; got "
            f"'{text}'."
        )
    return costs[0], costs[1]


def output_file(path: Path, option: str) -> None:
    """Refuse, before any work is done, a file that can't be written for lack of its folder."""
    if path.is_dir():
        raise StudyError(f"{option} {path} is a folder; give the name of a file.")
    if not path.parent.is_dir():
        raise StudyError(
            f"{option} {path}: there is no folder {path.parent}. Make it, or choose another file."
        )


def as_options(text: str) -> str:
    """Return a sentence about data with options in place of Python's arguments.

    >>> as_options("Leave it out with drop=('alive',).")
    'Leave it out with --drop alive.'
    """
    names = (
        "task|target|groups|time|test|drop|header|series|text|tokens|window|horizon|image_size|"
        "unreadable|truth|predicted|prediction|scores|positive|method|kind|truth_from|classes|"
        "shrinkage"
    )
    argument = rf"\b({names})=\(?('[^']*'|\"[^\"]*\"|\d+|True|False)?(,?\))?"
    return re.sub(argument, lambda found: _option(*found.group(1, 2)), text)


def _option(name: str, value: str | None) -> str:
    if name == "header":
        return "--no-header" if value == "False" else "--header"
    bare = (value or "").strip("'\"")
    if name == "truth_from":
        return "the second argument"
    if name in PYTHON_ONLY:
        return f"{name}={value or ''} in Python"
    name = "predicted" if name == "prediction" else name
    return f"--{name.replace('_', '-')} {bare}".rstrip()
