"""A last activation that can't give what the targets are."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.output_families import (
    CLASSES,
    LOGARITHMIC,
    NUMBERS,
    PROBABILITY,
    RANGES,
    a_name,
)
from gradlab.doctor.causes.weighing import helped, said, seen, troubled
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding

KIND = "output_activation"
SOURCE = "Goodfellow et al. 2016, section 6.2.2; Bishop 2006, section 4.3.6"
ROWS = ("DIF-10",)


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire if the outputs can't reach the targets, or are no probabilities where the loss asks."""
    setup = evidence.setup
    if setup.output is None or setup.output.activation is None:
        return []
    for grade in (_single_softmax, _not_probabilities, _out_of_range, _several_yes, _by_trial):
        found = grade(evidence, calibration)
        if found is not None:
            return [found]
    return []


def _single_softmax(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Softmax over one output is 1 for every row."""
    if evidence.setup.n_outputs != 1 or _last(evidence) != "softmax":
        return None
    return _finding(
        evidence,
        calibration,
        "output_activation.setting",
        1.0,
        "Softmax over a single output gives 1 for every row.",
        "A softmax divides by the sum over outputs, and here there is one.",
    )


def _not_probabilities(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """The loss takes the logarithm of outputs that are no probabilities, or scores are bent."""
    setup, last = evidence.setup, _last(evidence)
    if setup.task not in CLASSES or setup.loss is None:
        return None
    if setup.loss in LOGARITHMIC and setup.loss_takes == "scores":
        # The loss has its own softmax or sigmoid: what bends scores before takes from their range.
        if last in ("linear", "softmax", "sigmoid"):
            return None
        return _finding(
            evidence,
            calibration,
            "output_activation.setting",
            1.0,
            f"{a_name(last).capitalize()} stands before a loss that has its own softmax or "
            "sigmoid.",
            "It keeps scores from taking every value that a sure answer needs.",
        )
    if setup.loss in LOGARITHMIC and last not in PROBABILITY:
        return _finding(
            evidence,
            calibration,
            "output_activation.setting",
            1.0,
            f"{a_name(setup.loss).capitalize()} takes logarithms of outputs that come from "
            f"{a_name(last)}.",
            "Its gradient means something for probabilities only: at or below 0 there is no "
            "logarithm, and nothing keeps outputs from there.",
        )
    if setup.loss == "cross_entropy" and last in ("sigmoid", "hard_sigmoid"):
        if setup.n_outputs == 1 or not troubled(evidence, calibration):
            return None
        return _finding(
            evidence,
            calibration,
            "output_activation.fit",
            0.5,
            seen(evidence),
            "The classes exclude each other, and a sigmoid an output lets all of them grow: "
            "only a softmax makes one class's gain the others' loss.",
        )
    if last not in PROBABILITY and last not in ("linear", "tanh", "hard_tanh", "softsign"):
        # Distances and margins bear scores of both signs; rectified ones are dead half the time.
        if not troubled(evidence, calibration):
            return None
        return _finding(
            evidence,
            calibration,
            "output_activation.fit",
            1.0,
            seen(evidence),
            f"{a_name(last).capitalize()} gives neither a probability nor a score that can have "
            "either sign.",
        )
    if last == "linear" and setup.loss not in ("hinge", "squared_hinge"):
        if not troubled(evidence, calibration):
            return None
        return _finding(
            evidence,
            calibration,
            "output_activation.fit",
            1.0,
            seen(evidence),
            "The answer is a class and the outputs have no bounds: a softmax or sigmoid makes "
            "them probabilities.",
        )
    return None


def _out_of_range(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Targets beyond what the activation can give, by share of their range."""
    setup, data, last = evidence.setup, evidence.data, _last(evidence)
    if setup.task not in NUMBERS or data is None or last not in RANGES:
        return None
    if data.target_minimum is None or data.target_maximum is None:
        return None
    low, high = RANGES[last]
    span = max(data.target_maximum - data.target_minimum, 1e-12)
    beyond = max(low - data.target_minimum, data.target_maximum - high, 0.0) / span
    if beyond < calibration["output_activation.beyond"]:
        return None
    return _finding(
        evidence,
        calibration,
        "output_activation.range",
        min(4 * beyond, 1.0),
        f"Targets go from {data.target_minimum:.3g} to {data.target_maximum:.3g}, "
        f"{a_name(last)} gives {low:g} to {high:g}.",
        "Rows whose target lies beyond can't be answered, and push the unit where it is flat.",
        {"lowest target": data.target_minimum, "highest target": data.target_maximum},
    )


def _several_yes(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Softmax where several answers can be yes at once."""
    if evidence.setup.task != "multilabel" or _last(evidence) != "softmax":
        return None
    return _finding(
        evidence,
        calibration,
        "output_activation.setting",
        1.0,
        "Several outputs may be 1 at once, and softmax makes them share a sum of 1.",
        "Independent questions need a sigmoid each.",
    )


def _by_trial(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Another activation gains enough."""
    if not troubled(evidence, calibration):
        return None
    effect = helped(evidence, calibration, KIND, "output_activation")
    if effect is None:
        return None
    return _finding(
        evidence,
        calibration,
        "output_activation.trial",
        effect.closed,
        seen(evidence),
        f"{said(effect)}.",
        {"gain": effect.gain},
    )


def _last(evidence: Evidence) -> str | None:
    output = evidence.setup.output
    return None if output is None else output.activation


def _finding(
    evidence: Evidence,
    calibration: Calibration,
    rule: str,
    strength: float,
    symptom: str,
    why: str,
    numbers: dict[str, float] | None = None,
) -> Finding:
    output = evidence.setup.output
    return Finding(
        KIND,
        calibration.confidence(rule, strength),
        symptom,
        why,
        numbers or {},
        where=() if output is None else (output.place,),
        changes=(
            (Change("output_activation", "auto"),),
            (Change("output_activation", "auto"), Change("loss", "auto")),
        ),
        source=SOURCE,
        rows=ROWS,
        rule=rule,
    )
