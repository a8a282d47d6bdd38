"""The targets: which classes or numbers they are, and whether they are coded soundly."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Shaped

from gradlab.doctor.evidence import TaskName
from gradlab.errors import DataError

LabelProblem = Literal[
    "constant", "not_finite", "one_hot_sums", "collapsed", "negative", "not_classes"
]
"""constant: one answer for all rows; not_finite: some are NaN or infinite; one_hot_sums: rows of
0s and a 1 that have another sum; collapsed: fractions up to 1, which become 0 where whole numbers
are read; negative: class numbers below 0 beyond two classes; not_classes: about as many labels as
rows."""


@dataclass(frozen=True)
class Answers:
    """Targets in the form in which checks compare them.

    Attributes:
        codes: Class of each row (or of each step, row after row), 0..n_classes-1; None of numbers.
        numbers: Targets as numbers, one row an example; a column an output.
        n_classes: Classes; None of numbers.
        labels: What each class is called in the targets; None for numbers.
        per_row: Whether there is one answer a row.
        problems: Of the coding.
    """

    codes: Int[np.ndarray, " answers"] | None
    numbers: Float[np.ndarray, "rows outputs"]
    n_classes: int | None
    labels: Float[np.ndarray, " classes"] | None
    per_row: bool
    problems: tuple[LabelProblem, ...]


def read_answers(
    y: Shaped[np.ndarray, "rows ..."],
    task: TaskName,
    *,
    lengths: Int[np.ndarray, " rows"] | None = None,
    like: Answers | None = None,
) -> Answers:
    """Read targets as the loss gets them: class numbers, one-hot rows, 0/1 columns or numbers.

    Args:
        y: (rows,), (rows, outputs), (rows, steps) of class numbers, (rows, steps, classes) of 0s
            and 1s, or of the inputs' shape.
        task: What is to be answered.
        lengths: Real steps, where there is a class for each step.
        like: Answers whose classes these are to share; one not among them gets a number beyond.

    Raises:
        DataError: If the targets are not numbers.

    >>> read_answers(np.array([[0.0, 1.0], [1.0, 0.0]]), "multiclass").codes.tolist()
    [1, 0]
    """
    if y.dtype.kind not in "buif":
        raise DataError(f"Expected targets as numbers; they have dtype {y.dtype}. Encode them.")
    classes = task in ("binary", "multiclass")
    if classes and y.ndim == 3:  # a class for every step
        y = y.argmax(2)
    numbers = y.reshape(len(y), -1).astype(np.float64)
    problems: list[LabelProblem] = []
    if not np.isfinite(numbers).all():
        problems.append("not_finite")
        numbers = np.nan_to_num(numbers, posinf=0.0, neginf=0.0)
    if not classes:
        if len(numbers) > 1 and (numbers == numbers[0]).all():
            problems.append("constant")
        return Answers(None, numbers, None, None, True, tuple(problems))
    a_step = numbers.shape[1] > 1 and _one_class_a_step(y, numbers)
    if numbers.shape[1] > 1 and not a_step:
        if not np.allclose(numbers.sum(1), 1.0, atol=1e-3):
            problems.append("one_hot_sums")
        codes, labels = numbers.argmax(1), np.arange(numbers.shape[1]) * 1.0
    else:
        real = np.ones(numbers.shape, bool)
        if lengths is not None and a_step:
            real = np.arange(numbers.shape[1])[None, :] < lengths[:, None]
        labels, codes = np.unique(numbers[real], return_inverse=True)
        if not a_step:
            problems += _single_problems(labels, task, len(y))
        if like is not None and like.labels is not None:
            place = np.searchsorted(like.labels, labels).clip(max=len(like.labels) - 1)
            place = np.where(like.labels[place] == labels, place, len(like.labels))
            labels, codes = like.labels, place[codes]
    if len(codes) > 1 and codes.min() == codes.max():
        problems.append("constant")
    return Answers(codes, numbers, len(labels), labels, not a_step, tuple(problems))


def class_counts(answers: Answers) -> Int[np.ndarray, " classes"] | None:
    """Return how many answers each class has; None of numbers."""
    if answers.codes is None:
        return None
    return np.bincount(answers.codes, minlength=answers.n_classes or 0)


def trivial_score(train: Answers, judged: Answers, task: TaskName) -> float:
    """Return the score of always answering what is commonest in training; 0 for numbers.

    The score is the share of right answers, of all outputs where there are several questions.

    >>> labels = read_answers(np.array([0, 0, 1]), "binary")
    >>> round(trivial_score(labels, labels, "binary"), 3)
    0.667
    """
    if task in ("regression", "reconstruction"):
        return 0.0
    if task == "multilabel":
        answer = train.numbers.mean(0) > 0.5
        return float(((judged.numbers > 0.5) == answer[None, :]).mean())
    assert train.codes is not None
    assert judged.codes is not None
    return float(np.mean(judged.codes == np.bincount(train.codes).argmax()))


def in_blocks(answers: Answers) -> bool | None:
    """Return whether equal labels stand together, or numbers are sorted; None if too few to tell.

    Labels in an order of chance change n (1 - Σ p²) times from row to row; in blocks they change
    less than a tenth as often. Numbers are sorted if their ranks follow the row number, |r| ≥ 0.99.

    >>> in_blocks(read_answers(np.repeat([0, 1], 50), "binary"))
    True
    """
    n = len(answers.numbers)
    if n < 20 or not answers.per_row or "constant" in answers.problems:
        return None
    if answers.codes is not None:
        shares = np.bincount(answers.codes) / n
        by_chance = (n - 1) * (1.0 - np.sum(shares**2))
        changes = int(np.sum(answers.codes[1:] != answers.codes[:-1]))
        return bool(by_chance >= 10 and changes < 0.1 * by_chance)
    if answers.numbers.shape[1] > 1:
        return None
    ranks = np.argsort(np.argsort(answers.numbers[:, 0], kind="stable"), kind="stable")
    return bool(abs(np.corrcoef(ranks, np.arange(n))[0, 1]) >= 0.99)


def _one_class_a_step(y: np.ndarray, numbers: np.ndarray) -> bool:
    if y.ndim != 2 or y.dtype.kind not in "iu":
        return False
    one_hot = (numbers >= 0).all() and (numbers <= 1).all() and (numbers.sum(1) == 1).mean() > 0.5
    return not one_hot


def _single_problems(values: np.ndarray, task: TaskName, n_rows: int) -> list[LabelProblem]:
    problems: list[LabelProblem] = []
    fractions = values != np.round(values)
    if task == "multiclass" and len(values) > 1:
        if fractions.any() and (values >= 0).all() and (values <= 1).all():
            problems.append("collapsed")
        elif (values < 0).any():
            problems.append("negative")
    if len(values) > max(20, n_rows // 2):
        problems.append("not_classes")
    return problems
