"""Better and better on the rows it sees, worse on others."""

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence, Record
from gradlab.doctor.standing import trivial_score
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See a gap between training and validation, or a validation loss that turned.

    gap  = (train score − validation score) / (train score − trivial score)
    turn = (last validation loss − lowest) / lowest
    """
    trivial = trivial_score(evidence)
    if trivial is None:
        return None
    gaps = [g for g in (_gap(r, trivial) for r in evidence.records) if g is not None]
    if not gaps:
        return None
    gap = float(np.mean(gaps))
    turns = [t for t in (turning(r) for r in evidence.records) if t is not None]
    turn = float(np.mean([t[1] for t in turns])) if turns else 0.0
    if gap < calibration["overfitting.gap"]:
        return None
    best = float(np.median([t[0] for t in turns])) if turns else None
    numbers = {
        "gap, share of what was learnt": gap,
        "training minus validation score": float(np.mean([_points(r) for r in evidence.records])),
        "rise of the validation loss": turn,
    }
    text = f"What was learnt on the training rows holds on others but for {gap:.0%}"
    if best is not None and turn > 0:
        text += f"; the validation loss was lowest in epoch {best:.0f} and rose by {turn:.0%} since"
        numbers["best epoch"] = best
    return Symptom("over-fitting", f"{text}.", numbers, strength=min(gap, 1.0), epoch=best)


def _gap(record: Record, trivial: float) -> float | None:
    if record.status == "diverged" or not len(record.train_score):
        return None
    train, validation = float(record.train_score[-1]), float(record.validation_score[-1])
    if not np.isfinite(train) or not np.isfinite(validation) or train - trivial < 0.05:
        return None
    return min((train - validation) / (train - trivial), 2.0)


def _points(record: Record) -> float:
    if not len(record.train_score) or not len(record.validation_score):
        return 0.0
    return float(np.nan_to_num(record.train_score[-1] - record.validation_score[-1]))


def turning(record: Record) -> tuple[float, float] | None:
    """Return the epoch (1-based) of the lowest validation loss and its relative rise since."""
    loss = np.asarray(record.validation_loss, float)
    if record.status == "diverged" or len(loss) < 3 or not np.isfinite(loss).all():
        return None
    best = int(np.argmin(loss))
    return best + 1.0, float((loss[-1] - loss[best]) / max(abs(loss[best]), 1e-12))
