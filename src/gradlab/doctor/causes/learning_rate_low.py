"""Steps too small: the loss goes the right way, and would need many times the epochs."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import (
    helped,
    range_test,
    said,
    seen,
    share,
    tried,
    troubled,
    updates,
)
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.symptoms import slow

ROWS = ("DIF-13", "DIF-10", "GDM-07")
SOURCE = "Goodfellow et al. 2016, section 11.4.1; Smith 2017, section 3.3"
KIND = "learning_rate_low"


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire if larger rates do better, if the rate decays to nothing, or the loss only creeps."""
    if not troubled(evidence, calibration):
        return []
    for grade in (_by_decay, _by_sweep, _by_curve):
        found = grade(evidence, calibration)
        if found is not None:
            return [found]
    return []


def _by_decay(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """1 + decay · steps: by what factor the rate has fallen when training ends."""
    steps, decay = updates(evidence), evidence.setup.learning_rate_decay
    rate = evidence.setup.learning_rate
    if steps is None or rate is None or decay <= 0:
        return None
    factor = 1 + decay * steps
    if factor < calibration["learning_rate_low.decayed"]:
        return None
    return Finding(
        KIND,
        calibration.confidence("learning_rate_low.decay", share(factor, 5, 500)),
        seen(evidence),
        f"The rate decays by {decay:.3g} a step: after {steps:,} steps it is {factor:.3g} times "
        "smaller, and steps end long before the valley does.",
        {"decay a step": decay, "steps": float(steps), "rate divided by": factor},
        where=("learning_rate_decay",),
        changes=((Change("learning_rate", rate * factor**0.5),),),
        source=SOURCE,
        rows=ROWS,
        rule="learning_rate_low.decay",
    )


def _by_sweep(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """too_low_by ≥ factor and lost ≥ lost."""
    test = range_test(evidence)
    if test is None or test.too_low_by < calibration["learning_rate_low.factor"]:
        return None
    if test.lost < calibration["learning_rate_low.lost"]:
        return None
    larger = tuple(
        value
        for trial in evidence.trials
        for name, value in trial.changes
        if name == "learning_rate" and isinstance(value, float) and value > test.rate
    )
    effect = helped(evidence, calibration, KIND, "learning_rate", larger)
    if effect is None and tried(evidence, calibration, "learning_rate", larger):
        return None
    usual = evidence.setup.usual_learning_rate
    under = share(usual / test.rate, 1, 30) if usual else 0.3
    strength = 0.4 * test.lost + 0.6 * under
    if effect is not None:
        strength = 0.5 * strength + 0.5 * effect.closed
    why = (
        f"In short runs from the same start the loss falls most at {test.best:.3g}; "
        f"{test.rate:.3g} leaves {test.lost:.0%} of that undone."
    )
    return Finding(
        KIND,
        calibration.confidence("learning_rate_low.sweep", strength),
        seen(evidence),
        why if effect is None else f"{why} {said(effect)}.",
        {
            "learning rate": test.rate,
            "best rate of the sweep": test.best,
            "lowest good rate": test.low,
            "share of the fall that is lost": test.lost,
        },
        where=("learning_rate",),
        changes=(
            (Change("learning_rate", test.best),),
            (Change("learning_rate", (test.low * test.best) ** 0.5),),
        ),
        source=SOURCE,
        rows=ROWS,
        rule="learning_rate_low.sweep",
    )


def _by_curve(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Without a telling sweep: the loss only creeps, more so if the rate is below the usual."""
    if range_test(evidence) is not None:
        return None
    symptom = slow.see(evidence, calibration)
    if symptom is None:
        return None
    rate, usual = evidence.setup.learning_rate, evidence.setup.usual_learning_rate
    if rate and usual and rate >= usual:
        return None
    strength = 0.3 if not (rate and usual) else share(usual / rate, 1, 100)
    return Finding(
        KIND,
        calibration.confidence("learning_rate_low.curve", strength),
        symptom.sentence,
        "A loss that sinks steadily and without swinging leaves room for larger steps"
        + (f"; the rate is {rate:.3g}, usual is {usual:.3g}." if rate and usual else "."),
        symptom.numbers | ({"learning rate": rate} if rate else {}),
        where=("learning_rate",),
        changes=((Change("learning_rate", 10 * rate),),) if rate else (),
        source=SOURCE,
        rows=ROWS,
        rule="learning_rate_low.curve",
    )
