"""Too few layers or units for the answer, or far more than the rows can hold down."""

import math

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import helped, said, seen, tried, troubled
from gradlab.doctor.effects import final_train_score
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.standing import standing
from gradlab.doctor.symptoms import fading_gradients, overfitting

KIND = "missing_layer_or_units"
SOURCE = "Goodfellow et al. 2016, sections 5.2 and 11.4; He et al. 2016 on depth"
ROWS = ("MET-16", "DIF-07", "DIF-10")


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire on too many layers, on narrow ones that do poorly, on helpful trials."""
    for grade in (_too_deep, _narrow, _by_trial, _too_large):
        found = grade(evidence, calibration)
        if found is not None:
            return [found]
    return []


def _too_deep(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Many plain layers through which the gradient fades."""
    n = len(evidence.setup.hidden)
    if n < calibration["missing_layer_or_units.deep"] or not troubled(evidence, calibration):
        return None
    fading = fading_gradients.see(evidence, calibration)
    fewer = tuple(
        v
        for t in evidence.trials
        for name, v in t.changes
        if name == "layers" and isinstance(v, int) and v < n
    )
    effect = helped(evidence, calibration, KIND, "layers", fewer) if fewer else None
    if fading is None and effect is None:
        return None
    return _finding(
        calibration.confidence("missing_layer_or_units.deep", min(n / 30, 1.0)),
        " ".join([seen(evidence)] + ([fading.sentence] if fading else [])),
        f"{n} plain hidden layers stand between input and output."
        + (f" {said(effect)}." if effect else ""),
        {"hidden layers": float(n)} | (fading.numbers if fading else {}),
        ((Change("layers", 2),), (Change("layers", 3),)),
        "missing_layer_or_units.deep",
    )


def _narrow(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """A hidden layer of fewer units than log₂ of the classes, or of 1 to 3 units, that is poor."""
    setup, data = evidence.setup, evidence.data
    if setup.task == "reconstruction" or not troubled(evidence, calibration):
        return None
    widths = [x.units for x in setup.hidden if x.kind in ("dense", "recurrent") and x.units]
    if not widths:
        return None
    classes = data.n_classes if data is not None and data.n_classes else 2
    needed = max(calibration["missing_layer_or_units.narrow"], math.log2(max(classes, 2)) + 1)
    narrowest = min(widths)
    if narrowest > needed:
        return None
    effect = helped(evidence, calibration, KIND, "units")
    if effect is None and tried(evidence, calibration, "units"):
        return None
    factor = max(2, math.ceil(16 / narrowest))
    return _finding(
        calibration.confidence(
            "missing_layer_or_units.narrow", 0.5 if effect is None else 0.5 + 0.5 * effect.closed
        ),
        seen(evidence),
        f"All that is known of a row goes through {narrowest} units."
        + (f" {said(effect)}." if effect else ""),
        {"narrowest layer": float(narrowest)},
        ((Change("units", factor),), (Change("units", 4 * factor),)),
        "missing_layer_or_units.narrow",
        tuple(x.place for x in setup.hidden if x.units == narrowest),
    )


def _by_trial(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """More units or layers gain enough, in a network that misses on the rows it has seen too."""
    if not troubled(evidence, calibration):
        return None
    found = [
        e
        for e in (
            helped(evidence, calibration, KIND, "units"),
            helped(evidence, calibration, KIND, "layers"),
        )
        if e is not None
    ]
    if not found:
        return None
    effect = max(found, key=lambda e: e.gain)
    setting = effect.changes[0][0]
    none = not evidence.setup.hidden
    strength = 0.6 * effect.closed + (0.4 if none else 0.0)
    return _finding(
        calibration.confidence("missing_layer_or_units.trial", strength),
        seen(evidence),
        f"{said(effect)}."
        + (" Without a hidden layer the answer can only be linear." if none else ""),
        {"gain": effect.gain, "hidden layers": float(len(evidence.setup.hidden))},
        ((Change(setting, effect.value),),),
        "missing_layer_or_units.trial",
    )


def _too_large(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Many times more parameters than rows, and over-fitting."""
    data, now = evidence.data, standing(evidence)
    n = sum(layer.n_parameters for layer in evidence.setup.layers)
    train = final_train_score(evidence)
    if data is None or now is None or not n or train is None or not data.n_train:
        return None
    gap = overfitting.see(evidence, calibration)
    many = n / data.n_train
    if gap is None or many < calibration["missing_layer_or_units.parameters"]:
        return None
    fewer = [
        v
        for t in evidence.trials
        for name, v in t.changes
        if name == "units" and isinstance(v, int | float) and v < 1
    ]
    effect = helped(evidence, calibration, KIND, "units", tuple(fewer)) if fewer else None
    if effect is None:
        return None
    return _finding(
        calibration.confidence("missing_layer_or_units.large", effect.closed),
        gap.sentence,
        f"There are {many:.3g} parameters a row. {said(effect)}.",
        {"parameters a row": many} | gap.numbers,
        ((Change("units", effect.value),),),
        "missing_layer_or_units.large",
    )


def _finding(
    confidence: float,
    symptom: str,
    why: str,
    numbers: dict[str, float],
    changes: tuple[tuple[Change, ...], ...],
    rule: str,
    where: tuple[str, ...] = (),
) -> Finding:
    return Finding(
        KIND,
        confidence,
        symptom,
        why,
        numbers,
        where=where,
        changes=changes,
        source=SOURCE,
        rows=ROWS,
        rule=rule,
    )
