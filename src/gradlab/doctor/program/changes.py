"""Changes of a program in the words of `doctor.finding.SETTINGS`."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradlab.doctor.finding import Change
from gradlab.doctor.program.coding import CLASSES
from gradlab.doctor.program.optimizers import usual_optimizer
from gradlab.doctor.program.program import Program
from gradlab.doctor.program.wording import INITS, loss_words
from gradlab.errors import DataError

Words = dict[str, Any]
WEIGHTED = ("dense", "conv2d", "conv1d", "lstm", "gru", "rnn", "simple_rnn")
RECTIFIERS = ("relu", "leaky_relu", "elu", "selu", "gelu", "swish", "silu", "mish", "softplus")
NEW_UNITS = 32
"""Width of a hidden layer where there was none to copy."""
CLIP = 1e-7


class CannotSay(Exception):
    """A change that has no meaning for this program."""


def changed_program(program: Program, changes: Sequence[Change]) -> Program | None:
    """Return a program with changes, one after another; None if one can't be said of it.

    Args:
        program: As it is.
        changes: In the words of `doctor.finding.SETTINGS`.
    """
    for change in changes:
        make = CHANGES.get(change.setting)
        if make is None:
            return None
        words = program.words()
        try:
            made = make(program, words, change.value, change.place)
            program = made if isinstance(made, Program) else program.with_words(words)
        except (CannotSay, DataError, TypeError, ValueError):
            return None
    return program


def _layers(words: Words) -> list[Words]:
    return words["model"]["layers"]


def _weighted(words: Words) -> list[int]:
    return [i for i, layer in enumerate(_layers(words)) if layer["type"] in WEIGHTED]


def _output(words: Words) -> Words:
    return _layers(words)[_weighted(words)[-1]]


def _n_outputs(words: Words) -> int:
    output = _output(words)
    return int(output.get("units", output.get("filters", 1)))


def _at(words: Words, place: str, chosen: Sequence[int]) -> list[Words]:
    """Return the layer of a place, or all of those chosen."""
    layers = _layers(words)
    if not place:
        return [layers[i] for i in chosen]
    for i, layer in enumerate(layers):
        if place.startswith(f"model.layers[{i}]"):
            return [layer]
    raise CannotSay(place)


def _number(key: str) -> Callable:
    def make(program: Program, words: Words, value: Any, place: str) -> None:
        words[key] = max(1, round(value))

    return make


def _batch_size(program: Program, words: Words, value: Any, place: str) -> None:
    words["batch_size"] = int(min(max(1, value), len(program.x_train)))


def _learning_rate(program: Program, words: Words, value: Any, place: str) -> None:
    words["optimizer"]["learning_rate"] = float(value)


def _optimizer(program: Program, words: Words, value: Any, place: str) -> None:
    own = {"momentum": {"momentum": 0.9}, "nesterov": {"momentum": 0.9, "nesterov": True}}
    words["optimizer"] = {**usual_optimizer("sgd" if value in own else value), **own.get(value, {})}


def _momentum(program: Program, words: Words, value: Any, place: str) -> None:
    if words["optimizer"]["name"] not in ("sgd", "rmsprop"):
        raise CannotSay
    words["optimizer"]["momentum"] = float(value)


def _clip_norm(program: Program, words: Words, value: Any, place: str) -> None:
    words["optimizer"]["clip_norm"] = float(value) if value else None


def _hidden_activation(program: Program, words: Words, value: Any, place: str) -> None:
    layers = _layers(words)
    hidden = [i for i in _weighted(words)[:-1] if layers[i]["type"] not in WEIGHTED[3:]]
    if not hidden and not place:
        raise CannotSay
    for layer in _at(words, place, hidden):
        layer["activation"] = value


def _output_activation(program: Program, words: Words, value: Any, place: str) -> None:
    after = _layers(words)[_weighted(words)[-1] + 1 :]
    own = next((layer for layer in after if layer["type"] == "activation"), _output(words))
    own["activation"] = fitting_activation(words) if value == "auto" else value


def fitting_activation(words: Words) -> str:
    """Return the output activation that fits a program's task and loss."""
    if words["task"] == "regression":
        return "linear"
    hinge = "hinge" in words["loss"]["name"]
    if words["labels"]["coding"] in ("multi_hot", "image") or _n_outputs(words) == 1:
        return "tanh" if hinge else "sigmoid"
    return "linear" if hinge else "softmax"


