"""The generator repeats the rows that it was shown."""

import numpy as np

from gradlab.doctor.adversarial.evidence import Course
from gradlab.doctor.finding import Change, Finding

MOST_COPIES = 0.2


def memorising(course: Course) -> Finding | None:
    """Find memorising: in the last quarter of the training

        copies / samples > 0.2,

    where a copy lies nearer to a training row than a tenth of the usual distance between two of
    those (`nearest_neighbours`).

    Source: Goodfellow et al. 2014, figure 2, https://arxiv.org/abs/1406.2661
    """
    copies = course.late("copies")
    if not course.long_enough or not len(copies):
        return None
    share = float(np.median(copies))
    if share <= MOST_COPIES:
        return None
    rows = "" if course.n_rows is None else f" of {course.n_rows:,} rows"
    return Finding(
        kind="missing_regularization",
        confidence=0.8,
        symptom=f"{share:.0%} of generated rows are copies of training rows.",
        why=(
            f"The networks are large for data{rows}, and were trained so long that the "
            "discriminator knows each row by heart: only copies pass."
        ),
        evidence={"copies": share},
        where=("generator",),
        epoch=None,
        changes=(
            (Change("instance_noise", 0.5),),
            (Change("units", 0.5),),
            (Change("epochs", max(1, course.history.height // 4)),),
        ),
        source="Goodfellow et al. 2014, figure 2",
        rows=("GEN-10",),
        rule="memorising.course",
    )
