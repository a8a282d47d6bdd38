"""Fitting the reductions that recipes name to the training rows of a task."""

import dataclasses
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.exceptions import ConvergenceWarning

from gradlab.errors import DataError, RecipeError
from gradlab.nn.module import Fixed
from gradlab.nn.reducers import Distances, KernelProjection, Projection, Reducer
from gradlab.training.recipe import Recipe
from gradlab.training.reduction import Reduction, parse_reduction
from gradlab.training.task import Task

MOST_LANDMARKS = 2000
"""Training rows a kernel is taken with; every step of training multiplies by all of them."""

Rows = Float[np.ndarray, "rows features"]


def with_reducers(task: Task, recipes: Iterable[Recipe]) -> tuple[Task, tuple[str, ...]]:
    """Return the task with a fixed first layer for each reduction of the recipes, and notes.

    Each is fitted to the training rows of each split, as a network would see them. Outputs are
    divided by one number, their root mean square there, so that a network meets numbers of the
    size it meets without a reduction; whitened ones have variance 1 each.

    Raises:
        RecipeError: If a method does not fit the data.
    """
    texts = list(dict.fromkeys(recipe.reduce for recipe in recipes if recipe.reduce != "none"))
    if not texts:
        return task, ()
    if task.n_tokens is not None or task.x.ndim != 2 or task.kind == "reconstruction":
        kind = "tokens" if task.n_tokens is not None else f"examples of shape {task.x.shape[1:]}"
        raise RecipeError(
            f"reduce={texts[0]} takes the columns of a table before a classifier or regressor; "
            f"{task.name} has {kind} here. Leave reduce out."
        )
    made: dict[str, tuple[Reducer, ...]] = dict.fromkeys(texts, ())
    notes = []
    for split, (train, _) in enumerate(task.splits):
        x, y = task.inputs(train, split), task.y[train]
        for text in texts:
            asked = parse_reduction(text)
            assert asked is not None  # "none" was left out
            if made[text]:  # as many outputs as on the study's own training rows
                asked = dataclasses.replace(asked, size=made[text][0].sizes[-1])
            try:
                layer = _fitted(asked, x, y, task)
            except DataError as error:
                raise RecipeError(f"reduce={text}: {error}") from None
            if made[text] and layer.sizes != made[text][0].sizes:
                raise RecipeError(
                    f"reduce={text} gives {layer.sizes[-1]} outputs on the training rows of split "
                    f"{split + 1}, and {made[text][0].sizes[-1]} on the first: they vary in fewer "
                    "directions. Name a number of outputs that all splits have."
                )
            made[text] = (*made[text], layer)
    for text, layers in made.items():
        n_in, n_out = layers[0].sizes[0], layers[0].sizes[-1]
        notes.append(f"reduce={text} makes {n_out} of {n_in} inputs.")
        if isinstance(layers[0], KernelProjection):
            notes.append(
                f"Its kernel is taken with {len(layers[0].landmarks.value):,} training rows."
            )
    return dataclasses.replace(task, reducers=made), tuple(notes)


def _fitted(asked: Reduction, x: Rows, y: np.ndarray, task: Task) -> Reducer:
    n_features, size = x.shape[1], asked.size
    if asked.method in ("kmeans", "fuzzy_kmeans"):
        return _clusters(asked, x)
    if asked.method == "kernel_pca":
        return _kernel(asked, x)
    limit = n_features
    if asked.method == "lda":
        if task.kind not in ("binary", "multiclass"):
            raise DataError(
                f"discriminants separate classes, and the target of {task.name} is a number. Take "
                "pca."
            )
        limit = min(limit, len(np.unique(y)) - 1)
    elif asked.method in ("pca", "whitened_pca"):
        limit = min(limit, len(x))
    if isinstance(size, int) and size > limit:
        raise DataError(
            f"it can't give {size} outputs from {n_features} inputs of {len(x)} training rows"
            f"{f' in {limit + 1} classes' if asked.method == 'lda' else ''}; at most {limit}."
        )
    # In 64 bits: what `transform` does is found from differences, which cancel.
    wide = x.astype(np.float64)
    return _projection(_linear(asked.method, size).fit(wide, y), wide, x.dtype)


