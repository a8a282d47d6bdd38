"""Points of training at which probes are read, gathered into one `Probes`."""

from dataclasses import fields
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gradlab.doctor.evidence import Probes

PER_LAYER = (
    "mean",
    "std",
    "zero",
    "saturated",
    "dead",
    "stuck",
    "gradient",
    "gradient_out",
    "weight",
    "update",
    "alike",
)
PER_POINT = ("loss", "penalty", "noise", "output_std", "norm_gap")


class Point(NamedTuple):
    """What was measured at one moment: field of `Probes` to a number, or to one a layer."""

    epochs: int  # that were over
    step: int  # since they were
    of_layers: dict[str, list[float]]
    of_all: dict[str, float]


def empty_probes(time: Float[np.ndarray, " points"], n_layers: int) -> Probes:
    """Return probes in which nothing is known.

    >>> empty_probes(np.array([0.0, 1.0]), 3).gradient.shape
    (2, 3)
    """
    values = {
        field.name: np.full((len(time), n_layers) if field.name in PER_LAYER else len(time), np.nan)
        for field in fields(Probes)
        if field.name != "time"
    }
    return Probes(time=time, **values)


def gather(points: list[Point], n_layers: int, steps_per_epoch: float | int) -> Probes | None:
    """Return the points as one table; None if there are none.

    Args:
        points: In the order of training.
        n_layers: Weighted layers.
        steps_per_epoch: That a fraction of an epoch is counted in.

    >>> at = Point(0, 5, {"gradient": [0.1]}, {"loss": 2.0})
    >>> probes = gather([at], 1, steps_per_epoch=10)
    >>> probes.time.tolist(), probes.loss.tolist(), probes.gradient.tolist()
    ([0.5], [2.0], [[0.1]])
    """
    if not points:
        return None
    time = np.array([point.epochs + point.step / steps_per_epoch for point in points], float)
    probes = empty_probes(time, n_layers)
    for i, point in enumerate(points):
        for name, values in point.of_layers.items():
            getattr(probes, name)[i] = values
        for name, value in point.of_all.items():
            getattr(probes, name)[i] = value
    return probes
