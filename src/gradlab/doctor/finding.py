"""What a diagnosis says: findings, ranked, each with its evidence and what to do."""

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "learning_rate_high",
    "learning_rate_low",
    "epochs_too_few",
    "epochs_too_many",
    "batch_size",
    "hidden_activation",
    "output_activation",
    "loss",
    "output_loss_mismatch",
    "optimizer",
    "weight_init",
    "missing_scaling",
    "missing_layer_or_units",
    "missing_regularization",
    "redundant_regularization",
    "too_much_dropout",
    "label_coding",
    "shuffled_labels_or_data_bug",
    "class_imbalance",
    "batch_norm",
    "data_order",
    "leakage",
    "numerical",
    "wrong_metric",
    "no_validation",
    "other",
]
"""Causes. What is only seen, such as dead units or a vanishing gradient, is a symptom."""


@dataclass(frozen=True)
class Change:
    """One edit of a setting: the cure that a finding proposes.

    Attributes:
        setting: What to change, in the words of `SETTINGS` below.
        value: To what.
        place: The layer's `place`, where the setting is a layer's own; "" for all of them.
    """

    setting: str
    value: Any
    place: str = ""


SETTINGS = {
    "learning_rate": "number",
    "epochs": "number",
    "batch_size": "number",
    "optimizer": "name; comes with its usual learning rate unless a Change of it follows",
    "momentum": "number",
    "clip_norm": "number",
    "hidden_activation": "name",
    "output_activation": "name; 'auto' is what fits task and loss",
    "loss": "name; 'auto' is what fits the task",
    "init": "name",
    "scaling": "'standard', 'min_max', 'log10_standard'",
    "target_scaling": "'standard'",
    "validation_scaling": "'same'",
    "dropout": "number; 0 takes dropout layers out, and one above 0 puts them behind hidden layers",
    "l1": "number",
    "l2": "number",
    "units": "factor by which hidden layers are made wider",
    "layers": "number of hidden layers",
    "norm": "name, put behind hidden layers; 'none'",
    "class_weight": "'balanced'",
    "label_coding": "'auto' is what fits loss and output",
    "patience": "number",
    "shuffle": "True",
    "drop_columns": "names or positions",
}
"""Setting to what its value means."""


@dataclass(frozen=True)
class Finding:
    """One cause.

    Attributes:
        kind: Of the cause.
        confidence: 0 to 1: of findings like this, how many were right where the cause was known.
        symptom: One sentence: what is seen, with numbers.
        why: One or two sentences: why this cause follows from it, against the others.
        evidence: Names to numbers that decided.
        where: Place of the layer or setting.
        epoch: When it was first seen; None if it is in the setting.
        changes: Cures, the likeliest first; each entry is applied as a whole.
        source: Paper, or page of the course.
        rows: Of the catalogue.
        rule: Cause and grade of evidence, the name of its confidence in the calibration.
    """

    kind: Kind
    confidence: float
    symptom: str
    why: str
    evidence: dict[str, float] = field(default_factory=dict)
    where: tuple[str, ...] = ()
    epoch: float | None = None
    changes: tuple[tuple[Change, ...], ...] = ()
    source: str = ""
    rows: tuple[str, ...] = ()
    rule: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All findings about one training.

    Attributes:
        findings: The likeliest first; empty if it is healthy.
        symptoms: What was seen, in words, whether or not a cause was found.
        missing: Evidence that was not to be had, and what it would have told.
        seconds: That the examination took.
    """

    findings: tuple[Finding, ...]
    symptoms: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings
