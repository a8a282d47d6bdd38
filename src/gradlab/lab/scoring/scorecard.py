"""What is known about a model's predictions: every score with its interval, and what follows."""

import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gradlab.metrics.calibration import Calibration
from gradlab.metrics.checks import Label
from gradlab.metrics.confusion import ConfusionMatrix
from gradlab.metrics.curves import Band, PrecisionRecallCurve, RocCurve
from gradlab.metrics.regression import R2Forms
from gradlab.metrics.thresholds import ThresholdChoice

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Score:
    """One measure of the predictions.

    Attributes:
        name: Such as "balanced accuracy"; unique in a scorecard.
        value: None where it is undefined; the note says why.
        low, high: Ends of its interval; None where there is none.
        method: How the interval was made: "Wilson", "bootstrap (BCa)", …; "" without one.
        higher_is_better: None where neither is, as for a share that is called positive.
        no_skill: What predictions that know nothing of the row score: the commonest class, the mean
            of y, a random order. None where no such number is fixed.
        unit: "share" for 0 to 1, "y" and "y²" for units of the target, "" for others.
        meaning: The measure in words, with its formula.
        note: What a reader must know of this value, or "".
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    method: str = ""
    higher_is_better: bool | None = True
    no_skill: float | None = None
    unit: str = ""
    meaning: str = ""
    note: str = ""


@dataclass(frozen=True)
class ClassScores:
    """The scores of one class against the rest.

    Attributes:
        label: The class.
        actual: Rows of it.
        called: Rows that the model gave it.
        scores: Sensitivity, precision, F1 and specificity, each with its interval.
    """

    label: Label
    actual: int
    called: int
    scores: tuple[Score, ...]

    def score(self, name: str) -> Score:
        """Return a score by its name; KeyError if there is none."""
        return _named(self.scores, name)


@dataclass(frozen=True)
class Scorecard:
    """Everything that truth, predictions and scores of the same rows tell.

    Attributes:
        kind: What sort of task was scored.
        name: Of the model or the file, for people.
        n_rows: Rows scored.
        level: Of every interval.
        sentences: What to conclude, the main thing first.
        notes: What was assumed or left out.
        scores: The measures, the main one first.
        per_class: One row a class; empty for regression.
        classes: Labels, in the order of matrix and probabilities.
        positive: The positive class of two, or None.
        confusion: Rows model, columns actual; None for regression.
        roc, roc_band, precision_recall, precision_recall_band: Of two classes, where scores are
            given; else None.
        calibration: Of the positive class, or of the answer where there are more than two; None
            without probabilities.
        threshold: Of least cost, of two classes with scores; None else.
        costs: Costs of a false alarm and of a miss that the threshold rests on.
        applied_threshold: The threshold behind the predictions; None if not known.
        r2_forms: Both forms of R² and why they differ; None for classes or a constant target.
        y, prediction: Truth and prediction of every row, for pictures; not in `to_dict`.
    """

    kind: Kind
    name: str
    n_rows: int
    level: float
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    scores: tuple[Score, ...]
    per_class: tuple[ClassScores, ...] = ()
    classes: tuple[Label, ...] = ()
    positive: Label | None = None
    confusion: ConfusionMatrix | None = None
    roc: RocCurve | None = None
    roc_band: Band | None = None
    precision_recall: PrecisionRecallCurve | None = None
    precision_recall_band: Band | None = None
    calibration: Calibration | None = None
    threshold: ThresholdChoice | None = None
    costs: tuple[float, float] = (1.0, 1.0)
    applied_threshold: float | None = None
    r2_forms: R2Forms | None = None
    y: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    prediction: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)

    def score(self, name: str) -> Score:
        """Return a score by its name; KeyError if there is none."""
        return _named(self.scores, name)

    @property
    def table(self) -> "pl.DataFrame":
        """One row a measure: measure, value, low, high, method, no_skill, note."""
        return _table(self.scores)

    @property
    def class_table(self) -> "pl.DataFrame":
        """One row a class and measure: class, actual, called, measure, value, low, high, …."""
        import polars as pl

        if not self.per_class:
            return pl.DataFrame()
        return pl.concat(
            _table(row.scores).select(
                pl.lit(str(row.label)).alias("class"),
                pl.lit(row.actual).alias("actual"),
                pl.lit(row.called).alias("called"),
                pl.all(),
            )
            for row in self.per_class
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the rows as plain values, ready for JSON.

        Curves keep 1,000 points at most. Numbers that JSON lacks become None: so the threshold of
        a curve's first point, which is infinite.
        """
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in ("y", "prediction"):
            del values[name]
        for name in ("roc", "precision_recall", "threshold"):
            if values[name] is not None:
                values[name] = values[name].thinned()
        return _plain(values)


def _named(scores: tuple[Score, ...], name: str) -> Score:
    for score in scores:
        if score.name == name:
            return score
    raise KeyError(f"{name}; there are {', '.join(score.name for score in scores)}")


def _table(scores: tuple[Score, ...]) -> "pl.DataFrame":
    import polars as pl

    text, number = pl.String, pl.Float64
    columns = {
        "value": number, "low": number, "high": number, "method": text, "no_skill": number,
        "note": text,
    }  # fmt: skip
    data = {"measure": [score.name for score in scores]}
    data |= {column: [getattr(score, column) for score in scores] for column in columns}
    return pl.DataFrame(data, schema={"measure": text, **columns})


def _plain(value: Any) -> Any:
    """Return a value made of dictionaries, lists, text, booleans and finite numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
