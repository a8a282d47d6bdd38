"""The public call: explain one step of training of whatever is given."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gradlab.errors import DataError, RecipeError, unknown
from gradlab.estimators.network import Network
from gradlab.explanation.examples import EXAMPLES
from gradlab.explanation.explanation import Explanation, explain_step
from gradlab.explanation.replay import PastStep, past_step
from gradlab.explanation.step import FLOAT64, Step, parameters_of
from gradlab.explanation.subjects import of_estimator, of_model, of_network, of_recipe
from gradlab.explanation.words import number
from gradlab.lab.store import STUDY_FILE
from gradlab.lab.study import Study, open_study
from gradlab.training.model import Model, load_model
from gradlab.training.precision import precision
from gradlab.training.recipe import Recipe


def explain(
    subject: Any = None,
    X: Any = None,
    y: Any = None,
    *,
    weight: str | None = None,
    unit: str | None = None,
    row: int | None = None,
    recipe: Recipe | None = None,
    learning_rate: float | None = None,
    training: bool = True,
    seed: int | None = None,
    run: str | None = None,
    step: int | None = None,
    verify: bool = True,
    command: str = "",
) -> Explanation:
    """Explain one step of training to the last number.

    The step goes forwards through the network, to the loss, backwards by the chain rule, through
    the optimizer, and forwards again with the new weights. Every gradient stands beside a finite
    difference. All of it is computed in float64, at the weights as they are.

    Args:
        subject: A fitted estimator, a model or its file, a study or its folder, a recipe, any
            network that keeps the layer contract, or the name of a built-in example; None for the
            example of the course, a 2-2-1 network.
        X: Rows, as the subject takes them. A model that knows its preprocessing takes raw rows; a
            network takes scaled ones.
        y: Their true answers.
        weight: A weight to write out in full, as "w5" or "layer 1[3, 2]"; indices count from 0.
        unit: A unit to write out in full, as "layer 1[3]".
        row: Row of the batch to write out; by default the one that adds most to the weight's
            gradient.
        recipe: Loss, optimizer and penalties, of a network or an example.
        learning_rate: Of the step; the recipe's by default.
        training: Whether layers behave as in training: dropout drops, batch norm takes the batch's
            statistics.
        seed: Of masks and noise; an estimator's own, or 0.
        run: Of a study, the run's ID (or how it begins); the first of the best recipe by default.
        step: Of a study, the number of the step, from 1; of others the step that masks belong to.
        verify: Of a study, whether to train the run to its end and compare it with what is stored.
        command: What explains it again, for the page.

    Raises:
        DataError: If rows or answers are missing or don't fit.
        RecipeError: If the subject is none of these, or there is no such weight or unit.
        StudyError: If there is no such run or step, or the study's data has changed.

    >>> explanation = explain()
    >>> round(explanation.loss, 6), round(explanation.new_loss, 6)
    (0.13727, 0.134897)
    >>> round(explanation.gradient("w1"), 6)
    -0.01025
    """
    subject = opened(subject)
    options: dict[str, Any] = {"training": training, "seed": seed, "step": step}
    if learning_rate is not None:
        options["rate"] = learning_rate
    if run is not None and not isinstance(subject, Study):
        raise RecipeError("run names a run of a study; give the study, as explain(study, run=…).")
    with precision(FLOAT64):
        past = _past(subject, X, run, step, verify)
        if past is not None:
            wanted, title, notes = past.step, _told_title(past), _told(past)
        else:
            wanted, title, notes = step_of(subject, X, y, recipe, options)
    if row is not None and not 0 <= row < wanted.n_rows:
        raise DataError(
            f"The batch has {wanted.n_rows} rows; there is no row {row}. Rows count from 0."
        )
    if isinstance(subject, str) and weight is None:
        weight = EXAMPLES[subject].weight
    explanation = explain_step(
        wanted, title=title, notes=notes, weight=weight, unit=unit, row=row, command=command
    )
    if past is None:
        return explanation
    off = number(engine_difference(explanation, past), 2)
    told = f"Training's own step, in its own precision, gives these new weights within {off}."
    return dataclasses.replace(explanation, notes=(*notes, told))


def opened(subject: Any) -> Any:
    """Return what a name or a path stands for."""
    if subject is None:
        return next(iter(EXAMPLES))
    if isinstance(subject, Path) or (isinstance(subject, str) and subject not in EXAMPLES):
        path = Path(subject)
        if path.is_dir():
            if not (path / STUDY_FILE).exists():
                raise DataError(
                    f"{path} is a folder without {STUDY_FILE}: no study. Give the folder that "
                    "`gradlab compare` wrote, or the file of a model."
                )
            return open_study(path)
        if path.exists():
            return load_model(path)
        raise RecipeError(
            f"{unknown('example', str(subject), EXAMPLES)} There is no file or folder of that "
            "name either."
        )
    return subject


def step_of(
    subject: Any,
    X: Any,
    y: Any,
    recipe: Recipe | None,
    options: dict[str, Any],
) -> tuple[Step, str, tuple[str, ...]]:
    """Return the step of what was opened, what it is called, and what was decided."""
    if isinstance(subject, str):
        example = EXAMPLES[subject]
        chosen = example.recipe if recipe is None else recipe
        wanted = example.make(chosen)
        if options.get("rate") is not None:
            wanted = dataclasses.replace(wanted, rate=float(options["rate"]))
        if X is not None:
            raise DataError(f"The example '{subject}' has its own rows; leave X and y out.")
        return wanted, example.title, example.notes
    if recipe is not None and isinstance(subject, Network | Model | Recipe):
        raise RecipeError(
            f"A {type(subject).__name__} has a recipe of its own; leave recipe out, or give the "
            "network alone."
        )
    notes = () if options["training"] else ("Layers behave as when predicting.",)
    name = type(subject).__name__
    if isinstance(subject, Network):
        wanted = of_estimator(subject, X, y, options)
        told = "The step goes on from where the fit ended, with the state of its optimizer."
        return wanted, f"The next step of a fitted {name}", (told, *notes)
    if isinstance(subject, Model):
        told = "The optimizer begins anew: a model's file does not keep its state."
        return of_model(subject, X, y, options), "A step of a trained model", (told, *notes)
    if isinstance(subject, Recipe):
        told = "X is taken as it is: scale it as training would."
        return of_recipe(subject, X, y, options), "The first step of a recipe", (told, *notes)
    return of_network(subject, X, y, recipe, options), "One step of a network", notes


def _past(subject: Any, X: Any, run: str | None, step: int | None, verify: bool) -> PastStep | None:
    if not isinstance(subject, Study):
        return None
    if X is not None:
        raise DataError("A step of a study has its own batch; leave X and y out.")
    return past_step(subject, run, 1 if step is None else step, verify=verify)


def _told_title(past: PastStep) -> str:
    return f"Step {past.number} of run {past.run.id}"


def _told(past: PastStep) -> tuple[str, ...]:
    """Say where the step stands in its run, and how exactly it was computed again."""
    where = (
        f"Step {past.in_epoch} of {past.of_epoch} in epoch {past.epoch}, on {len(past.rows)} rows "
        f"of the training part (numbers {', '.join(map(str, past.rows[:8]))}"
        f"{', …' if len(past.rows) > 8 else ''}); seed {past.run.seed}, {past.run.cell}."
    )
    checks = []
    if past.same_history is not None:
        same = "are the stored ones" if past.same_history else "DIFFER from the stored ones"
        checks.append(f"its losses of all {past.run.epochs} epochs {same}")
    if past.same_end is not None:
        same = "are the stored ones" if past.same_end else "DIFFER from the stored ones"
        checks.append(f"its weights at the end {same}")
    if not checks:
        return (where,)
    exact = "bit for bit" if all((past.same_history, past.same_end is not False)) else "not exactly"
    told = f"Trained again from its seed: {' and '.join(checks)}, {exact}."
    if past.epoch_off:
        told += f" Stopping within the epoch rounds otherwise, by at most {past.epoch_off:.1e}."
    return where, told


def engine_difference(explanation: Explanation, past: PastStep) -> float:
    """Return the largest difference between the explained new weights and training's own."""
    leaves = zip(
        jax.tree.leaves(explanation.taken.new),
        jax.tree.leaves(parameters_of(past.after)),
        strict=True,
    )
    return max(float(np.abs(a - np.asarray(b, np.float64)).max(initial=0)) for a, b in leaves)
