"""One class so common that naming it always is nearly right."""

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import helped, said
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.standing import standing
from gradlab.doctor.symptoms import constant_output

KIND = "class_imbalance"
RARE = 0.2
"""Share of the classes that must be starved."""


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire if classes are uneven and the network keeps to the commonest.

    uneven = largest count / smallest; kept to: score within `class_imbalance.near` of the share of
    the largest class. Or if it is poor and a good part of the classes is starved, with so many
    times fewer rows than the largest.
    """
    setup, data, now = evidence.setup, evidence.data, standing(evidence)
    if setup.task not in ("binary", "multiclass") or data is None or data.class_counts is None:
        return []
    counts = np.asarray(data.class_counts, float)
    counts = counts[counts > 0]
    if len(counts) < 2 or setup.class_weight == "balanced":
        return []
    uneven, share = float(counts.max() / counts.min()), float(counts.max() / counts.sum())
    if uneven < calibration["class_imbalance.ratio"]:
        return []
    effect = helped(evidence, calibration, KIND, "class_weight")
    common = share >= calibration["class_imbalance.share"]
    kept = now is not None and now.score - now.trivial <= calibration["class_imbalance.near"]
    constant = constant_output.see(evidence, calibration) is not None
    starved = float(np.mean(counts * calibration["class_imbalance.starved"] <= counts.max()))
    rare = starved >= RARE and now is not None and now.poor(calibration)
    if effect is None and not rare and not (common and (kept or constant)):
        return []
    strength = max(share, starved if rare else 0.0)
    ending = f"; the score ends at {now.score:.3g}" if now is not None else ""
    return [
        Finding(
            KIND,
            calibration.confidence("class_imbalance.counts", strength),
            f"{share:.0%} of the rows are of one class, {uneven:.3g} times the rarest{ending}.",
            "Answering the commonest class is nearly right by accuracy, so the rare ones pull "
            "little: look at recall by class, and weigh classes alike."
            + (f" {said(effect)}." if effect else ""),
            {"share of the commonest class": share, "commonest over rarest": uneven},
            where=("class_weight",),
            changes=((Change("class_weight", "balanced"),),),
            source="He & Garcia 2009, Learning from imbalanced data",
            rows=("DIF-10",),
            rule="class_imbalance.counts",
        )
    ]
