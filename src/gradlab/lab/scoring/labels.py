"""The scorecard of predicted labels, and of scores that order rows."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from gradlab.lab.scoring.given_labels import Codes, GivenLabels, given_labels
from gradlab.lab.scoring.intervals import Intervals
from gradlab.lab.scoring.scorecard import ClassScores, Score, Scorecard
from gradlab.metrics import classification as rates
from gradlab.metrics.calibration import (
    Calibration,
    calibration,
    log_losses,
    squared_distances,
)
from gradlab.metrics.checks import (
    Array,
    Label,
    same_length,
)
from gradlab.metrics.classification import averaged
from gradlab.metrics.confusion import (
    ConfusionMatrix,
    Tallies,
    confusion_counts,
    tallies_from,
)
from gradlab.metrics.curves import (
    MOST_BINS,
    area_of_sums,
    auc_interval,
    average_precision_interval,
    binned,
    precision_recall,
    precision_recall_band,
    roc,
    roc_auc,
    roc_band,
)
from gradlab.metrics.resampling import Interval, Resampled, interval_from
from gradlab.metrics.thresholds import best_threshold

BINS_OF_ALL, LEAST_BINS = 1500, 15
"""Bins of all classes' curves together, and of each at least, for the interval of their mean."""


MEANINGS = {
    "accuracy": "right answers / rows",
    "balanced accuracy": "mean over the classes of the share that is found",
    "sensitivity": "TP / (TP + FN), also recall or true positive rate",
    "specificity": "TN / (TN + FP), also true negative rate",
    "precision": "TP / (TP + FP)",
    "negative predictive value": "TN / (TN + FN)",
    "false alarm rate": "FP / (FP + TN) = 1 − specificity",
    "F1": "2 · precision · sensitivity / (precision + sensitivity)",
    "Matthews correlation": "correlation of truth and answer, −1 to 1",
    "Cohen's kappa": "agreement beyond chance, 1 for all right",
    "macro precision": "mean of the classes' precisions",
    "macro F1": "mean of the classes' F1",
    "weighted F1": "mean of the classes' F1, weighted by their rows",
    "AUC": "area under the ROC curve: how often a positive row scores over a negative one",
    "macro AUC": "mean over the classes of the AUC of each against the rest",
    "average precision": "area under the precision-recall curve, by steps",
    "log loss": "mean of −log(probability of the true class), in nats",
    "Brier score": "mean squared distance of the probabilities from what happened",
    "calibration error": "mean distance of probability and frequency in 10 bins (ECE)",
    "cost a row": "mean cost of false alarms and misses",
}


def score_labels(
    y: Array,
    prediction: Array | None,
    scores: Array | None,
    *,
    classes: tuple[Label, ...] | list[Label] | None,
    positive: Label | None,
    binary: bool,
    cost: tuple[float | int, float | int] | None,
    prevalence: float | None,
    groups: Array | None,
    level: float,
    n_resamples: int,
    seed: int,
) -> Scorecard:
    """Return the scorecard of a classification; see `score_predictions`."""
    known = given_labels(y, prediction, scores, classes=classes, positive=positive, binary=binary)
    names = np.array(known.classes)
    if groups is not None:
        same_length(known.actual, np.asarray(groups), "groups")
    intervals = Intervals(len(known.actual), groups, level, n_resamples, seed)
    rows = _Rows(known.actual, known.given, len(known.classes), intervals)
    counts = confusion_counts(known.given, known.actual, len(known.classes))
    card = Scorecard(
        kind="binary" if len(known.classes) == 2 else "multiclass",
        name="",
        n_rows=len(known.actual),
        level=level,
        sentences=(),
        notes=(*known.notes, *intervals.notes),
        scores=(),
        per_class=tuple(_of_class(code, label, rows) for code, label in enumerate(known.classes)),
        classes=known.classes,
        positive=known.positive,
        confusion=ConfusionMatrix(counts, known.classes),
        costs=(float(cost[0]), float(cost[1])) if cost else (1.0, 1.0),
        y=names[known.actual],
        prediction=names[known.given],
    )
    if card.kind == "binary":
        return _binary(card, rows, known, prevalence, seed)
    return _multiclass(card, rows, known, seed)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows as codes of classes, with the terms of every rate."""

    actual: Codes
    given: Codes
    n_classes: int
    intervals: Intervals

    @cached_property
    def tallies(self) -> Tallies:
        """Counts over all rows."""
        return tallies_from(np.asarray(self.terms.sum(axis=0), dtype=np.float64))

    @cached_property
    def resampled(self) -> Resampled | None:
        """Counts over all resamples."""
        return self.intervals.resample(self.terms)

    @cached_property
    def terms(self) -> Any:
        """Hits, answers and rows of each class; sparse, with a row for each row."""
        from scipy.sparse import csr_array

        n, k = len(self.actual), self.n_classes
        right = np.flatnonzero(self.actual == self.given)
        row = np.concatenate([right, np.arange(n), np.arange(n)])
        column = np.concatenate([self.actual[right], k + self.given, 2 * k + self.actual])
        return csr_array((np.ones(len(row)), (row, column)), (n, 3 * k))

    def rate(
        self, score: Score, measure: Callable[[Tallies], Any], hits: Any, whole: Any, code: int
    ) -> Score:
        """Return a rate of one class: its share of rows, with Wilson's interval or by groups."""
        return self.intervals.share(
            score,
            float(hits[code]),
            float(whole[code]),
            self.resampled,
            lambda sums: measure(tallies_from(sums))[..., code],
        )

    def overall(self, name: str, measure: Callable[[Tallies], Any], **about: Any) -> Score:
        """Return a measure of all classes."""
        value = float(measure(self.tallies))
        score = _score(name, value if math.isfinite(value) else None, **about)
        if score.value is None:
            return score
        return self.intervals.of_sums(
            score, self.resampled, lambda sums: measure(tallies_from(sums))
        )


