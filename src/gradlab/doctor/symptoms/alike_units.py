"""Units that started the same and stay the same."""

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.symptoms.reading import hidden_places, of_layers
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See hidden layers in which so large a share of units equals another's at the end."""
    alike = of_layers(evidence, "alike")
    if alike is None or len(alike) < 2:
        return None
    units = np.array([layer.units or 2 for layer in evidence.setup.weighted])
    several = np.append(units[:-1] > 1, False)
    bad = several & (np.nan_to_num(alike) >= calibration["alike_units.share"])
    if not bad.any():
        return None
    where = hidden_places(evidence, bad)
    most = float(np.nanmax(alike[bad]))
    return Symptom(
        "alike units",
        f"{most:.0%} of the units of {', '.join(where)} have the same weights as another: they do "
        "the same work.",
        {"alike share": most},
        strength=most,
        where=where,
    )
