"""A loss that measures something else than the task asks."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.output_families import (
    CLASSES,
    DISTANCE,
    LOGARITHMIC,
    MARGIN,
    NUMBERS,
    a_name,
)
from gradlab.doctor.causes.weighing import helped, said, seen, tried, troubled
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding

KIND = "loss"
SOURCE = "Goodfellow et al. 2016, section 6.2; Golik, Doetsch & Ney 2013"
ROWS = ("DIF-10",)


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire on a loss made for another task; on one that only slows, if training is poor."""
    setup = evidence.setup
    loss = setup.loss
    if loss is None:
        return []
    if setup.task in NUMBERS and (loss in MARGIN or loss in LOGARITHMIC) and not _shares(evidence):
        return [
            _finding(
                calibration,
                "loss.setting",
                1.0,
                f"The targets are numbers and the loss is {a_name(loss)}.",
                "It is made for classes: for numbers its least value isn't at the targets.",
            )
        ]
    if setup.task in CLASSES and loss in MARGIN and setup.label_coding != "plus_minus_one":
        return [
            _finding(
                calibration,
                "loss.setting",
                0.6,
                f"{a_name(loss).capitalize()} is given codes of 0 and 1.",
                "max(0, 1 − y·out) asks for y = −1 or 1: for y = 0 it is 1 whatever the output, so "
                "those rows and outputs teach nothing.",
            )
        ]
    if setup.task in CLASSES and loss == "absolute_error":
        return [
            _finding(
                calibration,
                "loss.setting",
                0.3,
                "The answer is a class and the loss is the absolute error.",
                "Its gradient is the activation's slope alone, and fades where the network is "
                "surely wrong.",
            )
        ] if troubled(evidence, calibration) else []  # fmt: skip
    if setup.task in CLASSES and (loss in DISTANCE or loss == "poisson"):
        return _slow_distance(evidence, calibration)
    effect = helped(evidence, calibration, KIND, "loss")
    if effect is None or not troubled(evidence, calibration):
        return []
    return [
        _finding(
            calibration,
            "loss.trial",
            effect.closed,
            seen(evidence),
            f"{said(effect)}.",
            {"gain": effect.gain},
        )
    ]


def _slow_distance(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Squared error for classes: sound with sigmoid or softmax, but slow; only if poor."""
    if not troubled(evidence, calibration):
        return []
    output = evidence.setup.output
    unbounded = output is not None and output.activation in ("linear", "relu")
    effect = helped(evidence, calibration, KIND, "loss")
    if effect is None and not unbounded and tried(evidence, calibration, "loss"):
        return []
    rule = "loss.trial" if effect is not None else "loss.fit"
    strength = effect.closed if effect is not None else (1.0 if unbounded else 0.0)
    if unbounded:
        rule, strength = "loss.setting", 0.0
    why = (
        "Where a sure answer is wrong, its gradient is the small slope of the last activation; "
        "cross-entropy cancels that slope."
    )
    return [
        _finding(
            calibration,
            rule,
            strength,
            f"{seen(evidence)} The answer is a class, the loss the {a_name(evidence.setup.loss)}.",
            why if effect is None else f"{why} {said(effect)}.",
            {} if effect is None else {"gain": effect.gain},
        )
    ]


def _shares(evidence: Evidence) -> bool:
    """Whether the numbers are shares from 0 to 1, for which cross-entropy is sound."""
    data, output = evidence.data, evidence.setup.output
    if evidence.setup.loss in MARGIN or output is None:
        return False
    inside = evidence.setup.loss_takes == "scores" or output.activation in ("sigmoid", "softmax")
    if data is None or data.target_minimum is None or data.target_maximum is None:
        return inside
    return inside and data.target_minimum >= 0 and data.target_maximum <= 1


def _finding(
    calibration: Calibration,
    rule: str,
    strength: float,
    symptom: str,
    why: str,
    numbers: dict[str, float] | None = None,
) -> Finding:
    return Finding(
        KIND,
        calibration.confidence(rule, strength),
        symptom,
        why,
        numbers or {},
        where=("loss",),
        changes=(
            (Change("loss", "auto"),),
            (Change("loss", "auto"), Change("output_activation", "auto")),
        ),
        source=SOURCE,
        rows=ROWS,
        rule=rule,
    )