def _linear(method: str, size: Any) -> Any:
    """Return the estimator, whose `transform` is linear."""
    from gradlab.decomposition import PCA, CorrelationMerge, FactorAnalysis, FisherDiscriminant

    if method == "lda":
        return FisherDiscriminant(n_components=size)
    if method == "factors":
        return FactorAnalysis(n_components=size)
    if method == "merge":
        return CorrelationMerge(n_variables=size)
    return PCA(n_components=size, whiten=method == "whitened_pca", random_state=0)


def _projection(fitted: Any, x: Rows, dtype: np.dtype) -> Projection:
    """Return the layer that does what a linear `transform` does, found by asking it."""
    zero = np.zeros((1, x.shape[1]), x.dtype)
    fitted.set_output(transform="default")
    offset = fitted.transform(zero)
    matrix = fitted.transform(np.eye(x.shape[1])) - offset
    unit = _size_of(x @ matrix + offset)
    return Projection(Fixed((matrix / unit).astype(dtype)), Fixed((offset[0] / unit).astype(dtype)))


def _clusters(asked: Reduction, x: Rows) -> Distances:
    from gradlab.cluster import FuzzyKMeans, KMeans

    assert isinstance(asked.size, int)  # so says parse_reduction
    if asked.size > len(x):
        raise DataError(f"{asked.size} clusters need as many training rows; there are {len(x)}.")
    fuzzy = asked.method == "fuzzy_kmeans"
    # Distances of standardised columns grow with their number: β for a spread of 1 each.
    beta = 1 / x.shape[1] if fuzzy else 0.0
    estimator: Any = (
        FuzzyKMeans(asked.size, beta=beta, random_state=0)
        if fuzzy
        else KMeans(asked.size, n_init=4, random_state=0)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said below, as a mistake
        centers = np.asarray(estimator.fit(x).cluster_centers_, x.dtype)
    if len(np.unique(estimator.labels_)) < asked.size and not fuzzy:
        raise DataError("the training rows have fewer distinct clusters than that. Ask for fewer.")
    estimator.set_output(transform="default")
    unit = 1.0 if fuzzy else _size_of(estimator.transform(x))
    return Distances(
        Fixed(centers), Fixed(np.asarray(unit, x.dtype)), Fixed(np.asarray(beta, x.dtype))
    )


def _kernel(asked: Reduction, x: Rows) -> KernelProjection:
    from gradlab.decomposition import KernelPCA

    assert isinstance(asked.size, int)  # so says parse_reduction
    some = x
    if len(x) > MOST_LANDMARKS:
        chosen = np.random.default_rng(0).choice(len(x), MOST_LANDMARKS, replace=False)
        some = x[np.sort(chosen)]
    if asked.size > len(some):
        raise DataError(f"it can't give {asked.size} outputs from {len(some)} training rows.")
    gamma = 1 / x.shape[1]
    z = some.astype(np.float64)
    fitted = KernelPCA(asked.size, kernel="rbf", gamma=gamma).fit(z)
    squares = (z**2).sum(axis=1)
    kernel = np.exp(-gamma * np.maximum(squares[:, None] + squares[None] - 2 * z @ z.T, 0))
    values = fitted.eigenvalues_  # 0 beyond the number of distinct rows
    roots = np.where(values > 0, np.sqrt(np.where(values > 0, values, 1)), np.inf)
    coefficients = fitted.eigenvectors_ / roots
    means = kernel.mean(axis=0)
    centred = kernel - means[None] - means[:, None] + means.mean()
    unit = _size_of(centred @ coefficients)
    numbers = (some, gamma, means, means.mean(), coefficients / unit)
    return KernelProjection(*(Fixed(np.asarray(value, x.dtype)) for value in numbers))


def _size_of(values: np.ndarray) -> float:
    """Return the root mean square, or 1 where all is 0."""
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64)))) or 1.0
