"""A program's settings in the words of `doctor.evidence.Setup`, and back."""

import dataclasses
from typing import Literal

import numpy as np

from gradlab.doctor.evidence import Layer, LayerKind, Setup, TaskName
from gradlab.doctor.program.network import SHAPES, WEIGHTED, Place, places, starting_arrays
from gradlab.doctor.program.optimizers import USUAL
from gradlab.doctor.program.settings import (
    BatchNorm,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    GlobalPool,
    Init,
    LayerNorm,
    Optimizer,
    Pool1D,
    Pool2D,
    Recurrent,
    Settings,
)
from gradlab.doctor.program.training import last_activation

LOSSES = {
    "categorical_crossentropy": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
    "binary_crossentropy": "binary_cross_entropy",
    "mean_squared_error": "squared_error",
    "mean_absolute_error": "absolute_error",
    "mean_absolute_percentage_error": "percentage_error",
    "mean_squared_logarithmic_error": "logarithmic_error",
    "hinge": "hinge",
    "squared_hinge": "squared_hinge",
    "categorical_hinge": "categorical_hinge",
    "logcosh": "log_cosh",
    "huber": "huber",
    "kullback_leibler_divergence": "kullback_leibler",
    "poisson": "poisson",
}
"""Loss of a program -> Gradlab's word."""
METRICS = {"accuracy_argmax": "accuracy", "accuracy_rounded": "accuracy"}
INITS = {
    "xavier_uniform": "glorot_uniform",
    "xavier_normal": "glorot_normal",
    "small_normal": "random_normal",
}
"""Gradlab's word -> initialiser of a program, where they differ."""


def loss_words(name: str) -> str:
    """Return the program's word for a loss of Gradlab's.

    >>> loss_words("squared_error")
    'mean_squared_error'
    """
    return next((ours for ours, theirs in LOSSES.items() if theirs == name), name)


def task_name(settings: Settings) -> TaskName:
    """Return what is to be answered."""
    coding = settings.labels.coding
    if settings.task == "regression":
        return "reconstruction" if coding == "image" else "regression"
    if coding in ("multi_hot", "image"):
        return "multilabel"
    return settings.task


def optimizer_name(words: Optimizer) -> str:
    """Return Gradlab's word for an optimizer: momentum makes another one of plain descent."""
    if words.name != "sgd" or not words.momentum:
        return words.name
    return "nesterov" if words.nesterov else "momentum"


def setup_of(settings: Settings, *, has_validation: bool) -> Setup:
    """Return how a program is set.

    Args:
        settings: Of the program.
        has_validation: Whether there are rows to judge by.
    """
    found = places(settings.model)
    arrays = starting_arrays(settings.model, 0)
    loss, chosen = settings.loss, settings.optimizer
    inside = loss.from_logits and last_activation(settings) in ("softmax", "sigmoid")
    layers = [_layer(place, own) for place, own in zip(found, arrays, strict=True)]
    if inside:
        layers = _without_last_activation(layers, found)
    scaling, entropy = settings.scaling, "crossentropy" in loss.name
    held: Literal["none", "separate", "fraction"] = (
        settings.validation.kind if has_validation else "none"
    )
    scaled = scaling.inputs == "none" or scaling.validation_inputs == "same"
    metric = settings.metrics[0] if settings.metrics else None
    return Setup(
        task=task_name(settings),
        # A dropout layer of rate 0 is none.
        layers=tuple(x for x in layers if not (x.kind == "dropout" and not x.rate)),
        n_outputs=int(np.prod(found[-1].shape_out)),
        loss=LOSSES[loss.name],
        loss_takes="scores" if loss.from_logits else "outputs",
        loss_guarded=not entropy or loss.from_logits or loss.clip is not None,
        loss_reduction={"half_mean": "half the mean"}.get(loss.reduction, loss.reduction),
        optimizer=optimizer_name(chosen),
        learning_rate=chosen.learning_rate,
        usual_learning_rate=USUAL[chosen.name]["learning_rate"],
        learning_rate_decay=chosen.decay,
        momentum=chosen.momentum,
        weight_decay=chosen.weight_decay,
        clip_norm=chosen.clip_norm,
        schedule="constant",
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        patience=settings.early_stopping.patience if settings.early_stopping else None,
        shuffle=settings.shuffle,
        class_weight=settings.class_weight,
        metric=None if metric is None else METRICS.get(metric, metric),
        validation=held,
        scaling=scaling.inputs,
        target_scaling=scaling.targets,
        validation_scaled=scaled if has_validation else None,
        label_coding=settings.labels.coding,
    )


def _kind(place: Place) -> LayerKind:
    words = place.words
    kinds: tuple[tuple[type | tuple[type, ...], LayerKind], ...] = (
        (Dense, "dense"),
        ((Conv2D, Conv1D), "conv"),
        (Recurrent, "recurrent"),
        (Embedding, "embedding"),
        ((BatchNorm, LayerNorm), "norm"),
        (Dropout, "dropout"),
        ((Pool2D, Pool1D, GlobalPool), "pool"),
        (SHAPES, "shape"),
    )
    for kind, name in kinds:
        if isinstance(words, kind):
            return name
    return "other"


def _layer(place: Place, own: dict[str, np.ndarray]) -> Layer:
    words = place.words
    fan_in, fan_out = place.fans
    weighted = isinstance(words, WEIGHTED)
    init: Init | None = getattr(words, "init", None)
    weight = own.get("weight") if init is not None else None
    bias = own.get("bias")
    return Layer(
        kind=_kind(place),
        place=place.path,
        units=getattr(words, "units", getattr(words, "filters", None)),
        activation=words.activation if weighted else None,
        init=None if init is None else init.name,
        init_std=None if weight is None else float(weight.std()),
        bias_std=None if bias is None or not weighted else float(bias.std()),
        fan_in=fan_in or None,
        fan_out=fan_out or None,
        rate=getattr(words, "rate", None),
        l1=getattr(words, "l1", None) or 0.0,
        l2=getattr(words, "l2", None) or 0.0,
        n_parameters=sum(value.size for value in own.values()),
    )


def _without_last_activation(layers: list[Layer], found: tuple[Place, ...]) -> list[Layer]:
    """Return the layers with the last activation gone: it is the loss's own."""
    last = max(i for i, place in enumerate(found) if isinstance(place.words, WEIGHTED))
    changed = dataclasses.replace(layers[last], activation="linear")
    return [*layers[:last], changed, *layers[last + 1 :]]
