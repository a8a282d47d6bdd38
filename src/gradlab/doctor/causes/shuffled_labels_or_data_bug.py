"""Targets that do not belong to their inputs, or inputs that lost what they held."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Finding
from gradlab.doctor.standing import standing

KIND = "shuffled_labels_or_data_bug"
SOURCE = "Northcutt, Jiang & Chuang 2021, section 3; Humbatova et al. 2020"
ROWS = ("DIF-10",)
ENOUGH = 50
"""Rows below which neighbours say little."""


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire if neighbours disagree about labels, no method learns anything, or columns are gone."""
    data = evidence.data
    if data is None:
        return []
    for grade in (_noise, _unlearnable, _lost):
        found = grade(evidence, calibration)
        if found is not None:
            return [found]
    return []


def _noise(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Label disagreement at or above a bound (1: inputs say nothing about labels)."""
    data = evidence.data
    assert data is not None
    wrong = data.label_disagreement
    if wrong is None or data.n_train < ENOUGH:
        return None
    bound = calibration["shuffled_labels_or_data_bug.disagreement"]
    if wrong < bound:
        return None
    best = _best_score(evidence)
    # Where something learns it well, neighbours were no judges: parity is learnt, and not near.
    if best is not None and best > calibration["shuffled_labels_or_data_bug.learnable"]:
        return None
    return _finding(
        calibration.confidence("shuffled_labels_or_data_bug.noise", (wrong - bound) / (1 - bound)),
        f"Rows and their nearest neighbours have unlike targets in {wrong:.0%} of what chance "
        "would give.",
        "Inputs that are alike should have answers that are alike; no setting mends that. Look "
        "at whether targets were shuffled, shifted or mislabelled on the way.",
        {"disagreement of neighbours": wrong},
        "shuffled_labels_or_data_bug.noise",
    )


def _unlearnable(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """A plain method reaches next to nothing, and no trial did."""
    data, now = evidence.data, standing(evidence)
    if data is None or now is None or data.reference_score is None or data.n_train < ENOUGH:
        return None
    if not evidence.trials or now.room >= calibration["shuffled_labels_or_data_bug.room"]:
        return None
    return _finding(
        calibration.confidence("shuffled_labels_or_data_bug.unlearnable"),
        f"Nothing learns it: {now.score:.3g} here, {data.reference_score:.3g} by a plain method, "
        f"{now.trivial:.3g} by a constant answer.",
        "If no method and no setting does better than a constant, inputs hold no word of the "
        "targets: look at how rows and targets are brought together.",
        {"reference score": data.reference_score, "constant answer": now.trivial},
        "shuffled_labels_or_data_bug.unlearnable",
    )


def _lost(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Most columns are constant."""
    data = evidence.data
    if data is None or data.std is None or len(data.std) < 4:
        return None
    part = len(data.constant) / len(data.std)
    if part < calibration["shuffled_labels_or_data_bug.constant"]:
        return None
    return _finding(
        calibration.confidence("shuffled_labels_or_data_bug.lost", part),
        f"{len(data.constant)} of {len(data.std)} columns never vary.",
        "A column that is the same in every row tells nothing: look at how they are read.",
        {"constant columns": float(len(data.constant))},
        "shuffled_labels_or_data_bug.lost",
    )


def _best_score(evidence: Evidence) -> float | None:
    now = standing(evidence)
    if now is None or now.ceiling is None:
        return None
    return (now.ceiling - now.trivial) / max(1 - now.trivial, 1e-9)


def _finding(
    confidence: float, symptom: str, why: str, numbers: dict[str, float], rule: str
) -> Finding:
    return Finding(
        KIND,
        confidence,
        symptom,
        why,
        numbers,
        where=("data",),
        source=SOURCE,
        rows=ROWS,
        rule=rule,
    )
