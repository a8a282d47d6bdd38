"""The report of a consultation."""

from typing import TYPE_CHECKING

import numpy as np

from gradlab import report
from gradlab.doctor.consultation import (
    cause_sentence,
    cure_words,
    final_score,
    score_name,
    shown_number,
    shown_score,
)
from gradlab.doctor.evidence import Probes, Record
from gradlab.doctor.finding import Finding
from gradlab.lab.analysis import page_parts
from gradlab.report.numbers import count, short

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


def page_of(consultation: "Consultation") -> report.PageContents:
    """Return everything that the report of a consultation shows."""
    evidence, diagnosis = consultation.evidence, consultation.diagnosis
    setup = evidence.setup
    reached = final_score(evidence)
    name = score_name(evidence)
    proof = consultation.cure
    if proof is not None and proof.helps:
        gain = f"{100 * proof.gain:+.1f}" if name == "accuracy" else f"{proof.gain:+.3g}"
        card = report.Card(
            "Gain of the cure",
            gain + (" points" if name == "accuracy" else f" {name}"),
            f"{proof.agree} of {len(proof.scores_before)} fresh seeds agree",
            (
                ("before", shown_score(float(np.mean(proof.scores_before)), name)),
                ("after", shown_score(float(np.mean(proof.scores_after)), name)),
            ),
        )
    elif reached is not None:
        beside = [] if evidence.data is None else [
            ("constant answer", evidence.data.trivial_score),
            ("plain method", evidence.data.reference_score),
        ]  # fmt: skip
        card = report.Card(
            name[:1].upper() + name[1:],
            shown_number(reached, name),
            f"median of {count(len(evidence.records), 'run')}",
            tuple((w, shown_number(v, name)) for w, v in beside if v is not None),
        )
    else:
        card = None
    sections = (
        _findings(consultation),
        _across_study(consultation),
        _cure(consultation),
        _course(consultation),
        _inside(consultation),
        _range_test(consultation),
        _checks(consultation),
        _data(consultation),
    )
    files = [("results.json", "Findings, cure and numbers, for machines"),
             ("history.csv", "Losses and scores of every run and epoch")]  # fmt: skip
    written = consultation.cured_file
    if written is not None:
        files.insert(0, (written[0], "The cured training, ready to run"))
    healthy = diagnosis.healthy
    return page_parts.contents(
        title=f"{consultation.name}: {'no fault found' if healthy else 'what is wrong'}",
        kicker="Doctor",
        question=f"Why does {consultation.name} not learn as it could, and what cures it?",
        facts=(
            ("Task", setup.task),
            ("Network", _network(consultation)),
            ("Loss", (setup.loss or "").replace("_", " ")),
            ("Optimizer", _optimizer(consultation)),
            ("Batches", "" if setup.batch_size is None else f"{setup.batch_size:,} rows"),
            ("Epochs", "" if setup.epochs is None else f"{setup.epochs:,}"),
        ),
        answer=consultation.sentences,
        card=card,
        sections=tuple(section for section in sections if section),
        method=_method(consultation),
        notes=(*consultation.notes, *diagnosis.missing),
        files=tuple(files),
        command=consultation.command,
    )


def _network(consultation: "Consultation") -> str:
    layers = consultation.evidence.setup.weighted
    words = [f"{x.units or '?'} {x.activation or ''}".strip() for x in layers]
    if len(words) > 6:
        words = [*words[:2], f"… {len(words) - 4} more …", *words[-2:]]
    return ", ".join(words)


def _optimizer(consultation: "Consultation") -> str:
    setup = consultation.evidence.setup
    rate = "" if setup.learning_rate is None else f", learning rate {setup.learning_rate:g}"
    return f"{setup.optimizer or ''}{rate}".strip(", ")


