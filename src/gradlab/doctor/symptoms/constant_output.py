"""The network gives every row the same answer."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.symptoms.reading import of_network
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See a spread of the outputs over the rows below a bound at the end of training."""
    spread = of_network(evidence, "output_std")
    if spread is None or spread > calibration["constant_output.spread"]:
        return None
    return Symptom(
        "constant output",
        f"The outputs hardly depend on the row: their spread is {spread:.2g}.",
        {"spread of outputs": spread},
        strength=1 - spread / calibration["constant_output.spread"],
    )
