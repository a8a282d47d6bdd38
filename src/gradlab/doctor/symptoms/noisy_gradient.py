"""Batches so small that their gradients mostly disagree."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.symptoms.reading import of_network
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See a gradient noise scale tr(Σ) / ‖G‖² of many times the batch size.

    Source: McCandlish et al. 2018, section 2.2, https://arxiv.org/abs/1812.06162
    """
    noise, batch = of_network(evidence, "noise"), evidence.setup.batch_size
    if noise is None or not batch or noise < calibration["noisy_gradient.batches"] * batch:
        return None
    return Symptom(
        "noisy gradient",
        f"Gradients average out only over about {noise:.3g} rows; a batch has {batch}.",
        {"noise scale in rows": noise, "batch size": float(batch)},
        strength=min(noise / (100 * batch), 1.0),
    )
