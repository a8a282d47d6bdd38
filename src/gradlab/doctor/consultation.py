"""Everything about one training: evidence, diagnosis, the proof of the cure; told and written."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.doctor.breakdown import with_breakdown
from gradlab.doctor.causes.weighing import said
from gradlab.doctor.cure import Cure, changes_in_words, cure
from gradlab.doctor.diagnosis import diagnose_evidence
from gradlab.doctor.effects import clearest
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.examine import examine
from gradlab.doctor.finding import Change, Diagnosis, Finding
from gradlab.doctor.kind_words import KIND_WORDS
from gradlab.doctor.preflight import statements_of
from gradlab.doctor.statement import Statement
from gradlab.doctor.study_rules import StudyRule
from gradlab.doctor.subject import Subject
from gradlab.files import made_folder, write_whole
from gradlab.lab.analysis.results_folder import write_results

if TYPE_CHECKING:
    import polars as pl

TOLD = 3
"""Findings that are told as causes; further ones are listed."""


@dataclass(frozen=True, eq=False)
class Consultation:
    """What was found about one training, and what cures it.

    Attributes:
        name: Of what was examined, for people.
        evidence: What was measured.
        diagnosis: What it means.
        cure: What came of trying the cures; None if none was asked for.
        subject: The training; None where only its history is known.
        command: What was typed.
        notes: What was decided about the data.
        rules: Of a study: settings with which its runs stall or diverge.
    """

    name: str
    evidence: Evidence
    diagnosis: Diagnosis
    cure: Cure | None = None
    subject: Subject | None = None
    command: str = ""
    notes: tuple[str, ...] = ()
    rules: tuple[StudyRule, ...] = ()

    def __repr__(self) -> str:
        """Return the conclusions, a line each."""
        return "\n".join(self.sentences)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The causes that were found, the likeliest first."""
        return self.diagnosis.findings

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to conclude."""
        if self.diagnosis.healthy:
            told = [f"No fault was found. {self.level}".strip()]
            better = clearest(self.evidence)
            if better is not None:
                told.append(f"There is more in it, though. {said(better)}.")
        else:
            told = [cause_sentence(finding) for finding in self.diagnosis.findings[:TOLD]]
            more = self.diagnosis.findings[TOLD:]
            if more:
                names = "; ".join(KIND_WORDS[finding.kind] for finding in more)
                told.append(f"Less likely: {names}.")
        if self.cure is not None and self.cure.attempts[1:]:
            first, *others = self.cure.sentences
            told += [f"Cure: {first}" if self.cure.helps else first, *others]
        told += [f"Across the study: {rule.sentence}." for rule in self.rules[:TOLD]]
        return tuple(told)

    @functools.cached_property
    def checks(self) -> tuple[Statement, ...]:
        """What could be seen before training: of data, setting, start and short tests."""
        return tuple(statements_of(self.evidence))

    @property
    def level(self) -> str:
        """The score reached, beside those of a constant answer and of a plain method, in words."""
        reached = final_score(self.evidence)
        if reached is None:
            return ""
        data, name = self.evidence.data, score_name(self.evidence)
        words = f"It reaches {shown_score(reached, name)}"
        beside = []
        if data is not None and data.trivial_score is not None:
            beside.append(f"a constant answer {shown_number(data.trivial_score, name)}")
        if data is not None and data.reference_score is not None:
            beside.append(f"a plain method {shown_number(data.reference_score, name)}")
        return words + (f" ({', '.join(beside)})." if beside else ".")

    def to_dict(self) -> dict[str, Any]:
        """Return the results for machines."""
        found: dict[str, Any] = {
            "name": self.name,
            "healthy": self.diagnosis.healthy,
            "findings": [finding_dict(finding) for finding in self.diagnosis.findings],
            "symptoms": list(self.diagnosis.symptoms),
            "missing": list(self.diagnosis.missing),
            "checks": [asdict(statement) for statement in self.checks],
            "rules_across_study": [asdict(rule) | {"words": rule.sentence} for rule in self.rules],
            "score": final_score(self.evidence),
            "score_name": score_name(self.evidence),
            "seconds": self.diagnosis.seconds,
            "notes": list(self.notes),
            "command": self.command,
        }
        if self.cure is not None:
            proof = self.cure
            found["cure"] = {
                "helps": proof.helps,
                "changes": [asdict(change) for change in proof.changes],
                "gain": proof.gain,
                "interval": list(proof.interval),
                "agree": proof.agree,
                "scores_before": list(proof.scores_before),
                "scores_after": list(proof.scores_after),
                "judged_on": proof.judged_on,
                "tried": [
                    {
                        "changes": [asdict(change) for change in attempt.changes],
                        "scores": list(attempt.scores),
                        "seconds": attempt.seconds,
                        "eliminated": attempt.eliminated,
                    }
                    for attempt in proof.attempts
                ],
                "side_effects": list(proof.side_effects),
                "seconds": proof.seconds,
            }
        return found

    def save(self, folder: str | Path) -> Path:
        """Write report, results and history, and the cured training if there is one."""
        folder = made_folder(folder)
        write_whole(folder / "history.csv", history_table(self.evidence).write_csv())
        written = self.cured_file
        if written is not None:
            write_whole(folder / written[0], written[1])
        self.report(folder / "report.html")
        write_results(folder, self.to_dict())
        return folder

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that works offline."""
        from gradlab.doctor.page import page_of
        from gradlab.report import write_page

        return write_page(page_of(self), path)

    @property
    def cured_file(self) -> tuple[str, str] | None:
        """Name and content of the file that holds the cured training; None without a cure."""
        if self.cure is None or self.cure.after is None:
            return None
        return self.cure.after.as_file()


