"""The generator makes few kinds of rows."""

import numpy as np

from gradlab.doctor.adversarial.evidence import Course
from gradlab.doctor.finding import Change, Finding

LEAST_DIVERSITY, LEAST_COVERAGE = 0.5, 0.6


def mode_collapse(course: Course) -> Finding | None:
    """Find collapse: in the last quarter of the training

        diversity = E‖G(z) − G(z′)‖ / E‖x − x′‖ < 0.5,  or
        coverage = modes of the data that are reached / all < 0.6.

    Source: Goodfellow 2016, section 5.1.1 (mode collapse), https://arxiv.org/abs/1701.00160;
    two time scales: Heusel et al. 2017, https://arxiv.org/abs/1706.08500
    """
    diversity, coverage = course.late("diversity"), course.late("coverage")
    if not course.long_enough or not len(diversity):
        return None
    spread, reached = float(np.median(diversity)), float(np.median(coverage))
    if spread >= LEAST_DIVERSITY and not reached < LEAST_COVERAGE:
        return None
    changes = [(Change("generator_learning_rate", course.generator_learning_rate / 4),)]
    if course.instance_noise == 0:
        changes.append((Change("instance_noise", 0.3),))
    changes.append((Change("discriminator_steps", course.discriminator_steps + 2),))
    return Finding(
        kind="other",
        confidence=0.9 if spread < LEAST_DIVERSITY / 2 or reached < LEAST_COVERAGE / 2 else 0.7,
        symptom=(
            f"Generated rows are alike: they lie {spread:.2f} times as far apart as rows of the "
            f"data, and reach {reached:.0%} of its modes."
        ),
        why=(
            "Mode collapse: the generator found a few rows that the discriminator takes for real, "
            "and moves between them faster than the discriminator learns to refuse them."
        ),
        evidence={"diversity": spread, "coverage": reached},
        where=("generator",),
        epoch=_since(course),
        changes=tuple(changes),
        source="Goodfellow 2016, section 5.1.1",
        rows=("GEN-04",),
        rule="mode_collapse.course",
    )


def _since(course: Course) -> float | None:
    """Return the first epoch from which on every measured diversity was too small."""
    diversity = course.column("diversity")
    measured = np.flatnonzero(np.isfinite(diversity))
    fine = measured[diversity[measured] >= LEAST_DIVERSITY]
    after = measured[measured > fine[-1]] if len(fine) else measured
    return float(after[0] + 1) if len(after) else None
