"""From a source to a task: read, split and scaled."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from gradlab.data import (
    AnyPreprocessor,
    Dataset,
    Preprocessor,
    TextPreprocessor,
    fit_preprocessor,
    in_vocabulary,
    load_dataset,
    split_rows,
)
from gradlab.errors import DataError
from gradlab.lab.design import cells_of, check_effect
from gradlab.lab.first_layers import with_reducers
from gradlab.lab.question import Question, Source
from gradlab.lab.resamples import resampled
from gradlab.lab.snapshot import ARRAYS, read_arrays
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task, make_task


def read_data(data: Any, source: Source) -> Dataset:
    """Return the data set that a source describes."""
    reconstructs = source.task == "reconstruction"
    if isinstance(data, Dataset):
        return _reconstructed(data) if reconstructs else data
    dataset = load_dataset(
        data,
        target=source.target,
        task="auto" if reconstructs else source.task,
        groups=source.groups,
        time=source.time,
        test=source.test,
        drop=source.drop,
        header=source.header,
        series=source.series,
        text=source.text,
        tokens=source.tokens,
        window=source.window,
        horizon=source.horizon,
        image_size=source.image_size,
        unreadable=source.unreadable,
    )
    return _reconstructed(dataset) if reconstructs else dataset


def _reconstructed(dataset: Dataset) -> Dataset:
    """Return the data set with its inputs as what is to be answered."""
    if dataset.features.texts is not None:
        raise DataError(
            f"{dataset.name} holds texts, and task=reconstruction reproduces numbers. Leave task "
            "out to learn the classes, or which token comes next."
        )
    return dataclasses.replace(dataset, task="reconstruction")


def read_kept(source: Source) -> Dataset:
    """Return the data set of a study that may have kept a snapshot of it."""
    if source.snapshot and source.path.endswith(ARRAYS):
        return read_arrays(Path(source.path))
    return read_data(source.path, source)


def preprocessor_for(
    dataset: Dataset,
    rows: Int[np.ndarray, " training"],
    recipes: Iterable[Recipe],
    *,
    scaling: str,
) -> AnyPreprocessor:
    """Return what turns a data set's rows into inputs, fitted on its training rows.

    Images that no recipe looks at as such are rows of pixels, each scaled by itself.
    """
    features = dataset.features
    if features.kind == "image" and not any(recipe.sees_shape for recipe in recipes):
        return Preprocessor.fit(features, rows, scaling=scaling)
    return fit_preprocessor(features, rows, scaling=scaling)


def read_snapshot(folder: Path, kept: Source, original: Dataset) -> Dataset:
    """Read a snapshot that lies in a study folder under the name of what it was."""
    source = kept.inside(folder)
    read = read_kept(source)
    return dataclasses.replace(read, name=original.name, notes=original.notes)


def prepare(dataset: Dataset, question: Question) -> tuple[Task, tuple[str, ...]]:
    """Split and scale a data set as a question asks; return the task, and what to say aloud."""
    split = split_rows(dataset, ratios=question.data.ratios, seed=question.seed)
    if len(split.validation) == 0 or len(split.train) == 0:
        raise DataError(
            f"{dataset.name} leaves {len(split.train)} training and {len(split.validation)} "
            "validation rows; a comparison needs both. Give more rows or other ratios."
        )
    check_effect(question)
    recipes = [cell.recipe for cell in cells_of(question)]
    preprocessor = preprocessor_for(dataset, split.train, recipes, scaling=question.data.scaling)
    if isinstance(preprocessor, TextPreprocessor) and dataset.y.ndim == 2:
        dataset = in_vocabulary(dataset, preprocessor)
    resamples = (
        resampled(dataset, split, seeds=question.judging_seeds()) if question.resample else []
    )
    if dataset.task == "regression":
        for rows in (split.validation, *(validation for _, validation in resamples)):
            if np.ptp(dataset.y[rows]) == 0:
                raise DataError(
                    f"The {len(rows)} validation rows of {dataset.name} all have the same "
                    f"{dataset.target_name}, so R² has no meaning there. Give more rows, other "
                    "ratios or another seed."
                )
    notes = dict.fromkeys((*dataset.notes, *split.notes, *preprocessor.notes))
    task = make_task(dataset, split, preprocessor, resamples=resamples)
    task, told = with_reducers(task, recipes)
    return task, (*notes, *told)
