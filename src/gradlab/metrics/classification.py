"""Measures of labels: rates of one class, averages over classes, and measures of agreement.

Rates are functions of the counts of a confusion matrix, written once as such: the same line gives
the score, its value for every class, and its values on thousands of resamples.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Float64

from gradlab.errors import DataError
from gradlab.metrics.checks import Array, Label
from gradlab.metrics.confusion import Tallies, confusion_matrix
from gradlab.scalars import Scalar

Average = Literal["binary", "macro", "micro", "weighted"]
"""Of the positive class; the mean over classes; over all rows together; by rows of the class."""

PerClass = Float64[np.ndarray, "*resamples classes"]
PerResample = Float64[np.ndarray, "*resamples"] | np.float64

# Rates of every class, NaN where the denominator is 0


def sensitivities(counts: Tallies) -> PerClass:
    """TP / (TP + FN) of every class."""
    return _ratio(counts.hits, counts.actual)


def specificities(counts: Tallies) -> PerClass:
    """TN / (TN + FP) of every class."""
    return _ratio(counts.true_negatives, counts.rows - counts.actual)


def precisions(counts: Tallies) -> PerClass:
    """TP / (TP + FP) of every class."""
    return _ratio(counts.hits, counts.called)


def negative_predictive_values(counts: Tallies) -> PerClass:
    """TN / (TN + FN) of every class."""
    return _ratio(counts.true_negatives, counts.rows - counts.called)


def false_alarm_rates(counts: Tallies) -> PerClass:
    """FP / (FP + TN) of every class."""
    return _ratio(counts.false_positives, counts.rows - counts.actual)


def f_scores(counts: Tallies, beta: Scalar = 1.0) -> PerClass:
    """(1 + β²) TP / ((1 + β²) TP + β² FN + FP) of every class."""
    weight = float(beta) ** 2
    return _ratio((1 + weight) * counts.hits, weight * counts.actual + counts.called)


# Measures of all classes together


def accuracies(counts: Tallies) -> PerResample:
    """Right answers / rows."""
    return counts.hits.sum(axis=-1) / counts.rows[..., 0]


def balanced_accuracies(counts: Tallies) -> PerResample:
    """Mean sensitivity of the classes that have rows."""
    present = counts.actual > 0
    rates = np.where(present, sensitivities(counts), 0.0)
    return rates.sum(axis=-1) / present.sum(axis=-1)


def matthews_correlations(counts: Tallies) -> PerResample:
    """Correlation of truth and answer; 0 where either is constant."""
    n = counts.rows[..., 0]
    agreement = counts.hits.sum(axis=-1) * n - (counts.called * counts.actual).sum(axis=-1)
    spread = (n**2 - (counts.called**2).sum(axis=-1)) * (n**2 - (counts.actual**2).sum(axis=-1))
    return np.where(spread > 0, agreement / np.sqrt(np.where(spread > 0, spread, 1.0)), 0.0)


def kappas(counts: Tallies) -> PerResample:
    """(agreement - agreement by chance) / (1 - agreement by chance)."""
    n = counts.rows[..., 0]
    observed = counts.hits.sum(axis=-1) / n
    chance = (counts.called * counts.actual).sum(axis=-1) / n**2
    return np.where(chance < 1, (observed - chance) / np.where(chance < 1, 1 - chance, 1.0), np.nan)


# Scores of labels


def accuracy(y: Array, prediction: Array) -> float:
    """Return the share of right answers, (TN + TP) / (TN + TP + FN + FP).

    It assumes that all rows count alike: of 10 malignant tumours among 1,000, answering "benign"
    always is right 99 times of 100 and finds none. Look at `recall` and `balanced_accuracy` too.

    >>> accuracy([0, 0, 1, 1], [0, 0, 1, 0])
    0.75
    """
    return float(accuracies(confusion_matrix(y, prediction).tallies))


def balanced_accuracy(y: Array, prediction: Array) -> float:
    """Return the mean over the classes of their recall; 1 / classes for a constant answer.

    >>> balanced_accuracy([0] * 990 + [1] * 10, [0] * 1000)
    0.5
    """
    return float(balanced_accuracies(confusion_matrix(y, prediction).tallies))


def recall(
    y: Array,
    prediction: Array,
    *,
    positive: Label | None = None,
    average: Average = "binary",
    undefined: Scalar = 0.0,
) -> float:
    """Return TP / (TP + FN): which share of the positive rows is found.

    Also called sensitivity or true positive rate (TPR); both names exist.

    Args:
        y: True labels, one a row.
        prediction: The model's labels.
        positive: The positive class; by default 1 or True.
        average: "binary" for the positive class; "macro", "micro" or "weighted" over all classes.
        undefined: What to answer where there is nothing to divide by, here no positive row.

    Raises:
        DataError: If the lengths differ, labels are missing, or the positive class is unknown.

    >>> recall([0, 0, 1, 1], [0, 0, 1, 0])
    0.5
    """
    return _averaged(sensitivities, y, prediction, positive, average, undefined)


sensitivity = recall
true_positive_rate = recall


def specificity(
    y: Array,
    prediction: Array,
    *,
    positive: Label | None = None,
    average: Average = "binary",
    undefined: Scalar = 0.0,
) -> float:
    """Return TN / (TN + FP): which share of the negative rows is left alone.

    Also called true negative rate. The documents print TN / (TN + FN), which is
    `negative_predictive_value`, a share of the rows that the model calls negative.

    Args:
        y, prediction, positive, average, undefined: As for `recall`; undefined without negatives.

    >>> specificity([0, 0, 0, 1], [0, 0, 1, 0])
    0.6666666666666666
    """
    return _averaged(specificities, y, prediction, positive, average, undefined)


true_negative_rate = specificity


def negative_predictive_value(
    y: Array,
    prediction: Array,
    *,
    positive: Label | None = None,
    average: Average = "binary",
    undefined: Scalar = 0.0,
) -> float:
    """Return TN / (TN + FN): how far to trust the answer "negative".

    Args:
        y, prediction, positive, average, undefined: As for `recall`; undefined where no row is
            called negative.

    >>> negative_predictive_value([0, 0, 0, 1, 1], [0, 0, 1, 0, 0])
    0.5
    """
    return _averaged(negative_predictive_values, y, prediction, positive, average, undefined)


def precision(
    y: Array,
    prediction: Array,
    *,
    positive: Label | None = None,
    average: Average = "binary",
    undefined: Scalar = 0.0,
) -> float:
    """Return TP / (TP + FP): how far to trust the answer "positive".

    Args:
        y, prediction, positive, average, undefined: As for `recall`; undefined where no row is
            called positive, and 0 then, as scikit-learn and tf.metrics have it.

    >>> precision([0, 0, 1, 1], [0, 1, 1, 0])
    0.5
    >>> precision([0, 0, 1, 1], [0, 0, 0, 0], undefined=float("nan"))  # nothing is called positive
    nan
    """
    return _averaged(precisions, y, prediction, positive, average, undefined)


def false_alarm_rate(
    y: Array,
    prediction: Array,
    *,
    positive: Label | None = None,
    average: Average = "binary",
    undefined: Scalar = 0.0,
) -> float:
    """Return FP / (FP + TN) = 1 - specificity: which share of the negative rows alarms.

    Also called false positive rate (FPR).

    Args:
        y, prediction, positive, average, undefined: As for `recall`; undefined without negatives.

    >>> false_alarm_rate([0, 0, 0, 0, 1], [0, 0, 0, 1, 1])
    0.25
    """
    return _averaged(false_alarm_rates, y, prediction, positive, average, undefined)


false_positive_rate = false_alarm_rate


def f_score(
    y: Array,
    prediction: Array,
    *,
    beta: Scalar = 1.0,
    positive: Label | None = None,
    average: Average = "binary",
    undefined: Scalar = 0.0,
) -> float:
    """Return the weighted harmonic mean of precision P and recall R.

        F_β = (1 + β²) P R / (β² P + R),  F1 = 2 P R / (P + R)

    Args:
        y, prediction, positive, average, undefined: As for `recall`; undefined where no row is
            positive or called so.
        beta: How many times as much recall counts, over 0.

    Raises:
        DataError: If beta is not over 0, or as for `recall`.

    >>> round(f_score([0, 0, 1, 1, 1], [0, 1, 1, 1, 0]), 3)
    0.667
    """
    if not beta > 0:
        raise DataError(f"F-beta needs beta over 0; got {beta}. Use precision for beta = 0.")

    def scores(counts: Tallies) -> PerClass:
        return f_scores(counts, beta)

    return _averaged(scores, y, prediction, positive, average, undefined)


def matthews(y: Array, prediction: Array) -> float:
    """Return Matthews' correlation of truth and answer, -1 to 1; 0 for a constant answer.

    Of two classes it is (TP TN - FP FN) / √((TP + FP)(TP + FN)(TN + FP)(TN + FN)); high only if all
    four rates are good. For more classes: Gorodkin 2004, eq. 8.

    >>> matthews([0, 0, 1, 1], [0, 0, 1, 1])
    1.0
    """
    return float(matthews_correlations(confusion_matrix(y, prediction).tallies))


def cohen_kappa(y: Array, prediction: Array) -> float:
    """Return the agreement beyond chance, (p_o - p_e) / (1 - p_e): 1 for all right, 0 for chance.

    p_o is the accuracy, p_e that of independent answers with the same frequencies.

    Raises:
        DataError: If truth and answers are one and the same class throughout.

    >>> cohen_kappa([0, 0, 1, 1], [0, 0, 1, 0])
    0.5
    """
    value = float(kappas(confusion_matrix(y, prediction).tallies))
    if np.isnan(value):
        raise DataError("Cohen's kappa needs two classes; all truths and answers are one class.")
    return value


def _averaged(
    rates: Callable[[Tallies], PerClass],
    y: Array,
    prediction: Array,
    positive: Label | None,
    average: Average,
    undefined: Scalar,
) -> float:
    matrix = confusion_matrix(y, prediction)
    if average == "binary":
        if len(matrix.classes) > 2:
            raise DataError(
                f"There are {len(matrix.classes)} classes, so a rate of the positive class says "
                'little. Give average="macro", "micro" or "weighted", or labels == class.'
            )
        if positive is not None and positive not in matrix.classes and len(matrix.classes) < 2:
            matrix = confusion_matrix(y, prediction, classes=(*matrix.classes, positive))
        elif positive is None and matrix.classes in ((0,), (-1,)):
            matrix = confusion_matrix(y, prediction, classes=(*matrix.classes, 1))
        value = rates(matrix.tallies)[matrix.place(positive)]
        return float(undefined) if np.isnan(value) else float(value)
    return float(averaged(rates, matrix.tallies, average, undefined))


def averaged(
    rates: Callable[[Tallies], PerClass],
    counts: Tallies,
    average: Literal["macro", "micro", "weighted"],
    undefined: Scalar = 0.0,
) -> PerResample:
    """Return a rate averaged over classes; classes where it is undefined count as `undefined`."""
    if average == "micro":
        tn, actual, called = counts.true_negatives, counts.actual, counts.called
        hits = counts.hits.sum(axis=-1, keepdims=True)
        # One class against the rest, summed over the classes; the other column is the rest.
        pooled = Tallies(
            np.concatenate([tn.sum(axis=-1, keepdims=True), hits], axis=-1),
            np.concatenate(
                [
                    (counts.rows - called).sum(axis=-1, keepdims=True),
                    called.sum(axis=-1, keepdims=True),
                ],
                axis=-1,
            ),
            np.concatenate(
                [
                    (counts.rows - actual).sum(axis=-1, keepdims=True),
                    actual.sum(axis=-1, keepdims=True),
                ],
                axis=-1,
            ),
        )
        values = rates(pooled)[..., 1]
        return np.where(np.isnan(values), float(undefined), values)
    values = rates(counts)
    values = np.where(np.isnan(values), float(undefined), values)
    if average == "weighted":
        return (values * counts.actual).sum(axis=-1) / counts.rows[..., 0]
    occurring = counts.actual + counts.called > 0
    return np.where(occurring, values, 0.0).sum(axis=-1) / occurring.sum(axis=-1)


def _ratio(part: PerClass, whole: PerClass) -> PerClass:
    whole = np.broadcast_to(whole, np.broadcast_shapes(part.shape, whole.shape))
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
