"""Training went on after the validation rows had got their best."""

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence, Record
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.standing import standing
from gradlab.doctor.symptoms import overfitting

KIND = "epochs_too_many"


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire if the validation score fell from its best by enough of what can be learnt.

    drop = (best smoothed validation score − last) / (ceiling − trivial), and the validation loss
    turned before the last part of the epochs.
    """
    now = standing(evidence)
    if now is None or now.room <= 0:
        return []
    drops = [x for x in (_drop(r) for r in evidence.records) if x is not None]
    turns = [t for t in (overfitting.turning(r) for r in evidence.records) if t is not None]
    if not drops or not turns:
        return []
    drop = float(np.mean(drops)) / max(now.room, 0.05)
    best = float(np.median([t[0] for t in turns]))
    rise = float(np.mean([t[1] for t in turns]))
    epochs = len(evidence.records[0].validation_loss)
    if drop < calibration["epochs_too_many.drop"] or rise < calibration["epochs_too_many.rise"]:
        return []
    if best > calibration["epochs_too_many.early"] * epochs:
        return []
    return [
        Finding(
            KIND,
            calibration.confidence("epochs_too_many.curve", min(drop * 4, 1.0)),
            f"The validation score fell by {drop * now.room:.3g} from its best; the validation "
            f"loss was lowest in epoch {best:.0f} of {epochs} and rose by {rise:.0%}.",
            "What is learnt after the best epoch belongs to the training rows alone.",
            {"best epoch": best, "epochs": float(epochs), "rise of the loss": rise, "drop": drop},
            where=("epochs",),
            epoch=best,
            changes=(
                (Change("epochs", max(int(best), 1)),),
                (Change("patience", max(int(epochs) // 20, 3)),),
            ),
            source="Prechelt 1998, Early stopping – but when?",
            rows=("MET-16", "DIF-10"),
            rule="epochs_too_many.curve",
        )
    ]


def _drop(record: Record) -> float | None:
    score = np.asarray(record.validation_score, float)
    if record.status == "diverged" or len(score) < 3 or not np.isfinite(score).all():
        return None
    # The best of many noisy epochs flatters: compare means of neighbours.
    width = max(1, len(score) // 10)
    smooth = np.convolve(score, np.ones(width) / width, mode="valid")
    return float(smooth.max() - smooth[-1])
