"""The two networks chase each other round and round."""

import numpy as np

from gradlab.doctor.adversarial.evidence import Course
from gradlab.doctor.finding import Change, Finding

SWING, TURNS = 0.12, 4


def oscillation(course: Course) -> Finding | None:
    """Find oscillation: in the last half of the training D(G(z)), less its straight trend, has

        a standard deviation > 0.12  and  at least 4 changes of sign.

    In the game min_x max_y x y, gradient steps of both players circle round the solution and
    drift outwards; smaller or unequal steps damp it.

    Source: Goodfellow 2016, section 7.2, https://arxiv.org/abs/1701.00160; Mescheder et al. 2018,
    https://arxiv.org/abs/1801.04406
    """
    fake = course.late("d_fake", 0.5)
    if course.history.height < 2 * TURNS or len(fake) < 2 * TURNS:
        return None
    time = np.arange(len(fake))
    rest = fake - np.polyval(np.polyfit(time, fake, 1), time)
    swing = float(rest.std())
    turns = int((np.diff(np.sign(rest)) != 0).sum())
    if swing <= SWING or turns < TURNS:
        return None
    rate, own = course.learning_rate, course.generator_learning_rate
    return Finding(
        kind="learning_rate_high",
        confidence=0.75,
        symptom=(
            f"D(G(z)) swings by ±{swing:.2f} around its trend and crosses it {turns} times in the "
            f"last {len(fake)} epochs."
        ),
        why=(
            "Each network undoes what the other has just learnt. With smaller steps the circle "
            "becomes a spiral inwards."
        ),
        evidence={"swing": swing, "turns": float(turns)},
        where=("generator", "discriminator"),
        epoch=float(course.history.height - len(fake) + 1),
        changes=(
            (Change("learning_rate", rate / 5), Change("generator_learning_rate", own / 5)),
            (Change("instance_noise", 0.3),),
            (Change("optimizer.beta1", 0.0),),
        ),
        source="Goodfellow 2016, section 7.2",
        rows=("GEN-07",),
        rule="oscillation.course",
    )
