"""How a Keras model is set: its layers, optimizer and loss in Gradlab's words."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from gradlab.doctor.evidence import Layer
from gradlab.doctor.history.words import activation_word, loss_word, optimizer_word
from gradlab.optim import OPTIMIZERS

CLOSED = ("RNN", "Bidirectional", "TimeDistributed")
"""Layers whose inner layers are not looked at one by one."""


def leaves(model: Any) -> Iterator[Any]:
    """Yield the layers that are looked at, those of inner models and layers too."""
    seen: set[int] = set()
    waiting = list(getattr(model, "_layers", ()))
    while waiting:
        layer = waiting.pop(0)
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        inner = list(getattr(layer, "_layers", ()))
        if not is_a(layer, *CLOSED) and inner:
            waiting = inner + waiting
        if not hasattr(layer, "layers"):  # no model
            yield layer


def is_a(layer: Any, *names: str) -> bool:
    """Tell whether a layer's class, or one that it extends, has one of the names."""
    return any(kind.__name__ in names for kind in type(layer).__mro__)


def kind_of(layer: Any) -> str:
    """Return what a layer is: a `LayerKind`, "activation", "random" or "other".

    >>> kind_of(object())
    'other'
    """
    if is_a(layer, "Dense", "EinsumDense"):
        return "dense"
    if is_a(layer, "BaseConv", "BaseConvTranspose", "BaseDepthwiseConv", "BaseSeparableConv"):
        return "conv"
    if is_a(layer, "RNN", "Bidirectional"):
        return "recurrent"
    if is_a(layer, "Embedding"):
        return "embedding"
    if "Normalization" in type(layer).__name__:
        return "norm"
    if is_a(layer, "Dropout", "BaseSpatialDropout", "AlphaDropout", "GaussianDropout"):
        return "dropout"
    if is_a(layer, "GaussianNoise") or type(layer).__name__.startswith("Random"):
        return "random"
    if "Pooling" in type(layer).__name__:
        return "pool"
    if is_a(
        layer, "Flatten", "Reshape", "Permute", "RepeatVector", "ZeroPadding2D", "UpSampling2D"
    ):
        return "shape"
    if is_a(layer, "Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax"):
        return "activation"
    return "other"


def activation_of(layer: Any) -> str:
    """Return the activation that a layer applies, in Gradlab's words."""
    if is_a(layer, "Bidirectional"):
        return activation_of(layer.forward_layer)
    if is_a(layer, "ReLU"):
        plain = not layer.negative_slope and not layer.threshold
        if plain and layer.max_value is not None:
            return "relu6" if layer.max_value == 6 else "other"
        return "relu" if plain else "leaky_relu"
    if is_a(layer, "LeakyReLU", "ELU", "PReLU", "Softmax"):
        return {"LeakyReLU": "leaky_relu", "PReLU": "prelu"}.get(
            type(layer).__name__, type(layer).__name__.lower()
        )
    function = getattr(layer, "activation", None)
    if function is None:
        return "tanh" if is_a(layer, "RNN") else "linear"
    return activation_word(getattr(function, "__name__", type(function).__name__))


def negative_slope_of(layer: Any) -> float | None:
    """Return the slope below 0 of a leaky ReLU; Keras' own is 0.2 where none is told."""
    if activation_of(layer) == "prelu":
        return float(np.abs(as_numpy(layer.alpha)).mean())
    if activation_of(layer) != "leaky_relu":
        return None
    return float(getattr(layer, "negative_slope", 0.2))


