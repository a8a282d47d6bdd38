"""Batches too large (too few steps) or too small (gradients mostly noise)."""

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.causes.weighing import helped, said, seen, share, troubled, updates
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.finding import Change, Finding
from gradlab.doctor.symptoms import noisy_gradient, oscillating

KIND = "batch_size"
SOURCE = "Masters & Luschi 2018, https://arxiv.org/abs/1804.07612; McCandlish et al. 2018"
ROWS = ("GDM-13", "GDM-14", "DIF-10")
USUAL = 32


def look(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Fire if another size helps, or if a batch is most of the rows, or next to none of them."""
    size = evidence.setup.batch_size
    if not size or not troubled(evidence, calibration):
        return []
    sizes = tuple(v for t in evidence.trials for n, v in t.changes if n == "batch_size")
    rows = evidence.data.n_train if evidence.data else None
    part = size / rows if rows else 0.0
    if sizes:
        effect = helped(evidence, calibration, KIND, "batch_size", sizes)
        if effect is None or not isinstance(effect.value, int | float):
            return []
        odd = max(share(size / USUAL, 2, 32), share(USUAL / size, 4, 32), share(part, 0.1, 1.0))
        strength = 0.4 * effect.closed + 0.6 * odd
        way = "fewer rows make more steps" if effect.value < size else "more rows make less noise"
        return [
            Finding(
                KIND,
                calibration.confidence("batch_size.trial", strength),
                seen(evidence),
                f"{said(effect)}: {way}.",
                {"batch size": float(size), "share of the rows": part, "gain": effect.gain},
                where=("batch_size",),
                changes=((Change("batch_size", int(effect.value)),),),
                source=SOURCE,
                rows=ROWS,
                rule="batch_size.trial",
            )
        ]
    steps = updates(evidence)
    if steps and part >= calibration["batch_size.large_share"] and rows and rows > USUAL:
        return [
            Finding(
                KIND,
                calibration.confidence("batch_size.setting", 1 - share(steps, 20, 2000)),
                seen(evidence),
                f"A batch is {part:.0%} of the rows, so all epochs together make {steps:,} steps.",
                {"batch size": float(size), "share of the rows": part, "steps": float(steps)},
                where=("batch_size",),
                changes=((Change("batch_size", USUAL),),),
                source=SOURCE,
                rows=ROWS,
                rule="batch_size.setting",
            )
        ]
    noise, swings = (
        noisy_gradient.see(evidence, calibration),
        oscillating.see(evidence, calibration),
    )
    if noise is None or swings is None or size > calibration["batch_size.small"]:
        return []
    return [
        Finding(
            KIND,
            calibration.confidence("batch_size.noise", noise.strength),
            swings.sentence,
            noise.sentence,
            noise.numbers,
            where=("batch_size",),
            changes=((Change("batch_size", USUAL),),),
            source=SOURCE,
            rows=ROWS,
            rule="batch_size.noise",
        )
    ]
