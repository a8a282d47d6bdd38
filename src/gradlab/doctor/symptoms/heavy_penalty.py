"""Penalties on the weights that outweigh the loss."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.symptoms.reading import final_train_loss, of_network
from gradlab.doctor.symptoms.symptom import Symptom


def see(evidence: Evidence, calibration: Calibration) -> Symptom | None:
    """See penalty / loss before or after training at or above a bound."""
    shares = []
    for at in ("start", "end"):
        penalty, loss = of_network(evidence, "penalty", at=at), of_network(evidence, "loss", at=at)
        if loss is None and at == "end":
            loss = final_train_loss(evidence)
        if penalty is not None and loss is not None and penalty > 0:
            shares.append(penalty / max(abs(loss), 1e-12))
    if not shares or max(shares) < calibration["heavy_penalty.share"]:
        return None
    most = max(shares)
    return Symptom(
        "heavy penalty",
        f"The penalty on the weights is {most:.3g} times the loss.",
        {"penalty over loss": most},
        strength=min(most / (10 * calibration["heavy_penalty.share"]), 1.0),
    )
