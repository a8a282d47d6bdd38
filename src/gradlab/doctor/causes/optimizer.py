"""Another way of stepping would get there: adaptive steps, momentum, a clip that isn't so tight."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import helped, range_test, said, seen, share, tried, troubled
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.symptoms import fading_gradients, oscillating, plateau

KIND = "optimizer"
SOURCE = "Kingma & Ba 2015; Polyak 1964; Pascanu et al. 2013"
ROWS = ("DIF-04", "DIF-08", "DIF-14", "DIF-06")
PLAIN = ("sgd", "momentum", "nesterov")


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire on parameters out of their sense, or if another optimizer helps."""
    if not troubled(evidence, calibration):
        return []
    for grade in (_momentum, _clipping, _by_trial, _by_signs):
        found = grade(evidence, calibration)
        if found is not None:
            return [found]
    return []


def _momentum(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """1 / (1 − momentum): over how many steps the velocity gathers gradients."""
    momentum = evidence.setup.momentum
    if momentum is None or momentum < calibration["optimizer.momentum"]:
        return None
    gathered = 1 / max(1 - momentum, 1e-6)
    return _finding(
        calibration.confidence("optimizer.setting", share(gathered, 30, 1000)),
        seen(evidence),
        f"Momentum {momentum:g} gathers the gradients of {gathered:,.0f} steps: the step is as "
        "many times longer, and keeps its way when the slope has turned.",
        {"momentum": momentum, "steps gathered": gathered},
        ((Change("momentum", 0.9),), (Change("optimizer", "adam"),)),
        "optimizer.setting",
    )


def _clipping(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """A bound on the gradient's norm that makes steps as small as a small rate would."""
    clip, rate = evidence.setup.clip_norm, evidence.setup.learning_rate
    if not clip or rate is None or evidence.setup.optimizer not in PLAIN:
        return None
    step = clip * rate / max(1 - (evidence.setup.momentum or 0.0), 0.05)
    if step > calibration["optimizer.clipped_step"]:
        return None
    return _finding(
        calibration.confidence("optimizer.setting", 1 - share(step, 1e-6, 1e-2)),
        seen(evidence),
        f"Gradients are cut to norm {clip:g}, so no step is longer than {step:.2g}.",
        {"clip norm": clip, "longest step": step},
        ((Change("clip_norm", 0.0),), (Change("clip_norm", 5.0),), (Change("optimizer", "adam"),)),
        "optimizer.setting",
    )


def _by_trial(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Another optimizer, with its usual rate, gains enough."""
    plain = evidence.setup.optimizer in PLAIN
    effect = helped(evidence, calibration, KIND, "optimizer")
    if effect is None and plain:
        effect = helped(evidence, calibration, KIND, "optimizer", together=True)
    if effect is None:
        return None
    test = range_test(evidence)
    # Where a better rate of the same optimizer does the same, the rate is the plainer answer.
    own = helped(evidence, calibration, "learning_rate_low", "learning_rate")
    rate_explains = own is not None and own.gain >= 0.8 * effect.gain
    strength = effect.closed * (0.6 if plain else 0.3) + (0.0 if rate_explains else 0.4)
    strength /= 1 + len(effect.others)
    numbers = {"gain": effect.gain, "share of the deficit closed": effect.closed}
    if test is not None:
        numbers["best rate of the sweep"] = test.best
    return _finding(
        calibration.confidence("optimizer.trial", strength),
        seen(evidence),
        f"{said(effect)}"
        + (
            f"; a better rate of {evidence.setup.optimizer} does as well."
            if rate_explains
            else ", and no other rate of the same optimizer was seen to do as well."
        ),
        numbers,
        ((Change("optimizer", effect.value),),),
        "optimizer.trial",
    )


def _by_signs(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Untried: plain descent on a plateau, or swinging in a ravine; gradients that explode."""
    if tried(evidence, calibration, "optimizer"):
        return None
    fading = fading_gradients.see(evidence, calibration)
    if fading and fading.name == "exploding gradient" and not evidence.setup.clip_norm:
        return _finding(
            calibration.confidence("optimizer.signs", fading.strength),
            fading.sentence,
            "One long step near a cliff undoes many short ones; a clip bounds it.",
            fading.numbers,
            ((Change("clip_norm", 1.0),),),
            "optimizer.signs",
        )
    if evidence.setup.optimizer != "sgd":
        return None
    symptom = plateau.see(evidence, calibration) or oscillating.see(evidence, calibration)
    if symptom is None:
        return None
    return _finding(
        calibration.confidence("optimizer.signs", symptom.strength),
        symptom.sentence,
        "Plain descent creeps over flat parts and swings across ravines: momentum or adaptive "
        "steps carry it along.",
        symptom.numbers,
        ((Change("optimizer", "adam"),), (Change("optimizer", "momentum"),)),
        "optimizer.signs",
    )


def _finding(
    confidence: float,
    symptom: str,
    why: str,
    numbers: dict[str, float],
    changes: tuple[tuple[Change, ...], ...],
    rule: str,
) -> Finding:
    return Finding(
        KIND,
        confidence,
        symptom,
        why,
        numbers,
        where=("optimizer",),
        changes=changes,
        source=SOURCE,
        rows=ROWS,
        rule=rule,
    )
