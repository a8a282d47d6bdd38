"""Truth, predictions and scores of the same rows, read from a table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from gradlab.data.columns import clean, resolve, target_values
from gradlab.data.readers import KINDS
from gradlab.data.tables import read_table
from gradlab.errors import DataError, suggest
from gradlab.metrics.checks import WHOLE, Label

PREDICTED = "predicted "
PROBABILITY = re.compile(r"p\((.*)\)")


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a table holds of each row.

    Attributes:
        y: Truth: labels or numbers, shape (rows,), or (rows, outputs).
        prediction: What the model said, of the same shape; None if only scores are there.
        scores: Score of one class (rows,), or of every class (rows, classes); None without.
        classes: Classes of the columns of scores; None without.
        name: The column of the truth.
    """

    y: np.ndarray
    prediction: np.ndarray | None
    scores: np.ndarray | None
    classes: tuple[Label, ...] | None
    name: str


def read_predictions(
    path: str | Path,
    *,
    truth: str | Sequence[str] | None = None,
    predicted: str | Sequence[str] | None = None,
    scores: Sequence[str] | None = None,
    truth_from: str | Path | None = None,
) -> Predictions:
    """Read truth, predictions and scores from columns of a table.

    Columns as `gradlab predict` writes them are found by their names: "predicted X" for the
    prediction, "p(label)" for the probability of each class, and X for the truth.

    Args:
        path: CSV, Parquet or another table.
        truth: Column of the truth, or one a step of a forecast; by default X.
        predicted: Column of the prediction, or one a step; by default "predicted X", if there.
        scores: Columns of scores; one for the positive class, or one for every class, in the order
            of the sorted labels unless they are named "p(label)". By default all "p(label)".
        truth_from: Another table with the truth, with the same rows in the same order: the data
            that was predicted.

    Raises:
        DataError: If a file can't be read, a column is not there, a cell is empty, the truth is
            the prediction, or the tables differ in length.
    """
    frame = _frame(Path(path))
    source = frame if truth_from is None else _frame(Path(truth_from))
    if len(source) != len(frame):
        raise DataError(
            f"{truth_from} has {len(source):,} rows and {path} {len(frame):,}; they must be the "
            "same rows, in the same order. Predict again for that very file."
        )
    where = str(path)
    predicted_names = _predicted(predicted, frame, where)
    truth_names = _truth(truth, predicted_names, source, str(truth_from or path))
    twice = [name for name in truth_names if name in predicted_names]
    if twice and truth_from is None:
        raise DataError(
            f"'{twice[0]}' of {where} is named as both truth and prediction, so it would be "
            "compared with itself. Name another column with truth= or predicted=."
        )
    score_names = _listed(scores) or [name for name in frame.columns if PROBABILITY.fullmatch(name)]
    score_names = [_column(name, frame, "scores", where) for name in score_names]
    if not predicted_names and not score_names:
        raise DataError(
            f"{path} holds neither a prediction nor scores that I know by name ('predicted X', "
            f"'p(label)'). Name the column with predicted=, or scores=. Columns: "
            f"{', '.join(frame.columns[:12])}."
        )
    y = _values(source, truth_names, str(truth_from or path))
    prediction = _values(frame, predicted_names, where) if predicted_names else None
    table = None
    if score_names:
        table = _values(frame, score_names, where)
        if table.dtype.kind not in "fiub":
            raise DataError(f"The scores in {path} are no numbers: {', '.join(score_names)}.")
        table = table.astype(np.float64)
    matches = [PROBABILITY.fullmatch(name) for name in score_names]
    found = [match[1] for match in matches if match is not None]
    classes = None
    if table is not None and len(found) == len(score_names):
        if table.ndim == 2:
            classes = _as_in(y, prediction, found)
        else:
            table, classes = _of_one_column(table, found[0], y, prediction)
    return Predictions(y, prediction, table, classes, truth_names[0])


