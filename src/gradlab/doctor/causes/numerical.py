"""Logarithms, divisions and inputs that can make numbers that are none."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.output_families import LOGARITHMIC, a_name
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.symptoms import diverged

KIND = "numerical"
SOURCE = "Braiek & Khomh 2023, TheDeepChecker, section 3; Goodfellow et al. 2016, section 4.1"
ROWS = ("DIF-10",)


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire on missing values and on losses whose logarithm can see 0."""
    data, setup = evidence.data, evidence.setup
    if data is not None and data.n_missing > 0:
        return [
            Finding(
                KIND,
                calibration.confidence("numerical.missing"),
                f"{data.n_missing:,} input values are not numbers.",
                "One of them makes every weight that it meets a number that is none.",
                {"values missing": float(data.n_missing)},
                where=("data",),
                source=SOURCE,
                rows=ROWS,
                rule="numerical.missing",
            )
        ]
    unguarded = setup.loss_guarded is False and setup.loss_takes == "outputs"
    if not unguarded or setup.loss not in LOGARITHMIC:
        return []
    symptom = diverged.see(evidence, calibration)
    return [
        Finding(
            KIND,
            calibration.confidence("numerical.setting", 1.0 if symptom else 0.0),
            symptom.sentence if symptom else f"{a_name(setup.loss).capitalize()} has no guard.",
            "The loss takes the logarithm of the outputs as they are: one that rounds to 0 makes "
            "it infinite, and its gradient no number. Give the loss the scores instead.",
            {} if symptom is None else symptom.numbers,
            where=("loss",),
            epoch=None if symptom is None else symptom.epoch,
            changes=((Change("loss", "auto"), Change("output_activation", "auto")),),
            source=SOURCE,
            rows=ROWS,
            rule="numerical.setting",
        )
    ]
