"""The score never left that of a constant answer."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.standing import standing
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See (score − trivial) / (ceiling − trivial) at or below a bound, in runs that are finite."""
    now = standing(evidence)
    if now is None or now.diverged == 1:
        return None
    learnt = 1 - now.deficit
    if now.room < calibration["stalled.room"] or learnt > calibration["stalled.learnt"]:
        return None
    return Symptom(
        "stalled",
        f"It does not learn: {now.sentence[0].lower()}{now.sentence[1:]}",
        {"score": now.score, "constant answer": now.trivial, "learnt share": learnt},
        strength=now.deficit,
    )
