"""Measurements inside training: when they are taken, and how they lie in what a program returns.

A probe looks at a run before its first step, at points of the first epoch whose distances grow,
and at the ends of epochs, on rows that are the same every time. It changes nothing: the run has
the weights and the history that it has without.

Layout of a row of `RunResult.probes`: the `ENGINE` columns, the `SCALARS`, and then for each of
`OF_LAYERS` a number for each site of the network (see `gradlab.training.sites`).
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

ENGINE = ("time", "non_finite")
"""Epochs done, and the time of the first step whose loss was not finite (NaN if all were)."""

SCALARS = ("loss", "penalty", "noise", "output_std", "norm_gap")
OF_LAYERS = (
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

PARTS = 4
"""Into which the probe rows are cut: gradient noise is how much the parts' gradients differ."""

FEWEST, MOST, SHARE = 32, 256, 0.02
"""Probe rows: so large a share of the training rows, within these bounds."""

FIRST_EPOCH = 8
"""Points within the first epoch, besides its two ends."""

COST = 0.025
"""Share of a run's time that its probes may take by the estimate, which may be a little low."""


class ProbeTimes(NamedTuple):
    """When members are measured; data, so that it decides no program."""

    stops: Shaped[Any, "members stops"]
    """Steps after which to measure in the first epoch, ascending; the rest filled up."""
    n_stops: Shaped[Any, " members"]
    every: Shaped[Any, " members"]
    """Then after every so many epochs, and after the last."""


NO_PROBES = ProbeTimes(np.zeros(FIRST_EPOCH + 3, np.int32), np.int32(0), np.int32(1))
"""Of a member with nothing to do."""


def probe_rows(train: Sequence[Int[np.ndarray, " _"]]) -> Int[np.ndarray, "splits probe_rows"]:
    """Return the rows of each split's training part that are looked at, drawn at random.

    >>> probe_rows([np.arange(100)]).shape
    (1, 32)
    """
    fewest = min(len(rows) for rows in train)
    size = min(fewest, MOST, max(FEWEST, round(SHARE * fewest)))
    size = max(1, size - size % PARTS) if size >= 2 * PARTS else 1
    chosen = [
        np.random.Generator(np.random.Philox(key=[split, 0])).permutation(rows)[:size]
        for split, rows in enumerate(train)
    ]
    return np.stack(chosen).astype(np.int32)


def probe_times(n_steps: int, epochs: int, *, affordable: float) -> ProbeTimes:
    """Return when a run is measured: at the start, the first epoch's end and the end at least.

    Args:
        n_steps: Of an epoch.
        epochs: Of the run.
        affordable: How many probes there may be.

    >>> times = probe_times(100, 30, affordable=60.0)
    >>> times.stops[: times.n_stops].tolist(), int(times.every)
    ([0, 1, 2, 3, 5, 8, 13, 22, 36, 60, 100], 1)
    """
    # The first epoch is where most goes wrong, so half of what there is goes there at first.
    n_within = int(np.clip(affordable / 2 - 2, 0, FIRST_EPOCH))
    within = n_steps ** (np.arange(n_within + 1) / (n_within + 1)) if n_within else []
    stops = np.unique([0, *np.round(within), n_steps]).astype(np.int32)
    left = max(1.0, affordable - len(stops))
    filled = np.full(FIRST_EPOCH + 3, n_steps, np.int32)
    filled[: len(stops)] = stops
    return ProbeTimes(filled, np.int32(len(stops)), np.int32(max(1, np.ceil(epochs / left))))


def width_of(n_layers: int) -> int:
    """Return how many numbers a learner's probe gives."""
    return len(SCALARS) + len(OF_LAYERS) * n_layers


def sites_in(numbers: int) -> int:
    """Return of how many layers a probe with so many numbers tells.

    >>> sites_in(width_of(3))
    3
    """
    return (numbers - len(SCALARS)) // len(OF_LAYERS)


@dataclasses.dataclass(frozen=True)
class Measured:
    """The probes of one run by name.

    Args:
        time: Epochs done, a fraction within the first.
        non_finite: Epochs done before the first step whose loss was not finite; NaN if all were.
        scalars: `SCALARS` to one number a point.
        layers: `OF_LAYERS` to a row of numbers a point, one for each site.
    """

    time: Float[np.ndarray, " points"]
    non_finite: float
    scalars: dict[str, Float[np.ndarray, " points"]]
    layers: dict[str, Float[np.ndarray, "points layers"]]


def measured(rows: Float[np.ndarray, "points columns"]) -> Measured:
    """Return the rows of `RunResult.probes` by name."""
    n_first = len(ENGINE) + len(SCALARS)
    n_layers = (rows.shape[1] - n_first) // len(OF_LAYERS)
    numbers = rows.astype(np.float64)
    blocks = numbers[:, n_first:].reshape(len(rows), len(OF_LAYERS), n_layers)
    time = numbers[:, ENGINE.index("time")]
    blocks[time == 0, OF_LAYERS.index("update")] = np.nan  # no step has been taken
    bad = numbers[:, ENGINE.index("non_finite")]
    bad = bad[np.isfinite(bad)]
    return Measured(
        time=time,
        non_finite=float(bad.min()) if len(bad) else float("nan"),
        scalars={name: numbers[:, len(ENGINE) + i] for i, name in enumerate(SCALARS)},
        layers={name: blocks[:, i] for i, name in enumerate(OF_LAYERS)},
    )
