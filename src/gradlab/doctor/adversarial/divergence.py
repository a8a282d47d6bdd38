"""A loss or weight that is no number."""

from gradlab.doctor.adversarial.evidence import Course
from gradlab.doctor.finding import Change, Finding


def divergence(course: Course) -> Finding | None:
    """Find divergence: a loss of an epoch is NaN or infinite.

    Losses from logits can't overflow by themselves, so weights did.

    Source: Goodfellow et al. 2016, Deep Learning, section 8.2.4,
    https://www.deeplearningbook.org
    """
    if course.diverged is None:
        return None
    rate, own = course.learning_rate, course.generator_learning_rate
    larger = max(rate, own)
    return Finding(
        kind="learning_rate_high",
        confidence=0.95,
        symptom=f"A loss stopped being a finite number in epoch {course.diverged}.",
        why=f"Steps of learning rate {larger:g} are too long: weights grew without bound.",
        evidence={"learning_rate": rate, "generator_learning_rate": own},
        where=("discriminator",) if rate > own else ("generator",) if own > rate else (),
        epoch=float(course.diverged),
        changes=(
            (Change("learning_rate", rate / 10), Change("generator_learning_rate", own / 10)),
            (Change("optimizer", "adam"),),
        ),
        source="Goodfellow et al. 2016, section 8.2.4",
        rows=("GEN-07",),
        rule="divergence.course",
    )