def _score(
    name: str,
    value: float | None = None,
    *,
    higher_is_better: bool = True,
    no_skill: float | None = None,
    unit: str = "",
    note: str = "",
) -> Score:
    return Score(
        name,
        value,
        higher_is_better=higher_is_better,
        no_skill=no_skill,
        unit=unit,
        meaning=MEANINGS[name],
        note=note,
    )


def _of_class(code: int, label: Label, rows: _Rows) -> ClassScores:
    """Return the scores of one class against the rest."""
    counts = rows.tallies
    hits, called, actual = counts.hits, counts.called, counts.actual
    never = "" if called[code] else f"undefined: no row was called {label!r}"
    absent = "" if actual[code] else f"undefined: no row is {label!r}"
    return ClassScores(
        label=label,
        actual=int(actual[code]),
        called=int(called[code]),
        scores=(
            rows.rate(_score("sensitivity", note=absent), rates.sensitivities, hits, actual, code),
            rows.rate(_score("precision", note=never), rates.precisions, hits, called, code),
            _f1(code, rows),
            rows.rate(
                _score("specificity"),
                rates.specificities,
                counts.true_negatives,
                rows.tallies.rows - actual,
                code,
            ),
        ),
    )


def _f1(code: int, rows: _Rows, **about: Any) -> Score:
    value = float(rates.f_scores(rows.tallies)[code])
    if not math.isfinite(value):
        return _score("F1", note="undefined: the class neither occurs nor is called", **about)
    return rows.intervals.of_sums(
        _score("F1", value, unit="share", **about),
        rows.resampled,
        lambda sums: rates.f_scores(tallies_from(sums))[..., code],
    )


def _accuracy(rows: _Rows) -> Score:
    counts = rows.tallies
    n = float(counts.rows[0])
    return rows.intervals.share(
        _score("accuracy", no_skill=float(counts.actual.max() / n)),
        float(counts.hits.sum()),
        n,
        rows.resampled,
        lambda sums: rates.accuracies(tallies_from(sums)),
    )


def _agreement(rows: _Rows) -> list[Score]:
    return [
        rows.overall("Matthews correlation", rates.matthews_correlations, no_skill=0.0),
        rows.overall("Cohen's kappa", rates.kappas, no_skill=0.0),
    ]


