"""Symptoms: what is seen in a training, one small file each."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.symptoms import (
    alike_units,
    constant_output,
    dead_units,
    diverged,
    fading_gradients,
    heavy_penalty,
    initial_loss,
    noisy_gradient,
    normalisation_gap,
    oscillating,
    overfitting,
    plateau,
    saturation,
    slow,
    stalled,
)
from gradlab.doctor.symptoms.curve_shape import curve_shape
from gradlab.doctor.symptoms.gradient_decay import decay_table, gradient_decay
from gradlab.doctor.symptoms.symptom import Symptom
from gradlab.doctor.symptoms.unit_detectors import dead_share, identical_units

SYMPTOMS = (
    diverged.see,
    stalled.see,
    slow.see,
    oscillating.see,
    plateau.see,
    dead_units.see,
    saturation.see,
    fading_gradients.see,
    alike_units.see,
    constant_output.see,
    initial_loss.see,
    heavy_penalty.see,
    noisy_gradient.see,
    normalisation_gap.see,
    overfitting.see,
)
"""All of them."""


def symptoms(evidence: Evidence, calibration: Calibration) -> list[Symptom]:
    """Return everything that is seen."""
    seen = (see(evidence, calibration) for see in SYMPTOMS)
    return [symptom for symptom in seen if symptom is not None]


__all__ = [
    "SYMPTOMS",
    "Symptom",
    "curve_shape",
    "dead_share",
    "decay_table",
    "gradient_decay",
    "identical_units",
    "symptoms",
]
