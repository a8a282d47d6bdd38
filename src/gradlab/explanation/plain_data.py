"""An explanation as plain data, for machines."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gradlab.explanation.explanation import Explanation, Layer, Parameter

FORMAT = 1
MOST_NUMBERS = 10_000
"""Longer arrays are told by their shape, mean and norm."""


def plain_data(e: "Explanation") -> dict[str, Any]:
    """Return every number; arrays as nested lists."""
    chosen = None
    if e.chosen is not None:
        address, ways = e.chosen
        parameter = e.parameters[address.parameter]
        chosen = {
            "weight": parameter.called(address.index),
            "gradient": float(parameter.gradient[address.index]),
            "row": None if ways is None else ways.row,
            "paths": []
            if ways is None
            else [
                {
                    "places": [[layer, list(index)] for layer, index in path.places],
                    "factors": list(path.factors),
                    "product": path.product,
                }
                for path in ways.paths
            ],
            "rest": None if ways is None else ways.rest,
        }
    return {
        "format": FORMAT,
        "title": e.title,
        "notes": list(e.notes),
        "loss": {"name": e.step.loss, "before": e.loss, "after": e.new_loss, "penalty": e.penalty},
        "optimizer": e.step.recipe.optimizer_kind().name,
        "learning_rate": e.step.rate,
        "rows": e.step.n_rows,
        "numbers": e.numbers(),
        "layers": [_layer(layer) for layer in e.layers],
        "parameters": [_parameter(parameter) for parameter in e.parameters],
        "chosen": chosen,
        "cost": {
            "weights": e.cost.weights,
            "parameters": e.cost.parameters,
            "numerical": e.cost.numerical,
            "back_propagation": e.cost.back_propagation,
        },
        "command": e.command,
    }


def _layer(layer: "Layer") -> dict[str, Any]:
    return {
        "name": layer.name.label,
        "units": None if layer.units is None else list(layer.units),
        "output": array(layer.before),
        "output_after": array(layer.after),
        "gradient": array(layer.blame),
        "details": {name: array(value) for name, value in layer.details.items()},
        "times": [
            {
                "title": times.title,
                "times": list(times.times),
                "numbers": {name: array(value) for name, value in times.numbers.items()},
                "gradients": {name: array(value) for name, value in times.blame.items()},
            }
            for times in layer.times
        ],
    }


def _parameter(p: "Parameter") -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if p.parts is not None:
        parts = {
            "gradient": p.parts.gradient,
            "momentum": p.parts.momentum,
            "decay": p.parts.decay,
            "scale": p.parts.scale,
            **p.parts.memory,
        }
    return {
        "name": p.name,
        "short": None if p.short is None else p.short.tolist(),
        "value": array(p.value),
        "gradient": array(p.gradient),
        "by_differences": array(p.numerical),
        "clipped": None if p.clipped is None else array(p.clipped),
        "parts": {name: array(part) for name, part in parts.items() if part is not None},
        "change": array(p.change),
        "new": array(p.new),
        "behind": None if p.evaluated is None else array(p.evaluated),
    }


def array(values: Any) -> Any:
    """Return an array as nested lists with None for what is not finite; a long one in short."""
    values = np.asarray(values)
    if values.size > MOST_NUMBERS:
        return {
            "shape": list(values.shape),
            "mean": float(values.mean()),
            "norm": float(np.linalg.norm(values)),
        }
    if values.dtype.kind != "f":
        return values.tolist()
    told = values.astype(object)
    told[~np.isfinite(values)] = None
    return told.tolist()