def _findings(consultation: "Consultation") -> report.Section:
    diagnosis = consultation.diagnosis
    if diagnosis.healthy:
        words = ("Nothing that the doctor knows of was found.", consultation.level)
        return report.Section("Findings", tuple(w for w in words if w), _symptom_list(consultation))
    sentences = tuple(
        _paragraph(i + 1, finding, consultation) for i, finding in enumerate(diagnosis.findings)
    )
    return report.Section(
        "Findings",
        sentences,
        (*_numbers(diagnosis.findings), *_symptom_list(consultation)),
        "How sure: of findings like this, how many were right where the cause was known.",
    )


def _paragraph(number: int, finding: Finding, consultation: "Consultation") -> str:
    """Return all that is to be said of a finding."""
    words = [f"{number}. {cause_sentence(finding)}"]
    if finding.why:
        words.append(finding.why)
    todo = cure_words(consultation.subject, consultation.evidence, finding)
    if todo:
        words.append(f"What to do: {todo}.")
    words.append(f"({100 * finding.confidence:.0f}\N{NO-BREAK SPACE}% sure")
    words[-1] += f"; {finding.source}.)" if finding.source else ".)"
    return " ".join(words)


def _numbers(findings: tuple[Finding, ...]) -> tuple[report.Listing, ...]:
    rows = [
        (finding.kind.replace("_", " "), name, float(value))
        for finding in findings
        for name, value in finding.evidence.items()
    ]
    if not rows:
        return ()
    table = report.Table("The numbers that decided", ("finding", "measurement", "value"), rows)
    return (report.Listing("numbers", table),)


def _symptom_list(consultation: "Consultation") -> tuple[report.Listing, ...]:
    symptoms = consultation.diagnosis.symptoms
    if not symptoms:
        return ()
    table = report.Table("What was seen", ("symptom",), [(words,) for words in symptoms])
    return (report.Listing("symptoms", table),)


def _across_study(consultation: "Consultation") -> report.Section | None:
    if not consultation.rules:
        return None
    rows = [(rule.sentence, f"{rule.failed} of {rule.n}", rule.p) for rule in consultation.rules]
    table = report.Table("Where runs of the study fail", ("rule", "runs", "p"), rows)
    return report.Section(
        "Across the study",
        (),
        (report.Listing("rules", table),),
        "p: the chance that so many fail there by lot, times the number of rules tried.",
    )


def _checks(consultation: "Consultation") -> report.Section | None:
    if not consultation.checks:
        return None
    rows = [(each.severity, each.check, each.text) for each in consultation.checks]
    table = report.Table("What could be seen before training", ("", "check", "it says"), rows)
    return report.Section("Checks before training", (), (report.Listing("checks", table),))


def _cure(consultation: "Consultation") -> report.Section | None:
    proof = consultation.cure
    if proof is None or len(proof.attempts) < 2:
        return None
    from gradlab.plots.before_after import attempts_figure, before_after_figure

    percent = proof.score_name == "accuracy"
    names = ["as it is", *(_words(consultation, a.changes) for a in proof.attempts[1:])]
    order = sorted(range(1, len(names)), key=lambda i: -proof.attempts[i].score)
    order = [0, *order]
    chosen = next((i for i, j in enumerate(order) if proof.attempts[j].changes == proof.changes
                   and j), None)  # fmt: skip
    parts: list[report.Part] = [
        report.plot(
            "tried",
            attempts_figure(
                [names[i] for i in order],
                [list(proof.attempts[i].scores) for i in order],
                what=f"{proof.score_name} on {proof.judged_on} rows",
                chosen=chosen,
                percent=percent,
            ),
            title="What was tried, on the seeds that choose",
            description="Dots for the scores of every candidate, one a seed.",
            how_to_read="The dotted line is the training as it is; bold is what was chosen."
            + (
                " One dot alone: given up, as it gained nothing on the first seed."
                if any(attempt.eliminated for attempt in proof.attempts)
                else ""
            ),
            table=report.Table(
                "Scores of the candidates",
                ("candidate", "mean", "seconds"),
                [(names[i], proof.attempts[i].score, proof.attempts[i].seconds) for i in order],
            ),
            wide=True,
        )
    ]
    if proof.changes:
        parts.append(
            report.plot(
                "proof",
                before_after_figure(
                    np.array(proof.scores_before),
                    np.array(proof.scores_after),
                    what=f"{proof.score_name} on {proof.judged_on} rows",
                    percent=percent,
                ),
                title="The proof: before and after, on seeds that chose nothing",
                description="A line for each seed from its score before to that after.",
                how_to_read="Rising lines are seeds that the cure helps.",
                table=report.Table(
                    "Scores on fresh seeds",
                    ("before", "after"),
                    list(zip(proof.scores_before, proof.scores_after, strict=True)),
                ),
            )
        )
    return report.Section("Cure", proof.sentences, tuple(parts))


