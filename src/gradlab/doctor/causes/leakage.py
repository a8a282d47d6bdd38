"""The answer is among the inputs, or the rows that judge were trained on."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding

SOURCE = "Kaufman, Rosset & Perlich 2012; Kapoor & Narayanan 2023"


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire on columns that give the answer away, or rows shared beyond what repeats explain."""
    data = evidence.data
    if data is None:
        return []
    found = []
    # Where most rows are repeats the inputs are a short list of codes, to be looked up.
    if data.leaking and (data.duplicates or 0.0) < calibration["leakage.repeats"]:
        names = ", ".join(name for name, _ in data.leaking)
        best = max(score for _, score in data.leaking)
        found.append(
            Finding(
                "leakage",
                calibration.confidence("leakage.columns", best),
                f"The input {names} alone gives the answer (score {best:.3g}).",
                "Inputs that know the answer are often made from it, and won't be there when it "
                "is asked for.",
                {f"score of {name} alone": score for name, score in data.leaking},
                where=tuple(name for name, _ in data.leaking),
                changes=((Change("drop_columns", tuple(name for name, _ in data.leaking)),),),
                source=SOURCE,
                rows=("DIF-10",),
                rule="leakage.columns",
            )
        )
    if data.shared and data.n_validation:
        share = data.shared / data.n_validation
        natural = data.duplicates or 0.0
        # Rows that repeat in training by nature are met in validation as often.
        if share - natural >= calibration["leakage.shared"]:
            found.append(
                Finding(
                    "leakage",
                    calibration.confidence("leakage.rows", share),
                    f"{data.shared} of {data.n_validation} validation rows ({share:.0%}) are "
                    "training rows too.",
                    f"Within the training rows {natural:.0%} repeat, so chance does not explain "
                    "it; the validation score tells nothing of new rows.",
                    {"share of validation rows seen": share, "repeats in training": natural},
                    where=("validation",),
                    source=SOURCE,
                    rows=("DIF-10",),
                    rule="leakage.rows",
                )
            )
    return sorted(found, key=lambda f: -f.confidence)[:1]