def _frame(path: Path) -> pl.DataFrame:
    suffixes = [ending.lower() for ending in path.suffixes if ending.lower() != ".gz"]
    kind = KINDS.get(suffixes[-1] if suffixes else "", "text")
    if kind not in ("text", "parquet", "arrow", "json"):
        raise DataError(f"{path} is no table. Give predictions as CSV, Parquet, Arrow or .jsonl.")
    frame, _ = read_table(path, kind, True if kind == "text" else None, None)
    return clean(frame)


def _predicted(given: str | Sequence[str] | None, frame: pl.DataFrame, where: str) -> list[str]:
    if given is not None:
        return [_column(name, frame, "predicted", where) for name in _listed(given)]
    found = [name for name in frame.columns if name.startswith(PREDICTED)]
    steps = [re.sub(r" \+\d+$", "", name) for name in found]
    if len(found) > 1 and (len(set(steps)) > 1 or steps == found):
        raise DataError(
            f"{where} holds several predictions: {', '.join(found)}. Say which with predicted=."
        )
    return found


def _truth(
    given: str | Sequence[str] | None, predicted: list[str], source: pl.DataFrame, where: str
) -> list[str]:
    if given is not None:
        return [_column(name, source, "truth", where) for name in _listed(given)]
    if not predicted:
        raise DataError(f"Which column of {where} is the truth? Name it with truth=.")
    names = [name.removeprefix(PREDICTED) for name in predicted]
    missing = [name for name in names if name not in source.columns]
    if missing or any(not name.startswith(PREDICTED) for name in predicted):
        what = f" There is no column '{missing[0]}'." if missing else ""
        raise DataError(
            f"Which column of {where} is the truth?{what} Name it with truth=, or give the data "
            f"that was predicted as truth_from=.{suggest(names[0], source.columns)}"
        )
    return names


def _listed(names: str | Sequence[str] | None) -> list[str]:
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(names)


def _column(name: str, frame: pl.DataFrame, role: str, where: str) -> str:
    return resolve(name, frame.columns, role, where)


def _values(frame: pl.DataFrame, names: list[str], where: str) -> np.ndarray:
    columns = []
    for name in names:
        column = frame[name]
        if column.null_count():
            row = int(column.is_null().arg_max() or 0) + 1
            raise DataError(
                f"Column '{name}' of {where} has {column.null_count():,} empty cells, the first "
                f"in row {row}. Leave these rows out, or fill them in."
            )
        columns.append(target_values(column, where))
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def _of_one_column(
    scores: np.ndarray, name: str, y: np.ndarray, prediction: np.ndarray | None
) -> tuple[np.ndarray, tuple[Label, ...] | None]:
    """Return the columns of both classes, where the one that is there names a class of two."""
    known = _known(y, prediction)
    labels = set(known.values())
    if len(labels) != 2 or name not in known or len({isinstance(x, str) for x in labels}) > 1:
        return scores, None
    other = 1 - scores if scores.min() >= 0 and scores.max() <= 1 else -scores
    first, second = sorted(labels)  # type: ignore[type-var]
    # In the order that both columns would have, so that the same class is the positive one.
    pair = [scores, other] if known[name] == first else [other, scores]
    return np.column_stack(pair), (first, second)


def _known(y: np.ndarray, prediction: np.ndarray | None) -> dict[str, Label]:
    """Return the labels that occur by their names, and by these in lower case."""
    known: dict[str, Label] = {}
    for values in (y, prediction):
        for value in () if values is None else np.unique(values):
            plain = value.item() if isinstance(value, np.generic) else value
            if isinstance(plain, float) and plain.is_integer() and abs(plain) < WHOLE:
                plain = int(plain)
            known.setdefault(str(plain), plain)
            known.setdefault(str(plain).lower(), plain)
    return known


def _as_in(y: np.ndarray, prediction: np.ndarray | None, names: list[str]) -> tuple[Label, ...]:
    """Return the names of classes as labels of the truth's type: "1" is 1 if labels are numbers."""
    known = _known(y, prediction)
    numeric = all(isinstance(label, int | float) for label in known.values())

    def label(name: str) -> Label:
        if name in known:
            return known[name]
        if numeric:
            try:
                return int(name)
            except ValueError:
                return name
        return name

    return tuple(label(name) for name in names)