def _words(consultation: "Consultation", changes) -> str:
    from gradlab.doctor.cure import changes_in_words

    assert consultation.cure is not None
    return changes_in_words(consultation.cure.before, changes)


def _course(consultation: "Consultation") -> report.Section | None:
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


def _inside(consultation: "Consultation") -> report.Section | None:
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


def _range_test(consultation: "Consultation") -> report.Section | None:
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


def _data(consultation: "Consultation") -> report.Section | None:
    data = consultation.evidence.data
    if data is None:
        return None
    rows: list[tuple[str, str]] = [
        ("training rows", f"{data.n_train:,}"),
        ("validation rows", f"{data.n_validation:,}"),
    ]
    if data.mean is not None and data.std is not None and len(data.mean):
        rows += [
            ("mean of the inputs", _span(data.mean)),
            ("spread of the inputs", _span(data.std)),
        ]
    if data.class_counts is not None:
        total = max(1, int(data.class_counts.sum()))
        rows.append(("largest class", f"{100 * int(data.class_counts.max()) / total:.0f} %"))
    if data.target_std is not None and data.n_classes is None:
        rows.append(("spread of the targets", short(data.target_std)))
    for words, value in (
        ("constant columns", ", ".join(data.constant[:8])),
        ("columns that give the answer away", ", ".join(name for name, _ in data.leaking[:8])),
        ("values that are missing", f"{data.n_missing:,}" if data.n_missing else ""),
        ("rows that occur more than once", _share(data.duplicates)),
        ("validation rows that occur in training", f"{data.shared:,}" if data.shared else ""),
        ("rows whose neighbours have other labels", _share(data.label_disagreement)),
    ):
        if value:
            rows.append((words, value))
    table = report.Table("The rows, as the network is given them", ("what", "value"), rows)
    return report.Section("The data", (), (report.Listing("data", table),))


def _span(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return ""
    if len(known) == 1:
        return short(float(known[0]))
    return f"{short(float(known.min()))} to {short(float(known.max()))}"


def _share(value: float | None) -> str:
    return "" if not value else f"{100 * value:.1f} %"


def _method(consultation: "Consultation") -> tuple[report.MethodItem, ...]:
    items = [
        report.MethodItem(
            "Examination",
            f"{count(len(consultation.evidence.records), 'run')} from different seeds with "
            "measurements inside, a learning rate range test, a handful of rows to over-fit, and "
            "runs that differ in one setting. Rules turn what is seen into causes; their "
            "thresholds were chosen on faults put into healthy trainings on purpose.",
        )
    ]
    if consultation.cure is not None:
        items.append(
            report.MethodItem(
                "Cure",
                "Candidates come from the findings, alone and together. They are chosen on three "
                "seeds and judged on eight others by paired differences, with Student's 95 % "
                "interval. Test rows are not read.",
            )
        )
    items.append(
        report.MethodItem("Time", f"The examination took {consultation.diagnosis.seconds:.1f} s.")
    )
    return tuple(items)
