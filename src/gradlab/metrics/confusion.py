"""The confusion matrix, oriented as in the documents, and the counts that rates are made of."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int, Int64

from gradlab.errors import DataError
from gradlab.metrics.checks import Array, Label, codes_of, is_positive, paired_labels


class Cells(NamedTuple):
    """The four counts of two classes; true or false: the model is right or wrong."""

    true_negatives: int
    false_negatives: int
    false_positives: int
    true_positives: int


class Confusion(NamedTuple):
    """Rows of one class that the model took for another."""

    actual: Label
    model: Label
    rows: int
    share: float  # of the rows that are of the actual class


@dataclass(frozen=True, eq=False)
class Tallies:
    """Three counts for every class, on which all rates rest; leading axes are resamples.

    Attributes:
        hits: Rows of the class that the model gave it (true positives).
        called: Rows that the model gave the class.
        actual: Rows of the class.
    """

    hits: Float64[np.ndarray, "*resamples classes"]
    called: Float64[np.ndarray, "*resamples classes"]
    actual: Float64[np.ndarray, "*resamples classes"]

    @property
    def rows(self) -> Float64[np.ndarray, "*resamples 1"]:
        """All rows."""
        return self.actual.sum(axis=-1, keepdims=True)

    @property
    def false_positives(self) -> Float64[np.ndarray, "*resamples classes"]:
        """Rows of another class that the model gave the class."""
        return self.called - self.hits

    @property
    def false_negatives(self) -> Float64[np.ndarray, "*resamples classes"]:
        """Rows of the class that the model gave another."""
        return self.actual - self.hits

    @property
    def true_negatives(self) -> Float64[np.ndarray, "*resamples classes"]:
        """Rows that neither are of the class nor were given it."""
        return self.rows - self.called - self.false_negatives

    @property
    def terms(self) -> Float64[np.ndarray, "*resamples terms"]:
        """Hits, called and actual in one row of terms, to be summed."""
        return np.concatenate([self.hits, self.called, self.actual], axis=-1)


def tallies_from(terms: Float64[np.ndarray, "*resamples terms"]) -> Tallies:
    """Return the tallies that `Tallies.terms` wrote in one row."""
    hits, called, actual = np.split(terms, 3, axis=-1)
    return Tallies(hits, called, actual)


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """How often each answer was given to each class.

    Attributes:
        counts: Rows are the model's answers, columns the actual classes, as in the documents: of
            two classes, with the negative one first, ((TN, FN), (FP, TP)). `transposed` has
            scikit-learn's orientation.
        classes: Labels, in the order of rows and columns.
    """

    counts: Int64[np.ndarray, "model actual"]
    classes: tuple[Label, ...]

    @property
    def transposed(self) -> Int64[np.ndarray, "actual model"]:
        """The counts with a row for each actual class, as `sklearn.metrics.confusion_matrix`."""
        return self.counts.T

    @property
    def n_rows(self) -> int:
        """All rows that were answered."""
        return int(self.counts.sum())

    @property
    def n_right(self) -> int:
        """Rows with the right answer."""
        return int(np.trace(self.counts))

    @property
    def tallies(self) -> Tallies:
        """Hits, answers and rows of every class."""
        counts = self.counts.astype(np.float64)
        return Tallies(np.diag(counts), counts.sum(axis=1), counts.sum(axis=0))

    def of(self, positive: Label | None = None) -> Cells:
        """Return the four counts of one class against the rest.

        Args:
            positive: The class; by default the second of 0 and 1, -1 and 1, or False and True.

        Raises:
            DataError: If there is no such class, or it isn't said which one is positive.
        """
        place = self.place(positive)
        hits, called, actual = (
            int(each[place]) for each in (np.diag(self.counts), *_margins(self.counts))
        )
        return Cells(
            true_negatives=self.n_rows - called - actual + hits,
            false_negatives=actual - hits,
            false_positives=called - hits,
            true_positives=hits,
        )

    def place(self, positive: Label | None = None) -> int:
        """Return the place of the positive class; see `of`."""
        if positive is None:
            is_positive(np.array(self.classes), None)  # refuses labels that don't tell
            positive = 1
        # A positive label that never occurs is as good a class: all its counts are 0.
        place = [i for i, label in enumerate(self.classes) if label == positive]
        if not place:
            listed = ", ".join(repr(label) for label in self.classes[:8])
            raise DataError(f"There is no class {positive!r}. The classes are {listed}.")
        return place[0]

    def confusions(self) -> list[Confusion]:
        """Return which classes were taken for which, the most frequent first."""
        actual = self.counts.sum(axis=0)
        wrong = self.counts - np.diag(np.diag(self.counts))
        order = np.argsort(-wrong, axis=None, kind="stable")
        places = zip(*np.unravel_index(order, wrong.shape), strict=True)
        return [
            Confusion(
                self.classes[true], self.classes[given], int(count), float(count / actual[true])
            )
            for given, true in places
            if (count := wrong[given, true]) > 0
        ]


def confusion_matrix(
    y: Array, prediction: Array, *, classes: tuple[Label, ...] | None = None
) -> ConfusionMatrix:
    """Count every pair of answer and class.

    Args:
        y: True labels, one a row.
        prediction: The model's labels.
        classes: All labels in the wanted order; by default those that occur, sorted.

    Raises:
        DataError: If the lengths differ, labels are missing, or one is none of the classes.

    >>> matrix = confusion_matrix([0, 0, 0, 1, 1], [0, 0, 1, 1, 0])
    >>> matrix.counts.tolist()  # ((TN, FN), (FP, TP))
    [[2, 1], [1, 1]]
    >>> matrix.of(1)
    Cells(true_negatives=2, false_negatives=1, false_positives=1, true_positives=1)
    """
    truth, predicted = paired_labels(y, prediction)
    if classes is None:
        found = np.unique(np.concatenate([truth, predicted]))
        classes = tuple(value.item() for value in found)
    actual = codes_of(truth, classes, "y")
    given = codes_of(predicted, classes, "prediction")
    return ConfusionMatrix(confusion_counts(given, actual, len(classes)), tuple(classes))


def confusion_counts(
    given: Int[np.ndarray, " rows"], actual: Int[np.ndarray, " rows"], n_classes: int
) -> Int64[np.ndarray, "model actual"]:
    """Count every pair of codes of classes, 0 to n_classes - 1."""
    counts = np.bincount(given * n_classes + actual, minlength=n_classes * n_classes)
    return counts.reshape(n_classes, n_classes).astype(np.int64)


def _margins(counts: Int64[np.ndarray, "model actual"]) -> tuple[np.ndarray, np.ndarray]:
    return counts.sum(axis=1), counts.sum(axis=0)
