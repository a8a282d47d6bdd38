"""Targets written in a code that this output and loss do not read."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding

KIND = "label_coding"
SOURCE = "Humbatova et al. 2020, Taxonomy of real faults in deep learning systems, section 4"
ROWS = ("DIF-10",)
CODES = {"plus_minus_one": (-1.0, 1.0), "zero_one": (0.0, 1.0)}


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire on codes that can't be right for the task, loss or outputs."""
    reason = _reason(evidence)
    if reason is None:
        return []
    symptom, why, numbers = reason
    return [
        Finding(
            KIND,
            calibration.confidence("label_coding.setting"),
            symptom,
            why,
            numbers,
            where=("label_coding",),
            changes=(
                (Change("label_coding", "auto"),),
                (
                    Change("label_coding", "auto"),
                    Change("output_activation", "auto"),
                    Change("loss", "auto"),
                ),
            ),
            source=SOURCE,
            rows=ROWS,
            rule="label_coding.setting",
        )
    ]


def _reason(evidence: Evidence) -> tuple[str, str, dict[str, float]] | None:
    setup, data = evidence.setup, evidence.data
    coding = setup.label_coding or ""
    if coding == "integer_as_real" and setup.task in ("multiclass", "binary"):
        return (
            "Class numbers are the targets of one output, as if they were amounts.",
            "Class 2 isn't twice class 1: each class needs an output of its own.",
            {},
        )
    if coding == "integer_divided_by_255":
        return (
            "Class numbers were divided by 255, and whole numbers are read.",
            "All of them become 0: the network learns that there is one class.",
            {},
        )
    if setup.task in ("binary", "multiclass") and data is not None:
        counts = data.class_counts
        if counts is not None and len(counts) and int((counts > 0).sum()) <= 1:
            return (
                "All training rows have the same label.",
                "There is nothing to tell apart; look at how labels are read.",
                {"classes that occur": float((counts > 0).sum())},
            )
    if setup.task in ("binary", "multilabel") and data is not None:
        low, high = data.target_minimum, data.target_maximum
        single = setup.n_outputs == 1 or setup.task == "multilabel"
        margin = setup.loss in ("hinge", "squared_hinge")
        if low is not None and high is not None and single and not margin:
            bounded = setup.loss == "binary_cross_entropy" or _last(evidence) == "sigmoid"
            if bounded and (low < -1e-6 or high > 1 + 1e-6):
                return (
                    f"Labels go from {low:g} to {high:g}; the outputs are probabilities.",
                    (
                        "Two classes are told to a sigmoid as 0 and 1: other codes can't be "
                        "reached, and the loss has no least value at the right answer."
                    ),
                    {"lowest code": low, "highest code": high},
                )
    if setup.task == "regression" and data is not None and data.target_std == 0:
        return ("All targets are the same number.", "There is nothing to learn.", {})
    return None


def _last(evidence: Evidence) -> str | None:
    return None if evidence.setup.output is None else evidence.setup.output.activation
