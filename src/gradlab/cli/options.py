"""What people type after an option, as values."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.errors import RecipeError, StudyError

if TYPE_CHECKING:
    from gradlab.lab.question import Source
    from gradlab.training.recipe import Recipe


def assignment(text: str, option: str) -> tuple[str, str]:
    """Split "name=value".

    >>> assignment("hidden=64,64", "--set")
    ('hidden', '64,64')
    """
    name, sign, value = text.partition("=")
    if not sign or not name.strip() or not value.strip():
        example = "optimizer=sgd,adam" if option == "--vary" else "dropout=0.2"
        raise RecipeError(f"{option} takes name=value, as {option} {example}; got '{text}'.")
    return name.strip().replace("-", "_"), value.strip()


def parse_vary(texts: list[str]) -> dict[str, list[Any]] | None:
    """Return settings and levels, or None where nothing is varied."""
    from gradlab.lab.question import parse_level

    vary: dict[str, list[Any]] = {}
    for text in texts:
        name, value = assignment(text, "--vary")
        if name in vary:
            raise RecipeError(f"--vary {name} is given twice; list all levels in one.")
        levels = [parse_level(word) for word in value.split(",") if word.strip()]
        # hidden takes a tuple also where a level has one layer.
        vary[name] = [_as_field(name, level) for level in levels]
    return vary or None


def parse_set(texts: list[str]) -> dict[str, Any]:
    """Return fields of a recipe; "a,b" is a tuple."""
    from gradlab.lab.question import parse_level

    fields: dict[str, Any] = {}
    for text in texts:
        name, value = assignment(text, "--set")
        words = [word for word in value.split(",") if word.strip()]
        parsed = parse_level(words[0]) if len(words) == 1 else tuple(map(parse_level, words))
        fields[name] = _as_field(name, parsed)
    return fields


def recipe_from(texts: list[str], base: "Recipe | None" = None) -> "Recipe":
    """Return a recipe with the fields that --set gives.

    Raises:
        RecipeError: If a field or value does not exist.
    """
    from gradlab.training.recipe import Recipe

    return (base or Recipe()).replace(**parse_set(texts))


def source_from(
    *,
    target: str | None,
    task: str,
    groups: str | None,
    time: str | None,
    test: str | None,
    drop: list[str],
    header: bool | None,
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
    argument = r"\b(task|target|groups|time|test|drop|header)=\(?('[^']*'|True|False)?(,?\))?"
    return re.sub(argument, lambda found: _option(*found.group(1, 2)), text)


def _option(name: str, value: str | None) -> str:
    if name == "header":
        return "--no-header" if value == "False" else "--header"
    return f"--{name} {(value or '').strip(chr(39))}".rstrip()


def _as_field(name: str, value: Any) -> Any:
    if name == "hidden" and isinstance(value, int):
        return () if value == 0 else (value,)
    if name == "hidden" and value in (None, "linear"):
        return ()
    if name in ("norm", "schedule", "loss") and value is None:
        return "none"
    return value
