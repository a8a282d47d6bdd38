"""Nothing holds back what is learnt from the training rows alone."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import helped, said
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.symptoms import overfitting

KIND = "missing_regularization"
HOLDING = ("dropout", "l2", "l1", "patience", "weight_decay")


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire on over-fitting where a penalty or dropout helps, or was not tried and isn't there."""
    symptom = overfitting.see(evidence, calibration)
    if symptom is None:
        return []
    tried = any(_added(evidence, name) for name in HOLDING)
    found = [
        effect
        for name in HOLDING
        if (effect := helped(evidence, calibration, KIND, name, _added(evidence, name)))
    ]
    rate = max((x.rate or 0.0 for x in evidence.setup.layers if x.kind == "dropout"), default=0.0)
    penalty = max((max(x.l1, x.l2) for x in evidence.setup.layers), default=0.0)
    has = rate > 0 or penalty > 0
    turned = symptom.numbers.get("rise of the validation loss", 0.0)
    if found:
        effect = max(found, key=lambda e: e.gain)
        setting, value = effect.changes[0]
        changes = ((Change(setting, value),), (Change("patience", 5),))
        confidence = calibration.confidence("missing_regularization.trial", effect.closed)
        why, rule = f"{said(effect)}.", "missing_regularization.trial"
    elif (
        tried
        or has
        or turned < calibration["missing_regularization.rise"]
        or (
            symptom.numbers["training minus validation score"]
            < (calibration["missing_regularization.points"])
        )
    ):
        return []
    else:
        changes = ((Change("dropout", 0.5),), (Change("l2", 1e-3),), (Change("patience", 5),))
        confidence = calibration.confidence("missing_regularization.gap", symptom.strength)
        why = "There is no dropout, no penalty on weights and no early end."
        rule = "missing_regularization.gap"
    return [
        Finding(
            KIND,
            confidence,
            symptom.sentence,
            why,
            symptom.numbers,
            epoch=symptom.epoch,
            changes=changes,
            source="Srivastava et al. 2014; Goodfellow et al. 2016, chapter 7",
            rows=("MET-16", "DIF-10"),
            rule=rule,
        )
    ]


def _added(evidence: Evidence, setting: str) -> tuple:
    """Return the values above 0 that trials gave a setting."""
    values = [v for t in evidence.trials for n, v in t.changes if n == setting]
    return tuple(v for v in values if isinstance(v, int | float) and v > 0)
