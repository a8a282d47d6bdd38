"""Output activation and loss that each make sense, but not together or not with the labels."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding

KIND = "output_loss_mismatch"
SOURCE = "Goodfellow et al. 2016, section 6.2.2"
ROWS = ("DIF-10",)


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire on combinations that are wrong whatever the data."""
    reason = _reason(evidence)
    if reason is None:
        return []
    symptom, why, strength = reason
    output = evidence.setup.output
    return [
        Finding(
            KIND,
            calibration.confidence("output_loss_mismatch.setting", strength),
            symptom,
            why,
            where=("loss",) if output is None else ("loss", output.place),
            changes=(
                (Change("loss", "auto"),),
                (Change("loss", "auto"), Change("output_activation", "auto")),
            ),
            source=SOURCE,
            rows=ROWS,
            rule="output_loss_mismatch.setting",
        )
    ]


def _reason(evidence: Evidence) -> tuple[str, str, float] | None:
    setup, data = evidence.setup, evidence.data
    last = None if setup.output is None else setup.output.activation
    classes = None if data is None else data.n_classes
    if setup.loss == "binary_cross_entropy" and setup.task == "multiclass" and last == "softmax":
        return (
            "Softmax over classes that exclude each other, and a binary cross-entropy an output.",
            (
                "The loss treats each output as a question of its own; for one answer out of "
                "several it counts every class rightly not chosen, and is small from the start."
            ),
            1.0,
        )
    if setup.loss == "binary_cross_entropy" and setup.task == "multiclass" and last == "sigmoid":
        several = setup.n_outputs is None or setup.n_outputs > 1
        return (
            "Classes that exclude each other are asked as independent questions.",
            "A softmax with cross-entropy makes one class's gain the others' loss.",
            0.3 if several else 1.0,
        )
    if setup.loss == "cross_entropy" and setup.n_outputs == 1 and setup.task != "regression":
        return (
            "Cross-entropy over classes with a single output.",
            "Normalised over one output, the probability is 1 whatever the network does.",
            1.0,
        )
    if setup.loss_takes == "scores" and last == "softmax" and setup.loss == "cross_entropy":
        return (
            "Softmax is applied twice, in the last layer and in the loss.",
            (
                "The loss then sees differences of at most 1 between its scores, and gradients "
                "stay small however wrong the answer."
            ),
            1.0,
        )
    if setup.loss_takes == "scores" and last == "sigmoid" and "entropy" in (setup.loss or ""):
        return (
            "A sigmoid stands before a loss that has its own.",
            "The loss then sees scores from 0 to 1 alone, and can't be sure of a no.",
            1.0,
        )
    if (
        setup.task == "multiclass"
        and setup.loss == "cross_entropy"
        and classes is not None
        and setup.n_outputs is not None
        and 1 < setup.n_outputs < classes
    ):
        return (
            f"There are {classes} classes and {setup.n_outputs} outputs.",
            "Classes beyond the outputs have none to raise.",
            1.0,
        )
    return None
