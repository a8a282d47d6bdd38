"""Cross-validation in which all folds, seeds and settings train together."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from gradlab.data import Dataset, Split, TextPreprocessor, folds, in_vocabulary
from gradlab.errors import DataError, RecipeError
from gradlab.estimators.network import Network
from gradlab.estimators.training import held_out
from gradlab.lab.defaults import usual_recipe
from gradlab.lab.first_layers import with_reducers
from gradlab.lab.preparation import preprocessor_for, read_data
from gradlab.lab.question import MOST_SEED, Source
from gradlab.metrics import Fit, judge_fit
from gradlab.process import cores
from gradlab.training.executors import RunResult, execute, trained_network
from gradlab.training.plan import Run, default_side_by_side, plan
from gradlab.training.predict import forward, probabilities, rows_a_call, score_rows
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task, make_task

if TYPE_CHECKING:
    import polars as pl

STOPPING_SHARE = 0.1
"""Share of a fold's training rows that `patience` watches; the fold itself only judges."""

CONFIDENCE = 0.95
Rows = Int[np.ndarray, "_"]


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


@dataclasses.dataclass(frozen=True, eq=False)
class CrossValidation:
    """The scores of one recipe over folds and repeats.

    Attributes:
        data: Name of the data.
        score_name: "accuracy" or "R²".
        folds: Parts of a partition.
        repeats: Partitions.
        rows: One entry a training.
        truth: Target of each row outside the test part; numbers of classes, or numbers.
        prediction: What the model of the first repeat that had not seen a row says of it: the
            probability of each class, or the number; NaN where no fold held the row out.
        classes: Labels in the order of the probabilities.
        notes: What was decided about the data.
    """

    data: str
    score_name: str
    folds: int
    repeats: int
    rows: tuple[Fold, ...]
    truth: np.ndarray
    prediction: np.ndarray
    classes: tuple
    notes: tuple[str, ...] = ()

    @cached_property
    def scores(self) -> Float[np.ndarray, "repeats folds"]:
        """Validation scores."""
        return np.array([row.score for row in self.rows]).reshape(self.repeats, self.folds)

    @property
    def mean(self) -> float:
        """Mean validation score."""
        return float(self.scores.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean by the corrected t of Nadeau and Bengio.

        The training parts of folds overlap, so their scores are not independent: the variance of
        the mean is s² (1/n + n_validation/n_train) with n = folds · repeats, not s²/n.
        """
        return corrected_interval(self.rows)

    @property
    def fit(self) -> Fit:
        """Whether it over-fits: the gap of the mean scores, against what was learnt at all."""
        train = float(np.mean([row.train_score for row in self.rows]))
        return judge_fit(train, self.mean, tolerance=max(0.1 * train, 1e-9))

    @property
    def table(self) -> "pl.DataFrame":
        """One row a training."""
        import polars as pl

        return pl.DataFrame([dataclasses.asdict(row) for row in self.rows]).drop("setting")

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result in words."""
        low, high = self.interval
        spread = float(self.scores.std(ddof=1)) if self.scores.size > 1 else 0.0
        text = (
            f"{self.score_name} {self.mean:.4f} [{low:.4f}, {high:.4f}] over {self.folds} folds "
            f"and {self.repeats} {'repeat' if self.repeats == 1 else 'repeats'} on {self.data}; "
            f"single folds spread by ±{spread:.4f}."
        )
        told = [text]
        diverged = sum(row.status == "diverged" for row in self.rows)
        if diverged:
            told.append(f"{diverged} of {len(self.rows)} trainings diverged.")
        if self.fit.high_variance:
            told.append(self.fit.sentence)
        return tuple(told)


def cross_validate(
    data: Any = "digits",
    recipe: Any = None,
    *,
    folds: int = 5,
    seeds: int = 1,
    seed: int = 0,
    source: Source | None = None,
    target: str | int | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CrossValidation:
    """Score a recipe by k-fold cross-validation, every fold of every repeat in one program.

    Each repeat draws a new partition into folds (stratified, by groups, or by time, as the data
    asks) and new initial weights. Scaling, imputation and reductions are fitted to the training
    rows of each fold alone. With `patience`, a tenth of a fold's training rows says when to stop;
    the fold itself only judges. A test part that came with the data stays unread.

    Args:
        data: Whatever `gl.compare` takes: a name, path, data frame, or (X, y).
        recipe: What to train: a `Recipe` (None takes the usual one), or an estimator, whose
            settings are taken and whose inputs then are not scaled unless `source` says so, as in
            scikit-learn.
        folds: Parts.
        seeds: Repeats.
        seed: Of the first repeat; the next count up.
        source: How the data is read.
        target: Column to predict; short for `source`.
        workers: Threads; None takes the cores.
        progress: Called with (trainings done, trainings).

    Raises:
        DataError: If the data can't be read or parted into so many folds.
        RecipeError: If the recipe does not fit the data.

    >>> result = cross_validate("iris", Recipe(hidden=(8,), learning_rate=0.01), folds=3)
    >>> result.scores.shape, result.mean > 0.9
    ((1, 3), True)

    Source: Kohavi 1995; the interval: Nadeau and Bengio 2003, eq. 7.
    """
    source, recipe = _source_and_recipe(source, target, recipe)
    _check_counts(seeds, seed)
    dataset, (chosen,) = _read(data, source, [recipe])
    parts = [
        (repeat, fold, train, validation)
        for repeat in range(seeds)
        for fold, (train, validation) in enumerate(_folds(dataset, folds, seed + repeat))
    ]
    task, notes = _task(dataset, source, [chosen], parts, seed)
    asked = [
        _Asked("", chosen, seed + repeat, split, repeat, fold, len(train))
        for split, (repeat, fold, train, _) in enumerate(parts)
    ]
    rows, answers = _trained(task, asked, parts, workers, progress, keep=folds)
    held = [validation for repeat, _, _, validation in parts if repeat == 0]
    places = np.sort(np.unique(np.concatenate([np.concatenate(p[2:]) for p in parts])))
    prediction = np.full((dataset.n_rows, *answers[0].shape[1:]), np.nan)
    for validation, answer in zip(held, answers, strict=True):
        prediction[validation] = answer
    return CrossValidation(
        data=dataset.name,
        score_name=task.score_name,
        folds=folds,
        repeats=seeds,
        rows=tuple(rows),
        truth=np.asarray(dataset.y)[places],
        prediction=prediction[places],
        classes=task.classes,
        notes=(*dataset.notes, *notes),
    )


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

    >>> curve = validation_curve("iris", "epochs", [2, 30], Recipe(hidden=(8,)), folds=3)
    >>> curve.best
    30
    """
    source, recipe = _source_and_recipe(source, target, recipe)
    _check_counts(seeds, seed)
    levels = tuple(tuple(v) if isinstance(v, list) else v for v in levels)
    if len({level_text(level) for level in levels}) < max(1, len(levels)):
        raise RecipeError(f"levels of {axis} must differ from each other; got {list(levels)}.")
    if not levels:
        raise RecipeError(f"levels of {axis}: give at least one.")
    if axis == "hidden":
        levels = tuple((v,) if isinstance(v, int) else v for v in levels)
    recipes = [recipe.replace(**{axis: level}) for level in levels]
    dataset, recipes = _read(data, source, recipes)
    parts = [
        (repeat, fold, train, validation)
        for repeat in range(seeds)
        for fold, (train, validation) in enumerate(_folds(dataset, folds, seed + repeat))
    ]
    task, _ = _task(dataset, source, recipes, parts, seed)
    asked = [
        _Asked(level_text(level), chosen, seed + repeat, split, repeat, fold, len(train))
        for level, chosen in zip(levels, recipes, strict=True)
        for split, (repeat, fold, train, _) in enumerate(parts)
    ]
    rows, _ = _trained(task, asked, parts, workers, progress)
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

    >>> curve = learning_curve("iris", Recipe(hidden=(8,), epochs=20), sizes=(10, 1.0), folds=3)
    >>> curve.levels
    (10, 100)
    """
    source, recipe = _source_and_recipe(source, target, recipe)
    _check_counts(seeds, seed)
    dataset, (chosen,) = _read(data, source, [recipe])
    whole = [
        (repeat, fold, train, validation)
        for repeat in range(seeds)
        for fold, (train, validation) in enumerate(_folds(dataset, folds, seed + repeat))
    ]
    n = min(len(train) for _, _, train, _ in whole)
    counts = _counts(sizes, n)
    parts: list[Part] = []
    asked = []
    for repeat, fold, train, validation in whole:
        order = _growing(dataset, train, seed + repeat)
        for count in counts:
            longer = chosen.replace(epochs=max(1, round(chosen.epochs * n / count)))
            place = (seed + repeat, len(parts), repeat, fold, count)
            asked.append(_Asked(level_text(count), longer, *place))
            parts.append((repeat, fold, np.sort(order[:count]), validation))
    task, _ = _task(dataset, source, [chosen], parts, seed)
    rows, _ = _trained(task, asked, parts, workers, progress)
    return ModelCurve(dataset.name, "rows", tuple(counts), task.score_name, tuple(rows))


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


def level_text(level: Any) -> str:
    """Return a level as one writes it, every digit of a number included."""
    if isinstance(level, tuple):
        return "x".join(map(str, level)) or "linear"
    return str(level)


# ---- What the three have in common ----------------------------------------------------------

Part = tuple[int, int, Rows, Rows]
"""Repeat, fold, training rows and the rows held out."""


@dataclasses.dataclass(frozen=True)
class _Asked:
    setting: str
    recipe: Recipe
    seed: int
    split: int
    repeat: int
    fold: int
    n_train: int


def _source_and_recipe(source: Source | None, target: Any, recipe: Any) -> tuple[Source, Recipe]:
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


def _check_counts(seeds: int, seed: int) -> None:
    if seeds < 1:
        raise RecipeError(f"seeds must be at least 1; got {seeds}.")
    if not 0 <= seed < MOST_SEED:
        raise RecipeError(f"seed must be a whole number from 0 to {MOST_SEED - 1:,}; got {seed}.")


def _read(data: Any, source: Source, recipes: list[Recipe]) -> tuple[Dataset, list[Recipe]]:
    dataset = read_data(data, source)
    return dataset, [usual_recipe(recipe, dataset) for recipe in recipes]


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


def _task(
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


def _trained(
    task: Task,
    asked: list[_Asked],
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
