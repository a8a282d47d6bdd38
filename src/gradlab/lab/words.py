"""Settings as people type them, and back."""

import re
from typing import Any

from gradlab.errors import RecipeError


def parse_level(text: str) -> Any:
    """Return the value that a word on the command line means.

    >>> [parse_level(t) for t in ("adam", "0.5", "32", "64x32", "none", "true")]
    ['adam', 0.5, 32, (64, 32), None, True]
    """
    word = text.strip()
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    if re.fullmatch(r"\d+(x\d+)+", word):
        return tuple(int(part) for part in word.split("x"))
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return None if word.lower() == "none" else word


def written(level: Any) -> str:
    """Return the word that means a level: unlike its name, exact.

    >>> [written(level) for level in ("adam", 0.1 + 0.2, (64, 32), None, True)]
    ['adam', '0.30000000000000004', '64x32', 'none', 'true']
    """
    if level is None:
        return "none"
    if isinstance(level, bool):
        return str(level).lower()
    if isinstance(level, tuple | list):
        return "x".join(map(written, level)) or "linear"
    return repr(level) if isinstance(level, float) else str(level)


def assignment(text: str, option: str) -> tuple[str, list[str]]:
    """Split "name=word,word".

    >>> assignment("hidden=64,64", "--set")
    ('hidden', ['64', '64'])
    """
    name, _, value = text.partition("=")
    words = [word.strip() for word in value.split(",") if word.strip()]
    if not name.strip() or not words:
        example = "optimizer=sgd,adam" if option == "--vary" else "dropout=0.2"
        raise RecipeError(f"{option} takes name=value, as {option} {example}; got '{text}'.")
    return name.strip().replace("-", "_"), words


def parse_vary(texts: list[str]) -> dict[str, list[Any]] | None:
    """Return settings and levels, or None where nothing is varied."""
    vary: dict[str, list[Any]] = {}
    for text in texts:
        name, words = assignment(text, "--vary")
        if name in vary:
            raise RecipeError(f"--vary {name} is given twice; list all levels in one.")
        vary[name] = [_as_field(name, parse_level(word)) for word in words]
    return vary or None


def parse_set(texts: list[str]) -> dict[str, Any]:
    """Return fields of a recipe; "a,b" is a tuple."""
    fields: dict[str, Any] = {}
    for text in texts:
        name, words = assignment(text, "--set")
        if name in fields:
            raise RecipeError(f"--set {name} is given twice; give it once.")
        value, *others = map(parse_level, words)
        fields[name] = _as_field(name, (value, *others) if others else value)
    return fields


def _as_field(name: str, value: Any) -> Any:
    # hidden takes a tuple also where a level has one layer.
    if name == "hidden" and type(value) is int:
        return () if value == 0 else (value,)
    if name == "hidden" and value in (None, "linear"):
        return ()
    if name == "layers" and isinstance(value, str) and " " in value:
        return (value,)  # one layer with its size; a single word names a network
    if name in ("norm", "schedule", "loss", "reduce") and value is None:
        return "none"
    return value
