"""Scores of a trained network on new rows."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from gradlab.training.precision import precision
from gradlab.training.supervised import dtype_of
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
    # NumPy but for the network: eager JAX would compile a small program for every operation.
    x, y, weight = task.x[rows], task.y[rows], task.weight[rows]
    if task.shift is not None and task.scale is not None and task.fill is not None:
        scaled = (x - task.shift[split]) * task.scale[split]
        x = np.where(np.isnan(x), task.fill[split], scaled)
    scores = forward(network, states, x)
    if task.kind == "regression":
        return task.score(float(np.average(((scores - y) ** 2).mean(axis=1), weights=weight)), rows)
    answers = scores[:, 0] > 0 if task.kind == "binary" else scores.argmax(axis=1)
    return task.score(float(np.average(answers == y, weights=weight)), rows)
