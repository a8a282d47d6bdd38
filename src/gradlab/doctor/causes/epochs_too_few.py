"""Training ended while it was still getting better."""

import math

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import helped, said, seen, share, tried, troubled, updates
from gradlab.doctor.effects import effects
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.symptoms import slow

KIND = "epochs_too_few"
SOURCE = "Goodfellow et al. 2016, section 11.4.1 and section 7.8"
ROWS = ("DIF-10", "MET-16")
FEW_STEPS = (50.0, 5000.0)
"""Steps that are certainly few, and that aren't for a small network."""


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire if more epochs help; where they were not tried, if the loss is still falling fast."""
    epochs = evidence.setup.epochs or max((len(r.train_loss) for r in evidence.records), default=0)
    if not epochs or not troubled(evidence, calibration):
        return []
    more = tuple(v for v in _tried(evidence) if v > epochs)
    steps = updates(evidence) or 20 * epochs
    few = 1 - share(steps, *FEW_STEPS)
    effect = None
    if more:
        effect = helped(evidence, calibration, KIND, "epochs", more)
        if effect is None and tried(evidence, calibration, "epochs", more):
            return []
    if effect is not None:
        needed = min(
            (int(e.value) for e in effects(evidence, "epochs")  # pyright: ignore[reportArgumentType]
             if e.value in more and e.gain >= 0.9 * effect.gain),
        )  # fmt: skip
        return [
            Finding(
                KIND,
                calibration.confidence("epochs_too_few.trial", 0.5 * effect.closed + 0.5 * few),
                seen(evidence),
                f"{said(effect)}; {epochs} epochs make {steps:,} steps.",
                {"epochs": float(epochs), "steps": float(steps), "gain": effect.gain},
                where=("epochs",),
                changes=((Change("epochs", needed),),),
                source=SOURCE,
                rows=ROWS,
                rule="epochs_too_few.trial",
            )
        ]
    symptom = slow.see(evidence, calibration)
    if symptom is None:
        return []
    strength = 0.5 * symptom.strength + 0.5 * few
    return [
        Finding(
            KIND,
            calibration.confidence("epochs_too_few.curve", strength),
            symptom.sentence,
            f"After {epochs} epochs the loss had not come to rest.",
            symptom.numbers | {"epochs": float(epochs)},
            where=("epochs",),
            changes=((Change("epochs", 4 * epochs),),),
            source=SOURCE,
            rows=ROWS,
            rule="epochs_too_few.curve",
        )
    ]


def _tried(evidence: Evidence) -> list[float | int]:
    values = [v for t in evidence.trials for n, v in t.changes if n == "epochs"]
    return [v for v in values if isinstance(v, int | float) and math.isfinite(v)]
