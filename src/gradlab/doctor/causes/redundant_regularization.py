"""A penalty that stops the fit."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import helped, said, seen, troubled
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.symptoms import heavy_penalty

KIND = "redundant_regularization"
PENALTIES = ("l1", "l2", "weight_decay")
OFF = (0, 0.0)


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire if it is poor and the penalty outweighs the loss, or goes and the score comes."""
    penalised = [x for x in evidence.setup.layers if x.l1 > 0 or x.l2 > 0]
    decay = evidence.setup.weight_decay or 0.0
    if (not penalised and decay <= 0) or not troubled(evidence, calibration):
        return []
    symptom = heavy_penalty.see(evidence, calibration)
    effects = [helped(evidence, calibration, KIND, name, OFF) for name in PENALTIES]
    found = [e for e in effects if e is not None]
    tried = any(n in PENALTIES and v in OFF for t in evidence.trials for n, v in t.changes)
    if not found and (tried or symptom is None):
        return []
    effect = max(found, key=lambda e: e.gain) if found else None
    strength = effect.closed if effect else (symptom.strength if symptom else 0.0)
    rule = "redundant_regularization." + ("trial" if effect else "penalty")
    factors = {
        "l1": max((x.l1 for x in penalised), default=0.0),
        "l2": max((x.l2 for x in penalised), default=0.0),
    }
    off = tuple(Change(name, 0.0) for name, value in factors.items() if value > 0)
    less = tuple(Change(name, value / 100) for name, value in factors.items() if value > 0)
    words = [f"{name} {value:g}" for name, value in factors.items() if value > 0]
    why = f"The penalty ({', '.join(words) or f'weight decay {decay:g}'}) pulls every weight to 0"
    why += f". {said(effect)}." if effect else ", harder than the data pull them away."
    return [
        Finding(
            KIND,
            calibration.confidence(rule, strength),
            " ".join([seen(evidence)] + ([symptom.sentence] if symptom else [])),
            why,
            {k: v for k, v in factors.items() if v > 0} | (symptom.numbers if symptom else {}),
            where=tuple(x.place for x in penalised),
            changes=tuple(c for c in (off, less) if c),
            source="Goodfellow et al. 2016, section 7.1",
            rows=("MET-16", "DIF-10"),
            rule=rule,
        )
    ]
