"""Units that sit where their activation function is flat."""

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.symptoms.reading import hidden_places, of_layers
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See hidden layers in which the share of saturated activations reaches a bound.

    Saturated: the slope is below 5 % of the function's largest. Rectifiers' zeros are not counted
    here but as dead units.
    """
    shares = of_layers(evidence, "saturated")
    if shares is None or len(shares) < 2:
        return None
    bad = np.nan_to_num(np.append(shares[:-1], 0.0)) >= calibration["saturation.share"]
    # A rectifier's zero half has no slope either; that is its nature.
    bounded = [layer.activation in BOUNDED for layer in evidence.setup.weighted]
    bad &= np.asarray(bounded)
    if not bad.any():
        return None
    most = float(np.nanmax(shares[bad]))
    where = hidden_places(evidence, bad)
    return Symptom(
        "saturation",
        f"{most:.0%} of the activations of {', '.join(where)} lie where the function is flat.",
        {"saturated share": most},
        strength=most,
        where=where,
    )


BOUNDED = ("sigmoid", "tanh", "softsign", "hard_sigmoid", "hard_tanh", "softmax", "arctan")
"""Activations that are flat at both ends."""
