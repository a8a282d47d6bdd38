"""Scores of a trained network on new rows."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from gradlab.training.population import Data, gather_batch
from gradlab.training.precision import precision
from gradlab.training.supervised import dtype_of, right
from gradlab.training.task import Task

CHUNK = 4096
"""Most rows a call; fewer are padded to the next power of two, so few sizes are ever compiled."""


@eqx.filter_jit
def _forward(network: PyTree, states: PyTree, x: Array | np.ndarray) -> Array:
    return network(x, states, training=False)[0]


def forward(
    network: PyTree, states: PyTree, x: Float[np.ndarray, "rows features"]
) -> Float[np.ndarray, "rows outputs"]:
    """Return the network's scores (logits, or standardised numbers) for scaled inputs.

    They are computed in the precision of the network's weights.
    """
    parts = []
    dtype = dtype_of(network)
    x = x.astype(dtype, copy=False)
    for start in range(0, len(x), CHUNK):
        chunk = x[start : start + CHUNK]
        size = min(CHUNK, 1 << (len(chunk) - 1).bit_length())
        padded = np.pad(chunk, ((0, size - len(chunk)), (0, 0)))
        with precision(dtype):
            parts.append(np.asarray(_forward(network, states, padded))[: len(chunk)])
    return np.concatenate(parts)


def probabilities(
    scores: Float[np.ndarray, "rows outputs"],
) -> Float[np.ndarray, "rows classes"]:
    """Return class probabilities: softmax, or (1 - p, p) from one logit."""
    scores = scores.astype(np.float64)
    if scores.shape[1] == 1:
        scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def score_rows(
    task: Task, network: PyTree, states: PyTree, rows: Int[np.ndarray, " rows"], *, split: int = 0
) -> float:
    """Return the task's score of a network on some rows of its data."""
    data = Data(task.x, task.y, task.weight, None, None, task.shift, task.scale, task.fill)
    batch = gather_batch(jax.tree.map(jnp.asarray, data), jnp.asarray(split), jnp.asarray(rows))
    scores = forward(network, states, np.asarray(batch.x))
    total = right(jnp.asarray(scores), batch, task.kind)
    return task.score(float(total / batch.weight.sum()), rows)
