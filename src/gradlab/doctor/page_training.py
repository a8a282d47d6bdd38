"""The course of a training in the report of a consultation: curves, layers, learning rates."""

from typing import TYPE_CHECKING

import numpy as np

from gradlab import report
from gradlab.doctor.consultation import score_name
from gradlab.doctor.evidence import Probes, Record
from gradlab.report.numbers import count

if TYPE_CHECKING:
    from gradlab.doctor.consultation import Consultation

LAYER_PLOTS = (
    (
        "gradient",
        "gradient norm",
        True,
        (
            "Lines that fan out by decades from layer to layer: the gradient vanishes or explodes "
            "on its way back."
        ),
    ),
    (
        "update",
        "‖step‖ / ‖weights‖",
        True,
        "About 10⁻³ is usual; far below, a layer hardly learns, near 1 it is thrown about.",
    ),
    (
        "std",
        "spread of activations",
        True,
        "Like from layer to layer in a network that starts well; towards 0 the signal dies.",
    ),
    (
        "dead",
        "dead units",
        False,
        "Units that give 0 for every row of the batch: they no longer learn.",
    ),
    (
        "stuck",
        "stuck units",
        False,
        "Units whose activation is in its flat part for every row of the batch.",
    ),
)
"""Probe, name of its axis, whether its scale is logarithmic, and how to read it."""


def course_section(consultation: "Consultation") -> report.Section | None:
    """Return losses and scores of the runs by epoch."""
    evidence = consultation.evidence
    if not evidence.records:
        return None
    from gradlab.plots.runs import runs_figure

    name = score_name(evidence)
    parts: list[report.Part] = []
    losses = _by_run(evidence.records, ("train_loss", "validation_loss"))
    if losses:
        parts.append(
            report.plot(
                "loss",
                runs_figure(losses, what="loss", logarithmic=True),
                title="Loss by epoch",
                description="Falling or stalling lines of the loss of every run.",
                how_to_read="Thin lines are runs from different seeds, the thick one their median.",
            )
        )
    scores = _by_run(evidence.records, ("train_score", "validation_score"))
    if scores:
        data = evidence.data
        levels = {}
        if data is not None and data.trivial_score is not None:
            levels["constant answer"] = data.trivial_score
        if data is not None and data.reference_score is not None:
            levels["plain method"] = data.reference_score
        parts.append(
            report.plot(
                "score",
                runs_figure(scores, what=name, levels=levels, percent=name == "accuracy"),
                title=f"{name[:1].upper() + name[1:]} by epoch",
                description="Lines of the score of every run, with levels to compare with.",
                how_to_read=(
                    "At the line of the constant answer nothing has been learnt; the plain method "
                    "is the better of nearest neighbours and a linear model."
                ),
            )
        )
    return report.Section("How training went", (), tuple(parts)) if parts else None


def _by_run(records: tuple[Record, ...], fields: tuple[str, str]) -> dict[str, np.ndarray]:
    longest = max(len(record.train_loss) for record in records)
    found = {}
    for name, field in zip(("training", "validation"), fields, strict=True):
        rows = np.full((len(records), longest), np.nan)
        for i, record in enumerate(records):
            values = np.asarray(getattr(record, field), np.float64)
            rows[i, : len(values)] = values
        if np.isfinite(rows).any():
            found[name] = rows
    return found


def inside_section(consultation: "Consultation") -> report.Section | None:
    """Return what was measured inside the network, by layer and epoch."""
    evidence = consultation.evidence
    probes = next((r.probes for r in evidence.records if r.probes is not None), None)
    if probes is None:
        return None
    from gradlab.plots.layers_over_time import layers_over_time_figure

    names = [layer.place for layer in evidence.setup.weighted]
    parts: list[report.Part] = []
    for field, what, logarithmic, how_to_read in LAYER_PLOTS:
        values = np.asarray(getattr(probes, field), np.float64)
        if not np.isfinite(values).any() or (not logarithmic and np.nanmax(values) == 0):
            continue
        parts.append(
            report.plot(
                field,
                layers_over_time_figure(
                    np.asarray(probes.time, np.float64),
                    values,
                    names[: values.shape[1]],
                    what=what,
                    percent=not logarithmic,
                    logarithmic=logarithmic,
                ),
                title=f"{what[:1].upper() + what[1:]}, by layer",
                description=f"One line a layer of the {what} over the epochs.",
                how_to_read=how_to_read,
                table=_probe_table(probes, values, names, what),
            )
        )
    if not parts:
        return None
    quiet = "Measured on a fixed batch, before training, within the first epoch and after each."
    return report.Section("Inside the network", (), tuple(parts), quiet)


def _probe_table(probes: Probes, values: np.ndarray, names: list[str], what: str) -> report.Table:
    rows = [(float(t), *map(_number, row)) for t, row in zip(probes.time, values, strict=True)]
    return report.Table(what, ("epoch", *names[: values.shape[1]]), rows)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def range_test_section(consultation: "Consultation") -> report.Section | None:
    """Return the losses of the learning rate range test."""
    sweep, used = consultation.evidence.sweep, consultation.evidence.setup.learning_rate
    if sweep is None or used is None:
        return None
    from gradlab.plots.range_test import range_test_figure

    figure = range_test_figure(sweep.rates, sweep.loss, start=sweep.start, used=used)
    part = report.plot(
        "range",
        figure,
        title="Learning rate range test",
        description="Loss after short runs by learning rate.",
        how_to_read=(
            "Left of the valley nothing moves, right of it training is thrown about. A good rate "
            "lies a little left of the lowest loss."
        ),
        table=report.Table(
            "Loss after a short run, by learning rate",
            ("learning rate", "loss"),
            [(float(r), _number(v)) for r, v in zip(sweep.rates, sweep.loss, strict=True)],
        ),
        wide=True,
    )
    words = f"Runs of {count(sweep.epochs, 'epoch')} from one start, unlike in the rate alone."
    return report.Section("Which learning rates work", (words,), (part,))
