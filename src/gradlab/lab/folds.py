"""Training the folds of a cross-validation together: what all its forms have in common."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from gradlab.data import Dataset, Split, TextPreprocessor, folds, in_vocabulary
from gradlab.errors import DataError, RecipeError
from gradlab.estimators.network import Network
from gradlab.estimators.training import held_out
from gradlab.lab.defaults import usual_recipe
from gradlab.lab.first_layers import with_reducers
from gradlab.lab.preparation import preprocessor_for, read_data
from gradlab.lab.question import MOST_SEED, Source
from gradlab.process import cores
from gradlab.training.executors import RunResult, execute, trained_network
from gradlab.training.plan import Run, default_side_by_side, plan
from gradlab.training.predict import forward, probabilities, rows_a_call, score_rows
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task, make_task

STOPPING_SHARE = 0.1
"""Share of a fold's training rows that `patience` watches; the fold itself only judges."""

CONFIDENCE = 0.95
Rows = Int[np.ndarray, "_"]
Part = tuple[int, int, Rows, Rows]
"""Repeat, fold, training rows and the rows held out."""


@dataclasses.dataclass(frozen=True)
class Fold:
    """One training of a cross-validation.

    Attributes:
        setting: Name of the recipe, where several are compared; else "".
        repeat: Which partition into folds, from 0; its seed is also that of the weights.
        fold: Which part was held out, from 0.
        n_train, n_validation: Rows trained on and held out.
        train_score, score: On those rows; accuracy or R².
        status: "done", "early" or "diverged", whose score is that of having learnt nothing.
        epochs: Epochs trained.
    """

    setting: str
    repeat: int
    fold: int
    n_train: int
    n_validation: int
    train_score: float
    score: float
    status: str
    epochs: int


def corrected_interval(rows: Sequence[Fold]) -> tuple[float, float]:
    """Return Nadeau and Bengio's 95 % interval of the mean score, within what scores can be."""
    from scipy.special import stdtrit

    scores = np.array([row.score for row in rows])
    mean, n = float(scores.mean()), len(scores)
    if n < 2:
        return mean, mean
    overlap = float(np.mean([row.n_validation / row.n_train for row in rows]))
    error = float(scores.std(ddof=1)) * math.sqrt(1 / n + overlap)
    half = -float(stdtrit(n - 1, (1 - CONFIDENCE) / 2)) * error
    low = mean - half
    return (max(low, 0.0) if (scores >= 0).all() else low), min(mean + half, 1.0)


@dataclasses.dataclass(frozen=True)
class Asked:
    """A training to be done.

    Attributes:
        setting, repeat, fold, n_train: See `Fold`.
        recipe: What is trained.
        seed: Of weights, order and masks.
        split: Which of the task's.
    """

    setting: str
    recipe: Recipe
    seed: int
    split: int
    repeat: int
    fold: int
    n_train: int


def source_and_recipe(source: Source | None, target: Any, recipe: Any) -> tuple[Source, Recipe]:
    """Return how data is read and what is trained; an estimator gives its settings."""
    if isinstance(recipe, Network):
        source = source or Source(scaling="none")
        recipe = recipe._recipe()
    elif recipe is not None and not isinstance(recipe, Recipe):
        raise RecipeError(
            f"expected a gl.Recipe or one of Gradlab's estimators; got a {type(recipe).__name__}."
        )
    source = source or Source()
    if target is not None:
        source = source.model_copy(update={"target": target})
    if source.task == "reconstruction":
        raise RecipeError("Cross-validation scores answers; an autoencoder has none. Leave it out.")
    return source, recipe or Recipe()


def check_counts(seeds: int, seed: int) -> None:
    """Refuse numbers of repeats, and seeds, that make no sense."""
    if seeds < 1:
        raise RecipeError(f"seeds must be at least 1; got {seeds}.")
    if not 0 <= seed < MOST_SEED:
        raise RecipeError(f"seed must be a whole number from 0 to {MOST_SEED - 1:,}; got {seed}.")


def read_for(data: Any, source: Source, recipes: list[Recipe]) -> tuple[Dataset, list[Recipe]]:
    """Return the data, and the recipes with layers that suit it."""
    dataset = read_data(data, source)
    return dataset, [usual_recipe(recipe, dataset) for recipe in recipes]


def partitions(dataset: Dataset, n: int, *, seeds: int, seed: int) -> list[Part]:
    """Return n folds of the rows for each seed, one repeat after another."""
    return [
        (repeat, fold, train, validation)
        for repeat in range(seeds)
        for fold, (train, validation) in enumerate(_folds(dataset, n, seed + repeat))
    ]


