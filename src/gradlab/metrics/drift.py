"""How far the inputs of a network's layers move while it trains: internal covariate shift."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Float, PyTree

from gradlab.errors import DataError
from gradlab.nn.module import Sequential


@dataclass(frozen=True)
class Drift:
    """How far each layer's pre-activations have moved from the first snapshot.

    Attributes:
        mean: Mean over the units of |μ_t − μ_0| / σ, (layers, snapshots).
        std: Mean over the units of |σ_t − σ_0| / σ, (layers, snapshots).
    """

    mean: Float[np.ndarray, "layers snapshots"]
    std: Float[np.ndarray, "layers snapshots"]


def pre_activations(
    network: Sequential, states: PyTree, x: Float[Array | np.ndarray, "rows features"]
) -> list[Float[np.ndarray, "rows _"]]:
    """Return what enters every activation of a network, layer by layer.

    Batch norm takes its statistics from `x`, as it takes them from a batch in training: before the
    first step its running averages mean nothing. Dropout and noise are off.

    >>> from gradlab.nn import Activation, tanh
    >>> network = Sequential((Activation(tanh),))
    >>> [a.tolist() for a in pre_activations(network, ((),), np.ones((1, 2)))]
    [[[1.0, 1.0]]]
    """
    found = []
    for layer, state in zip(network.layers, states, strict=True):
        if getattr(layer, "kind", None) == "activation":
            found.append(np.asarray(x))
        x, _ = layer(x, state, training=getattr(layer, "couples_examples", False))
    return found


def drift(snapshots: Sequence[Sequence[Float[np.ndarray, "rows _"]]]) -> Drift:
    """Return how far mean and deviation of every layer's pre-activations moved.

    μ_t and σ_t are taken per unit over the rows at snapshot t; distances are in units of
    σ = √(mean over the units of σ_0²), so that layers of any scale compare.

    Args:
        snapshots: Pre-activations of each layer at each time, on the same rows; the first is the
            reference.

    Raises:
        DataError: If a layer's first pre-activations do not vary over the rows.

    >>> before, after = np.array([[-1.0], [1.0]]), np.array([[1.0], [5.0]])
    >>> drift([[before], [after]])
    Drift(mean=array([[0., 3.]]), std=array([[0., 1.]]))

    Source: Ioffe & Szegedy 2015, section 2 and figure 1, https://arxiv.org/abs/1502.03167
    """
    mean, std = [], []
    for number, layer in enumerate(zip(*snapshots, strict=True), start=1):
        mu = np.stack([values.mean(axis=0, dtype=np.float64) for values in layer])
        sigma = np.stack([values.std(axis=0, dtype=np.float64) for values in layer])
        unit = np.sqrt(np.mean(sigma[0] ** 2))
        if not unit > 0:
            raise DataError(
                f"Layer {number} gives every row the same values at the first snapshot, so there "
                "is no unit to measure its drift in. Start from weights that are not all 0, and "
                "give at least two different rows."
            )
        mean.append(np.abs(mu - mu[:1]).mean(axis=1) / unit)
        std.append(np.abs(sigma - sigma[:1]).mean(axis=1) / unit)
    return Drift(np.stack(mean), np.stack(std))
