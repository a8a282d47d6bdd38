"""Rows come in an order that the network learns instead, and then unlearns."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import helped, said, troubled
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire if rows are not shuffled and their labels come in blocks, or shuffling helps."""
    if evidence.setup.shuffle is not False:
        return []
    ordered = evidence.data is not None and evidence.data.ordered
    effect = helped(evidence, calibration, "data_order", "shuffle", (True,))
    if not ordered and effect is None:
        return []
    poor = not evidence.records or troubled(evidence, calibration)
    if not poor:
        return []
    return [
        Finding(
            "data_order",
            calibration.confidence("data_order.setting", 1.0 if effect is None else effect.closed),
            "Rows are trained on in the order of the data"
            + (", and their labels come in blocks." if ordered else "."),
            "Each batch then shows one kind of answer alone, and the next undoes what it taught."
            + (f" {said(effect)}." if effect else ""),
            {} if effect is None else {"gain": effect.gain},
            where=("shuffle",),
            changes=((Change("shuffle", True),),),
            source="Bengio 2012, Practical recommendations, section 3.1.1",
            rows=("DIF-10", "GDM-13"),
            rule="data_order.setting",
        )
    ]
