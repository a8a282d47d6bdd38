"""Tables and settings that the generative families check alike."""

import numbers
from typing import Any

import numpy as np
from jaxtyping import Float

from gradlab.errors import DataError, RecipeError


def rows_of(name: str, values: Any, *, least: int = 1) -> Float[np.ndarray, "rows features"]:
    """Return examples as rows of float64: images are laid flat, a vector becomes one column.

    Args:
        name: Of the argument, for the message.
        values: Numbers of one axis or more, the first counting examples.
        least: Fewest examples.

    Raises:
        DataError: If they are no numbers, not all finite, or too few.

    >>> rows_of("data", np.zeros((3, 2, 2, 1))).shape, rows_of("data", [1, 2]).shape
    ((3, 4), (2, 1))
    """
    try:
        rows = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{name}: expected numbers, an example a row; got {type(values).__name__} that can't "
            f"be read as such ({error})."
        ) from None
    if rows.ndim == 0 or 0 in rows.shape[1:] or len(rows) < least:
        raise DataError(
            f"{name}: expected at least {least} example{'s' if least > 1 else ''} of one number "
            f"or more; got shape {rows.shape}."
        )
    rows = rows.reshape(len(rows), -1)
    finite = np.isfinite(rows)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise DataError(
            f"{name}: expected finite numbers; row {row}, column {column} (from 0) is "
            f"{rows[row, column]}. Leave such rows out, or fill them in."
        )
    return rows


def same_width(first: str, a: np.ndarray, second: str, b: np.ndarray) -> None:
    """Check that two tables have as many columns.

    Raises:
        DataError: If not.
    """
    if a.shape[1] != b.shape[1]:
        raise DataError(
            f"{first} and {second} must have examples of one size; got {a.shape[1]} and "
            f"{b.shape[1]} numbers each."
        )


def whole(name: str, value: Any, *, least: int = 1) -> int:
    """Return a whole number of at least `least`.

    Raises:
        RecipeError: If it is none.
    """
    if (
        not isinstance(value, numbers.Integral)
        or isinstance(value, bool | np.bool_)
        or int(value) < least
    ):
        raise RecipeError(f"{name}: expected a whole number of at least {least}; got {value!r}.")
    return int(value)


def number(name: str, value: Any, *, least: float = 0.0, above: bool = False) -> float:
    """Return a finite number of at least, or above, `least`.

    Raises:
        RecipeError: If it is none.
    """
    right = isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
    if not right or not np.isfinite(float(value)) or float(value) < least:
        right = False
    if not right or (above and float(value) == least):
        words = "above" if above else "of at least"
        raise RecipeError(f"{name}: expected a number {words} {least:g}; got {value!r}.")
    return float(value)