def consult(
    subject: Subject,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    with_cure: bool = False,
    seconds: float = 60.0,
    command: str = "",
    notes: tuple[str, ...] = (),
    progress: Callable[[str], None] | None = None,
) -> Consultation:
    """Examine a training, say what is wrong with it and, if asked, prove a cure.

    Args:
        subject: The training.
        seeds: Of the runs that are looked at.
        with_cure: Try what the findings propose.
        seconds: About how long trying may take.
        command: What was typed, for the report.
        notes: What was decided about the data.
        progress: Called with what is going on.
    """
    tell = progress or (lambda _: None)
    began = time.perf_counter()
    tell("training it, and measuring inside")
    evidence = with_breakdown(subject, examine(subject, seeds=tuple(seeds)))
    diagnosis = diagnose_evidence(evidence)
    diagnosis = Diagnosis(
        diagnosis.findings, diagnosis.symptoms, diagnosis.missing, time.perf_counter() - began
    )
    proof = None
    if with_cure:
        proof = cure(subject, diagnosis, seconds=seconds, progress=lambda w: tell(f"trying {w}"))
        if proof.helps:
            diagnosis = replace(diagnosis, findings=proved_first(diagnosis.findings, proof.changes))
    return Consultation(subject.name, evidence, diagnosis, proof, subject, command, notes)


def proved_first(findings: Sequence[Finding], changes: Sequence[Change]) -> tuple[Finding, ...]:
    """Return findings with those first whose setting the proved cure changes.

    >>> weights = Finding("weight_init", 0.6, "", "", changes=((Change("init", "xavier_normal"),),))
    >>> hidden = Finding("hidden_activation", 0.4, "", "",
    ...                  changes=((Change("hidden_activation", "relu"),),))
    >>> [f.kind for f in proved_first([weights, hidden], [Change("hidden_activation", "relu")])]
    ['hidden_activation', 'weight_init']
    """
    cured = {change.setting for change in changes}
    return tuple(
        sorted(
            findings,
            key=lambda finding: (
                not any(change.setting in cured for option in finding.changes for change in option)
            ),
        )
    )


def cause_sentence(finding: Finding) -> str:
    """Return a finding as a sentence: the cause, how sure that is, and what shows it."""
    # A setting's own name would say the cause again; the place of a layer says more.
    places = [place for place in finding.where if "[" in place or "output" in place]
    where = f" ({', '.join(places[:4])}{', …' if len(places) > 4 else ''})" if places else ""
    return f"{KIND_WORDS[finding.kind]}{where}: {finding.symptom}"


def cure_words(subject: Subject | None, evidence: Evidence, finding: Finding) -> str:
    """Return what a finding proposes to do."""
    if not finding.changes:
        return ""
    from gradlab.doctor.settings_text import change_words

    if subject is not None:
        return changes_in_words(subject, finding.changes[0])
    return ", ".join(change_words(evidence.setup, change) for change in finding.changes[0])


def finding_dict(finding: Finding) -> dict[str, Any]:
    """Return a finding for machines."""
    return asdict(finding) | {"words": KIND_WORDS[finding.kind]}


def score_name(evidence: Evidence) -> str:
    """Return what the scores of the records are."""
    return "R²" if evidence.setup.task in ("regression", "reconstruction") else "accuracy"


def shown_score(value: float, name: str) -> str:
    """Return a score as one says it.

    >>> shown_score(0.876, "R²")
    'R² 0.876'
    """
    return f"{name} {shown_number(value, name)}"


def shown_number(value: float, name: str) -> str:
    """Return a score without its name; the space before % does not break."""
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%" if name == "accuracy" else f"{value:.3g}"


def final_score(evidence: Evidence) -> float | None:
    """Return the median of the runs' last scores: of validation, else of training rows."""
    last = []
    for record in evidence.records:
        for scores in (record.validation_score, record.train_score):
            known = scores[np.isfinite(scores)]
            if len(known):
                last.append(float(known[-1]))
                break
    return float(np.median(last)) if last else None


def history_table(evidence: Evidence) -> "pl.DataFrame":
    """Return one row a run and epoch."""
    import polars as pl

    columns = ("train_loss", "validation_loss", "train_score", "validation_score")
    rows = [
        {"seed": record.seed, "epoch": epoch + 1}
        | {name: float(getattr(record, name)[epoch]) for name in columns}
        for record in evidence.records
        for epoch in range(len(record.train_loss))
    ]
    schema = {"seed": pl.Int64, "epoch": pl.Int64} | dict.fromkeys(columns, pl.Float64)
    return pl.DataFrame(rows, schema=schema)
