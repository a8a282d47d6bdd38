"""Searching ranges of settings for a recipe: at random, narrowing, or by expected improvement."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from gradlab.errors import RecipeError, unknown
from gradlab.lab.folds import (
    Asked,
    Fold,
    check_counts,
    corrected_interval,
    folds_task,
    partitions,
    read_for,
    source_and_recipe,
    train_folds,
)
from gradlab.lab.proposals import most_promising, narrowed, spread_out
from gradlab.lab.question import Source
from gradlab.training.recipe import Recipe

if TYPE_CHECKING:
    import polars as pl

METHODS = ("random", "narrowing", "bayesian")
ROUNDS = {"random": 1, "narrowing": 3, "bayesian": 6}
MOST_TRIALS = 10_000

DECADE = 20.0
"""A range of positive numbers whose ends are at least this far apart is searched by logarithms."""


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """A recipe that was tried.

    Attributes:
        settings: Those that were searched.
        recipe: The whole of it.
        round: In which it was tried, from 1.
        rows: One entry a fold and repeat.
    """

    settings: dict[str, float | int]
    recipe: Recipe
    round: int
    rows: tuple[Fold, ...]

    @property
    def score(self) -> float:
        """Mean validation score."""
        return float(np.mean([row.score for row in self.rows]))


@dataclasses.dataclass(frozen=True, eq=False)
class Search:
    """What a search tried, and what came of it.

    Attributes:
        data: Name of the data.
        method: "random", "narrowing" or "bayesian".
        score_name: "accuracy" or "R²".
        trials: In the order in which they were tried.
        ranges: In which each round drew, by setting.
    """

    data: str
    method: str
    score_name: str
    trials: tuple[Trial, ...]
    ranges: tuple[dict[str, tuple[float | int, float | int]], ...]

    @property
    def best(self) -> Trial:
        """The trial with the highest mean validation score, the first of equals."""
        return max(self.trials, key=lambda trial: trial.score)

    @property
    def recipe(self) -> Recipe:
        """The best recipe."""
        return self.best.recipe

    @cached_property
    def table(self) -> "pl.DataFrame":
        """One row a trial, best first: round, settings, mean score and its interval."""
        import polars as pl

        made = []
        for trial in sorted(self.trials, key=lambda trial: -trial.score):
            low, high = corrected_interval(trial.rows)
            score = {"validation_score": trial.score, "low": low, "high": high}
            made.append({"round": trial.round, **trial.settings, **score})
        return pl.DataFrame(made)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What came of it, in words."""
        best, n = self.best, len(self.trials)
        low, high = corrected_interval(best.rows)
        settings = ", ".join(
            f"{name}={value if isinstance(value, int) else f'{value:.3g}'}"
            for name, value in best.settings.items()
        )
        first_words = (
            f"Of {n} recipes {settings} has the highest validation {self.score_name}: "
            f"{best.score:.4f} [{low:.4f}, {high:.4f}]."
        )
        told = [first_words]
        first = max(t.score for t in self.trials if t.round == 1)
        if len(self.ranges) > 1:
            told.append(f"The best of the first round had {first:.4f}.")
        told.append("The best of many is flattered by the choice: judge it on rows not read here.")
        return tuple(told)


