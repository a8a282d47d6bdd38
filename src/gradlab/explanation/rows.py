"""Rows of a data source with their answers, for a saved model."""

from typing import Any

import numpy as np
from jaxtyping import Shaped

from gradlab.data import FeatureTable, features_like
from gradlab.data.unlabelled import load_unlabelled
from gradlab.errors import DataError
from gradlab.training.model import Model


def rows_of(
    model: Model,
    data: Any,
    *,
    first: int = 0,
    count: int = 1,
    target: str | None = None,
    header: bool | None = None,
) -> tuple[FeatureTable, Shaped[np.ndarray, " rows"]]:
    """Return some rows of a source and their true answers.

    Args:
        model: That is to be explained.
        data: Whatever `load_dataset` takes, with the answers.
        first: First row, from 0.
        count: How many.
        target: Column of the answers; by default the one that the model was trained on.
        header: Whether a text table's first row holds names.

    Raises:
        DataError: If model and data do not fit, there are no such rows, or their answers are
            missing.
    """
    if model.preprocessor is None:
        raise DataError(
            "This model was saved by an estimator without its preprocessing, so it can't take a "
            "table. Explain it in Python: gl.explain(gl.load_model(…), X, y) with scaled X."
        )
    if model.interface.per_step or model.reading:
        raise DataError(
            "This model reads series or texts, whose answers stand in no column of their own. "
            "Explain it in Python: gl.explain(gl.load_model(…), X, y)."
        )
    features = features_like(data, model.preprocessor, header=header)
    if first < 0 or count < 1 or first + count > features.n_rows:
        raise DataError(
            f"The data has {features.n_rows:,} rows, from 0 to {features.n_rows - 1:,}; rows "
            f"{first} to {first + count - 1} were asked for."
        )
    rows = np.arange(first, first + count)
    answers = _answers(data, target or model.target_name, header)[rows]
    missing = [int(row) for row, answer in zip(rows, answers, strict=True) if answer is None]
    if missing:
        raise DataError(f"Row {missing[0]} has no answer; a step needs the truth. Choose another.")
    return features.take(rows), answers


def _answers(data: Any, target: str, header: bool | None) -> np.ndarray:
    try:
        read = load_unlabelled(data, target=target, header=header)
    except DataError as error:
        # Sources that bring their answers along call them by a name of their own.
        try:
            read = load_unlabelled(data, header=header)
        except DataError:
            raise error from None
        if read.labels is None:
            raise error from None
    if read.answers is None:
        raise DataError(
            f"{read.name} does not say what its rows are, and a step needs the truth. Give data "
            f"with the column '{target}'."
        )
    return np.asarray(read.answers)
