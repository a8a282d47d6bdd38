"""Reading numbers out of records that may have gaps."""

import warnings
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from gradlab.doctor.evidence import Evidence, Record

Column = Literal[
    "mean", "std", "zero", "saturated", "dead", "stuck", "gradient", "gradient_out", "weight",
    "update", "alike",
]  # fmt: skip
Single = Literal["loss", "penalty", "noise", "output_std", "norm_gap"]


def first_known(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return the first row of (points, …) that has a number; a row of NaN if none has.

    >>> first_known(np.array([[np.nan, np.nan], [1.0, np.nan]]))
    array([ 1., nan])
    """
    return _row(values, forward=True)


def last_known(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return the last row of (points, …) that has a number; a row of NaN if none has.

    >>> float(last_known(np.array([3.0, 2.0, np.nan])))
    2.0
    """
    return _row(values, forward=False)


def _row(values: np.ndarray, *, forward: bool) -> np.ndarray:
    known = np.isfinite(values)
    rows = np.flatnonzero(known.reshape(len(values), -1).any(axis=1)) if len(values) else []
    if not len(rows):
        return np.full(values.shape[1:], np.nan)
    return np.asarray(values[rows[0] if forward else rows[-1]])


def of_layers(
    evidence: Evidence, column: Column, *, at: Literal["start", "end", "worst"] = "end"
) -> Float[np.ndarray, " layers"] | None:
    """Return a probe per layer, the mean over runs; None if no run has it.

    Args:
        evidence: Of one training.
        column: Name of a (points, layers) array of `Probes`.
        at: Before training, at its end, or its largest value on the way.
    """
    rows = []
    for record in evidence.records:
        if record.probes is None:
            continue
        values = getattr(record.probes, column)
        if values.shape[1] != len(evidence.setup.weighted) or not len(values):
            continue
        if at == "worst":
            rows.append(_nan(np.nanmax, np.where(np.isfinite(values), values, np.nan)))
        else:
            rows.append(first_known(values) if at == "start" else last_known(values))
    if not rows:
        return None
    mean = _nan(np.nanmean, np.stack(rows))
    return mean if np.isfinite(mean).any() else None


def of_network(
    evidence: Evidence, name: Single, *, at: Literal["start", "end"] = "end"
) -> float | None:
    """Return a probe of the whole network, the mean over runs; None if no run has it."""
    pick = first_known if at == "start" else last_known
    values = [float(pick(getattr(r.probes, name))) for r in evidence.records if r.probes]
    values = [x for x in values if np.isfinite(x)]
    return float(np.mean(values)) if values else None


def hidden_places(evidence: Evidence, chosen: Bool[np.ndarray, " layers"]) -> tuple[str, ...]:
    """Return the places of the layers for which a (layers,) array of truths holds."""
    return tuple(
        layer.place for layer, yes in zip(evidence.setup.weighted, chosen, strict=False) if yes
    )


def losses(record: Record) -> Float[np.ndarray, " points"]:
    """Return the training loss from before the first step on, unknown entries left out.

    Values that are not finite after one that was are kept: they are a divergence.
    """
    loss = np.asarray(record.train_loss, float)
    if record.initial_loss is not None:
        loss = np.concatenate([[record.initial_loss], loss])
    return loss if record.status == "diverged" else loss[np.isfinite(loss)]


def final_train_loss(evidence: Evidence) -> float | None:
    """Return the mean of the runs' last finite training losses."""
    last = [float(last_known(np.asarray(r.train_loss, float))) for r in evidence.records]
    last = [x for x in last if np.isfinite(x)]
    return float(np.mean(last)) if last else None


def _nan(reduce, values: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return reduce(values, axis=0)
