"""No rows are held back to judge by."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Finding


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire if training is known to hold back nothing."""
    if evidence.setup.validation != "none":
        return []
    return [
        Finding(
            "no_validation",
            calibration.confidence("no_validation.setting"),
            "All rows are trained on; none are held back to judge by.",
            "A score on rows that were learnt from says nothing of others.",
            where=("validation",),
            source="Goodfellow et al. 2016, section 5.3",
            rows=("MET-16",),
            rule="no_validation.setting",
        )
    ]
