"""Still on its way when training ended."""

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.symptoms.curve_shape import TAIL, curve_shape
from gradlab.doctor.symptoms.reading import losses
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See training losses of which most are slow or flat, see `curve_shape`."""
    curves = [losses(r) for r in evidence.records if r.status != "diverged"]
    curves = [c for c in curves if len(c) >= 3]
    shapes = [curve_shape(c, slope=calibration["slow.tail"]) for c in curves]
    slow = [c for c, s in zip(curves, shapes, strict=True) if s in ("slow", "flat")]
    if not curves or len(slow) <= len(curves) / 2:
        return None
    still = float(np.mean([tail_fall(c) for c in slow]))
    fallen = float(np.mean([max(c[0] - c[-1], 0.0) / max(abs(c[0]), 1e-12) for c in slow]))
    text = f"The training loss has fallen by {fallen:.1%}"
    if still > 0:
        text += f", {still:.0%} of that in the last third of the epochs"
    return Symptom(
        "slow",
        f"{text}.",
        {"fall of the loss": fallen, "share of it in the last third": still},
        strength=min(still / TAIL, 1.0),
    )


def tail_fall(loss: np.ndarray) -> float:
    """Return the share of the whole fall that came in the last third.

    >>> round(tail_fall(np.array([9.0, 6.0, 3.0, 0.0])), 3)
    0.667
    """
    tail = loss[-max(3, round(len(loss) * TAIL)) :]
    fall = loss[0] - loss[-1]
    if len(loss) < 3 or fall <= 1e-9 * abs(loss[0]):
        return 0.0
    return float(np.clip((tail[0] - tail[-1]) / fall, 0.0, 1.0))
