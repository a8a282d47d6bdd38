"""The loss before the first step against what an undecided network has."""

import math

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.symptoms.symptom import Symptom


def expected_loss(evidence: Evidence) -> float | None:
    """Return the loss of an answer that leans no way: log C, log 2, or the targets' variance.

    >>> from gradlab.doctor.evidence import DataFacts, Setup
    >>> ten = Evidence(Setup("multiclass", (), loss="cross_entropy"), DataFacts(9, n_classes=10))
    >>> round(expected_loss(ten), 3)
    2.303
    """
    setup, data = evidence.setup, evidence.data
    if setup.loss_reduction not in (None, "mean"):
        return None
    if setup.loss == "cross_entropy" and data is not None and data.n_classes:
        return math.log(data.n_classes)
    if setup.loss == "binary_cross_entropy" and setup.task in ("binary", "multilabel"):
        return math.log(2)
    if setup.task == "regression" and setup.loss == "squared_error" and data is not None:
        return None if data.target_std is None else max(data.target_std**2, 1e-12)
    return None


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See a first loss of several times the expected one."""
    expected = expected_loss(evidence)
    first = [r.initial_loss for r in evidence.records if r.initial_loss is not None]
    first = [x for x in first if np.isfinite(x)]
    if expected is None or not first:
        return None
    times = float(np.mean(first)) / expected
    if times < calibration["initial_loss.times"]:
        return None
    return Symptom(
        "large first loss",
        f"Before training the loss is {np.mean(first):.3g}, {times:.3g} times that of an "
        f"undecided network ({expected:.3g}).",
        {"first loss": float(np.mean(first)), "expected": expected},
        strength=min(math.log10(times) / 3, 1.0),
    )
