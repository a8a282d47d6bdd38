"""Training one recipe on a data set, for use."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.data import TextPreprocessor, in_vocabulary, split_rows
from gradlab.errors import RecipeError, StudyError
from gradlab.lab.defaults import usual_recipe
from gradlab.lab.first_layers import with_reducers
from gradlab.lab.preparation import preprocessor_for, read_data
from gradlab.lab.question import MOST_SEED, Source
from gradlab.lab.training_curve import curve_path, write_learning_curve
from gradlab.metrics import Fit, judge_fit
from gradlab.training.executors import Progressed, RunResult, execute, trained_network
from gradlab.training.model import Model, model_of
from gradlab.training.plan import Run, plan
from gradlab.training.predict import rows_a_call, score_rows
from gradlab.training.recipe import Recipe
from gradlab.training.task import make_task

GAP_SHARE = 0.1
"""A gap between training and validation is high above this share of what was learnt."""

MOST_TRAIN_ROWS = 10_000
"""Training rows that are scored: a share of right answers is then known to within a point."""


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A trained model and how its training went."""

    model: Model
    status: str
    epochs: int
    seconds: float
    score_name: str
    train_score: float
    """On at most `MOST_TRAIN_ROWS` rows, drawn at random."""
    validation_score: float | None
    test_score: float | None
    trivial_score: float
    history: np.ndarray
    """(epochs, 3): train loss, validation loss, validation score."""
    notes: tuple[str, ...]

    @property
    def fit(self) -> Fit | None:
        """The verdict on over-fitting; None without validation rows, or if nothing was learnt.

        Nobody said which score is wanted, so bias is not judged. The gap is held against what was
        learnt at all: the training score above that of a model that has learnt nothing.
        """
        # On the training rows their own mean scores R² 0, however far from others it lies.
        nothing = self.trivial_score if self.score_name == "accuracy" else 0.0
        learnt = self.train_score - nothing
        validation = self.validation_score
        if validation is None or not math.isfinite(validation) or not learnt > 0:
            return None
        return judge_fit(self.train_score, validation, tolerance=GAP_SHARE * learnt)


def train(
    data: Any,
    recipe: Recipe | None = None,
    *,
    source: Source | None = None,
    seed: int = 0,
    curve: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Fitted:
    """Train one recipe on the training part of a data set and score it on the others.

    Args:
        data: Whatever `load_dataset` takes.
        recipe: What to train.
        source: How the data is read and split.
        seed: Of split, weights, order and masks.
        curve: HTML file for the learning curve; its table lies beside it as CSV.
        progress: Called with (epochs done, epochs).

    Raises:
        DataError: If the data can't be read or learnt from.
        RecipeError: If the recipe does not fit the data, or there is no curve to draw.
        StudyError: If training diverged, so that there is no model.
    """
    recipe, source = recipe or Recipe(), source or Source()
    if not 0 <= seed < MOST_SEED:
        raise RecipeError(f"seed must be a whole number from 0 to {MOST_SEED - 1:,}; got {seed}.")
    curve = None if curve is None else curve_path(curve)
    if source.task == "reconstruction":
        raise RecipeError(
            "Only a study reconstructs its inputs. To train one autoencoder and keep it, use "
            "gl.Autoencoder from Python: it gives codes, and inputs back from codes."
        )
    dataset = read_data(data, source)
    split = split_rows(dataset, ratios=source.ratios, seed=seed)
    if curve is not None and len(split.validation) == 0:
        raise RecipeError(
            "A learning curve needs validation rows, and this split has none. Give the validation "
            "part a share, or leave the curve out."
        )
    recipe = usual_recipe(recipe, dataset)
    preprocessor = preprocessor_for(dataset, split.train, [recipe], scaling=source.scaling)
    if isinstance(preprocessor, TextPreprocessor) and dataset.y.ndim == 2:
        dataset = in_vocabulary(dataset, preprocessor)
    task, told = with_reducers(make_task(dataset, split, preprocessor), [recipe])
    planned = plan(task, [Run(recipe, seed)], workers=1)
    result = None
    for event in execute(planned, workers=1):
        if isinstance(event, Progressed) and progress is not None:
            progress(int(event.checkpoint.control.epoch), recipe.epochs)
        elif isinstance(event, RunResult):
            result = event
    assert result is not None
    if result.status == "diverged":
        raise StudyError(
            f"Training diverged in epoch {result.epochs}: the loss is not finite. Lower the "
            f"learning rate (it was {recipe.rate():g}), or clip gradients with clip_norm=1."
        )
    trained = trained_network(planned, recipe, result.weights)

    chunk = rows_a_call(recipe, task.interface)

    def score(rows: np.ndarray) -> float | None:
        return score_rows(task, *trained, rows, chunk=chunk) if len(rows) else None

    train_rows, validation_rows = task.splits[0]
    if len(train_rows) > MOST_TRAIN_ROWS:
        sampled = f"The training score is that of {MOST_TRAIN_ROWS:,} of the {len(train_rows):,} "
        told = (*told, sampled + "training rows, drawn at random.")
        train_rows = np.random.default_rng(seed).choice(train_rows, MOST_TRAIN_ROWS, replace=False)
    scores = {"train": score(train_rows), "validation": score(validation_rows)}
    scores["test"] = score(task.test)
    history = np.asarray(result.history, np.float64).copy()
    if len(validation_rows):
        history[:, 2] = [task.score(value, validation_rows) for value in history[:, 2]]
    if curve is not None:
        write_learning_curve(history, curve)
    model = model_of(
        task,
        recipe,
        trained,
        preprocessor=preprocessor,
        target_name=dataset.target_name,
        reading=_reading(source, dataset.target_name),
        scores={name: value for name, value in scores.items() if value is not None},
    )
    return Fitted(
        model=model,
        status=result.status,
        epochs=result.epochs,
        seconds=result.seconds,
        score_name=task.score_name,
        train_score=float(scores["train"] or 0.0),
        validation_score=scores["validation"],
        test_score=scores["test"],
        trivial_score=task.trivial_score,
        history=history,
        notes=(*dataset.notes, *split.notes, *preprocessor.notes, *told),
    )


def _reading(source: Source, target: str) -> dict[str, Any]:
    """Return how `features_like` is to read new data of the same kind."""
    given = {name: getattr(source, name) for name in ("series", "time", "text", "horizon")}
    reading = {name: value for name, value in given.items() if value is not None}
    if source.series == "rows":  # a column besides the steps would be taken for one
        reading["left_out"] = [target, *source.drop]
    return reading
