"""Starting weights that are all alike, or of the wrong size."""

import math

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import helped, said, seen, share, tried, troubled
from gradlab.doctor.evidence import Evidence, Layer
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.symptoms import alike_units, initial_loss
from gradlab.doctor.symptoms.reading import hidden_places, of_layers

KIND = "weight_init"
SOURCE = "Glorot & Bengio 2010, eq. 12; He et al. 2015, eq. 10; Goodfellow et al. 2016, section 8.4"
ROWS = ("INI-01", "INI-08", "DIF-11")
ALIKE = ("zeros", "ones", "constant")


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire on symmetric layers; on sizes far from 1/√fan-in, and silent units, if it is poor."""
    for grade in (_symmetric, _size, _silent, _by_trial):
        found = grade(evidence, calibration)
        if found is not None:
            return [found]
    return []


def _symmetric(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Hidden layers of several units that all start with the same weights."""
    hidden = evidence.setup.hidden
    bad = [x for x in hidden if (x.units or 2) > 1 and (x.init in ALIKE or x.init_std == 0)]
    # A constant output layer behind random hidden ones is harmless: its inputs differ.
    symptom = alike_units.see(evidence, calibration)
    if not bad and symptom is not None and troubled(evidence, calibration):
        bad = [x for x in hidden if x.place in symptom.where]
    if not bad:
        return None
    if evidence.records and not troubled(evidence, calibration):
        return None
    places = tuple(x.place for x in bad)
    text = f"All units of {', '.join(places)} start with the same weights"
    return _finding(
        evidence,
        calibration.confidence("weight_init.setting", 1.0),
        f"{text}. {seen(evidence)}" if evidence.records else f"{text}.",
        "Alike units give alike outputs, get alike gradients and stay alike: the layer is worth "
        "one unit, and at 0 it passes no gradient at all.",
        places,
        "weight_init.setting",
        {} if symptom is None else symptom.numbers,
    )


def size_factor(layer: Layer) -> float | None:
    """Return the weights' standard deviation in units of the one that suits the activation.

    std · √(fan_in / gain), gain 2 for rectifiers (He) and 1 for others (LeCun).

    >>> size_factor(Layer("dense", "hidden", activation="relu", init_std=0.1, fan_in=200))
    1.0
    """
    if layer.init_std is None or not layer.fan_in:
        return None
    gain = 2.0 if layer.activation in ("relu", "leaky_relu", "relu6") else 1.0
    return layer.init_std * math.sqrt(layer.fan_in / gain)


def _size(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """The product of all layers' size factors: by how much signals grow or shrink in all."""
    weighted = evidence.setup.weighted
    factors = [size_factor(x) for x in weighted]
    known = [f for f in factors if f is not None]
    # An output layer that starts at 0 says nothing yet, and learns.
    if len(known) != len(weighted) or not known or not troubled(evidence, calibration):
        return None
    hidden = known[:-1] if len(known) > 1 else known
    if any(f == 0 for f in hidden):
        return None
    total = math.prod(hidden) * (known[-1] or 1.0 if len(known) > 1 else 1.0)
    large, small = calibration["weight_init.large"], calibration["weight_init.small"]
    if small < total < large:
        return None
    effect = helped(evidence, calibration, KIND, "init")
    if effect is None and tried(evidence, calibration, "init"):
        return None
    first = initial_loss.see(evidence, calibration)
    strength = share(total, large, large**3) if total >= large else share(1 / total, 1 / small,
                                                                        1 / small**3)  # fmt: skip
    if effect is not None:
        strength = max(strength, effect.closed)
    each = [f"{f:.3g}" for f in known]
    places = tuple(
        x.place
        for x, f in zip(weighted, factors, strict=True)
        if f is not None and (f > 2 if total >= large else f < 0.5)
    )
    word = "grow" if total >= large else "shrink"
    return _finding(
        evidence,
        calibration.confidence("weight_init.size", strength),
        " ".join([seen(evidence)] + ([first.sentence] if first else [])),
        f"Signals {word} by {total:.3g} from input to output before training: the weights' spread "
        f"is {', '.join(each)} times what keeps it." + (f" {said(effect)}." if effect else ""),
        places,
        "weight_init.size",
        {"growth of signals": total},
    )


def _silent(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Units that are dead before the first step: biases or weights put them there."""
    dead = of_layers(evidence, "dead", at="start")
    if dead is None or len(dead) < 2 or not troubled(evidence, calibration):
        return None
    silent = np.append(np.nan_to_num(dead[:-1]), 0.0)
    bad = silent >= calibration["weight_init.silent"]
    if not bad.any():
        return None
    most = float(silent.max())
    return _finding(
        evidence,
        calibration.confidence("weight_init.silent", most),
        f"{seen(evidence)} Before training {most:.0%} of the units of "
        f"{', '.join(hidden_places(evidence, bad))} are zero on every row.",
        "They are silent before the first step, so it was not training that killed them.",
        hidden_places(evidence, bad),
        "weight_init.silent",
        {"dead before training": most},
    )


def _by_trial(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Another initialiser gains enough."""
    if not troubled(evidence, calibration):
        return None
    effect = helped(evidence, calibration, KIND, "init")
    if effect is None:
        return None
    return _finding(
        evidence,
        calibration.confidence("weight_init.trial", effect.closed),
        seen(evidence),
        f"{said(effect)}.",
        tuple(x.place for x in evidence.setup.hidden),
        "weight_init.trial",
        {"gain": effect.gain},
    )


def _finding(
    evidence: Evidence,
    confidence: float,
    symptom: str,
    why: str,
    places: tuple[str, ...],
    rule: str,
    numbers: dict[str, float],
) -> Finding:
    names = {x.activation for x in evidence.setup.hidden}
    fit = "he_normal" if names & {"relu", "leaky_relu", "relu6", "elu"} else "xavier_normal"
    return Finding(
        KIND,
        confidence,
        symptom,
        why,
        numbers,
        where=places,
        changes=((Change("init", fit),),),
        source=SOURCE,
        rows=ROWS,
        rule=rule,
    )
