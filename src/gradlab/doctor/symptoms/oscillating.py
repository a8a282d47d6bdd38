"""The loss goes up and down instead of down."""

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.symptoms.curve_shape import TAIL, curve_shape
from gradlab.doctor.symptoms.reading import losses
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See training losses of which most oscillate, see `curve_shape`."""
    curves = [losses(r) for r in evidence.records if r.status != "diverged"]
    curves = [c for c in curves if len(c) >= 5]
    swing = calibration["oscillating.swing"]
    bad = [c for c in curves if curve_shape(c, swing=swing) == "oscillating"]
    if not curves or len(bad) <= len(curves) / 2:
        return None
    ups = float(np.mean([_ups(c) for c in bad]))
    return Symptom(
        "oscillating",
        f"The training loss swings: in the last third of the epochs it rose by {ups:.0%} of its "
        "whole fall.",
        {"ups in the last third": ups},
        strength=min(ups, 1.0),
    )


def _ups(loss: np.ndarray) -> float:
    steps = np.diff(loss[-max(3, round(len(loss) * TAIL)) :])
    return float(steps[steps > 0].sum() / max(loss[0] - loss.min(), 1e-300))
