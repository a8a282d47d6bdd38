"""Numbers left the finite range, or the loss ended far above where it began."""

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence, Record
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
    seen = "loss is not finite"
    if not any(r.status == "diverged" for r in bad):
        seen = f"loss grew from {_start(bad[0]):.3g} to {float(losses(bad[0])[-1]):.3g}"
    where = f", first at {at[0]} in epoch {at[1]:.3g}" if at else ""
    return Symptom(
        "diverged",
        f"The training {seen} in {len(bad)} of {n} run{'s' if n > 1 else ''}{where}.",
        {"share of runs": len(bad) / n},
        strength=len(bad) / n,
        where=(at[0],) if at and at[0] != "loss" else (),
        epoch=at[1] if at else None,
    )


def _diverged(record: Record, growth: float) -> bool:
    if record.status == "diverged" or record.non_finite is not None:
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
