"""Normalisation layers see other statistics in evaluation than in training."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.symptoms.reading import of_network
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See running statistics that many standard deviations away from those of a batch."""
    gap = of_network(evidence, "norm_gap")
    if gap is None or gap < calibration["normalisation_gap.deviations"]:
        return None
    return Symptom(
        "normalisation gap",
        f"The running statistics of a normalisation layer are {gap:.3g} standard deviations from "
        "those of the batch.",
        {"deviations": gap},
        strength=min(gap / (5 * calibration["normalisation_gap.deviations"]), 1.0),
    )
