"""A program taken apart, so that an edit can change its words and rows in place."""

import copy
import dataclasses
from typing import Any

import numpy as np

from gradlab.doctor.program.network import places, starting_arrays
from gradlab.doctor.program.program import Program
from gradlab.doctor.program.settings import read_settings

RECURRENT = ("lstm", "gru", "rnn", "simple_rnn")
BIASED = ("dense", "conv2d", "conv1d")
WEIGHTED = BIASED + RECURRENT


@dataclasses.dataclass
class Draft:
    """Plain words and arrays of its own.

    Attributes:
        words: Settings as plain dicts and lists.
        x_train, y_train, x_judge, y_judge: Rows, before any scaling.
        stds: Standard deviation of the starting weights of inputs, by position of the layer.
    """

    words: dict[str, Any]
    x_train: np.ndarray
    y_train: np.ndarray
    x_judge: np.ndarray
    y_judge: np.ndarray
    stds: dict[int, float]

    @classmethod
    def of(cls, program: Program) -> "Draft":
        """Take a program with separate validation rows apart."""
        assert program.x_validation is not None
        assert program.y_validation is not None
        return cls(
            copy.deepcopy(program.words()),
            np.array(program.x_train),
            np.array(program.y_train),
            np.array(program.x_validation),
            np.array(program.y_validation),
            _stds(program),
        )

    def program(self, name: str) -> Program:
        """Put it together."""
        self.words["model"]["input_shape"] = list(self.x_train.shape[1:])
        settings = read_settings(self.words, where=name)
        return Program(settings, self.x_train, self.y_train, self.x_judge, self.y_judge, name)

    @property
    def layers(self) -> list[dict[str, Any]]:
        """Of the network."""
        return self.words["model"]["layers"]

    @property
    def weighted(self) -> list[dict[str, Any]]:
        """Layers whose outputs go through an activation."""
        return [x for x in self.layers if x["type"] in WEIGHTED]

    @property
    def hidden(self) -> list[dict[str, Any]]:
        """Those but the last."""
        return self.weighted[:-1]

    @property
    def output(self) -> dict[str, Any]:
        """The last of them."""
        return self.weighted[-1]

    def place(self, layer: dict[str, Any]) -> int:
        """Return the position of a layer."""
        return next(i for i, x in enumerate(self.layers) if x is layer)

    def scaled_inputs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the inputs as the network sees them, of training and of validation."""
        kind = self.words["scaling"]["inputs"]
        if kind == "divide_255":
            return self.x_train / 255.0, self.x_judge / 255.0
        if kind == "standard":
            over = tuple(range(self.x_train.ndim - 1))
            mean, std = self.x_train.mean(over), self.x_train.std(over)
            std = np.where(std > 0, std, 1.0)
            return (self.x_train - mean) / std, (self.x_judge - mean) / std
        return self.x_train, self.x_judge


def _stds(program: Program) -> dict[int, float]:
    model = program.settings.model
    found = {}
    for place, arrays in zip(places(model), starting_arrays(model, 0), strict=True):
        if place.words.type in BIASED:
            found[place.index] = float(np.std(arrays["weight"]))
        elif place.words.type in RECURRENT:
            # Glorot & Bengio 2010, as their usual start is.
            found[place.index] = float((2 / sum(place.fans)) ** 0.5)
    return found
