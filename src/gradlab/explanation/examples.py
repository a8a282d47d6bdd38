"""Examples that are built in: the course's worked numbers, computed anew."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradlab.explanation.step import Step, begin
from gradlab.nn.activations import Activation, sigmoid
from gradlab.nn.dense import Dense
from gradlab.nn.module import Sequential
from gradlab.training.recipe import Recipe
from gradlab.training.task import TaskKind


@dataclass(frozen=True)
class Example:
    """A small step to explain.

    Args:
        title: What it shows.
        make: (recipe) -> the step.
        recipe: Loss and optimizer, unless others are asked for.
        notes: What should be known of it.
        weight: The weight that is written out.
    """

    title: str
    make: Callable[[Recipe], Step]
    recipe: Recipe
    notes: tuple[str, ...] = ()
    weight: str | None = None


def _step(layers: list[Any], x: Any, y: Any, kind: TaskKind) -> Callable[[Recipe], Step]:
    def make(recipe: Recipe) -> Step:
        network = Sequential(tuple(layers))
        return begin(network, np.array(x), np.array(y), recipe, kind=kind)

    return make


def _dense(*rows: Any, bias: Any = None) -> Dense:
    return Dense(np.array(rows, float), None if bias is None else np.array(bias, float))


_NEURON = Activation(sigmoid)
_SGD = Recipe(optimizer="sgd", learning_rate=0.1, loss="squared_error")

EXAMPLES: dict[str, Example] = {
    "2-2-1": Example(
        "A 2-2-1 sigmoid network learns from one example",
        _step(
            [_dense([0.5, 0.3], [0.3, 0.6]), _NEURON, _dense([0.5], [0.35]), _NEURON],
            [[0.5, 0.7]],
            [[1.0]],
            "regression",
        ),
        _SGD,
        ("Hidden weights are corrected with the old w5 and w6: all gradients are of one point.",),
        "w5",
    ),
    "line": Example(
        "A line through the origin, six points at once",
        _step(
            [_dense([0.2])],
            [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]],
            [[0.0], [0.8], [2.2], [2.3], [4.3], [4.9]],
            "regression",
        ),
        _SGD.replace(learning_rate=0.01),
    ),
    "neuron": Example(
        "A sigmoid neuron that is wrong",
        _step([_dense([0.4], bias=[0.5]), _NEURON], [[1.5]], [[0.0]], "regression"),
        _SGD.replace(loss="half_squared_error"),
    ),
    "saturated": Example(
        "A sigmoid neuron that is more wrong, and learns less",
        _step([_dense([1.9], bias=[3.0]), _NEURON], [[1.5]], [[0.0]], "regression"),
        _SGD.replace(loss="half_squared_error"),
        ("Its slope is small where the neuron is saturated; compare 'neuron'.",),
    ),
    "surprise": Example(
        "Cross-entropy of four answers, in bits",
        _step(
            [_dense([1.0])],
            [[float(np.log(o / (1 - o)))] for o in (0.98, 0.0001, 0.7503, 0.9971)],
            [1, 1, 0, 0],
            "binary",
        ),
        _SGD.replace(loss="binary_cross_entropy"),
    ),
    "parabola": Example(
        "One weight on the parabola w²",
        _step([_dense([1.0])], [[1.0]], [[0.0]], "regression"),
        _SGD,
        ("Any optimizer can be tried: its state starts at zero.",),
    ),
}
"""Name -> example; the first is shown when nothing is asked for."""
