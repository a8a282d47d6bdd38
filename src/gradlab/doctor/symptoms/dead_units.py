"""Rectifiers that are zero on every row."""

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.symptoms.reading import hidden_places, of_layers
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See hidden layers whose share of dead units reaches a bound at the end of training."""
    dead = of_layers(evidence, "dead")
    if dead is None or len(dead) < 2:
        return None
    hidden = np.append(dead[:-1], 0.0)
    bad = np.nan_to_num(hidden) >= calibration["dead_units.share"]
    if not bad.any():
        return None
    most = float(np.nanmax(hidden))
    where = hidden_places(evidence, bad)
    return Symptom(
        "dead units",
        f"Up to {most:.0%} of the units of {', '.join(where)} are zero on every row: they give "
        "nothing and get no gradient.",
        {"dead share": most},
        strength=most,
        where=where,
    )
