"""Tasks whose answer is the input, and trainings that start from given weights."""

import numpy as np
from jaxtyping import Float, Int, PyTree

from gradlab.estimators.training import Examples, Trained, task_of
from gradlab.training.packing import pack_on_host
from gradlab.training.plan import Run, plan
from gradlab.training.population import HISTORY
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import initial_arrays
from gradlab.training.task import Task


def reconstruction_task(
    x: Float[np.ndarray, "rows *shape"], validation: Int[np.ndarray, " validation"]
) -> Task:
    """Return the task of reproducing inputs, some of them held out."""
    return task_of(
        Examples(x, dtype=x.dtype),
        np.zeros(len(x), x.dtype),
        np.ones(len(x)),
        validation,
        kind="reconstruction",
        n_outputs=x[0].size,
    )


def started(task: Task, recipe: Recipe, network: PyTree, states: PyTree, *, seed: int) -> Trained:
    """Return a training that has not begun, with the weights of a network instead of a seed's.

    `train_on` takes it as its start. Running statistics of normalisations begin anew.

    Args:
        task: What is to be learnt.
        recipe: Describes the network.
        network: The initial weights.
        states: Of its layers.
        seed: Of order and masks.
    """
    (program,) = plan(task, [Run(recipe, seed)], workers=1).programs
    state = pack_on_host(initial_arrays(network), program.layouts.state_words)
    return Trained(recipe, seed, state, np.zeros((0, len(HISTORY))), 0, network, states)