def search(
    data: Any,
    ranges: Mapping[str, Any],
    recipe: Any = None,
    *,
    method: str = "narrowing",
    trials: int = 27,
    rounds: int | None = None,
    folds: int = 3,
    seeds: int = 1,
    seed: int = 0,
    source: Source | None = None,
    target: str | int | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Search:
    """Look for good values of settings within ranges, judged by cross-validation.

    "random" spreads its trials over the ranges. "narrowing" does so round after round, each in
    ranges half as wide about the best so far. "bayesian" begins at random and then tries where a
    Gaussian process expects to gain most (`proposals.most_promising`). All trials of a round, with
    their folds, train together. For names, and for verdicts with statistics, see `gl.compare`.

    Args:
        data, recipe, folds, seeds, seed, source, target, workers, progress: See `cross_validate`.
        ranges: Setting -> lowest and highest value. Two whole numbers are a range of whole numbers;
            positive ends at least 20 times apart are searched by logarithms.
        method: "random", "narrowing" or "bayesian".
        trials: Recipes to try in all.
        rounds: In so many rounds; None takes 1, 3 and 6 by the method.

    Raises:
        RecipeError: If a range, a setting or the method makes no sense.
        DataError: If the data can't be read or learnt from.

    >>> found = search("iris", {"learning_rate": (1e-5, 1.0)}, Recipe(hidden=(8,), epochs=5),
    ...                trials=6, folds=2)
    >>> 1e-5 <= found.best.settings["learning_rate"] <= 1, len(found.trials)
    (True, 6)
    """
    source, recipe = source_and_recipe(source, target, recipe)
    check_counts(seeds, seed)
    if method not in METHODS:
        raise RecipeError(unknown("method", str(method), METHODS))
    for name, value, most in (("trials", trials, MOST_TRIALS), ("rounds", rounds or 1, trials)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise RecipeError(f"{name} is a whole number from 1 to {most:,}; got {value!r}.")
    sides = [_Side.of(name, ends) for name, ends in ranges.items()]
    if not sides:
        raise RecipeError("ranges: give at least one, as {'learning_rate': (1e-4, 1.0)}.")
    ends = [_with(recipe, sides, np.full(len(sides), share)) for share in (0.0, 1.0)]
    dataset, ends = read_for(data, source, ends)
    parts = partitions(dataset, folds, seeds=seeds, seed=seed)
    task, _ = folds_task(dataset, source, ends, parts, seed)
    base = read_for(dataset, source, [recipe])[1][0]

    generator = np.random.default_rng(seed)
    box = np.tile([0.0, 1.0], (len(sides), 1))
    points, made, drawn_in = np.zeros((0, len(sides))), [], []
    counts = [len(part) for part in np.array_split(np.arange(trials), rounds or ROUNDS[method])]
    for number, count in enumerate((c for c in counts if c), 1):
        values = np.array([trial.score for trial in made])
        if number > 1 and method == "narrowing":
            box = narrowed(box, points[np.argmax(values)])
        if number > 1 and method == "bayesian":
            new = most_promising(points, values, count, generator)
        else:
            new = spread_out(count, box, generator)
        recipes = [_with(base, sides, point) for point in new]
        asked = [
            Asked(str(i), chosen, seed + repeat, split, repeat, fold, len(train))
            for i, chosen in enumerate(recipes)
            for split, (repeat, fold, train, _) in enumerate(parts)
        ]
        rows, _ = train_folds(task, asked, parts, workers, _shifted(progress, made, parts, trials))
        for i, (point, chosen) in enumerate(zip(new, recipes, strict=True)):
            own = tuple(row for row in rows if row.setting == str(i))
            settings = {side.name: side.value(x) for side, x in zip(sides, point, strict=True)}
            made.append(Trial(settings, chosen, number, own))
        points = np.concatenate([points, new])
        drawn_in.append(
            {
                side.name: (side.value(low), side.value(high))
                for side, (low, high) in zip(sides, box, strict=True)
            }
        )
    return Search(dataset.name, method, task.score_name, tuple(made), tuple(drawn_in))


@dataclasses.dataclass(frozen=True)
class _Side:
    """A setting's range as a side of the cube."""

    name: str
    low: float | int
    high: float | int
    whole: bool
    logarithmic: bool

    @classmethod
    def of(cls, name: str, ends: Any) -> "_Side":
        numbers = isinstance(ends, Sequence) and len(ends) == 2
        numbers = numbers and not any(isinstance(end, bool | str) for end in ends)
        if not (numbers and all(isinstance(e, int | float) and math.isfinite(e) for e in ends)):
            raise RecipeError(
                f"The range of {name} is its lowest and highest value, two numbers; got {ends!r}. "
                "Names are compared by gl.compare."
            )
        low, high = ends
        if not low < high:
            raise RecipeError(f"The range of {name} goes from {low} to {high}: nothing between.")
        logarithmic = low > 0 and high / low >= DECADE
        return cls(name, low, high, all(isinstance(end, int) for end in ends), logarithmic)

    def value(self, share: float) -> float | int:
        if self.logarithmic:
            value = self.low * (self.high / self.low) ** share
        else:
            value = self.low + share * (self.high - self.low)
        return round(value) if self.whole else float(value)


def _with(recipe: Recipe, sides: Sequence[_Side], point: Float[np.ndarray, " d"]) -> Recipe:
    values = {side.name: side.value(float(x)) for side, x in zip(sides, point, strict=True)}
    if "hidden" in values:
        return recipe.replace(**{**values, "hidden": (values["hidden"],)})
    return recipe.replace(**values)


def _shifted(
    progress: Callable[[int, int], None] | None, made: Sequence[Trial], parts: list, trials: int
) -> Callable[[int, int], None] | None:
    """Return a listener of a round that tells how far the whole search has got."""
    if progress is None:
        return None
    before = len(made) * len(parts)
    return lambda done, _: progress(before + done, trials * len(parts))
