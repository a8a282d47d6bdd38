"""What is watched does not measure the task."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Finding

KIND = "wrong_metric"


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire on metrics of another task."""
    reason = _reason(evidence, calibration)
    if reason is None:
        return []
    symptom, why = reason
    return [
        Finding(
            KIND,
            calibration.confidence("wrong_metric.setting"),
            symptom,
            why,
            where=("metric",),
            source="Humbatova et al. 2020; scikit-learn user guide, metrics",
            rows=("DIF-10", "MET-16"),
            rule="wrong_metric.setting",
        )
    ]


def _reason(evidence: Evidence, calibration: Calibration) -> tuple[str, str] | None:
    setup, data = evidence.setup, evidence.data
    metric = setup.metric or ""
    accuracy = metric.startswith("accuracy")
    if setup.task in ("regression", "reconstruction") and accuracy:
        return (
            "Accuracy is watched, and the targets are numbers.",
            (
                "It counts predictions that equal a real number: about none, however near they "
                "are. Watch the mean absolute error or R²."
            ),
        )
    if setup.task == "multiclass" and metric == "accuracy_per_output":
        classes = data.n_classes if data is not None and data.n_classes else setup.n_outputs
        start = f" ({1 - 1 / classes:.0%} for an answer of all 0)" if classes else ""
        return (
            "Each output is compared by itself, though classes exclude each other.",
            (
                f"Most of a one-hot row is 0, so it is high from the start{start}. Compare the "
                "largest output with the class."
            ),
        )
    if setup.task == "multiclass" and metric in ("accuracy_rounded", "accuracy_exact"):
        return (
            "An output is rounded and compared, though there are several classes.",
            "A rounded number is no choice of a class. Compare the largest output with the class.",
        )
    if setup.task == "binary" and metric == "accuracy_argmax" and setup.n_outputs == 1:
        return (
            "The largest of a single output is always the first.",
            "The metric counts class 0 and never changes. Round the output instead.",
        )
    if setup.task == "multilabel" and metric == "accuracy_per_output" and data is not None:
        often = data.trivial_score
        if often is not None and often >= calibration["wrong_metric.trivial"]:
            return (
                f"Always answering no is right in {often:.0%} of the outputs.",
                "A score that is so high from the start shows no learning. Watch F1 by output.",
            )
    return None
