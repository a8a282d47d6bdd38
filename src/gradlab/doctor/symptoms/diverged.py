"""Numbers left the finite range, or the loss ended far above where it began."""

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Breakdown, Evidence, Record, Setup
from gradlab.doctor.symptoms.reading import losses
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See runs whose loss is not finite, or ends at growth times that before training or more."""
    growth = calibration["diverged.growth"]
    bad = [record for record in evidence.records if _diverged(record, growth)]
    if not bad:
        return None
    at = bad[0].non_finite
    n = len(evidence.records)
    runs = f"of {n} run{'s' if n > 1 else ''}"
    lost = sum(_is_lost(record) for record in bad)
    if lost:
        grown = f", and grew in {len(bad) - lost} more" if lost < len(bad) else ""
        seen = f"loss is not finite in {lost} {runs}{grown}"
    else:
        end = float(losses(bad[0])[-1])
        seen = f"loss grew from {_start(bad[0]):.3g} to {end:.3g} in {len(bad)} {runs}"
    where = f", first at {at[0]} in epoch {at[1]:.3g}." if at else "."
    numbers = {"share of runs": len(bad) / n}
    exact = next((record for record in bad if record.breakdown is not None), None)
    if exact is not None and exact.breakdown is not None:
        where = f". {_place(evidence.setup, exact.seed, exact.breakdown)}"
        numbers["first step that is not finite"] = float(exact.breakdown.step)
        if exact.breakdown.layer is not None:
            numbers["layer of that number"] = exact.breakdown.layer + 1.0
    return Symptom(
        "diverged",
        f"The training {seen}{where}",
        numbers,
        strength=len(bad) / n,
        where=(at[0],) if at and at[0] != "loss" else (),
        epoch=at[1] if at else None,
    )


def _place(setup: Setup, seed: int, first: Breakdown) -> str:
    """Say in which run, where and when the first number is not finite."""
    at = f"step {first.step:,} (epoch {first.epoch})"
    if first.layer is not None:
        layer = setup.weighted[first.layer]
        units = "" if layer.units is None else f" {layer.units}"
        at = f"layer {first.layer + 1} ({layer.kind}{units}), {at}"
    return f"In the run of seed {seed} it begins at {at}: {first.words}."


def _is_lost(record: Record) -> bool:
    return record.status == "diverged" or record.non_finite is not None


def _diverged(record: Record, growth: float) -> bool:
    if _is_lost(record):
        return True
    curve = losses(record)
    return len(curve) > 0 and bool(curve[-1] > growth * max(abs(_start(record)), 1e-12))


def _start(record: Record) -> float:
    """Return the loss before training, or after the first epoch where that is not known."""
    start = record.initial_loss
    return float(losses(record)[0]) if start is None or not np.isfinite(start) else start


def share_diverged(evidence: Evidence) -> float:
    """Return the share of runs with numbers that are none."""
    return float(np.mean([r.status == "diverged" for r in evidence.records] or [0.0]))
