"""How a PyTorch training is set: from the traced layers, the optimizer's groups and the loss."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from gradlab.doctor.evidence import Layer
from gradlab.doctor.history.torch_trace import Passed, Site
from gradlab.doctor.history.words import LossWord, loss_word, optimizer_word
from gradlab.optim import OPTIMIZERS

WEIGHTED = ("dense", "conv", "recurrent")


def places_of(sites: list[Site]) -> dict[str, str]:
    """Return each site's place by its name: its module, or the parameter if that has several.

    >>> site = Site("net.0.weight", ["net.0.weight"], "dense", None, (3, 2), -1, "net.0")
    >>> places_of([site])
    {'net.0.weight': 'net.0'}
    """
    owners = [_owner(site.name) for site in sites]
    return {
        site.name: owner if owner and owners.count(owner) == 1 else site.name
        for site, owner in zip(sites, owners, strict=True)
    }


def layers_of(passed: list[Passed | Site], parameters: dict[str, Any]) -> tuple[Layer, ...]:
    """Return the layers in the order in which a pass met them.

    Args:
        passed: By a `Watcher`.
        parameters: Of the model, by name.
    """
    places = places_of([found for found in passed if isinstance(found, Site)])
    layers = []
    for found in passed:
        if isinstance(found, Site):
            layers.append(_weighted(found, places[found.name], parameters))
        else:
            layers.append(
                Layer(
                    kind=found.kind,  # type: ignore[arg-type]
                    place=found.module or found.kind,
                    units=found.units,
                    rate=found.rate,
                    n_parameters=_count(found.parameters, parameters),
                )
            )
    return tuple(layers)


def _owner(name: str) -> str:
    return name.replace(".parametrizations", "").rpartition(".")[0].removesuffix(".weight")


def _weighted(site: Site, place: str, parameters: dict[str, Any]) -> Layer:
    weights = [parameters[name] for name in site.parameters if "bias" not in name]
    biases = [parameters[name] for name in site.parameters if "bias" in name]
    output = site.calls[0].output
    units = int(output.shape[site.unit_axis])
    fan_in, fan_out = _fans(site, units)
    return Layer(
        kind=site.kind,  # type: ignore[arg-type]
        place=place,
        units=units,
        activation=site.activation,
        init_std=_std(weights),
        bias_std=_std(biases),
        fan_in=fan_in,
        fan_out=fan_out,
        n_parameters=_count(tuple(site.parameters), parameters),
    )


def _fans(site: Site, units: int) -> tuple[int | None, int | None]:
    shape = site.shape
    if site.kind == "recurrent":
        return shape[1], units
    if site.kind == "conv":
        return math.prod(shape[1:]), shape[0] * math.prod(shape[2:])
    return (site.weight.shape[1], units) if site.weight is not None else (None, units)


def _std(tensors: list[Any]) -> float | None:
    numbers = [t.detach().double().flatten().cpu().numpy() for t in tensors]
    return float(np.concatenate(numbers).std()) if numbers else None


def _count(names: tuple[str, ...], parameters: dict[str, Any]) -> int:
    return sum(parameters[name].numel() for name in names if parameters[name].requires_grad)


def optimizer_fields(optimizer: Any) -> dict[str, Any]:
    """Return what an optimizer's first group tells, as fields of `Setup`."""
    group = optimizer.param_groups[0]
    momentum = group.get("momentum")
    word = optimizer_word(
        type(optimizer).__name__,
        momentum=float(momentum or 0.0),
        nesterov=bool(group.get("nesterov")),
    )
    fields: dict[str, Any] = {"optimizer": word, "learning_rate": float(group["lr"])}
    if momentum:
        fields["momentum"] = float(momentum)
    if group.get("weight_decay"):
        fields["weight_decay"] = float(group["weight_decay"])
    if word in OPTIMIZERS:
        fields["usual_learning_rate"] = OPTIMIZERS[word].learning_rate
    return fields


def optimizer_notes(optimizer: Any, parameters: dict[str, Any]) -> list[str]:
    """Say where optimizer and model do not belong together.

    A parameter that asks for a gradient but is in no group never moves; a group's parameter that
    is not the model's (replaced, or of a copy) is moved for nothing.
    """
    trained = {id(p) for group in optimizer.param_groups for p in group["params"]}
    own = {id(p) for p in parameters.values()}
    left = [name for name, p in parameters.items() if p.requires_grad and id(p) not in trained]
    notes = []
    if left:
        notes.append(
            f"{len(left)} parameters that ask for a gradient are not given to the optimizer and "
            f"never move: {', '.join(left[:5])}{' …' if len(left) > 5 else ''}."
        )
    if others := len(trained - own):
        notes.append(
            f"The optimizer moves {others} tensors that are not the model's parameters: make it "
            "after the model is complete."
        )
    if len(optimizer.param_groups) > 1:
        rates = sorted({float(group["lr"]) for group in optimizer.param_groups})
        notes.append(
            f"The optimizer has {len(optimizer.param_groups)} groups (learning rates "
            f"{', '.join(f'{rate:g}' for rate in rates)}): the first is taken."
        )
    return notes


def loss_name(loss: Any) -> str:
    """Return the name of a loss's class, or of the function."""
    return getattr(loss, "__name__", type(loss).__name__)


def torch_loss(loss: Any) -> LossWord | None:
    """Return what a PyTorch loss is in Gradlab's words; None if it is not one of PyTorch's own."""
    name = loss_name(loss)
    return loss_word(name if name.lower().endswith("loss") else f"{name}_loss")


def loss_fields(loss: Any) -> dict[str, Any]:
    """Return what a loss tells, as fields of `Setup`."""
    word = torch_loss(loss)
    if word is None:
        return {}
    fields: dict[str, Any] = {"loss": word.loss}
    if word.takes is not None:
        fields["loss_takes"] = word.takes
    if word.guarded is not None:
        fields["loss_guarded"] = word.guarded
    reduction = getattr(loss, "reduction", None)
    if reduction in ("mean", "sum"):
        fields["loss_reduction"] = reduction
    if getattr(loss, "weight", None) is not None:
        fields["class_weight"] = "balanced"
    return fields


def output_fields(fields: dict[str, Any], loss: Any) -> dict[str, Any]:
    """Return the fields with what loss and last activation are together.

    `NLLLoss` takes logarithms: on a log-softmax it is the cross-entropy of a softmax's shares, and
    a log-softmax before `CrossEntropyLoss` changes nothing. `NLLLoss` on a softmax is the mismatch
    that a softmax before a loss with its own is.
    """
    layers = list(fields["layers"])
    last = max(i for i, layer in enumerate(layers) if layer.kind in WEIGHTED)
    takes_logarithms = loss is not None and "nll" in loss_name(loss).lower()
    activation = layers[last].activation
    if activation == "log_softmax" and takes_logarithms:
        layers[last] = replace(layers[last], activation="softmax")
    elif activation == "log_softmax" and fields.get("loss_takes") == "scores":
        layers[last] = replace(layers[last], activation="linear")
    elif activation == "softmax" and takes_logarithms:
        fields = fields | {"loss_takes": "scores"}
    return fields | {"layers": tuple(layers)}
