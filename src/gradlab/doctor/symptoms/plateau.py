"""A flat part: the loss stays, though it is not low, and the gradient is small."""

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.standing import standing
from gradlab.doctor.symptoms.curve_shape import TAIL
from gradlab.doctor.symptoms.reading import losses, of_layers
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See a last third of the epochs with next to no change, in a training that does poorly."""
    now = standing(evidence)
    if now is None or not now.poor(calibration):
        return None
    curves = [losses(r) for r in evidence.records if r.status != "diverged"]
    curves = [c for c in curves if len(c) >= 4]
    if not curves:
        return None
    change = float(np.mean([_tail_change(c) for c in curves]))
    if change > calibration["plateau.change"]:
        return None
    numbers = {"relative change of the loss in the last third": change}
    steps = of_layers(evidence, "update")
    if steps is not None:
        numbers["largest step over weight"] = float(np.nanmax(steps))
    return Symptom(
        "plateau",
        f"The loss stands still (it changed by {change:.2%} in the last third of the epochs) at a "
        f"score of {now.score:.3g}.",
        numbers,
        strength=1 - change / max(calibration["plateau.change"], 1e-12),
    )


def _tail_change(loss: np.ndarray) -> float:
    tail = loss[-max(3, round(len(loss) * TAIL)) :]
    return float(np.ptp(tail) / max(abs(loss[0]), 1e-12))
