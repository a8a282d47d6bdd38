"""What a saved model says of data whose answers are known."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.data import FeatureTable, SequencePreprocessor, TextPreprocessor, features_like
from gradlab.data.readers import examples_like
from gradlab.data.unlabelled import Unlabelled, label_text, label_texts, load_unlabelled
from gradlab.errors import DataError
from gradlab.metrics.checks import Label
from gradlab.training.model import Model, load_model


@dataclass(frozen=True, eq=False)
class Answers:
    """Truth and answers of the same rows.

    Attributes:
        y: Truth.
        prediction: What the model says.
        scores: Probability of every class, (rows, classes); None of numbers.
        classes: Labels of these columns; None of numbers.
        truth: The column of the truth.
        notes: What was left out.
    """

    y: np.ndarray
    prediction: np.ndarray
    scores: np.ndarray | None
    classes: tuple[Label, ...] | None
    truth: str
    notes: tuple[str, ...]


def model_answers(
    path: Path, data: Any, *, truth: str | None = None, header: bool | None = None
) -> Answers:
    """Predict data with a saved model, and read the truth beside it.

    Args:
        path: The model file.
        data: Data of the kind that the model was trained on, with answers.
        truth: Column of the answers; by default the one that the model was trained on.
        header: Whether a text table's first row holds names.

    Raises:
        DataError: If model and data do not fit together, or no answer is known.
    """
    model = load_model(path)
    _check(model, path)
    if isinstance(model.preprocessor, SequencePreprocessor | TextPreprocessor):
        features, read = _ordered(data, model, truth, header)
    else:
        features, read = _rows(data, model, truth, header)
    assert read.labels is not None
    assert read.answers is not None
    known = np.array([label is not None for label in read.labels])
    if not known.any():
        raise DataError(f"'{read.label_name}' has no value in any row of {read.name}.")
    rows = np.flatnonzero(known)
    lost = len(known) - len(rows)
    notes = (f"{lost:,} rows without an answer are left out.",) if lost else ()
    notes = (_of_training(model), *notes)
    x, lengths = model.inputs(features), model.lengths(features)
    prediction = np.asarray(model.predict(x, lengths))[rows]
    if model.kind == "regression":
        y = _numbers(read.answers[rows], read.label_name)
        return Answers(y, prediction, None, None, read.label_name, notes)
    shares = np.asarray(model.predict_proba(x, lengths), np.float64)[rows]
    classes = tuple(model.classes)
    return Answers(
        _as_classes(read.labels[rows], classes, read.name),
        prediction,
        shares / shares.sum(axis=1, keepdims=True),
        classes,
        read.label_name,
        notes,
    )


def _ordered(
    data: Any, model: Model, truth: str | None, header: bool | None
) -> tuple[FeatureTable, Unlabelled]:
    """Read sequences or texts with their answers."""
    assert isinstance(model.preprocessor, SequencePreprocessor | TextPreprocessor)
    read = examples_like(
        data,
        model.preprocessor,
        target=truth or model.target_name,
        header=header,
        **model.reading,
    )
    assert read.y is not None
    if truth is not None and truth != read.target_name:
        raise DataError(
            f"{read.name} brings its answers along, '{read.target_name}'; truth={truth!r} can't be "
            "chosen. Leave it out."
        )
    return read.features, Unlabelled(
        read.name, read.features, label_texts(read.y), read.target_name, answers=read.y
    )


def _rows(
    data: Any, model: Model, truth: str | None, header: bool | None
) -> tuple[FeatureTable, Unlabelled]:
    """Read rows of a table, or pictures, with their answers."""
    assert model.preprocessor is not None
    features = features_like(data, model.preprocessor, header=header)
    read = _read(data, truth or model.target_name, header)
    if read.labels is None:
        raise DataError(
            f"{read.name} does not say what its rows are, so nothing can be scored. Give data "
            f"with the column '{model.target_name}'."
        )
    if len(read.labels) != features.n_rows:
        raise DataError(
            f"{read.name} has {len(read.labels):,} answers for {features.n_rows:,} rows that the "
            "model predicts. Give one answer a row."
        )
    return features, read


def _read(data: Any, truth: str, header: bool | None) -> Unlabelled:
    try:
        return load_unlabelled(data, target=truth, header=header)
    except DataError as error:
        # Sources that bring their answers along call them by a name of their own.
        try:
            read = load_unlabelled(data, header=header)
        except DataError:
            raise error from None
        if read.labels is None:
            raise error from None
        return read


def _check(model: Model, path: Path) -> None:
    if model.preprocessor is None:
        raise DataError(
            f"{path} was saved by an estimator without its preprocessing, so tables can't be "
            "given to it. Score it in Python with gradlab.lab.scoring.scores.score_predictions."
        )
    if model.interface.per_step:
        raise DataError(
            f"{path} tells the next token of a text at every place, which has no answer a row. "
            "Judge it in Python with gradlab.CharLanguageModel.bits_per_character."
        )
    if "horizon" in model.reading:
        raise DataError(
            f"{path} forecasts from the last window of each series, whose future the data does "
            "not hold. Judge forecasts in Python with gradlab.Forecaster.backtest, which makes "
            "them at many moments of the past, beside the naive ones."
        )


def _of_training(model: Model) -> str:
    """Say that rows a model was trained on flatter it, and what it scored on others."""
    name = "R²" if model.kind == "regression" else "accuracy"
    held_out = model.scores.get("test", model.scores.get("validation"))
    text = "Rows that the model was trained on flatter it: judge it by rows it has not seen."
    if held_out is None:
        return text
    return f"{text} On those held out when it was trained it had {name} {held_out:.4f}."


def _numbers(answers: np.ndarray, name: str) -> np.ndarray:
    try:
        return answers.astype(np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"The model predicts numbers, and '{name}' holds names (e.g. {answers[0]!r})."
        ) from None


def _as_classes(texts: np.ndarray, classes: tuple[Label, ...], where: str) -> np.ndarray:
    """Return answers as labels of the model's own type."""
    by_text = {label_text(label): label for label in classes}
    strange = sorted(set(texts.tolist()) - set(by_text))
    if strange:
        raise DataError(
            f"{where} has the class {strange[0]!r}, which the model does not know. Its classes: "
            f"{', '.join(list(by_text)[:20])}."
        )
    return np.array([by_text[text] for text in texts])
