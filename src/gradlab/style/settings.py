"""The settings of a transfer, checked before any work is done."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gradlab.errors import RecipeError, unknown
from gradlab.style.descent import usual_rate
from gradlab.style.pictures import SMALLEST

MOST_WEIGHT = 1e30
MOST_STEPS = 1_000_000
LARGEST = 16_384


def checked(*, choices: Mapping[str, tuple[Any, Sequence[str]]], **given: Any) -> None:
    """Raise a RecipeError for the first setting that makes no sense.

    Args:
        choices: Name -> (value, allowed values).
        given: Names and values of the others, as `transfer_style` takes them.
    """
    for name in ("content_weight", "style_weight", "total_variation"):
        value = given.get(name, 0.0)
        if not _is_number(value) or not 0 <= value <= MOST_WEIGHT:
            raise RecipeError(f"{name} is a number from 0 to {MOST_WEIGHT:g}; got {value!r}.")
    if not any(given.get(name, 1) > 0 for name in ("content_weight", "style_weight")):
        raise RecipeError(
            "content_weight and style_weight are both 0, so nothing is asked of the picture. Give "
            "one of them more."
        )
    _whole(given, "steps", 1, MOST_STEPS)
    _whole(given, "size", SMALLEST, LARGEST)
    _whole(given, "levels", 1, 12)
    for name in ("learning_rate", "style_scale", "beta"):
        value = given.get(name)
        if value is not None and (not _is_number(value) or not value > 0):
            raise RecipeError(f"{name} is a number above 0; got {value!r}.")
    usual_rate(given["optimizer"])
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise RecipeError(unknown(name, str(value), allowed))
    wanted = given.get("layer_weights", "balanced")
    if isinstance(wanted, str):
        if wanted not in ("balanced", "equal"):
            raise RecipeError(unknown("layer_weights", wanted, ("balanced", "equal")))
    elif not all(_is_number(value) and value >= 0 for value in wanted.values()):
        raise RecipeError(f"layer_weights gives every layer a number >= 0; got {dict(wanted)}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _whole(given: Mapping[str, Any], name: str, least: int, most: int) -> None:
    value = given.get(name)
    if value is not None and (not isinstance(value, int) or not least <= value <= most):
        raise RecipeError(f"{name} is a whole number from {least} to {most:,}; got {value!r}.")


def shares_of_styles(shares: Sequence[float] | None, n: int) -> tuple[float, ...]:
    """Return how much each of some styles counts, with sum 1.

    Raises:
        RecipeError: If there are not as many shares as styles, or they make no sense.

    >>> shares_of_styles([3.0, 1.0], 2)
    (0.75, 0.25)
    """
    if n == 0:
        raise RecipeError("A transfer needs a style picture; got none.")
    given = [1.0] * n if shares is None else list(shares)
    fit = len(given) == n and all(_is_number(share) and share >= 0 for share in given)
    if not fit or sum(given) <= 0:
        raise RecipeError(
            f"style_shares takes a number >= 0 for each of the {n} styles, not all 0; got {given}."
        )
    return tuple(share / sum(given) for share in given)