def _loss(program: Program, words: Words, value: Any, place: str) -> None:
    name = fitting_loss(words) if value == "auto" else loss_words(value)
    if name == "categorical_crossentropy" and words["labels"]["coding"].startswith("integer"):
        name = "sparse_categorical_crossentropy"
    guarded = "crossentropy" in name or name == "kullback_leibler_divergence"
    words["loss"] = {"name": name, "clip": CLIP if guarded else None}


def fitting_loss(words: Words) -> str:
    """Return the loss that fits a program's task."""
    if words["task"] == "regression":
        return "mean_squared_error"
    several = words["labels"]["coding"] in ("multi_hot", "image")
    if several or _n_outputs(words) == 1:
        return "binary_crossentropy"
    return "categorical_crossentropy"


def _init(program: Program, words: Words, value: Any, place: str) -> None:
    for layer in _at(words, place, _weighted(words)):
        act = layer.get("activation", "linear")
        usual = "he_normal" if act in RECTIFIERS else "glorot_uniform"
        layer["init"] = usual if value == "auto" else INITS.get(value, value)
        layer.pop("bias_init", None)


def _scaling(program: Program, words: Words, value: Any, place: str) -> None:
    if value == "log10_standard" and program.x_train.min() <= 0:
        raise CannotSay
    if any(layer["type"] == "embedding" for layer in _layers(words)):
        raise CannotSay
    words["scaling"] = {**words["scaling"], "inputs": value, "validation_inputs": "same"}


def _target_scaling(program: Program, words: Words, value: Any, place: str) -> None:
    if words["labels"]["coding"] in CLASSES or words["task"] != "regression":
        raise CannotSay
    words["scaling"]["targets"] = value


def _validation_scaling(program: Program, words: Words, value: Any, place: str) -> None:
    words["scaling"]["validation_inputs"] = value


def _dropout(program: Program, words: Words, value: Any, place: str) -> None:
    layers = _layers(words)
    drops = [i for i, layer in enumerate(layers) if layer["type"] == "dropout"]
    if drops and (value == 0 or place or any(layers[i]["rate"] for i in drops)):
        for layer in _at(words, place, drops):
            layer["rate"] = float(value)
        return
    if value == 0:
        raise CannotSay
    for i in reversed(_weighted(words)[:-1]):
        layers.insert(_behind(layers, i), {"type": "dropout", "rate": float(value)})


def _behind(layers: list[Words], i: int) -> int:
    """Return the place behind a layer and what belongs to it."""
    i += 1
    while i < len(layers) and layers[i]["type"] in ("activation", "batch_norm", "layer_norm"):
        i += 1
    return i


def _penalty(name: str) -> Callable:
    def make(program: Program, words: Words, value: Any, place: str) -> None:
        layers = _layers(words)
        with_it = [i for i, layer in enumerate(layers) if layer.get(name) is not None]
        chosen = with_it if value == 0 else _weighted(words)
        if not chosen and not place:
            raise CannotSay
        for layer in _at(words, place, chosen):
            layer[name] = float(value)

    return make


def _units(program: Program, words: Words, value: Any, place: str) -> None:
    hidden = _weighted(words)[:-1]
    if not hidden:
        raise CannotSay
    for layer in _at(words, place, hidden):
        key = "filters" if "filters" in layer else "units"
        layer[key] = max(1, round(layer[key] * value))


