"""The exact place of the first number that is not finite, for a training that has one.

Runs are measured at some of their points alone. Where a loss is not finite, a subject that can
repeat a run step by step is asked for the step and the layer: one that offers a method
`breakdown(seed) -> Breakdown | None`.
"""

from dataclasses import replace

from gradlab.doctor.evidence import Evidence, Layer
from gradlab.doctor.subject import Subject

OF_NO_LAYER = {
    "inputs": "the inputs hold numbers that are not finite",
    "loss": "the loss of the batch is not finite, although what every layer gives is",
    "optimizer": "what the optimizer keeps of the gradients overflows",
    "validation": "the loss of the validation rows is not finite, that of the training rows is",
}
OF_A_LAYER = {
    "gradients": "the gradients of its weights overflow",
    "weights": "the update makes its weights overflow",
    "state": "its running statistics overflow",
}


def with_breakdown(subject: Subject, evidence: Evidence) -> Evidence:
    """Return the evidence with the exact place in the first of the runs that diverged.

    One run is enough to know, and each has to be trained again up to there.
    """
    look = getattr(subject, "breakdown", None)
    records = list(evidence.records)
    bad = [i for i, record in enumerate(records) if record.status == "diverged"]
    if look is None or not bad:
        return evidence
    records[bad[0]] = replace(records[bad[0]], breakdown=look(records[bad[0]].seed))
    return replace(evidence, records=tuple(records))


def words_of(what: str, layer: Layer | None, *, own: bool) -> str:
    """Say what happens at a layer.

    Args:
        what: As `gradlab.explanation.first_non_finite.NonFinite` says it.
        layer: That it belongs to; None for none.
        own: Whether it is the layer's own number, and not one of what follows it.

    >>> words_of("activations", Layer("dense", "hidden[0]", 8, "relu"), own=True)
    'its pre-activations overflow'
    """
    if what in OF_NO_LAYER:
        return OF_NO_LAYER[what]
    if layer is None:
        return "what stands before the first layer gives numbers that are not finite"
    if what in OF_A_LAYER:
        return OF_A_LAYER[what]
    if not own:
        return "its outputs overflow on the way to the next layer"
    bends = layer.kind != "recurrent" and layer.activation not in (None, "linear")
    return "its pre-activations overflow" if bends else "its outputs overflow"
