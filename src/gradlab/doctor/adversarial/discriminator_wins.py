"""The discriminator is so sure that the generator learns nothing."""

import numpy as np

from gradlab.doctor.adversarial.evidence import Course
from gradlab.doctor.finding import Change, Finding

SURE, NOT_AT_ALL = 0.95, 0.05
VANISHED = 0.01


def discriminator_wins(course: Course) -> Finding | None:
    """Find a discriminator that wins: in the last quarter of the training

        mean D(x) > 0.95  and  mean D(G(z)) < 0.05.

    Under the minimax loss the generator's gradient is then ∝ D(G(z)) and vanishes; under the
    non-saturating one it does not, but says nothing but "away from here".

    Source: Goodfellow et al. 2014, section 3, https://arxiv.org/abs/1406.2661; Arjovsky and
    Bottou 2017, theorems 2.4 and 2.6, https://arxiv.org/abs/1701.04862
    """
    real, fake = course.late("d_real"), course.late("d_fake")
    if not course.long_enough or not len(real) or not len(fake):
        return None
    d_real, d_fake = float(real.mean()), float(fake.mean())
    if d_real <= SURE or d_fake >= NOT_AT_ALL:
        return None
    gradient = course.column("generator_gradient")
    largest = np.nanmax(gradient) if np.isfinite(gradient).any() else 0.0
    last = course.late("generator_gradient")
    left = float(np.median(last) / largest) if len(last) and largest > 0 else float("nan")
    vanishes = course.loss == "minimax" and left < VANISHED
    changes = []
    if course.loss == "minimax":
        changes.append((Change("loss", "non_saturating"),))
    if course.learning_rate > course.generator_learning_rate:
        changes.append((Change("learning_rate", course.generator_learning_rate),))
    else:
        changes.append((Change("learning_rate", course.learning_rate / 4),))
    if course.label_smoothing == 0:
        changes.append((Change("label_smoothing", 0.1),))
    if course.instance_noise == 0:
        changes.append((Change("instance_noise", 0.3),))
    ends = (
        f"and the generator's gradient has fallen to {left:.2%} of its largest"
        if vanishes
        else f"and the generator's loss is {float(np.mean(course.late('generator_loss'))):.1f}"
    )
    return Finding(
        kind="learning_rate_high" if course.learning_rate > course.generator_learning_rate
        else "other",
        confidence=0.9,
        symptom=f"The discriminator is sure: D(x) is {d_real:.2f}, D(G(z)) {d_fake:.3f}, {ends}.",
        why=(
            "It tells every generated row from every real one, so no direction in which the "
            "generator could move makes a difference to its verdict."
        ),
        evidence={"d_real": d_real, "d_fake": d_fake, "generator_gradient": left},
        where=("discriminator",),
        epoch=_since(course),
        changes=tuple(changes),
        source="Goodfellow et al. 2014, section 3",
        rows=("GEN-05", "GEN-08"),
        rule="discriminator_wins.course",
    )  # fmt: skip


def _since(course: Course) -> float:
    """Return the first epoch from which on D was that sure in most epochs."""
    sure = (course.column("d_real") > SURE) & (course.column("d_fake") < NOT_AT_ALL)
    from_here = np.cumsum(sure[::-1])[::-1] / np.arange(len(sure), 0, -1)
    return float(np.argmax(sure & (from_here > 0.8)) + 1)
