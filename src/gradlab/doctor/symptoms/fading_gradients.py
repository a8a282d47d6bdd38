"""Gradients that vanish or explode on their way from the loss to the input."""

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.symptoms.gradient_decay import gradient_decay
from gradlab.doctor.symptoms.reading import hidden_places, of_layers
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See ‖g₁‖ / ‖g_K‖ of hidden layers at the start below a bound, or above its inverse.

    g_k is the gradient with respect to the outputs of layer k; where that is unknown, with
    respect to its weights.
    """
    norms = of_layers(evidence, "gradient_out", at="start")
    if norms is None:
        norms = of_layers(evidence, "gradient", at="start")
    if norms is None or len(norms) < 3 or not np.isfinite(norms).all() or (norms <= 0).any():
        return None
    decay = gradient_decay(norms)
    vanishing, exploding = calibration["vanishing.ratio"], calibration["exploding.ratio"]
    if decay.ratio <= vanishing:
        name, bound, bad = "vanishing gradient", vanishing, norms <= vanishing * norms[-1]
    elif decay.ratio >= exploding:
        name, bound, bad = "exploding gradient", exploding, norms >= exploding * norms[-1]
    else:
        return None
    return Symptom(
        name,
        f"Before training the gradient changes by a factor {decay.rate:.3g} a layer towards the "
        f"input, {decay.ratio:.2g} over {len(norms)} layers.",
        {"factor a layer": decay.rate, "first layer over last": decay.ratio},
        strength=min(abs(np.log(decay.ratio)) / (2 * abs(np.log(bound))), 1.0),
        where=hidden_places(evidence, bad),
    )