def described(layer: Any, activation: str | None = None) -> Layer:
    """Return what a layer is; its activation may be that of a layer behind it."""
    kind = kind_of(layer)
    if kind == "dropout":
        return Layer("dropout", layer.name, rate=float(getattr(layer, "rate", 0.0)))
    count = sum(math.prod(v.shape) for v in layer.trainable_variables)
    if kind == "embedding":
        return Layer("embedding", layer.name, units=layer.output_dim, n_parameters=count)
    if kind not in ("dense", "conv", "recurrent"):
        known = kind if kind in ("norm", "pool", "shape") else "other"
        return Layer(known, layer.name, n_parameters=count)
    inner = layer.forward_layer if is_a(layer, "Bidirectional") else layer
    kernels = [v for v in inner.weights if "kernel" in v.name and "recurrent" not in v.name]
    biases = [v for v in inner.weights if "bias" in v.name]
    shape = tuple(kernels[0].shape) if kernels else (0, 0)
    units = getattr(inner, "units", None) or getattr(inner, "filters", None) or shape[-1]
    cell = getattr(inner, "cell", inner)
    init = getattr(cell, "kernel_initializer", None)
    l1, l2 = _penalties(getattr(cell, "kernel_regularizer", None))
    taps = math.prod(shape[:-2])
    return Layer(
        kind,  # type: ignore[arg-type]
        layer.name,
        units=int(units) * (2 if inner is not layer else 1),
        activation=activation or activation_of(layer),
        init=None if init is None else _init_word(init),
        init_std=_std(kernels),
        bias_std=_std(biases),
        fan_in=taps * shape[-2] if len(shape) > 1 else None,
        fan_out=int(units) * taps,
        l1=l1,
        l2=l2,
        n_parameters=count,
    )


def _init_word(init: Any) -> str:
    name = type(init).__name__
    return "".join("_" + c.lower() if c.isupper() else c for c in name).strip("_")


def _penalties(regularizer: Any) -> tuple[float, float]:
    return float(getattr(regularizer, "l1", 0.0) or 0.0), float(
        getattr(regularizer, "l2", 0.0) or 0
    )


def _std(variables: list[Any]) -> float | None:
    numbers = [as_numpy(v).ravel() for v in variables]
    return float(np.concatenate(numbers).std()) if numbers else None


def as_numpy(value: Any) -> np.ndarray:
    """Return a variable's or tensor's numbers, of any backend; 16-bit ones as 32-bit."""
    value = getattr(value, "value", value)
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if value.is_floating_point() and value.element_size() < 4 else value
    array = np.asarray(value)
    return (
        array.astype(np.float32) if array.dtype.itemsize < 4 and array.dtype.kind in "fV" else array
    )


def optimizer_fields(optimizer: Any) -> dict[str, Any]:
    """Return what an optimizer tells, as fields of `Setup`."""
    if optimizer is None:
        return {}
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of loss scaling
    momentum = float(getattr(optimizer, "momentum", 0.0) or 0.0)
    word = optimizer_word(
        type(optimizer).__name__,
        momentum=momentum,
        nesterov=bool(getattr(optimizer, "nesterov", False)),
    )
    rate = getattr(optimizer, "_learning_rate", None)
    fields: dict[str, Any] = {
        "optimizer": word,
        # Held in 32 bits: 0.1 is 0.10000000149.
        "learning_rate": float(f"{float(as_numpy(optimizer.learning_rate)):.7g}"),
        "schedule": "varied" if callable(rate) or hasattr(rate, "get_config") else None,
    }
    for name, value in (
        ("momentum", momentum),
        ("weight_decay", getattr(optimizer, "weight_decay", None)),
        ("clip_norm", getattr(optimizer, "clipnorm", None)),
    ):
        if value:
            fields[name] = float(value)
    if word in OPTIMIZERS:
        fields["usual_learning_rate"] = OPTIMIZERS[word].learning_rate
    return fields


def loss_fields(loss: Any) -> dict[str, Any]:
    """Return what a model's loss (name, function or object) tells, as fields of `Setup`."""
    if loss is None or isinstance(loss, dict | list | tuple):
        return {}
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    word = loss_word(name)
    if word is None:
        return {}
    config = {} if isinstance(loss, str) or not hasattr(loss, "get_config") else loss.get_config()
    takes = word.takes or ("scores" if config.get("from_logits") else "outputs")
    fields: dict[str, Any] = {"loss": word.loss, "loss_takes": takes}
    fields["loss_reduction"] = "sum" if config.get("reduction") == "sum" else "mean"
    if word.guarded is not None:
        fields["loss_guarded"] = word.guarded
    return fields