def _depth(program: Program, words: Words, value: Any, place: str) -> None:
    """Add copies of the last hidden dense layer, or take such layers out, the last first."""
    layers = _layers(words)
    while len(_weighted(words)) - 1 > value:
        hidden = [i for i in _weighted(words)[:-1] if layers[i]["type"] == "dense"]
        if not hidden:
            raise CannotSay
        del layers[hidden[-1]]
    while len(_weighted(words)) - 1 < value:
        output = _weighted(words)[-1]
        hidden = [i for i in _weighted(words)[:-1] if layers[i]["type"] == "dense"]
        new = {"type": "dense", "units": NEW_UNITS, "activation": "relu", "init": "glorot_uniform"}
        layers.insert(output, dict(layers[hidden[-1]]) if hidden else new)


def _norm(program: Program, words: Words, value: Any, place: str) -> None:
    layers = _layers(words)
    kinds = {"batch": "batch_norm", "layer": "layer_norm"}
    kinds.update({kind: kind for kind in list(kinds.values())})
    kept = [layer for layer in layers if layer["type"] not in kinds.values()]
    if value == "none" and len(kept) == len(layers):
        raise CannotSay
    layers[:] = kept
    if value != "none":
        if value not in kinds:
            raise CannotSay
        for i in reversed(_weighted(words)[:-1]):
            layers.insert(i + 1, {"type": kinds[value]})


def _class_weight(program: Program, words: Words, value: Any, place: str) -> None:
    if words["labels"]["coding"] not in CLASSES or words["labels"]["coding"] == "integer_per_step":
        raise CannotSay
    words["class_weight"] = value


def _label_coding(program: Program, words: Words, value: Any, place: str) -> None:
    labels = words["labels"]
    if labels["coding"] not in CLASSES:
        raise CannotSay
    if value != "auto":
        labels["coding"] = value
        return
    if labels["coding"] == "integer_per_step":
        raise CannotSay
    n_classes = int(labels["n_classes"] or program.y_train.max() + 1)
    output, n = _output(words), _n_outputs(words)
    if n == 1 and n_classes > 2:
        output["units"] = n = n_classes
    sparse = words["loss"]["name"] == "sparse_categorical_crossentropy"
    labels["coding"] = "integer" if sparse else "zero_one" if n == 1 else "one_hot"
    labels["n_outputs"] = n


def _patience(program: Program, words: Words, value: Any, place: str) -> None:
    if program.judging_rows() is None:
        raise CannotSay
    words["early_stopping"] = {"patience": max(1, round(value))}


def _shuffle(program: Program, words: Words, value: Any, place: str) -> None:
    words["shuffle"] = bool(value)


def _drop_columns(program: Program, words: Words, value: Any, place: str) -> Program:
    if program.x_train.ndim != 2:
        raise CannotSay
    positions = [int(column) for column in ([value] if isinstance(value, str | int) else value)]
    kept = np.setdiff1d(np.arange(program.x_train.shape[1]), positions)
    if not len(kept):
        raise CannotSay
    words["model"]["input_shape"] = [len(kept)]
    held = program.x_validation
    return dataclasses.replace(
        program,
        settings=type(program.settings).model_validate(words),
        x_train=program.x_train[:, kept],
        x_validation=None if held is None else held[:, kept],
    )


CHANGES: dict[str, Callable] = {
    "learning_rate": _learning_rate,
    "epochs": _number("epochs"),
    "batch_size": _batch_size,
    "optimizer": _optimizer,
    "momentum": _momentum,
    "clip_norm": _clip_norm,
    "hidden_activation": _hidden_activation,
    "output_activation": _output_activation,
    "loss": _loss,
    "init": _init,
    "scaling": _scaling,
    "target_scaling": _target_scaling,
    "validation_scaling": _validation_scaling,
    "dropout": _dropout,
    "l1": _penalty("l1"),
    "l2": _penalty("l2"),
    "units": _units,
    "layers": _depth,
    "norm": _norm,
    "class_weight": _class_weight,
    "label_coding": _label_coding,
    "patience": _patience,
    "shuffle": _shuffle,
    "drop_columns": _drop_columns,
}
"""Setting -> what makes the change in a program's words."""
