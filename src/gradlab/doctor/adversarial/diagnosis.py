"""From the course of a GAN to a ranked diagnosis."""

import time
from typing import Any

from gradlab.doctor.adversarial.discriminator_wins import discriminator_wins
from gradlab.doctor.adversarial.divergence import divergence
from gradlab.doctor.adversarial.evidence import Course
from gradlab.doctor.adversarial.memorising import memorising
from gradlab.doctor.adversarial.mode_collapse import mode_collapse
from gradlab.doctor.adversarial.oscillation import oscillation
from gradlab.doctor.finding import Diagnosis

RULES = {
    "divergence": divergence,
    "discriminator_wins": discriminator_wins,
    "mode_collapse": mode_collapse,
    "memorising": memorising,
    "oscillation": oscillation,
}
"""Name -> rule: (course) -> a finding, or None."""


def diagnose_gan(gan: Any) -> Diagnosis:
    """Say what is wrong with the training of a GAN, the surest first; nothing if it is healthy.

    Args:
        gan: A fitted `GAN` or `DCGAN`, a `TrainedPair`, or a `Course`.

    >>> import polars as pl
    >>> sure = pl.DataFrame({"epoch": range(1, 21), "d_real": [0.99] * 20, "d_fake": [0.01] * 20,
    ...                      "generator_loss": [4.6] * 20})
    >>> [finding.rule for finding in diagnose_gan(Course(sure)).findings]
    ['discriminator_wins.course']
    """
    begun = time.perf_counter()
    course = gan if isinstance(gan, Course) else Course.of(getattr(gan, "trained_", gan))
    found = [finding for rule in RULES.values() if (finding := rule(course)) is not None]
    found.sort(key=lambda finding: -finding.confidence)
    missing = []
    if not len(course.late("diversity", 1.0)):
        missing.append(
            "measures of what is generated: collapse and memorising were not looked at; fit with "
            "measure_every"
        )
    if not course.long_enough:
        missing.append(f"epochs: {course.history.height} are too few to tell how it goes")
    return Diagnosis(
        tuple(found),
        tuple(finding.symptom for finding in found),
        tuple(missing),
        time.perf_counter() - begun,
    )
