"""Inputs or targets far from a common range around 0."""

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import helped, said, seen, share, tried, troubled
from gradlab.doctor.evidence import DataFacts, Evidence
from gradlab.doctor.finding import Change, Finding

KIND = "missing_scaling"
SOURCE = "LeCun et al. 1998, Efficient BackProp, section 4.3"
ROWS = ("DIF-08", "ACT-12", "DIF-10")


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire on validation rows left unscaled; on inputs or targets off scale, if it is poor."""
    found = []
    if evidence.setup.validation_scaled is False and evidence.setup.scaling not in (None, "none"):
        found.append(_validation(calibration))
    if troubled(evidence, calibration):
        found += [f for f in (_inputs(evidence, calibration), _targets(evidence, calibration)) if f]
    return sorted(found, key=lambda f: -f.confidence)


def _validation(calibration: Calibration) -> Finding:
    return Finding(
        KIND,
        calibration.confidence("missing_scaling.validation"),
        "Training inputs are scaled and validation inputs are not.",
        "The network is judged on numbers in other units than those it learnt on.",
        where=("validation_scaling",),
        changes=((Change("validation_scaling", "same"),),),
        source=SOURCE,
        rows=ROWS,
        rule="missing_scaling.validation",
    )


def off_scale(data: DataFacts) -> dict[str, float]:
    """Return how far the inputs are from columns of mean 0 and deviation 1.

    size     largest root mean square of a column, √(mean² + std²)
    spread   largest deviation over the smallest, of columns that vary
    shift    largest |mean| / std

    >>> facts = DataFacts(9, mean=np.array([0.0, 100.0]), std=np.array([1.0, 10.0]))
    >>> {name: round(value, 1) for name, value in off_scale(facts).items()}
    {'size': 100.5, 'spread': 10.0, 'shift': 10.0}
    """
    if data.mean is None or data.std is None:
        return {}
    known = np.isfinite(data.mean) & np.isfinite(data.std)
    mean, std = np.abs(data.mean[known]), data.std[known]
    varies = std > 1e-12 * np.maximum(mean, 1e-300)
    if not varies.any():
        return {}
    return {
        "size": float(np.sqrt(mean**2 + std**2).max()),
        "spread": float(std[varies].max() / std[varies].min()),
        "shift": float((mean[varies] / std[varies]).max()),
    }


def _inputs(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """Size or shift at or above its bound, unless a trial with scaling helped nothing."""
    setup, data = evidence.setup, evidence.data
    if data is None or any(x.kind == "embedding" for x in setup.layers[:1]):
        return None
    numbers = off_scale(data)
    if not numbers:
        return None
    size = numbers["size"] / calibration["missing_scaling.size"]
    # Small columns beside large ones of sound size are the weights' business, not a fault.
    uneven = numbers["spread"] / calibration["missing_scaling.spread"]
    shift = numbers["shift"] / calibration["missing_scaling.shift"]
    tiny = 1 / (numbers["size"] * calibration["missing_scaling.size"])
    columns = setup.scaling in (None, "none") or max(size, shift) >= 1
    worst = max(size, min(uneven, 10 * size), shift * min(1.0, 10 * size), tiny)
    if worst < 1 or not columns:
        return None
    effect = helped(evidence, calibration, KIND, "scaling")
    if effect is None and _excluded(evidence, calibration, "scaling"):
        return None
    positive = data.minimum is not None and bool(np.nanmin(data.minimum) > 0)
    orders = (
        float(np.nanmax(np.log10(data.maximum / data.minimum)))
        if positive and data.maximum is not None
        else 0.0
    )
    ways = ["standard", "min_max"]
    if orders >= 2 and data.mean is not None and data.std is not None:
        ways.insert(0 if float(np.nanmax(data.std / np.abs(data.mean))) > 1 else 1,
                    "log10_standard")  # fmt: skip
    if effect is not None:
        ways = [str(effect.value), *(w for w in ways if w != effect.value)]
    strength = share(worst, 1, 30)
    if effect is not None:
        strength = 0.5 * strength + 0.5 * effect.closed
    why = (
        "Columns pull on the weights in proportion to their size: large ones saturate or kill "
        "units and set the largest rate that is stable, so all others learn slowly."
    )
    return Finding(
        KIND,
        calibration.confidence(
            "missing_scaling.trial" if effect else "missing_scaling.data", strength
        ),
        f"{seen(evidence)} Inputs have root mean squares up to {numbers['size']:.3g}, their "
        f"deviations differ by a factor {numbers['spread']:.3g}.",
        why if effect is None else f"{why} {said(effect)}.",
        {f"{name} of inputs": value for name, value in numbers.items()},
        where=("scaling",),
        changes=tuple((Change("scaling", way),) for way in ways),
        source=SOURCE,
        rows=ROWS,
        rule="missing_scaling.trial" if effect else "missing_scaling.data",
    )


def _excluded(evidence: Evidence, calibration: Calibration, setting: str) -> bool:
    """Whether scaling was tried without gain, and is not part of a trial that did gain."""
    if not tried(evidence, calibration, setting):
        return False
    return helped(evidence, calibration, KIND, setting, together=True) is None


def _targets(evidence: Evidence, calibration: Calibration) -> Finding | None:
    """√(mean² + std²) of the targets far from 1, or |mean| / std large."""
    data = evidence.data
    if evidence.setup.task != "regression" or data is None:
        return None
    if data.target_std is None or data.target_mean is None or data.target_std <= 0:
        return None
    size = float(np.hypot(data.target_mean, data.target_std))
    bound = calibration["missing_scaling.target_size"]
    if max(size, 1 / size) < bound:
        return None
    effect = helped(evidence, calibration, KIND, "target_scaling")
    if effect is None and _excluded(evidence, calibration, "target_scaling"):
        return None
    strength = share(max(size, 1 / size), bound, 1000 * bound)
    if effect is not None:
        strength = 0.5 * strength + 0.5 * effect.closed
    rule = "missing_scaling.trial" if effect else "missing_scaling.data"
    return Finding(
        KIND,
        calibration.confidence(rule, strength),
        f"{seen(evidence)} Targets have mean {data.target_mean:.3g} and deviation "
        f"{data.target_std:.3g}.",
        "Outputs start near 0: errors, gradients and the way to go are of the targets' size."
        + (f" {said(effect)}." if effect else ""),
        {"target mean": data.target_mean, "target deviation": data.target_std},
        where=("target_scaling",),
        changes=(
            (Change("target_scaling", "standard"),),
            (Change("target_scaling", "standard"), Change("scaling", "standard")),
        ),
        source=SOURCE,
        rows=ROWS,
        rule=rule,
    )
