"""Steps too large: they jump over the valley, from side to side or out of it.

Source of the test by a sweep: Smith 2017, section 3.3, https://arxiv.org/abs/1506.01186
"""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import helped, range_test, said, seen, share, troubled
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.symptoms import diverged, oscillating

ROWS = ("DIF-13", "DIF-10", "GDM-07")
SOURCE = "Goodfellow et al. 2016, section 11.4.1; Smith 2017, section 3.3"
KIND = "learning_rate_high"


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire if smaller rates do better, or if an unexamined training diverges or swings."""
    if evidence.setup.learning_rate is None and not evidence.records:
        return []
    for grade in (_by_sweep, _by_curve):
        found = grade(evidence, calibration)
        if found is not None:
            return [found]
    return []


def _by_sweep(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """too_high_by ≥ factor and lost ≥ lost, in a training that is poor, or whose loss explodes.

    Answers may be right although the loss is a million times that of knowing nothing: the largest
    score wins, however sure. Its probabilities are worthless all the same.
    """
    test = range_test(evidence)
    if test is None:
        return None
    explodes = diverged.see(evidence, calibration)
    if explodes is None and not troubled(evidence, calibration):
        return None
    if test.too_high_by < calibration["learning_rate_high.factor"]:
        return None
    if test.lost < calibration["learning_rate_high.lost"]:
        return None
    smaller = tuple(
        value
        for trial in evidence.trials
        for name, value in trial.changes
        if name == "learning_rate" and isinstance(value, float) and value < test.rate
    )
    effect = helped(evidence, calibration, KIND, "learning_rate", smaller)
    strength = 0.5 * test.lost + 0.5 * share(test.too_high_by, 2, 100)
    if effect is not None:
        strength = max(strength, effect.closed)
    ended = "does not stay finite" if not test.finite else f"leaves {test.lost:.0%} of that undone"
    why = (
        f"In short runs from the same start the loss falls most at {test.best:.3g} (as well from "
        f"{test.low:.3g} to {test.high:.3g}); {test.rate:.3g}, {test.too_high_by:.3g} times more, "
        f"{ended}."
    )
    return Finding(
        KIND,
        calibration.confidence("learning_rate_high.sweep", strength),
        seen(evidence) if explodes is None else explodes.sentence,
        why if effect is None else f"{why} {said(effect)}.",
        {
            "learning rate": test.rate,
            "best rate of the sweep": test.best,
            "highest good rate": test.high,
            "share of the fall that is lost": test.lost,
        }
        | ({} if explodes is None else explodes.numbers),
        where=("learning_rate",),
        changes=(
            (Change("learning_rate", test.best),),
            (Change("learning_rate", test.best / 3),),
        ),
        source=SOURCE,
        rows=ROWS,
        rule="learning_rate_high.sweep",
    )


def _by_curve(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Without a telling sweep: the loss diverges, or swings while the training is poor."""
    if range_test(evidence) is not None:
        return None
    symptom = diverged.see(evidence, calibration)
    if symptom is None:
        swings = oscillating.see(evidence, calibration)
        symptom = swings if swings and troubled(evidence, calibration) else None
    if symptom is None:
        return None
    rate, usual = evidence.setup.learning_rate, evidence.setup.usual_learning_rate
    strength, numbers = 0.5 * symptom.strength, dict(symptom.numbers)
    why = "Steps that are too large rise above the start or swing, steps too small can't."
    changes: tuple[tuple[Change, ...], ...] = ()
    if rate:
        numbers["learning rate"] = rate
        changes = ((Change("learning_rate", rate / 10),), (Change("learning_rate", rate / 100),))
    if rate and usual:
        strength += 0.5 * share(rate / usual, 1, 100)
        why += f" It is {rate / usual:.3g} times the usual {usual:.3g}."
        numbers["usual rate"] = usual
    return Finding(
        KIND,
        calibration.confidence("learning_rate_high.curve", strength),
        symptom.sentence,
        why,
        numbers,
        where=("learning_rate",),
        epoch=symptom.epoch,
        changes=changes,
        source=SOURCE,
        rows=ROWS,
        rule="learning_rate_high.curve",
    )
