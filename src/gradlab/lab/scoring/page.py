"""The report of a scorecard."""

from typing import TYPE_CHECKING

import numpy as np

from gradlab import report
from gradlab.lab.analysis import page_parts
from gradlab.lab.scoring.scorecard import Score, Scorecard
from gradlab.report.numbers import count, fixed, short

if TYPE_CHECKING:
    from gradlab.lab.scoring.study import ScoreStudy

MOST_CLASSES = 30
"""Classes up to which a confusion matrix can be read."""


def page_of(study: "ScoreStudy") -> report.PageContents:
    """Return everything that the report of scores shows."""
    card = study.card
    main = card.scores[0]
    sections = (_scores(card), _confusion(card), _ranking(card), _probabilities(card),
                _residuals(card))  # fmt: skip
    kinds = {"binary": "two classes", "multiclass": f"{len(card.classes)} classes"}
    files = [("scores.csv", "Every score with its interval")]
    if card.per_class:
        files.append(("classes.csv", "The scores of each class"))
    files.append(("results.json", "All results, curves included, for machines"))
    return page_parts.contents(
        title=f"Scores of {card.name}",
        kicker="Scores of predictions",
        question=f"How well do the predictions tell '{study.truth}', and how sure is that?",
        facts=(
            ("Predictions", study.source),
            ("Rows", count(card.n_rows, "row")),
            ("Task", kinds.get(card.kind, "numbers")),
            ("Positive class", "" if card.positive is None else str(card.positive)),
            ("Costs", _costs(card) if card.kind == "binary" else ""),
        ),
        answer=card.sentences,
        card=report.Card(
            main.name[:1].upper() + main.name[1:],
            _value(main),
            f"{_interval(main)}{', ' if _interval(main) else ''}"
            + (f"{_number(main.no_skill, main)} without any skill" if main.no_skill is not None
               else ""),
        ),
        sections=tuple(section for section in sections if section),
        method=_method(card),
        notes=study.notes,
        files=tuple(files),
        command=study.command,
    )  # fmt: skip


def _number(value: float | None, score: Score) -> str:
    return fixed(value, 3) if score.unit == "share" else short(value)


def _value(score: Score) -> str:
    return _number(score.value, score)


def _interval(score: Score) -> str:
    if score.low is None or score.high is None:
        return ""
    return f"[{_number(score.low, score)}, {_number(score.high, score)}]"


def _costs(card: Scorecard) -> str:
    alarm, miss = card.costs
    return f"false alarm {alarm:g}, miss {miss:g}"


def _scores(card: Scorecard) -> report.Section:
    from gradlab.plots.intervals import intervals_figure

    shares = [score for score in card.scores if score.unit == "share" and score.value is not None]
    parts: list[report.Part] = []
    if len(shares) > 1:
        figure = intervals_figure(
            [score.name for score in shares],
            [float(score.value or 0.0) for score in shares],
            [score.low for score in shares],
            [score.high for score in shares],
            no_skill=[score.no_skill for score in shares],
            level=card.level,
        )
        parts.append(
            report.plot(
                "scores",
                figure,
                title=f"Scores with their {100 * card.level:g} % intervals",
                description="Dots for scores with their intervals.",
                how_to_read=(
                    "An interval tells how much a score would vary with other test rows of the "
                    "same kind. Where it reaches what knowing nothing would score, nothing is "
                    "shown."
                ),
                wide=True,
            )
        )
    listed = report.Table(
        "All scores",
        ("score", "value", "low", "high", "without skill", "what it is"),
        [
            (score.name, score.value, score.low, score.high, score.no_skill,
             score.note or score.meaning)
            for score in card.scores
        ],
    )  # fmt: skip
    parts.append(report.Listing("all", listed))
    return report.Section("Scores", (), tuple(parts))


def _confusion(card: Scorecard) -> report.Section | None:
    if card.confusion is None:
        return None
    from gradlab.plots.confusion import confusion_figure

    parts: list[report.Part] = []
    if len(card.classes) <= MOST_CLASSES:
        parts.append(
            report.plot(
                "confusion",
                confusion_figure(card.confusion),
                title="Confusion matrix: what the model said, by what was true",
                description="Table of colours of the model's answers by the true classes.",
                how_to_read=(
                    "A column is a true class, and its numbers say what the model called it. All "
                    "on the diagonal would be perfect; a dark field off it is a usual mistake."
                ),
                table=_matrix(card),
            )
        )
    if card.per_class:
        names = [score.name for score in card.per_class[0].scores]
        listed = report.Table(
            "Scores of each class against the rest",
            ("class", "rows", "called so", *names),
            [
                (str(row.label), row.actual, row.called, *(s.value for s in row.scores))
                for row in card.per_class
            ],
        )
        parts.append(report.Listing("classes", listed))
    return report.Section("Which classes are confused", (), tuple(parts)) if parts else None


