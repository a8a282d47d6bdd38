"""Training and validation score along an axis: where a model under-fits and over-fits."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.data import Dataset
from gradlab.errors import RecipeError
from gradlab.lab.folds import (
    Asked,
    Fold,
    Part,
    Rows,
    check_counts,
    corrected_interval,
    folds_task,
    partitions,
    read_for,
    source_and_recipe,
    train_folds,
)
from gradlab.lab.question import Source
from gradlab.metrics import Fit, judge_fit

if TYPE_CHECKING:
    import polars as pl


@dataclasses.dataclass(frozen=True, eq=False)
class ModelCurve:
    """Training and validation score along an axis: a setting's levels, or a number of rows.

    Attributes:
        data: Name of the data.
        axis: What varies, "rows" or a setting.
        levels: Its values.
        score_name: "accuracy" or "R²".
        rows: One entry a training; `setting` names its level.
    """

    data: str
    axis: str
    levels: tuple
    score_name: str
    rows: tuple[Fold, ...]

    @cached_property
    def by_level(self) -> dict[str, tuple[Fold, ...]]:
        """The trainings of each level."""
        names = [level_text(level) for level in self.levels]
        return {name: tuple(r for r in self.rows if r.setting == name) for name in names}

    @cached_property
    def table(self) -> "pl.DataFrame":
        """One row a level: mean scores with the interval of the validation score."""
        import polars as pl

        made = []
        for level, (name, rows) in zip(self.levels, self.by_level.items(), strict=True):
            low, high = corrected_interval(rows)
            made.append(
                {
                    self.axis: level if isinstance(level, int | float) else name,
                    "train_score": float(np.mean([row.train_score for row in rows])),
                    "validation_score": float(np.mean([row.score for row in rows])),
                    "low": low,
                    "high": high,
                    "n": len(rows),
                }
            )
        return pl.DataFrame(made)

    def fits(self, *, wanted_score: float | None = None, tolerance: float = 0.05) -> list[Fit]:
        """Return the reading of each level as bias and variance, with what to do.

        Args:
            wanted_score: What would be good enough; None takes the best mean validation score.
            tolerance: Distance that is not yet high.
        """
        table = self.table
        best = float(table["validation_score"].max())  # type: ignore[arg-type]
        return [
            judge_fit(
                train,
                validation,
                wanted_score=best if wanted_score is None else wanted_score,
                tolerance=tolerance,
            )
            for train, validation in zip(
                table["train_score"], table["validation_score"], strict=True
            )
        ]

    @property
    def best(self) -> Any:
        """Level with the highest mean validation score."""
        return self.levels[int(self.table["validation_score"].arg_max() or 0)]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The curve in words, and what follows from it."""
        table, fits = self.table, self.fits()
        scores = table["validation_score"].to_list()
        if self.axis != "rows":
            place = self.levels.index(self.best)
            low, high = table["low"][place], table["high"][place]
            text = (
                f"{self.axis}={level_text(self.best)} has the highest validation "
                f"{self.score_name}: {scores[place]:.4f} [{low:.4f}, {high:.4f}]."
            )
            told = [text]
            alike = [
                level_text(level)
                for i, level in enumerate(self.levels)
                if i != place and scores[i] >= low
            ]
            if alike:
                told.append(f"Within its interval lie also {', '.join(alike)}.")
            for label, verb in (("high bias", "under-fit"), ("high variance", "over-fit")):
                found = [
                    level_text(level)
                    for level, fit in zip(self.levels, fits, strict=True)
                    if fit.label in (label, "both")
                ]
                if found:
                    told.append(f"{', '.join(found)} {verb}{'s' if len(found) == 1 else ''}.")
            return tuple(told)
        text = (
            f"From {self.levels[0]:,} to {self.levels[-1]:,} rows the validation "
            f"{self.score_name} goes from {scores[0]:.4f} to {scores[-1]:.4f}; the gap to the "
            f"training score goes from {fits[0].gap:.4f} to {fits[-1].gap:.4f}."
        )
        told = [text]
        gain = scores[-1] - scores[-2] if len(scores) > 1 else math.nan
        half = (table["high"][-1] - table["low"][-1]) / 2
        if gain > half:
            told.append("The last step still helped: more data would go on helping.")
        elif fits[-1].high_variance:
            told.append("The gap is still wide: more data, or regularisation, would help.")
        else:
            told.append(
                "The last step hardly helped and the gap is narrow: more data of this kind would "
                "change little; a larger network or other features might."
            )
        return tuple(told)

    def figure(self) -> Any:
        """Return the picture: both scores with bands."""
        from gradlab.plots.model_curves import model_curve_figure

        table = self.table
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.levels)
        return model_curve_figure(
            table[self.axis].to_list() if numbers else list(self.by_level),
            train=[[row.train_score for row in rows] for rows in self.by_level.values()],
            validation=[[row.score for row in rows] for rows in self.by_level.values()],
            axis=self.axis,
            score_name=self.score_name,
        )


