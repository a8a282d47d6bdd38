"""Whether the weights before training let signals through and units become unlike."""

import math
from typing import Literal, NamedTuple

from gradlab.doctor.evidence import Layer, Setup

LOW, HIGH = 0.1, 5.0


class StartingWeights(NamedTuple):
    """A layer whose starting weights are in the way.

    Attributes:
        layer: Which.
        problem: "alike" if all units start the same, "small" or "large" by the gain.
        gain: std(w) · √fan_in, by which a signal grows; 1 to √2 is usual.
    """

    layer: Layer
    problem: Literal["alike", "small", "large"]
    gain: float


def doubtful_weights(setup: Setup) -> tuple[StartingWeights, ...]:
    """Return layers that start with equal units, or a gain below 0.1 or above 5.

    Units of a hidden layer that start equal get equal gradients and stay equal. The last layer may
    start at 0: its units have unlike targets.

    Source: Glorot & Bengio 2010, eq. 12; He et al. 2015, eq. 10.

    >>> layers = (Layer("dense", "0", 8, "relu", init_std=0.0, fan_in=4), Layer("dense", "1", 1))
    >>> [w.problem for w in doubtful_weights(Setup("binary", layers))]
    ['alike']
    """
    found = []
    for layer in setup.weighted:
        if layer.init_std is None or layer.fan_in is None:
            continue
        gain = layer.init_std * math.sqrt(layer.fan_in)
        if gain == 0.0:
            if layer is not setup.output and (layer.units or 1) > 1:
                found.append(StartingWeights(layer, "alike", gain))
        elif gain > HIGH:
            found.append(StartingWeights(layer, "large", gain))
        elif gain < LOW and layer is not setup.output:
            found.append(StartingWeights(layer, "small", gain))
    return tuple(found)