def _folds(dataset: Dataset, n: int, seed: int) -> list[tuple[Rows, Rows]]:
    parts = folds(dataset, n, seed=seed)
    for fold, (train, validation) in enumerate(parts):
        if dataset.task == "regression" and np.ptp(dataset.y[validation]) == 0:
            raise DataError(
                f"The {len(validation)} rows of fold {fold + 1} of {dataset.name} all have the "
                f"same {dataset.target_name}, so R² has no meaning there. Take fewer folds."
            )
        if len(train) == 0:
            raise DataError(f"Fold {fold + 1} of {dataset.name} leaves no rows to train on.")
    return parts


def folds_task(
    dataset: Dataset, source: Source, recipes: list[Recipe], parts: list[Part], seed: int
) -> tuple[Task, tuple[str, ...]]:
    """Return the task whose splits are the parts, each with statistics of its own."""
    everything = np.unique(np.concatenate([np.concatenate(part[2:]) for part in parts]))
    # Which columns and categories there are is settled by all rows; numbers by each fold's own.
    preprocessor = preprocessor_for(dataset, everything, recipes, scaling=source.scaling)
    if isinstance(preprocessor, TextPreprocessor) and dataset.y.ndim == 2:
        dataset = in_vocabulary(dataset, preprocessor)
    notes = [*preprocessor.notes, *_absent_classes(dataset, parts)]
    inner = [_stopping(dataset, part, recipes, seed) for part in parts]
    first, *others = inner
    split = Split(first[0], first[1], np.zeros(0, np.int64))
    task = make_task(dataset, split, preprocessor, resamples=others)
    task, told = with_reducers(task, recipes)
    return task, (*notes, *told)


def _stopping(dataset: Dataset, part: Part, recipes: list[Recipe], seed: int) -> tuple[Rows, Rows]:
    """Return a fold's training rows, and those of them that `patience` watches instead."""
    train = part[2]
    if all(recipe.patience is None for recipe in recipes):
        return train, train[:0]
    one_class_a_row = dataset.classes is not None and dataset.y.ndim == 1
    labels = dataset.y[train] if one_class_a_row else None
    held = held_out(len(train), STOPPING_SHARE, seed + part[0], labels)
    return np.delete(train, held), train[held]


def _absent_classes(dataset: Dataset, parts: list[Part]) -> list[str]:
    if dataset.classes is None or dataset.y.ndim > 1:
        return []
    absent = sorted(
        {
            str(dataset.classes[label])
            for _, _, train, validation in parts
            for label in np.setdiff1d(dataset.y[validation], dataset.y[train])
        }
    )
    if not absent:
        return []
    note = (
        f"Some folds are judged on classes that their training rows lack: {', '.join(absent[:5])}. "
        "Those rows can't be answered rightly; take fewer folds, or more rows of them."
    )
    return [note]


def train_folds(
    task: Task,
    asked: list[Asked],
    parts: list[Part],
    workers: int | None,
    progress: Callable[[int, int], None] | None,
    keep: int = 0,
) -> tuple[list[Fold], list[np.ndarray]]:
    """Train everything; return a row each, and the answers of the first `keep` to held-out rows."""
    workers, side_by_side = workers or cores(), default_side_by_side()
    runs = [Run(a.recipe, a.seed, a.split) for a in asked]
    planned = plan(task, runs, workers=workers, side_by_side=side_by_side)
    results: dict[int, RunResult] = {}
    for event in execute(planned, workers=workers, side_by_side=side_by_side):
        if isinstance(event, RunResult):
            results[event.index] = event
            if progress is not None:
                progress(len(results), len(asked))
    rows, answers = [], []
    for i, one in enumerate(asked):
        result, (_, _, train, validation) = results[i], parts[one.split]
        network = trained_network(planned, one.recipe, result.weights)
        chunk = rows_a_call(one.recipe, task.interface)
        if result.status == "diverged":
            train_score = score = _nothing_learnt(task, train, validation)
        else:
            train_score, score = (
                score_rows(task, *network, some, split=one.split, chunk=chunk)
                for some in (train, validation)
            )
        rows.append(
            Fold(
                setting=one.setting,
                repeat=one.repeat,
                fold=one.fold,
                n_train=one.n_train,
                n_validation=len(validation),
                train_score=train_score,
                score=score,
                status=result.status,
                epochs=result.epochs,
            )
        )
        if i < keep:
            answers.append(_answers(task, network, validation, one.split, chunk))
    return rows, answers


def _answers(
    task: Task, network: tuple[Any, Any], rows: Rows, split: int, chunk: int
) -> np.ndarray:
    lengths = None if task.lengths is None else task.lengths[rows]
    scores = forward(*network, task.inputs(rows, split), lengths, chunk=chunk)
    if task.kind == "regression":
        numbers = scores.astype(np.float64) * task.target_scale + task.target_shift
        return numbers[:, 0] if numbers.shape[1] == 1 else numbers
    return probabilities(scores)


def _nothing_learnt(task: Task, train: Rows, validation: Rows) -> float:
    own = dataclasses.replace(task, splits=((train, validation),))
    return own.trivial_score
