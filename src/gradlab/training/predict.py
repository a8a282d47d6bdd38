"""Scores of a trained network on new rows."""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int, Num, PyTree

from gradlab.nn.padded import Padded
from gradlab.process import cores
from gradlab.training.interface import Interface
from gradlab.training.network import network_table
from gradlab.training.precision import precision
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import dtype_of
from gradlab.training.task import Task

CHUNK = 4096
"""Most rows a call; fewer are padded to the next power of two, so few sizes are ever compiled."""

CHUNK_NUMBERS = 2**22
"""Most numbers of a call's largest map."""


@eqx.filter_jit
def _forward(network: PyTree, states: PyTree, x: Any) -> Any:
    return network(x, states, training=False)[0]


def forward(
    network: PyTree,
    states: PyTree,
    x: Num[np.ndarray, "rows *shape"],
    lengths: Int[np.ndarray, " rows"] | None = None,
    *,
    chunk: int = CHUNK,
) -> Float[np.ndarray, "rows *outputs"]:
    """Return the network's scores (logits, or standardised numbers) for scaled inputs.

    They are computed in the precision of the network's weights.

    Args:
        network, states: A trained network and its layers' states.
        x: Inputs, one row an example.
        lengths: Real steps of each sequence, where they differ; scores of the padding are of no
            account.
        chunk: Most rows a call.
    """
    dtype = dtype_of(network)
    x = x.astype(dtype, copy=False) if x.dtype.kind == "f" else x
    bytes_as_shares = x.dtype == np.uint8

    def of_piece(start: int) -> np.ndarray:
        piece = x[start : start + chunk]
        if bytes_as_shares:
            piece = piece.astype(dtype) / 255
        size = min(chunk, 1 << (len(piece) - 1).bit_length())
        extra = size - len(piece)
        inputs: Any = np.pad(piece, [(0, extra)] + [(0, 0)] * (x.ndim - 1))
        if lengths is not None:
            inputs = Padded(inputs, np.pad(lengths[start : start + chunk], (0, extra)))
        with precision(dtype):
            scores = _forward(network, states, inputs)
        scores = scores.values if isinstance(scores, Padded) else scores
        return np.asarray(scores)[: len(piece)]

    starts = range(0, len(x), chunk)
    first = [of_piece(start) for start in starts[:1]]  # compiles
    with ThreadPoolExecutor(cores()) as pool:
        return np.concatenate([*first, *pool.map(of_piece, starts[1:])])


def rows_a_call(recipe: Recipe, interface: Interface) -> int:
    """Return how many rows to score at once: as many as lay out no more than some 16 MB."""
    table = network_table(recipe, interface)
    widest = max(interface.n_features, *(math.prod(row.output_shape) for row in table))
    return int(min(CHUNK, max(16, 2 ** int(math.log2(CHUNK_NUMBERS / widest)))))


def probabilities(
    scores: Float[np.ndarray, "*rows outputs"],
) -> Float[np.ndarray, "*rows classes"]:
    """Return class probabilities: softmax, or (1 - p, p) from one logit."""
    scores = scores.astype(np.float64)
    if scores.shape[-1] == 1:
        scores = np.concatenate([np.zeros_like(scores), scores], axis=-1)
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def score_rows(
    task: Task,
    network: PyTree,
    states: PyTree,
    rows: Int[np.ndarray, " rows"],
    *,
    split: int = 0,
    chunk: int = CHUNK,
) -> float:
    """Return the task's score of a network on some rows of its data, `chunk` of them a call."""
    # NumPy but for the network: eager JAX would compile a small program for every operation.
    x, y, weight = task.x[rows], task.y[rows], task.weight[rows]
    if task.shift is not None and task.scale is not None and task.fill is not None:
        scaled = (x - task.shift[split]) * task.scale[split]
        x = np.where(np.isnan(x), task.fill[split], scaled)
    lengths = None if task.lengths is None else task.lengths[rows]
    scores = forward(network, states, x, lengths, chunk=chunk)
    if task.kind in ("regression", "reconstruction"):
        if task.kind == "reconstruction":
            scores, y = network.reconstruction(scores), x / 255 if x.dtype == np.uint8 else x
        errors = ((scores - y) ** 2).reshape(len(rows), -1).mean(axis=1)
        return task.score(float(np.average(errors, weights=weight)), rows)
    answers = scores[:, 0] > 0 if task.kind == "binary" else scores.argmax(axis=-1)
    right = answers == y
    if right.ndim == 2:
        real = np.ones(right.shape, bool)
        if lengths is not None:
            real = np.arange(right.shape[1])[None, :] < lengths[:, None]
        return float((right * real * weight[:, None]).sum() / (real * weight[:, None]).sum())
    return task.score(float(np.average(right, weights=weight)), rows)
