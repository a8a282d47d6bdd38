"""What a training is expected to cost, from its setting alone.

Which trials a diagnosis makes depends on this estimate and not on a clock, so that the same
training gets the same diagnosis on a busy machine and an idle one.
"""

import math

from gradlab.doctor.evidence import DataFacts, Setup

STEP_SECONDS = 10e-6
"""Of a step that has next to nothing to compute; all numbers here are for two runs at a time."""

FLOPS = 50e9
"""A second."""

COMPILE_SECONDS = 0.5
"""Of a structure that was not trained before, two being compiled at a time."""


def steps_per_epoch(setup: Setup, n_rows: int) -> int:
    """Return the number of batches in an epoch.

    >>> steps_per_epoch(Setup("binary", (), batch_size=32), 100)
    4
    """
    return max(1, math.ceil(n_rows / (setup.batch_size or n_rows or 1)))


def run_seconds(setup: Setup, facts: DataFacts, epochs: int | None = None) -> float:
    """Return the rough seconds of one run: of its steps, and of the rows that judge.

    A step costs 6 operations a weight and row, twice as many for the gradient as for the answer.
    A convolution's weights are used at every place, a recurrent layer's at every step.
    """
    epochs = setup.epochs or 1 if epochs is None else epochs
    places, row = _first_places(facts), 0.0
    for layer in setup.layers:
        if layer.kind == "pool":
            places = max(1.0, places / 4)
        if layer.kind == "dense" and len(facts.input_shape) != 2:
            places = 1.0
        row += 2.0 * layer.n_parameters * (1.0 if layer.kind == "embedding" else places)
    steps = steps_per_epoch(setup, facts.n_train)
    updates = 6.0 * sum(layer.n_parameters for layer in setup.layers) * steps
    work = row * (3 * facts.n_train + facts.n_validation) + updates
    return epochs * (steps * STEP_SECONDS + work / FLOPS)


def _first_places(facts: DataFacts) -> float:
    """Return how often the first layer's weights are used in a row."""
    shape = facts.input_shape
    return float(math.prod(shape[:-1])) if len(shape) > 1 else 1.0
