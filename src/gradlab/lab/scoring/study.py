"""Scoring a table of predictions or a saved model, with a report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.data.unlabelled import label_text
from gradlab.errors import DataError, unknown
from gradlab.files import made_folder, write_whole
from gradlab.lab.analysis.results_folder import write_results
from gradlab.lab.scoring.scorecard import Scorecard
from gradlab.lab.scoring.scores import KINDS, read_predictions, score_predictions
from gradlab.metrics.checks import Label


@dataclass(frozen=True, eq=False)
class ScoreStudy:
    """A scorecard with what is needed to report it.

    Attributes:
        card: All scores, and what to conclude.
        truth: The column of the truth.
        source: Where predictions came from, in words.
        settings: What was asked for.
        notes: What was decided.
        command: That does it again; "" if the data came from memory.
    """

    card: Scorecard
    truth: str
    source: str
    settings: dict[str, Any]
    notes: tuple[str, ...]
    command: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to conclude, most important first."""
        return self.card.sentences

    def to_dict(self) -> dict[str, Any]:
        """Return the results for machines."""
        return {
            "command": self.command,
            "settings": self.settings,
            "truth": self.truth,
            "source": self.source,
            **self.card.to_dict(),
            "notes": list(self.notes),
        }

    def save(self, folder: str | Path) -> Path:
        """Write report.html, scores.csv and results.json into a folder."""
        folder = made_folder(folder)
        write_whole(folder / "scores.csv", self.card.table.write_csv())
        if self.card.per_class:
            write_whole(folder / "classes.csv", self.card.class_table.write_csv())
        self.report(folder / "report.html")
        write_results(folder, self.to_dict())
        return folder

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that works offline."""
        from gradlab.lab.scoring.page import page_of
        from gradlab.report import write_page

        return write_page(page_of(self), path)


def score_study(
    source: str | Path,
    data: str | Path | None = None,
    *,
    truth: str | None = None,
    predicted: str | None = None,
    scores: tuple[str, ...] | None = None,
    kind: str = "auto",
    positive: str | None = None,
    cost: tuple[float, float] | None = None,
    header: bool | None = None,
    seed: int = 0,
    command: str = "",
) -> ScoreStudy:
    """Score a table of predictions, or a saved model on data whose answers are known.

    Args:
        source: A table with truth and predictions, as `gradlab predict` writes these; or a model
            file, with `data`.
        data: What the model is to predict, with the column of the truth; or, beside a table of
            predictions, the table that holds the truth of the same rows.
        truth: Column of the truth; by default what the predictions are named after.
        predicted: Column of the prediction, of a table.
        scores: Columns of scores, of a table.
        kind: "binary", "multiclass" or "regression", of a table; "auto" finds it, see
            `score_predictions`. Of a quantity, scores of classes that are not named are left alone.
        positive: Positive class of two.
        cost: Costs of a false alarm and of a miss.
        header: Whether a text table's first row holds names, of the data of a model.
        seed: Of the bootstrap.
        command: The command that does it again, for the report.

    Raises:
        DataError: If something can't be read or does not fit together.
    """
    settings = {
        "truth": truth, "predicted": predicted, "kind": kind, "positive": positive, "cost": cost,
        "seed": seed,
    }  # fmt: skip
    if kind not in KINDS:
        raise DataError(unknown("kind", kind, KINDS))
    if _is_model(Path(source)):
        _refuse_columns(source, predicted, scores, kind)
        if data is None:
            raise DataError(
                f"{source} is a model; name the data that it is to be scored on: "
                f"gradlab score {source} DATA."
            )
        from gradlab.lab.scoring.model_answers import model_answers

        found = model_answers(Path(source), data, truth=truth, header=header)
        y, prediction, shares, classes = found.y, found.prediction, found.scores, found.classes
        truth_name, notes = found.truth, found.notes
        kind = "auto" if classes is not None else "regression"
        name, said = Path(source).stem, f"{source}, on {data}"
    else:
        if header is False:
            raise DataError(
                f"{source} is a table of predictions, whose columns are found by their names in "
                "row 1; header=False is for the data of a model. Write the names into row 1."
            )
        read = read_predictions(
            source, truth=truth, predicted=predicted, scores=scores, truth_from=data
        )
        y, prediction, shares, classes = read.y, read.prediction, read.scores, read.classes
        if kind == "regression" and scores is None:
            shares = classes = None
        truth_name, notes, name, said = read.name, (), Path(source).stem, str(source)
    card = score_predictions(
        y,
        prediction,
        shares,
        kind=kind,
        classes=classes,
        positive=_label(positive, y, classes),
        cost=cost,
        seed=seed,
        name=name,
    )
    return ScoreStudy(
        card=card,
        truth=truth_name,
        source=said,
        settings=settings,
        notes=(*notes, *card.notes),
        command=command,
    )


def _is_model(path: Path) -> bool:
    return path.suffix.lower() == ".safetensors"


def _refuse_columns(
    model: str | Path, predicted: str | None, scores: tuple[str, ...] | None, kind: str
) -> None:
    given = {"predicted": predicted, "scores": scores, "kind": None if kind == "auto" else kind}
    for name, value in given.items():
        if value is not None:
            raise DataError(
                f"{model} is a model, which predicts by itself; {name}= is for a table of "
                "predictions. Leave it out."
            )


def _label(positive: str | None, y: np.ndarray, classes: tuple[Label, ...] | None) -> Label | None:
    """Return a label that was typed as the one of the data that it stands for."""
    if positive is None:
        return None
    known = list(classes) if classes else list(dict.fromkeys(np.ravel(y).tolist()))
    for label in known:
        if positive in (str(label), label_text(label)):
            return label
    return positive