def _binary(
    card: Scorecard,
    rows: _Rows,
    known: GivenLabels,
    prevalence: float | None,
    seed: int,
) -> Scorecard:
    """Return the card with the scores of two classes."""
    scores, shares = known.scores, known.shares
    assert card.positive is not None
    code = card.classes.index(card.positive)
    counts = rows.tallies
    share = float(counts.actual[code] / counts.rows[0])
    negatives, other = counts.rows - counts.actual, counts.rows - counts.called
    named = {row.name: row for row in card.per_class[code].scores}
    classes_present = int(np.count_nonzero(counts.actual))
    found = [
        _accuracy(rows),
        rows.overall(
            "balanced accuracy",
            rates.balanced_accuracies,
            no_skill=1 / classes_present,
            unit="share",
        ),
        named["sensitivity"],
        named["specificity"],
        replace(named["precision"], no_skill=share),
        rows.rate(
            _score("negative predictive value", no_skill=1 - share, note=""),
            rates.negative_predictive_values,
            counts.true_negatives,
            other,
            code,
        ),
        rows.rate(
            _score("false alarm rate", higher_is_better=False),
            rates.false_alarm_rates,
            counts.false_positives,
            negatives,
            code,
        ),
        replace(named["F1"], no_skill=2 * share / (1 + share)),
        *_agreement(rows),
        _cost_score(card, rows, code, share),
    ]
    if scores is None:
        return replace(card, scores=tuple(found))
    truth = rows.actual == code
    card = replace(card, applied_threshold=_applied(scores, rows.given == code))
    if classes_present == 2:
        found += _order_scores(truth, scores, rows.intervals, share)
        resampler = rows.intervals.resampler
        card = replace(
            card,
            roc=roc(truth, scores),
            precision_recall=precision_recall(truth, scores),
            roc_band=roc_band(truth, scores, level=card.level, resampler=resampler),
            precision_recall_band=precision_recall_band(
                truth, scores, level=card.level, resampler=resampler
            ),
            threshold=best_threshold(
                truth,
                scores,
                false_positive_cost=card.costs[0],
                false_negative_cost=card.costs[1],
                prevalence=prevalence,
            ),
        )
    else:
        note = "Only one class has rows, so there are no curves and no threshold to choose."
        card = replace(card, notes=(*card.notes, note))
    if shares is None:
        note = "The scores are no probabilities: no log loss, Brier score or calibration."
        return replace(card, scores=tuple(found), notes=(*card.notes, note))
    curve = calibration(truth, shares, level=card.level, seed=seed)
    entropy = -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)
    found += _probability_scores(
        log_losses(truth, shares),
        squared_distances(truth, shares),
        curve,
        (truth, shares),
        (entropy + 0.0, share * (1 - share)),
        rows.intervals,
    )
    return replace(card, scores=tuple(found), calibration=curve)


def _multiclass(
    card: Scorecard,
    rows: _Rows,
    known: GivenLabels,
    seed: int,
) -> Scorecard:
    """Return the card with the scores of many classes."""
    scores, shares = known.scores, known.shares
    counts = rows.tallies
    frequency = counts.actual / counts.rows
    n_present = int(np.count_nonzero(counts.actual))
    found = [
        _accuracy(rows),
        rows.overall(
            "balanced accuracy", rates.balanced_accuracies, no_skill=1 / n_present, unit="share"
        ),
        rows.overall(
            "macro precision", lambda c: averaged(rates.precisions, c, "macro"), unit="share"
        ),
        rows.overall("macro F1", lambda c: averaged(rates.f_scores, c, "macro"), unit="share"),
        rows.overall(
            "weighted F1", lambda c: averaged(rates.f_scores, c, "weighted"), unit="share"
        ),
        *_agreement(rows),
    ]
    if scores is None:
        return replace(card, scores=tuple(found))
    if n_present > 1:
        found.append(_macro_auc(rows, scores))
    if shares is None:
        note = "The scores are no probabilities: no log loss, Brier score or calibration."
        return replace(card, scores=tuple(found), notes=(*card.notes, note))
    places = tuple(range(rows.n_classes))
    # Whether each answer is right, and how sure it was: the answer is the class that was given.
    right = rows.actual == rows.given
    sure = shares[np.arange(len(shares)), rows.given]
    curve = calibration(right, sure, level=card.level, seed=seed)
    entropy = float(-np.sum(frequency[frequency > 0] * np.log(frequency[frequency > 0])))
    found += _probability_scores(
        log_losses(rows.actual, shares, classes=places),
        squared_distances(rows.actual, shares, classes=places),
        curve,
        (right, sure),
        (entropy, float(1 - np.sum(frequency**2))),
        rows.intervals,
    )
    return replace(card, scores=tuple(found), calibration=curve)


def _order_scores(
    truth: Bool[np.ndarray, " rows"],
    scores: Float64[np.ndarray, " rows"],
    intervals: Intervals,
    share: float,
) -> list[Score]:
    """Return how well scores order the rows."""
    chosen = {"level": intervals.level, "resampler": intervals.resampler}
    area = _score("AUC", roc(truth, scores).auc, no_skill=0.5, unit="share")
    precise = _score(
        "average precision",
        precision_recall(truth, scores).average_precision,
        no_skill=share,
        unit="share",
    )
    return [
        intervals.attempted(area, lambda: auc_interval(truth, scores, **chosen)),
        intervals.attempted(precise, lambda: average_precision_interval(truth, scores, **chosen)),
    ]


