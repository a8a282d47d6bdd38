"""Scoring predictions: every measure that fits, with its interval, and what to conclude."""

from dataclasses import replace

import numpy as np

from gradlab.errors import DataError, unknown
from gradlab.lab.scoring.conclusions import conclude
from gradlab.lab.scoring.labels import score_labels
from gradlab.lab.scoring.numbers import score_numbers
from gradlab.lab.scoring.predictions import Predictions as Predictions
from gradlab.lab.scoring.predictions import read_predictions as read_predictions
from gradlab.lab.scoring.scorecard import Scorecard
from gradlab.metrics.checks import Array, Label, labels
from gradlab.metrics.resampling import check_level

KINDS = ("auto", "binary", "multiclass", "regression")

MAX_INTEGER_CLASSES = 20
"""Whole numbers with more distinct values than this are a quantity, not labels."""


def score_predictions(
    y: Array,
    prediction: Array | None = None,
    scores: Array | None = None,
    *,
    kind: str = "auto",
    classes: tuple[Label, ...] | list[Label] | None = None,
    positive: Label | None = None,
    cost: tuple[float | int, float | int] | None = None,
    prevalence: float | None = None,
    groups: Array | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    name: str = "predictions",
) -> Scorecard:
    """Score predictions by every measure that fits them, each with its confidence interval.

    Intervals are Wilson's for shares of rows and the bootstrap (BCa) for all else. They tell how
    much the scores would vary with other test rows of the same kind; not how much with other
    training rows or seeds, which a study (`compare`) tells.

    Args:
        y: Truth: labels, or numbers of shape (rows,) or (rows, outputs).
        prediction: What the model said; by default what the scores say: the class of the highest,
            or the positive one from a probability of 0.5 (any other score: from 0).
        scores: Of classes: one for the positive class, shape (rows,), or one for every class,
            shape (rows, classes). Log loss, Brier score and calibration need probabilities.
        kind: "binary", "multiclass" or "regression"; "auto" takes text, booleans, and whole
            numbers of at most 20 values for labels.
        classes: All labels, in the order of the columns of scores; by default those that occur,
            sorted.
        positive: Positive class of two; by default 1, True or a word such as "yes", else the
            second of the classes.
        cost: Costs of a false alarm and of a miss, for the threshold; by default 1 and 1.
        prevalence: Share of positive rows where the model will be used, for the threshold; by
            default their share here.
        groups: Group of each row, where rows belong together; intervals are wider then.
        level: Of all intervals.
        n_resamples: Of the bootstrap.
        seed: Of the bootstrap.
        name: Of the model, for people.

    Raises:
        DataError: If lengths differ, values are missing, a label is none of the classes, only one
            class occurs, or scores don't fit the classes.

    >>> card = score_predictions(["no"] * 990 + ["yes"] * 10, ["no"] * 1000)
    >>> card.sentences[0]
    "Accuracy 0.990 [0.982, 0.995] is no better than always answering 'no' (0.990)."
    >>> card.score("sensitivity").value, card.score("precision").value
    (0.0, None)
    """
    if prediction is None and scores is None:
        raise DataError("There is nothing to score: give prediction=, or scores=, or both.")
    check_level(level)
    regression, notes = _is_regression(y, prediction, scores, classes, positive, kind)
    if regression:
        if prediction is None or scores is not None:
            raise DataError(
                "Scores of classes make no sense for a quantity. Give the predicted numbers as "
                "prediction=, or kind='binary' or kind='multiclass'."
            )
        card = score_numbers(
            y, prediction, groups=groups, level=level, n_resamples=n_resamples, seed=seed
        )
    else:
        card = score_labels(
            y,
            prediction,
            scores,
            classes=classes,
            positive=positive,
            binary=kind == "binary",
            cost=cost,
            prevalence=prevalence,
            groups=groups,
            level=level,
            n_resamples=n_resamples,
            seed=seed,
        )
    card = replace(card, name=name, notes=(*notes, *card.notes))
    return replace(card, sentences=conclude(card))


def _is_regression(
    y: Array,
    prediction: Array | None,
    scores: Array | None,
    classes: tuple[Label, ...] | list[Label] | None,
    positive: Label | None,
    kind: str,
) -> tuple[bool, list[str]]:
    """Return whether the values are a quantity, and what to tell about that choice."""
    if kind not in KINDS:
        raise DataError(unknown("kind", kind, KINDS))
    if kind != "auto":
        return kind == "regression", []
    if scores is not None or classes is not None or positive is not None:
        return False, []
    named = {"y": y, "prediction": prediction}
    arrays = {what: np.asarray(each) for what, each in named.items() if each is not None}
    if any(array.ndim > 1 for array in arrays.values()):
        return True, []
    found = [labels(array, what) for what, array in arrays.items()]
    if any(array.dtype.kind in "Ub" for array in found):
        return False, []
    if any(array.dtype.kind == "f" for array in found):
        return True, []
    n_distinct, n_rows = len(np.unique(np.concatenate(found))), len(found[0])
    if n_distinct <= 2:
        return False, []
    few = n_distinct <= MAX_INTEGER_CLASSES and 3 * n_distinct <= n_rows
    taken, other = ("classes", "regression") if few else ("a quantity", "multiclass")
    said = f"{n_distinct} distinct whole numbers are taken for {taken}"
    return not few, [f"{said} (kind='{other}' for the other)."]
