"""Cross-validation in which all folds and repeats train together."""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

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
from gradlab.lab.question import Source
from gradlab.metrics import Fit, judge_fit

if TYPE_CHECKING:
    import polars as pl


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

    >>> from gradlab import Recipe
    >>> result = cross_validate("iris", Recipe(hidden=(8,), learning_rate=0.01), folds=3)
    >>> result.scores.shape, result.mean > 0.9
    ((1, 3), True)

    Source: Kohavi 1995; the interval: Nadeau and Bengio 2003, eq. 7.
    """
    source, recipe = source_and_recipe(source, target, recipe)
    check_counts(seeds, seed)
    dataset, (chosen,) = read_for(data, source, [recipe])
    parts = partitions(dataset, folds, seeds=seeds, seed=seed)
    task, notes = folds_task(dataset, source, [chosen], parts, seed)
    asked = [
        Asked("", chosen, seed + repeat, split, repeat, fold, len(train))
        for split, (repeat, fold, train, _) in enumerate(parts)
    ]
    rows, answers = train_folds(task, asked, parts, workers, progress, keep=folds)
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
