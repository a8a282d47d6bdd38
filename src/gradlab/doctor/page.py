"""The report of a consultation: its head, findings, checks and method."""

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
from gradlab.doctor.finding import Finding
from gradlab.doctor.page_cure import cure_section
from gradlab.doctor.page_data import data_section
from gradlab.doctor.page_training import course_section, inside_section, range_test_section
from gradlab.lab.analysis import page_parts
from gradlab.report.numbers import count

if TYPE_CHECKING:
    from gradlab.doctor.consultation import Consultation


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
        cure_section(consultation),
        course_section(consultation),
        inside_section(consultation),
        range_test_section(consultation),
        _checks(consultation),
        data_section(consultation),
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