def _matrix(card: Scorecard) -> report.Table | None:
    matrix = card.confusion
    if matrix is None:
        return None
    names = tuple(str(label) for label in matrix.classes)
    return report.Table(
        "Rows by answer of the model (lines) and true class (columns)",
        ("answer", *names),
        [(name, *map(int, line)) for name, line in zip(names, matrix.counts, strict=True)],
    )


def _ranking(card: Scorecard) -> report.Section | None:
    if card.roc is None or card.precision_recall is None:
        return None
    from gradlab.plots.precision_recall import precision_recall_figure
    from gradlab.plots.roc import roc_figure

    chosen = None if card.threshold is None else float(card.threshold.threshold)
    return report.Section(
        "How well the scores order the rows",
        (),
        (
            report.plot(
                "roc",
                roc_figure(card.roc, band=card.roc_band, chosen=chosen),
                title="ROC curve",
                description="ROC curve: true positive rate over false positive rate.",
                how_to_read=(
                    "The farther above the diagonal, the better the order. Each point is a "
                    "threshold; the star is the one of least cost."
                ),
            ),
            report.plot(
                "precision-recall",
                precision_recall_figure(
                    card.precision_recall, band=card.precision_recall_band, chosen=chosen
                ),
                title="Precision and recall",
                description="Precision over recall.",
                how_to_read=(
                    "What share of the rows called positive is so, by how many of the positive "
                    "ones are found. With rare positives it says more than ROC does."
                ),
            ),
        ),
    )


def _probabilities(card: Scorecard) -> report.Section | None:
    parts: list[report.Part] = []
    if card.calibration is not None:
        from gradlab.plots.calibration import calibration_figure

        of = "of the positive class" if card.kind == "binary" else "of the answer"
        parts.append(
            report.plot(
                "calibration",
                calibration_figure(card.calibration, of=of),
                title="Calibration: what happened, by the probability that was said",
                description="Share that happened over the probability that was said.",
                how_to_read=(
                    "On the diagonal, probabilities can be taken at their word. Points below it "
                    "promised too much, above it too little."
                ),
            )
        )
    if card.threshold is not None:
        from gradlab.plots.thresholds import threshold_figure

        figure = threshold_figure(card.threshold, applied=card.applied_threshold)
        parts.append(
            report.plot(
                "threshold",
                figure,
                title=f"Cost a row by threshold ({_costs(card)})",
                description="Line of the cost a row over the threshold.",
                how_to_read="The lowest point is the threshold that costs least.",
            )
        )
    if not parts:
        return None
    return report.Section("Probabilities and threshold", (), tuple(parts))


def _residuals(card: Scorecard) -> report.Section | None:
    if card.kind != "regression" or not len(card.y):
        return None
    from gradlab.plots.residuals import residual_figure

    y, prediction = np.asarray(card.y, float), np.asarray(card.prediction, float)
    sentences = ()
    if card.r2_forms is not None and card.r2_forms.differ:
        sentences = (card.r2_forms.sentence,)
    parts = []
    outputs = y.T if y.ndim == 2 else y[None]
    said = prediction.T if prediction.ndim == 2 else prediction[None]
    for i, (own, told) in enumerate(list(zip(outputs, said, strict=True))[:4]):
        which = f", step {i + 1}" if len(outputs) > 1 else ""
        parts.append(
            report.plot(
                f"residuals-{i + 1}",
                residual_figure(own, told),
                title=f"Truth and residuals by prediction{which}",
                description="Truth over prediction, and residuals below.",
                how_to_read=(
                    "Good residuals scatter evenly about 0. A line off 0 is a lean or a curve that "
                    "was missed; a band that widens says that some predictions are less sure."
                ),
                wide=True,
            )
        )
    return report.Section("What is left", sentences, tuple(parts))


def _method(card: Scorecard) -> tuple[report.MethodItem, ...]:
    methods = sorted({score.method for score in card.scores if score.method})
    return (
        report.MethodItem(
            "Intervals",
            f"{100 * card.level:g} %: {', '.join(methods)}. They tell how scores vary with other "
            "test rows, not with other training rows or seeds.",
        ),
    )
