"""From evidence to a ranked diagnosis."""

import time
from dataclasses import replace

from gradlab.doctor.calibration import Calibration, load_calibration
from gradlab.doctor.causes import CAUSES
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Diagnosis, Finding
from gradlab.doctor.symptoms import symptoms

PLAIN = ("setting", "range", "validation", "missing", "columns", "rows", "noise", "counts")
"""Grades of findings that stand in the setting or the data."""

GUESSES = ("signs", "curve")
"""Grades of findings that no trial has borne out."""

EXPLAINED_BY = {
    "learning_rate_low": ("missing_scaling", "weight_init", "redundant_regularization",
                          "too_much_dropout", "batch_size", "output_activation"),
    "learning_rate_high": ("missing_scaling", "weight_init"),
    "epochs_too_few": ("missing_scaling", "weight_init", "redundant_regularization",
                       "too_much_dropout", "learning_rate_high", "batch_size",
                       "output_activation"),
    "optimizer": ("missing_scaling", "weight_init", "redundant_regularization",
                  "too_much_dropout", "learning_rate_high", "output_activation", "batch_size"),
    "batch_size": ("missing_scaling", "weight_init", "redundant_regularization",
                   "too_much_dropout", "batch_norm", "learning_rate_high"),
    "hidden_activation": ("missing_scaling", "weight_init", "learning_rate_high",
                          "redundant_regularization", "too_much_dropout"),
    "missing_layer_or_units": ("missing_scaling", "weight_init", "redundant_regularization",
                               "too_much_dropout", "learning_rate_high", "hidden_activation"),
    "weight_init": ("missing_scaling",),
    "loss": ("output_loss_mismatch",),
    "epochs_too_many": ("missing_regularization",),
    "class_imbalance": ("missing_scaling", "learning_rate_high", "learning_rate_low"),
}  # fmt: skip
"""Kind to kinds that bring about the same signs: where one of those is about as sure, it says less.

No kind explains one that explains it."""


def diagnose_evidence(evidence: Evidence, calibration: Calibration | None = None) -> Diagnosis:
    """Say what is wrong with a training, the likeliest first; nothing if it is healthy.

    Every rule looks; of findings of one kind the surest stays; one that a surer finding of
    another kind explains loses confidence, and goes below `diagnosis.least`.

    Args:
        evidence: Whatever is known; what is not makes rules silent, and is named.
        calibration: Thresholds and confidences; default Gradlab's own.

    >>> from gradlab.doctor.evidence import Layer, Setup
    >>> layers = (Layer("dense", "hidden", 8, "relu"), Layer("dense", "output", 1, "softmax"))
    >>> setup = Setup("binary", layers, n_outputs=1, loss="squared_error")
    >>> [finding.kind for finding in diagnose_evidence(Evidence(setup)).findings]
    ['output_activation']
    """
    begun = time.perf_counter()
    calibration = calibration or load_calibration()
    found = [finding for look in CAUSES for finding in look(evidence, calibration)]
    ranked = _weigh(_surest(found), calibration)
    return Diagnosis(
        tuple(ranked),
        tuple(symptom.sentence for symptom in symptoms(evidence, calibration)),
        (*evidence.missing, *missing_evidence(evidence)),
        time.perf_counter() - begun,
    )


def _surest(found: list[Finding]) -> list[Finding]:
    """Keep the surest finding of each kind."""
    best: dict[str, Finding] = {}
    for finding in found:
        if finding.kind not in best or finding.confidence > best[finding.kind].confidence:
            best[finding.kind] = finding
    return list(best.values())


def _weigh(found: list[Finding], calibration: Calibration) -> list[Finding]:
    """Lower what others explain, drop what is left without weight, rank."""
    sure = {finding.kind: finding.confidence for finding in found}
    factor, margin = calibration["diagnosis.explained"], calibration["diagnosis.margin"]
    weighed = []
    for finding in found:
        surer = [
            kind
            for kind in EXPLAINED_BY.get(finding.kind, ())
            if sure.get(kind, 0.0) > finding.confidence - margin
        ]
        grade = finding.rule.split(".")[-1]
        proved = [f for f in found if f.rule.endswith((".trial", ".sweep")) and f is not finding]
        if grade in GUESSES and any(f.confidence > finding.confidence for f in proved):
            surer.append("a trial")
        if surer and grade not in PLAIN:
            finding = replace(finding, confidence=finding.confidence * factor)
        weighed.append(finding)
    weighed = [f for f in weighed if f.confidence >= calibration["diagnosis.least"]]
    # That nothing is held back matters once there is something to judge.
    others = [f for f in weighed if f.kind != "no_validation"]
    return sorted(others or weighed, key=lambda f: -f.confidence)


def missing_evidence(evidence: Evidence) -> list[str]:
    """Name the evidence that was not to be had, and what it would have told."""
    records = evidence.records
    lacks = []
    if evidence.data is None:
        lacks.append("the data: scaling, label coding, leakage and label noise were not looked at")
    if not records:
        lacks.append("a run: only settings and data were looked at")
    elif all(r.probes is None for r in records):
        lacks.append(
            "measurements inside the network: dead, saturated and alike units and vanishing "
            "gradients were not looked at"
        )
    if evidence.setup.learning_rate is None:
        lacks.append("the learning rate: it could not be compared with others")
    if evidence.sweep is None and records:
        lacks.append("a learning rate range test: too high and too low are told by the curve alone")
    if not evidence.trials and records:
        lacks.append("trials of other settings: causes with like signs could not be told apart")
    return lacks
