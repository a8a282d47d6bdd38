"""The order in which a run sees the training rows: data, not structure.

A permutation depends on the run's seed, the epoch and the rows, never on the technique, so runs
with the same seed see the same batches (common random numbers).
"""

import numpy as np
from jaxtyping import Int

PADDING = -1
"""Marks the empty places of the last batch; they weigh nothing."""


def steps_per_epoch(n_rows: int, batch_size: int) -> int:
    """Return ceil(n_rows / batch_size).

    >>> steps_per_epoch(100, 32)
    4
    """
    return -(-n_rows // batch_size)


def batch_order(
    rows: Int[np.ndarray, " n_rows"],
    *,
    seed: int,
    epochs: range,
    batch_size: int,
    n_steps: int | None = None,
    shuffle: bool = True,
) -> Int[np.ndarray, "epochs n_steps batch_size"]:
    """Return the rows of every batch of the given epochs, padded with -1.

    Every row occurs exactly once an epoch, unless `n_steps` is too few for all.

    Args:
        rows: Row numbers of the training part.
        seed: The run's seed.
        epochs: Which epochs, counted from 0; epoch e is the same whatever range it is asked in.
        batch_size: Rows a step.
        n_steps: Steps an epoch; more than needed adds empty batches, fewer leave out the last rows
            of the epoch's order.
        shuffle: False keeps the rows in their order (ordered data, or one full batch).

    >>> batch_order(np.arange(3), seed=0, epochs=range(1), batch_size=2, shuffle=False).tolist()
    [[[0, 1], [2, -1]]]
    """
    n_steps = steps_per_epoch(len(rows), batch_size) if n_steps is None else n_steps
    order = np.full((len(epochs), n_steps * batch_size), PADDING, np.int32)
    for i, epoch in enumerate(epochs):
        # A counter-based generator: epoch e is drawn without drawing the epochs before it.
        chosen = (
            np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(rows)
            if shuffle
            else rows
        )[: order.shape[1]]
        order[i, : len(chosen)] = chosen
    return order.reshape(len(epochs), n_steps, batch_size)
