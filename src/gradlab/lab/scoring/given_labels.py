"""Labels and scores as they are given, checked and brought to one form."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int, Shaped

from gradlab.errors import DataError
from gradlab.metrics.calibration import check_probabilities
from gradlab.metrics.checks import (
    Array,
    Label,
    codes_of,
    labels,
    numbers,
    paired_labels,
    same_length,
)

POSITIVE_WORDS = ("yes", "y", "true", "t", "positive", "pos", "+", "1")

Codes = Int[np.ndarray, " rows"]
Labels = Shaped[np.ndarray, " rows"]
Table = Float64[np.ndarray, " rows"] | Float64[np.ndarray, "rows classes"]


@dataclass(frozen=True, eq=False)
class GivenLabels:
    """Truth, answers and scores of the same rows.

    Attributes:
        actual, given: Places of the true and the answered class among the classes.
        classes: All labels.
        positive: The positive one of two; None of more.
        scores: Of the positive class (rows,), or of all (rows, classes); None without.
        shares: The scores if they are probabilities, else None.
        notes: What was assumed.
    """

    actual: Codes
    given: Codes
    classes: tuple[Label, ...]
    positive: Label | None
    scores: Table | None
    shares: Table | None
    notes: tuple[str, ...]


def given_labels(
    y: Array,
    prediction: Array | None,
    scores: Array | None,
    *,
    classes: tuple[Label, ...] | list[Label] | None,
    positive: Label | None,
    binary: bool,
) -> GivenLabels:
    """Return labels as places among the classes; arguments as for `score_predictions`."""
    truth, predicted = labels(y, "y"), None
    if prediction is not None:
        truth, predicted = paired_labels(y, prediction)
    table = None if scores is None else numbers(scores, "scores")
    if table is not None:
        same_length(truth, table, "scores")
    known = _classes(truth, predicted, classes, table, positive)
    if binary and len(known) != 2:
        raise DataError(f'kind="binary" needs 2 classes; there are {len(known)}.')
    notes: list[str] = []
    if len(known) == 2:
        positive = _positive(known, positive, notes)
    elif positive is not None:
        raise DataError(
            f"positive= is for two classes; there are {len(known)}. Score y == {positive!r} "
            "instead."
        )
    table = None if table is None else _scores(table, known, positive)
    shares = None if table is None else _probabilities(table)
    actual = codes_of(_as_classes(truth, known), known, "y")
    if predicted is not None:
        given = codes_of(_as_classes(predicted, known), known, "prediction")
    elif table is not None:
        given = _answers(table, known, positive, shares is not None, notes)
    else:
        raise DataError("There is nothing to score: give prediction=, or scores=, or both.")
    notes += [
        f"No row is {label!r}, so its sensitivity can't be known."
        for code, label in enumerate(known)
        if not np.any(actual == code)
    ]
    return GivenLabels(actual, given, known, positive, table, shares, tuple(notes))


def _classes(
    truth: Labels,
    predicted: Labels | None,
    classes: tuple[Label, ...] | list[Label] | None,
    table: Float64[np.ndarray, "..."] | None,
    positive: Label | None,
) -> tuple[Label, ...]:
    if classes is not None:
        known = tuple(each.item() if isinstance(each, np.generic) else each for each in classes)
        if len(set(known)) < len(known):
            raise DataError(f"A class is named twice: {', '.join(map(repr, known))}.")
    else:
        found = truth if predicted is None else np.concatenate([truth, predicted])
        known = tuple(value.item() for value in np.unique(found))
        if len(known) == 1 and positive is not None and positive not in known:
            known = (*known, positive)
    if len(known) < 2:
        raise DataError(
            f"Only one class occurs, {', '.join(map(repr, known))}: there is nothing to tell "
            "apart. Give rows of another class, or name all classes with classes=."
        )
    if table is not None and table.ndim == 2 and table.shape[1] not in (1, len(known)):
        raise DataError(
            f"There are {table.shape[1]} columns of scores and {len(known)} classes "
            f"({', '.join(map(repr, known[:8]))}). Name the class of each "
            "column with classes=, or call the columns of a table 'p(label)'."
        )
    return known


def _as_classes(values: Labels, known: tuple[Label, ...]) -> Labels:
    """Return labels as text where the classes are text."""
    is_text = all(isinstance(label, str) for label in known)
    return values.astype(str) if is_text and values.dtype.kind != "U" else values


def _positive(known: tuple[Label, ...], positive: Label | None, notes: list[str]) -> Label:
    if positive is not None:
        for label in known:
            if label == positive or str(label) == str(positive):
                return label
        raise DataError(
            f"positive={positive!r} is none of the classes {', '.join(map(repr, known))}."
        )
    if set(known) in ({0, 1}, {-1, 1}):
        return known[known.index(1)]
    words = [label for label in known if str(label).lower() in POSITIVE_WORDS]
    if len(words) == 1:
        return words[0]
    notes.append(f"{known[1]!r} is taken for the positive class; positive= names another.")
    return known[1]


def _scores(
    table: Float64[np.ndarray, "..."], known: tuple[Label, ...], positive: Label | None
) -> Table:
    """Return scores of the positive class (rows,), or of more classes (rows, classes)."""
    if table.ndim > 2:
        raise DataError(f"scores have shape (rows,) or (rows, classes); got {table.shape}.")
    if len(known) > 2:
        if table.ndim == 1 or table.shape[1] != len(known):
            raise DataError(
                f"With {len(known)} classes, scores need a column for each; got shape "
                f"{table.shape}."
            )
        return table
    if table.ndim == 1:
        return table
    return table[:, 0] if table.shape[1] == 1 else table[:, known.index(positive)]


def _probabilities(table: Table) -> Table | None:
    """Return scores if they are probabilities."""
    try:
        check_probabilities(table)
    except DataError:
        return None
    return table


def _answers(
    table: Table,
    known: tuple[Label, ...],
    positive: Label | None,
    are_probabilities: bool,
    notes: list[str],
) -> Codes:
    if table.ndim == 2:
        notes.append("The class with the highest score is taken for the prediction.")
        return table.argmax(axis=1)
    line = 0.5 if are_probabilities else 0.0
    notes.append(f"A score of at least {line:g} is taken for the answer {positive!r}.")
    place = [label == positive for label in known].index(True)
    return np.where(table >= line, place, 1 - place)
