"""What decides a compiled program, and the numbers that do not."""

from typing import Any

import numpy as np

from gradlab.doctor.program.optimizers import optimizer_numbers
from gradlab.doctor.program.settings import Init, Labels, Model, Settings

START = Init(name="zeros")
"""Stands for any starting weights: they come from outside."""
NUMBERS = ("rate", "stddev", "l1", "l2")
"""Numbers of layers."""


def structure_of(settings: Settings) -> Settings:
    """Return the settings without everything that is a number: equal ones compile to the same.

    >>> from gradlab.doctor.program.settings import read_settings
    >>> words = {"task": "regression", "labels": {"coding": "real"}, "batch_size": 4, "epochs": 2,
    ...          "model": {"input_shape": [1], "layers": [{"type": "dense", "units": 1}]},
    ...          "loss": "mean_squared_error", "optimizer": {"name": "sgd", "learning_rate": 0.1}}
    >>> slower = {**words, "optimizer": {"name": "sgd", "learning_rate": 0.01}, "epochs": 3}
    >>> structure_of(read_settings(words)) == structure_of(read_settings(slower))
    True
    """
    layers = []
    for words in settings.model.layers:
        change: dict[str, Any] = {
            name: START for name in ("init", "recurrent_init") if hasattr(words, name)
        }
        if hasattr(words, "bias_init"):
            change["bias_init"] = None
        change.update({name: 0.0 for name in NUMBERS if getattr(words, name, None) is not None})
        layers.append(words.model_copy(update=change))
    chosen = optimizer_numbers(settings.optimizer)
    kept: dict[str, float | None] = {"learning_rate": 0.0, "decay": 0.0}
    # Which numbers there are decides, not what they are.
    for name in type(settings.optimizer).model_fields:
        if name not in ("name", "nesterov", *kept):
            kept[name] = 1.0 if name in chosen else None
    nesterov = settings.optimizer.nesterov and "momentum" in chosen
    loss = settings.loss
    return Settings(
        task=settings.task,
        labels=Labels(coding=settings.labels.coding),
        model=Model(input_shape=settings.model.input_shape, layers=tuple(layers)),
        loss=loss.model_copy(update={"clip": None if loss.clip is None else 0.0}),
        optimizer=settings.optimizer.model_copy(update={**kept, "nesterov": nesterov}),
        batch_size=1,
        epochs=1,
    )


def numbers_of(settings: Settings) -> dict[str, np.float32]:
    """Return all numbers of the settings by path; those of the structure are the same."""
    found = {"learning_rate": settings.optimizer.learning_rate, "decay": settings.optimizer.decay}
    for index, words in enumerate(settings.model.layers):
        for name in NUMBERS:
            value = getattr(words, name, None)
            if value is not None:
                found[f"model.layers[{index}].{name}"] = value
    chosen = optimizer_numbers(settings.optimizer)
    found.update({f"optimizer.{name}": value for name, value in chosen.items()})
    found["clip"] = settings.loss.clip or 0.0
    return {name: np.float32(value) for name, value in found.items()}