def _macro_auc(rows: _Rows, scores: Float64[np.ndarray, "rows classes"]) -> Score:
    """Return the mean AUC of the classes that have rows, each against the rest."""
    intervals = rows.intervals
    present = [k for k in range(rows.n_classes) if np.count_nonzero(rows.actual == k) > 0]
    areas = [roc_auc(rows.actual == k, scores[:, k]) for k in present]
    exact = float(np.mean(areas))
    score = _score("macro AUC", exact, no_skill=0.5, unit="share")
    if not intervals.possible:
        return score
    most = min(max(BINS_OF_ALL // len(present), LEAST_BINS), MOST_BINS)

    def resampled() -> Interval:
        total = np.zeros(intervals.resampler.n_resamples)
        with np.errstate(invalid="ignore"):
            for k, area in zip(present, areas, strict=True):
                terms = binned(rows.actual == k, scores[:, k], most)
                near = area_of_sums(np.asarray(terms.sum(axis=0), dtype=np.float64))
                total += area_of_sums(intervals.resampler.sums(terms)) + (area - near)
        return interval_from(exact, np.minimum(total / len(present), 1.0), level=intervals.level)

    return intervals.attempted(score, resampled)


def _probability_scores(
    losses: Float64[np.ndarray, " rows"],
    distances: Float64[np.ndarray, " rows"],
    curve: Calibration,
    judged: tuple[Bool[np.ndarray, " rows"], Float64[np.ndarray, " rows"]],
    no_skill: tuple[float, float],
    intervals: Intervals,
) -> list[Score]:
    """Return log loss, Brier score and calibration error."""

    def mean(score: Score, values: Float64[np.ndarray, " rows"]) -> Score:
        terms = np.stack([values, np.ones(len(values))], axis=1)
        return intervals.of_sums(
            replace(score, value=float(values.mean())),
            intervals.resample(terms),
            lambda sums: sums[..., 0] / sums[..., 1],
        )

    said = f"chance alone gives up to {curve.error_by_chance:.3f} (95 %)"
    error = _score("calibration error", curve.error, higher_is_better=False, unit="share")
    return [
        mean(_score("log loss", higher_is_better=False, no_skill=no_skill[0]), losses),
        mean(_score("Brier score", higher_is_better=False, no_skill=no_skill[1]), distances),
        _calibration_error(replace(error, note=said), judged, intervals),
    ]


def _calibration_error(
    score: Score,
    judged: tuple[Bool[np.ndarray, " rows"], Float64[np.ndarray, " rows"]],
    intervals: Intervals,
) -> Score:
    """Return the calibration error with its interval: Σ over bins of |Σ (p - y)| / rows."""
    from scipy.sparse import csr_array

    truth, shares = judged
    place = np.searchsorted(np.linspace(0, 1, 11)[1:-1], shares, side="left")
    rows = np.arange(len(shares))
    gaps = csr_array(
        (
            np.concatenate([shares - truth, np.ones(len(rows))]),
            (np.concatenate([rows, rows]), np.concatenate([place, np.full(len(rows), 10)])),
        ),
        (len(rows), 11),
    )
    return intervals.of_sums(
        score,
        intervals.resample(gaps),
        lambda sums: np.abs(sums[..., :10]).sum(axis=-1) / sums[..., 10],
    )


def _cost_score(card: Scorecard, rows: _Rows, code: int, share: float) -> Score:
    """Return the mean cost of the answers as given."""
    alarm, miss = card.costs
    counts = rows.tallies

    def cost(counts: Tallies) -> Any:
        wrong = alarm * counts.false_positives + miss * counts.false_negatives
        return wrong[..., code] / counts.rows[..., 0]

    score = _score(
        "cost a row",
        float(cost(counts)),
        higher_is_better=False,
        no_skill=min(alarm * (1 - share), miss * share),
        note=f"a false alarm costs {alarm:g} and a miss {miss:g}",
    )
    return rows.intervals.of_sums(score, rows.resampled, lambda sums: cost(tallies_from(sums)))


def _applied(
    scores: Float64[np.ndarray, " rows"], called: Bool[np.ndarray, " rows"]
) -> float | None:
    """Return the threshold behind the answers; None if no threshold gives them."""
    if called.all() or not called.any():
        return None
    low, high = float(scores[called].min()), float(scores[~called].max())
    if low <= high:
        return None
    usual = [line for line in (0.5, 0.0) if high < line <= low]
    return usual[0] if usual else low - (low - high) / 2