def validation_curve(
    data: Any,
    axis: str,
    levels: Sequence[Any],
    recipe: Any = None,
    *,
    folds: int = 5,
    seeds: int = 1,
    seed: int = 0,
    source: Source | None = None,
    target: str | int | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ModelCurve:
    """Return the training and validation score over the values of one setting, cross-validated.

    All levels, folds and repeats train together. `gl.compare` is the fair comparison of
    techniques, with tuning and tests; this curve shows where a number under-fits and over-fits.

    Args:
        data, recipe, folds, seeds, seed, source, target, workers, progress: See `cross_validate`.
        axis: A setting of recipes, such as "l2", "hidden" or "optimizer.beta1".
        levels: Its values.

    >>> from gradlab import Recipe
    >>> curve = validation_curve("iris", "epochs", [2, 30], Recipe(hidden=(8,)), folds=3)
    >>> curve.best
    30
    """
    source, recipe = source_and_recipe(source, target, recipe)
    check_counts(seeds, seed)
    levels = tuple(tuple(v) if isinstance(v, list) else v for v in levels)
    if not levels:
        raise RecipeError(f"levels of {axis}: give at least one.")
    if len({level_text(level) for level in levels}) < len(levels):
        raise RecipeError(f"levels of {axis} must differ from each other; got {list(levels)}.")
    if axis == "hidden":
        levels = tuple((v,) if isinstance(v, int) else v for v in levels)
    recipes = [recipe.replace(**{axis: level}) for level in levels]
    dataset, recipes = read_for(data, source, recipes)
    parts = partitions(dataset, folds, seeds=seeds, seed=seed)
    task, _ = folds_task(dataset, source, recipes, parts, seed)
    asked = [
        Asked(level_text(level), chosen, seed + repeat, split, repeat, fold, len(train))
        for level, chosen in zip(levels, recipes, strict=True)
        for split, (repeat, fold, train, _) in enumerate(parts)
    ]
    rows, _ = train_folds(task, asked, parts, workers, progress)
    return ModelCurve(dataset.name, axis, levels, task.score_name, tuple(rows))


def learning_curve(
    data: Any,
    recipe: Any = None,
    *,
    sizes: Sequence[int | float] = (0.1, 0.25, 0.5, 0.75, 1.0),
    folds: int = 5,
    seeds: int = 1,
    seed: int = 0,
    source: Source | None = None,
    target: str | int | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ModelCurve:
    """Return the training and validation score over the number of training rows.

    Each fold trains on growing parts of its training rows, a larger one holding the smaller, and
    is judged on the same held-out rows. Runs on fewer rows take more epochs, so that all make
    about as many updates: what differs is the data, not the training.

    Args:
        data, recipe, folds, seeds, seed, source, target, workers, progress: See `cross_validate`.
        sizes: Shares of the smallest fold's training rows (numbers up to 1), or counts.

    >>> from gradlab import Recipe
    >>> curve = learning_curve("iris", Recipe(hidden=(8,), epochs=20), sizes=(10, 1.0), folds=3)
    >>> curve.levels
    (10, 100)
    """
    source, recipe = source_and_recipe(source, target, recipe)
    check_counts(seeds, seed)
    dataset, (chosen,) = read_for(data, source, [recipe])
    whole = partitions(dataset, folds, seeds=seeds, seed=seed)
    n = min(len(train) for _, _, train, _ in whole)
    counts = _counts(sizes, n)
    parts: list[Part] = []
    asked = []
    for repeat, fold, train, validation in whole:
        order = _growing(dataset, train, seed + repeat)
        for count in counts:
            longer = chosen.replace(epochs=max(1, round(chosen.epochs * n / count)))
            place = (seed + repeat, len(parts), repeat, fold, count)
            asked.append(Asked(level_text(count), longer, *place))
            parts.append((repeat, fold, np.sort(order[:count]), validation))
    task, _ = folds_task(dataset, source, [chosen], parts, seed)
    rows, _ = train_folds(task, asked, parts, workers, progress)
    return ModelCurve(dataset.name, "rows", tuple(counts), task.score_name, tuple(rows))


def level_text(level: Any) -> str:
    """Return a level as one writes it, every digit of a number included."""
    if isinstance(level, tuple):
        return "x".join(map(str, level)) or "linear"
    return str(level)


def _growing(dataset: Dataset, train: Rows, seed: int) -> Rows:
    """Return the training rows in the order in which sizes take them: shuffled, or by time."""
    if dataset.time is not None:  # the latest rows are nearest to what is judged
        return train[np.argsort(dataset.time[train], kind="stable")[::-1]]
    shuffled = np.random.default_rng(seed).permutation(train)
    if dataset.classes is None or dataset.y.ndim > 1:
        return shuffled
    # Every class from the start, each in its share: row j of n of a class stands at (j + ½) / n.
    place = np.empty(len(shuffled))
    for label in np.unique(dataset.y[shuffled]):
        own = np.flatnonzero(dataset.y[shuffled] == label)
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
    return shuffled[np.argsort(place, kind="stable")]


def _counts(sizes: Sequence[int | float], n: int) -> list[int]:
    counts = []
    for size in sizes:
        share = isinstance(size, float) and 0 < size <= 1
        count = round(size * n) if share else size
        if count != int(count) or not 1 <= count <= n:
            raise RecipeError(
                f"sizes are shares in (0, 1] or counts up to the {n} training rows of a fold; got "
                f"{size!r}."
            )
        counts.append(int(count))
    if len(set(counts)) < len(counts) or not counts:
        raise RecipeError(f"sizes must differ in rows; of {n} they make {counts}.")
    return sorted(counts)
