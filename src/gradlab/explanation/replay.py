"""Any past step of a stored run, computed again from its seed.

The run is trained anew with the same order of rows and the same keys: whole epochs by the program
that trained it, whose end is compared with what the study kept, bit for bit. Within the wanted
epoch batches after the step are left empty, and a second program passes over them. XLA may fuse
that one otherwise and round a last bit differently, so it is also run to the end of the epoch and
compared with the first.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int, PyTree

from gradlab.errors import StudyError
from gradlab.explanation.retraining import Retraining, Stand
from gradlab.explanation.step import FLOAT64, Step, begin
from gradlab.lab.preparation import prepare, read_kept
from gradlab.lab.store import Store, StoredRun
from gradlab.lab.study import Study, best_cell
from gradlab.nn.random import row_key
from gradlab.optim import OPTIMIZERS
from gradlab.training.network import build_network
from gradlab.training.order import steps_per_epoch
from gradlab.training.plan import Run
from gradlab.training.population import gather_batch
from gradlab.training.precision import precision
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task


@dataclasses.dataclass(frozen=True)
class PastStep:
    """A step of a stored run, as it was.

    Args:
        step: The step.
        run: The stored run.
        number: Of the step, from 1.
        epoch: From 1.
        in_epoch: Number of the step within its epoch, from 1.
        of_epoch: Steps an epoch.
        rows: Rows of the data set in its batch.
        after: Weights after the step, as training computed them.
        same_end: Whether the weights at the end of the run are the stored ones, bit for bit; None
            where none were stored or the check was left out.
        same_history: Whether its losses are the stored ones, bit for bit; None without the check.
        epoch_off: Largest difference, at the end of the epoch, between the program that stops at
            a step and the one that trained the run; 0 if they agree bit for bit, None without the
            check.
    """

    step: Step
    run: StoredRun
    number: int
    epoch: int
    in_epoch: int
    of_epoch: int
    rows: Int[np.ndarray, " batch"]
    after: PyTree
    same_end: bool | None
    same_history: bool | None
    epoch_off: float | None


def past_step(
    study: Study, run: str | None = None, number: int = 1, *, verify: bool = True
) -> PastStep:
    """Return a step of a study's run.

    Args:
        study: An opened study.
        run: ID of the run, or how it begins; None for the first of the best recipe.
        number: Of the step, from 1.
        verify: Train the run to its end and compare it with what is stored.

    Raises:
        StudyError: If there is no such run or step, the run can't be repeated, or the data has
            changed.
    """
    stored = _stored(study, run)
    task = _task(study)
    recipe = _recipe(study, stored)
    wanted = Run(recipe, stored.seed, stored.split)
    again = Retraining(task, wanted)
    of_epoch = steps_per_epoch(len(task.splits[stored.split][0]), again.program.shape.batch_size)
    if not 1 <= number <= stored.epochs * of_epoch:
        raise StudyError(
            f"Run {stored.id} took {stored.epochs * of_epoch:,} steps ({stored.epochs} epochs of "
            f"{of_epoch}); there is no step {number}. Give a number from 1."
        )
    epoch, place = divmod(number - 1, of_epoch)
    begun = again.epochs(epoch)
    before = again.state(again.part(begun, epoch, place))
    after = again.state(again.part(begun, epoch, place + 1))
    rows = again.order(epoch)[0, place]
    same_end = same_history = epoch_off = None
    if verify:
        whole = again.state(again.epochs(epoch + 1, begun))
        epoch_off = _largest_difference(whole, again.state(again.part(begun, epoch, of_epoch)))
        same_end, same_history = _compared(study, again, begun, epoch, stored)
    step = _step(again, before, epoch, place, rows[rows >= 0])
    return PastStep(
        step=step,
        run=stored,
        number=number,
        epoch=epoch + 1,
        in_epoch=place + 1,
        of_epoch=of_epoch,
        rows=rows[rows >= 0],
        after=after.model,
        same_end=same_end,
        same_history=same_history,
        epoch_off=epoch_off,
    )


def _largest_difference(one: PyTree, other: PyTree) -> float:
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return max(
        float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max(initial=0)) for a, b in pairs
    )


def _stored(study: Study, run: str | None) -> StoredRun:
    if run is None:
        return best_cell(study)[1][0]
    found = [stored for stored in study.runs if stored.id.startswith(run)]
    exact = [stored for stored in found if stored.id == run]
    if len(exact or found) != 1:
        known = ", ".join(stored.id for stored in study.runs[:3])
        what = f"{len(found)} runs begin" if found else "no run begins"
        raise StudyError(
            f"In {study.folder} {what} with '{run}'. IDs are in study.results; the first are "
            f"{known}."
        )
    return (exact or found)[0]


def _task(study: Study) -> Task:
    dataset = read_kept(study.source)
    task, _ = prepare(dataset, study.question.model_copy(update={"data": study.source}))
    if task.fingerprint() != study.facts.fingerprint:
        raise StudyError(
            f"The data of the study in {study.folder} has changed since it was run, so no step of "
            "it can be computed again. Bring the old data back."
        )
    return task


def _recipe(study: Study, stored: StoredRun) -> Recipe:
    name = stored.recipe.get("optimizer", "adam")
    if name not in OPTIMIZERS:
        raise StudyError(
            f"Run {stored.id} of {study.folder} trained with the optimizer object '{name}', which "
            "the folder can't hold, so its steps can't be computed again."
        )
    return Recipe(**stored.recipe)


def _step(
    again: Retraining, state: Any, epoch: int, place: int, rows: Int[np.ndarray, " batch"]
) -> Step:
    """Return the step that a state is about to take."""
    task, run = again.task, again.run
    with precision(task.dtype):
        batch = gather_batch(
            again.data, jnp.int32(run.split), jnp.asarray(rows, jnp.int32), task.dtype
        )
        template = build_network(run.recipe, task.interface, seed=None, dtype=task.dtype)
    network = eqx.combine(state.model, eqx.filter(template, eqx.is_array, inverse=True))
    weight = np.asarray(batch.weight, np.float64)
    if run.recipe.class_weight == "balanced":
        weight = weight * np.asarray(batch.balanced, np.float64)
    number = epoch * again.program.shape.n_steps + place
    # What came to the engine as numbers of its own precision, a rate or a decay, is meant.
    with precision(FLOAT64):
        return begin(
            network,
            batch.x,
            np.asarray(batch.y),
            run.recipe,
            kind=task.kind,
            states=state.layers,
            optimizer=state.optimizer,
            weight=weight,
            rate=float(again.rates[epoch, place]),
            key=row_key(np.uint32(run.seed % 2**32), np.uint32(number), jnp.asarray(rows)),
        )


def _compared(
    study: Study, again: Retraining, begun: Stand, epoch: int, stored: StoredRun
) -> tuple[bool | None, bool]:
    """Train on to the end and compare weights and losses with the stored ones."""
    end = again.epochs(stored.epochs, begun)
    history = np.asarray(end.history, np.float64)[:, :2]
    same_history = np.array_equal(history, stored.history[:, :2], equal_nan=True)
    store = Store(study.folder)
    try:
        words = store.weights(stored)
    finally:
        store.close()
    if words is None or end.result is None:
        return None, same_history
    return np.array_equal(end.result[: len(words)], words[: len(end.result)]), same_history
