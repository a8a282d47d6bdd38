"""What every measure asks of its arrays, before it is computed."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int, Shaped

from gradlab.errors import DataError

Label = str | int | float | bool
WHOLE = 2**53
"""From here on floats no longer hold every whole number, so they are a quantity."""

Labels = Shaped[np.ndarray, " rows"]
Array = Any
"""A list, a column of any frame, or an array of NumPy or JAX."""


def numbers(values: Array, name: str) -> Float64[np.ndarray, "..."]:
    """Return values in float64.

    Raises:
        DataError: If they are empty, no numbers, or not all finite.
    """
    try:
        array = np.asarray(values).astype(np.float64)
    except (TypeError, ValueError) as error:
        example = next((v for v in np.asarray(values, object).ravel() if not _number(v)), values)
        raise DataError(f"{name} must be numbers; it holds {example!r}.") from error
    if array.size == 0:
        raise DataError(f"{name} is empty. Give at least one row.")
    finite = np.isfinite(array)
    if not finite.all():
        row = int(np.argwhere(~finite)[0][0]) if array.ndim else 0
        raise DataError(
            f"{name} holds {np.count_nonzero(~finite):,} values that are missing or infinite, the "
            f"first in row {row + 1}. Leave these rows out, or mend them."
        )
    return array


def paired_numbers(
    y: Array, prediction: Array
) -> tuple[Float64[np.ndarray, "rows outputs"], Float64[np.ndarray, "rows outputs"]]:
    """Return truth and prediction of one shape, with an axis of outputs.

    Raises:
        DataError: As for `numbers`, or if the shapes differ.
    """
    truth, predicted = numbers(y, "y"), numbers(prediction, "prediction")
    if truth.shape != predicted.shape:
        raise DataError(
            f"y has shape {truth.shape} and prediction {predicted.shape}; they must be one number "
            "a row for the same rows, in the same order."
        )
    if truth.ndim not in (1, 2):
        raise DataError(
            f"y must have shape (rows,) or (rows, outputs); got {truth.shape}. "
            "Flatten what follows."
        )
    return truth.reshape(len(truth), -1), predicted.reshape(len(truth), -1)


def labels(values: Array, name: str) -> Labels:
    """Return labels as an array of whole numbers, numbers, booleans or text.

    Whole numbers below 2⁵³ stored as floats become integers, so that 1.0 is the label 1.

    Raises:
        DataError: If they are empty, have another shape than (rows,), or a label is missing.
    """
    array = np.asarray(values)
    if array.dtype.kind == "U" and isinstance(values, list | tuple):
        array = np.array(values, dtype=object)  # NumPy writes numbers beside text as text
    if array.ndim != 1 or len(array) == 0:
        raise DataError(f"{name} must hold one label a row; its shape is {array.shape}.")
    kind = array.dtype.kind
    if kind == "O":
        lost = np.array([value is None or value != value for value in array], dtype=bool)
    else:
        lost = np.isnan(array) if kind == "f" else np.zeros(len(array), dtype=bool)
    if lost.any():
        row = int(np.argmax(lost)) + 1
        raise DataError(
            f"{name} holds {np.count_nonzero(lost):,} missing labels, the first in row {row}. "
            "Leave these rows out."
        )
    if kind == "O":
        plain = [value.item() if isinstance(value, np.generic) else value for value in array]
        kinds = {type(value) for value in plain}
        if kinds not in ({str}, {bool}) and not kinds <= {int, float}:
            several = ", ".join(sorted(each.__name__ for each in kinds))
            raise DataError(f"{name} mixes kinds of labels ({several}). Make them all of one kind.")
        array = np.array(plain)
    exact = array.dtype.kind == "f" and (np.abs(array) < WHOLE).all()
    if exact and (array == np.floor(array)).all():
        return array.astype(np.int64)
    return array


def paired_labels(y: Array, prediction: Array) -> tuple[Labels, Labels]:
    """Return true and predicted labels of one length and kind.

    Numbers beside text become text, and booleans beside numbers 0 and 1.

    Raises:
        DataError: As for `labels`, or if the lengths differ.
    """
    truth, predicted = labels(y, "y"), labels(prediction, "prediction")
    same_length(truth, predicted, "prediction")
    kinds = {truth.dtype.kind, predicted.dtype.kind}
    if "U" in kinds and len(kinds) > 1:
        return truth.astype(str), predicted.astype(str)
    if "b" in kinds and len(kinds) > 1:
        return truth.astype(np.int64), predicted.astype(np.int64)
    return truth, predicted


def same_length(y: Shaped[np.ndarray, "..."], other: Shaped[np.ndarray, "..."], name: str) -> None:
    """Raise a DataError unless both have as many rows."""
    if len(y) != len(other):
        raise DataError(
            f"y has {len(y):,} rows and {name} {len(other):,}; they must be the same rows, in the "
            "same order."
        )


def codes_of(values: Labels, classes: tuple[Label, ...], name: str) -> Int[np.ndarray, " rows"]:
    """Return the place of every label among the classes.

    Raises:
        DataError: If a label is none of them.
    """
    known = np.array(classes)
    order = np.argsort(known, kind="stable")
    places = np.searchsorted(known[order], values)
    codes = order[np.minimum(places, len(order) - 1)]
    strange = known[codes] != values
    if strange.any():
        row = int(np.argmax(strange))
        listed = ", ".join(repr(label) for label in classes[:8]) + ", …" * (len(classes) > 8)
        raise DataError(
            f"{name} holds the label {values[row].item()!r} (row {row + 1}), which is none of the "
            f"classes {listed}. Correct the label, or name all classes with classes=."
        )
    return codes


def is_positive(y: Array, positive: Label | None) -> Bool[np.ndarray, " rows"]:
    """Return which rows are of the positive class.

    Args:
        y: One label a row, of two classes at most.
        positive: The positive label; by default 1 or True of 0 and 1, or of -1 and 1.

    Raises:
        DataError: If there are more than two classes, or it isn't said which is positive.
    """
    truth = labels(y, "y")
    found = [value.item() for value in np.unique(truth)]
    if positive is None:
        if not (set(found) <= {0, 1} or set(found) <= {-1, 1}):
            listed = ", ".join(repr(label) for label in found[:8]) + ", …" * (len(found) > 8)
            raise DataError(f"Which of the labels {listed} is the positive one? Say it: positive=.")
        return truth == 1
    if len(set(found) | {positive}) > 2:
        raise DataError(
            f"Two classes are expected; y holds {', '.join(map(repr, found[:8]))} beside the "
            f"positive {positive!r}. Give y == label to judge one class against the rest."
        )
    return truth == positive


def both_classes(truth: Bool[np.ndarray, " rows"], what: str) -> tuple[int, int]:
    """Return how many rows are positive and negative.

    Raises:
        DataError: If one of the classes has no row.
    """
    positives = int(np.count_nonzero(truth))
    negatives = len(truth) - positives
    if not positives or not negatives:
        missing = "positive" if negatives else "negative"
        raise DataError(f"{what} needs rows of both classes; no row of y is {missing}.")
    return positives, negatives


def _number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True
