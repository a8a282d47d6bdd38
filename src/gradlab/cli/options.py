"""What people type after an option, as values."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from gradlab.errors import RecipeError, StudyError

if TYPE_CHECKING:
    from gradlab.lab.question import Source
    from gradlab.training.recipe import Recipe


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
        "unreadable"
    )
    argument = rf"\b({names})=\(?('[^']*'|\"[^\"]*\"|\d+|True|False)?(,?\))?"
    return re.sub(argument, lambda found: _option(*found.group(1, 2)), text)


def _option(name: str, value: str | None) -> str:
    if name == "header":
        return "--no-header" if value == "False" else "--header"
    bare = (value or "").strip("'\"")
    return f"--{name.replace('_', '-')} {bare}".rstrip()
