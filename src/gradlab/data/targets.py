"""From a column of answers to a task: classes or numbers, how many, and in which order."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Num, Shaped

from gradlab.data.dataset import Label, Task
from gradlab.errors import DataError, unknown

MAX_INTEGER_CLASSES = 20
"""Whole numbers with more distinct values than this are a quantity, not labels."""

MAX_CLASSES = 1000

TASKS = ("auto", "binary", "multiclass", "regression")


@dataclass(frozen=True, eq=False)
class Target:
    """An encoded target: see `Dataset` for `y`, `task` and `classes`."""

    y: Num[np.ndarray, " rows"]
    task: Task
    classes: tuple[Label, ...] | None
    notes: tuple[str, ...]


def missing(values: Shaped[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
    """Return which cells of a target hold no value (NaN or None)."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind == "O":
        return np.array([value is None or value != value for value in values], dtype=bool)
    return np.zeros(len(values), dtype=bool)


def encode_target(
    values: Shaped[np.ndarray, " rows"], task: str, name: str, *, are_labels: bool = False
) -> Target:
    """Find the task of a target and encode it.

    Text and booleans are classes. Two distinct values are two classes. Whole numbers are classes
    if there are at most 20 distinct ones and each comes three times on average; all else is
    regression.

    Args:
        values: No missing cells.
        task: "auto" or the task to take it for.
        name: The column, for messages.
        are_labels: The source says that whole numbers are labels (an idx label file).

    Raises:
        DataError: If the target can't be what the task asks for, has one value only, or has so
            many classes that it must be an ID column.
    """
    if task not in TASKS:
        raise DataError(unknown("task", task, TASKS))
    values = _plain(values, name)
    is_number = values.dtype.kind == "f"
    if is_number and not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0]) + 1
        raise DataError(
            f"Target '{name}' is infinite in row {row}. Mend the cell or leave the row out."
        )
    distinct, y = np.unique(values, return_inverse=True)
    if len(distinct) < 2:
        only = f" (only {_label(distinct[0])!r} occurs)" if len(distinct) else ""
        raise DataError(
            f"Target '{name}' has {len(distinct)} distinct value{'s' * (len(distinct) != 1)}{only}:"
            " there is nothing to learn. Choose another target, or rows with at least two values."
        )
    auto = task == "auto"
    found: Task = _infer(values, distinct, are_labels) if auto else task  # type: ignore[assignment]
    if found == "regression":
        if not is_number:
            raise DataError(
                f"Target '{name}' holds text (e.g. {_label(distinct[0])!r}), and regression needs "
                "numbers. Use task='multiclass', or name a numeric target."
            )
        said = f"Target '{name}' has {len(distinct)} distinct numbers: taken as regression"
        note = (f"{said} (task='multiclass' for classes).",) if auto else ()
        return Target(values.astype(np.float64), "regression", None, note)
    _check_classes(distinct, len(values), found, name, auto)
    classes = tuple(_label(value) for value in distinct)
    said = f"Target '{name}' has {len(distinct)} distinct numbers: taken as classes"
    note = (f"{said} (task='regression' for a quantity).",)
    encoded = y.reshape(-1).astype(np.int32)
    return Target(encoded, found, classes, note if auto and is_number and not are_labels else ())


def _plain(values: np.ndarray, name: str) -> np.ndarray:
    """Return float64, bool or text."""
    if values.dtype.kind in "iuf":
        return values.astype(np.float64)
    if values.dtype.kind in "bU":
        return values
    if values.dtype.kind == "O":
        kinds = {type(value) for value in values}
        if kinds <= {bool, np.bool_}:
            return values.astype(bool)
        if all(issubclass(kind, (int, float, np.number)) for kind in kinds):
            return values.astype(np.float64)
        if kinds <= {str, np.str_}:
            return values.astype(str)
        several = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise DataError(
            f"Target '{name}' mixes or holds unknown kinds of values ({several}). "
            "Make them all numbers or all text."
        )
    raise DataError(f"Target '{name}' has dtype {values.dtype}; expected numbers, text or bool.")


def _infer(values: np.ndarray, distinct: np.ndarray, are_labels: bool) -> Task:
    if len(distinct) == 2:
        return "binary"
    if values.dtype.kind != "f":
        return "multiclass"
    whole = bool(np.all(distinct == np.floor(distinct)))
    few = len(distinct) <= MAX_INTEGER_CLASSES and 3 * len(distinct) <= len(values)
    return "multiclass" if whole and (few or are_labels) else "regression"


def _check_classes(distinct: np.ndarray, n_rows: int, task: str, name: str, inferred: bool) -> None:
    n_classes = len(distinct)
    if task == "binary" and n_classes != 2:
        raise DataError(
            f"A binary task needs 2 classes; target '{name}' has {n_classes}. "
            "Use task='multiclass' or 'regression'."
        )
    many = n_classes > MAX_CLASSES and inferred
    if many or (n_classes > 2 and 2 * n_classes > n_rows):
        examples = ", ".join(repr(_label(value)) for value in distinct[:3])
        raise DataError(
            f"Target '{name}' has {n_classes} different values in {n_rows} rows ({examples}, …): "
            "it looks like an ID or name, not like classes. Choose the target with target='…', "
            "or task='regression' if it is a quantity."
        )


def _label(value: np.generic) -> Label:
    plain = value.item()
    if isinstance(plain, float) and plain.is_integer():
        return int(plain)
    return plain
