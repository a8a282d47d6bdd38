"""So much is dropped that what is left can't be learnt from."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import helped, said, seen, surely_helped, troubled
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding

KIND = "too_much_dropout"


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire if it is poor with dropout, and better without or with less, or the rate is high.

    Where it is not poor as a whole, a gain without or with less counts that no chance explains:
    dropout is there to raise the score of rows that were not seen, and this one lowers it.

    kept = Π (1 − rate): the share of paths through all dropout layers that a step sees.
    """
    dropout = [x for x in evidence.setup.layers if x.kind == "dropout" and (x.rate or 0) > 0]
    if not dropout:
        return []
    poor = troubled(evidence, calibration)
    rates = [x.rate or 0.0 for x in dropout]
    kept = 1.0
    for rate in rates:
        kept *= 1 - rate
    high = max(rates) >= calibration["too_much_dropout.rate"]
    less = tuple(
        value
        for trial in evidence.trials
        for name, value in trial.changes
        if name == "dropout" and isinstance(value, int | float) and value < max(rates)
    )
    effect = helped(evidence, calibration, KIND, "dropout", less) if poor else None
    effect = effect or surely_helped(evidence, "dropout", less)
    if effect is None and (less or not high or not poor):
        return []
    strength = 0.5 * (max(rates) if high else 0.0) + 0.5 * (effect.closed if effect else 0.0)
    rule = f"too_much_dropout.{'trial' if effect else 'setting'}"
    return [
        Finding(
            KIND,
            calibration.confidence(rule, strength),
            seen(evidence),
            f"Dropout of {', '.join(f'{r:g}' for r in rates)} lets {kept:.2g} of the paths through."
            + (f" {said(effect)}." if effect else ""),
            {"largest rate": max(rates), "paths kept": kept},
            where=tuple(x.place for x in dropout),
            changes=((Change("dropout", 0.2),), (Change("dropout", 0.0),)),
            source="Srivastava et al. 2014, section 7.3",
            rows=("MET-16", "DIF-10"),
            rule=rule,
        )
    ]
