"""Normalisation by statistics that are too few, or not those of evaluation."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import helped, said, share, tried, troubled, updates
from gradlab.doctor.effects import final_train_score
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.symptoms import normalisation_gap

KIND = "batch_norm"
SOURCE = "Ioffe & Szegedy 2015, algorithm 2; Wu & He 2018, figure 1"
ROWS = ("NRM-02", "NRM-03", "NRM-06", "NRM-12")


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire if there are normalisation layers, and batches are tiny or statistics lag."""
    norms = [x for x in evidence.setup.layers if x.kind == "norm"]
    if not norms or not troubled(evidence, calibration):
        return []
    size, steps = evidence.setup.batch_size, updates(evidence)
    gap = normalisation_gap.see(evidence, calibration)
    effect = helped(evidence, calibration, KIND, "norm")
    tiny = size is not None and size <= calibration["batch_norm.rows"]
    if effect is None and not tiny and gap is None:
        return []
    if effect is None and tried(evidence, calibration, "norm"):
        return []
    reasons, numbers = [], {}
    if tiny:
        reasons.append(f"Mean and deviation are those of {size} rows, mostly noise.")
        numbers["batch size"] = float(size or 0)
    if gap is not None:
        reasons.append(gap.sentence)
        numbers |= gap.numbers
        if steps:
            reasons.append(f"There were {steps:,} steps for the running statistics to settle.")
    if effect is not None:
        reasons.append(f"{said(effect)}.")
    train = final_train_score(evidence)
    if train is not None:
        numbers["training score in evaluation mode"] = train
    strength = max(
        gap.strength if gap else 0.0,
        effect.closed if effect else 0.0,
        share(8 / (size or 8), 1, 4) if tiny else 0.0,
    )
    return [
        Finding(
            KIND,
            calibration.confidence("batch_norm.signs", strength),
            "A network with batch normalisation does poorly when it is evaluated.",
            " ".join(reasons),
            numbers,
            where=tuple(x.place for x in norms),
            changes=(
                (Change("norm", "layer"),),
                (Change("batch_size", 32),),
                (Change("norm", "none"),),
            ),
            source=SOURCE,
            rows=ROWS,
            rule="batch_norm.signs",
        )
    ]
