"""Keep score of the doctor on a file of programs with known faults.

    python benchmarks/doctor_score.py CASES.json --mnist DIR --cifar10 DIR --json OUT

Every case is built, trained from several seeds, diagnosed and cured with what a doctor may see of
it; its cure is judged on the evaluation rows, with seeds that chose nothing. Prints the score card
by kind, effect and fidelity, with averages over kinds of fault.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from gradlab.doctor.diagnosis import diagnose_evidence
from gradlab.doctor.examine import examine
from gradlab.doctor.finding import Change
from gradlab.doctor.program.cases import (
    Case,
    Rows,
    case_program,
    case_rows,
    judged,
    read_cases_leniently,
)
from gradlab.doctor.program.subject import ProgramSubject
from gradlab.doctor.score_card import Verdict, card_text, score_card
from gradlab.errors import GradlabError
from gradlab.files import write_whole

SEEDS = (0, 1, 2)
JUDGING_SEEDS = (301, 302, 303, 304, 305)


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("cases", type=Path, help="file of schema doctor-cases/1")
    parser.add_argument("--mnist", type=Path, help="folder of MNIST's idx files")
    parser.add_argument("--cifar10", type=Path, help="folder of CIFAR-10's binary files")
    parser.add_argument("--arrays", type=Path, help="folder of .npz files for other generators")
    parser.add_argument("--json", type=Path, help="write the score card there")
    parser.add_argument("--only", default="", help="cases whose id contains this")
    parser.add_argument("--no-cure", action="store_true", help="diagnose only")
    parser.add_argument("--cure-seconds", type=float, default=60.0)
    options = parser.parse_args()
    folders = {
        name: folder
        for name in ("mnist", "cifar10", "arrays")
        if (folder := getattr(options, name)) is not None
    }
    cases, problems = read_cases_leniently(options.cases, only=options.only)
    controls = {case.program: case for case in cases if case.healthy}
    verdicts = [_unread(problem) for problem in problems]
    for case in cases:
        seconds = None if options.no_cure or case.healthy else options.cure_seconds
        verdict = examined(case, controls.get(case.program), folders, cure_seconds=seconds)
        print(verdict.id, ", ".join(verdict.counted) or "nothing", verdict.problem, flush=True)
        verdicts.append(verdict)
    card = score_card(verdicts)
    if options.json is not None:
        write_whole(options.json, json.dumps(card, indent=1))
    print(card_text(card))


def examined(
    case: Case, control: Case | None, folders: dict[str, Path], *, cure_seconds: float | None
) -> Verdict:
    """Return the verdict on a case; with a problem if it can't be built or examined."""
    try:
        rows = case_rows(case, folders)
        subject = ProgramSubject(case_program(case, rows))
        began = time.perf_counter()
        diagnosis = diagnose_evidence(examine(subject, seeds=SEEDS))
        seconds = time.perf_counter() - began
        share = None
        if cure_seconds is not None:
            from gradlab.doctor.cure import cure

            changes = cure(subject, diagnosis, seconds=cure_seconds)
            share = cure_share(case, control, rows, changes.changes if changes.helps else ())
    except GradlabError as error:
        return Verdict(case.id, case.healthy, problem=str(error))
    kinds = [finding.kind for finding in diagnosis.findings]
    return _verdict(case, kinds, seconds, share)


def cure_share(
    case: Case, control: Case | None, rows: Rows, changes: Sequence[Change]
) -> float | None:
    """Return what the changed program gains, as a share of what the repaired one gains.

    Gains are over a constant answer, on the evaluation rows: the median of fresh seeds, and the
    published median of the control.
    """
    wanted = control.measured("evaluation") if control else []
    if not wanted or statistics.median(wanted) <= case.baseline:
        return None
    subject = ProgramSubject(judged(case_program(case, rows), rows)).changed(changes)
    if subject is None:
        return 0.0
    scores = subject.score_on_fresh(JUDGING_SEEDS)
    reached = statistics.median(score if score == score else case.baseline for score in scores)
    return (reached - case.baseline) / (statistics.median(wanted) - case.baseline)


def _verdict(case: Case, named: Sequence[str], seconds: float, share: float | None) -> Verdict:
    words = case.words
    groups = [f"fidelity {case.fidelity}", f"origin {words.get('origin', '')}"]
    groups += [f"effect {case.effect}"] if case.effect else []
    return Verdict(
        id=case.id,
        healthy=case.healthy,
        named=tuple(named),
        needed=tuple(dict.fromkeys(f.kind for f in case.faults if f.weight in ("main", "joint"))),
        right=tuple(dict.fromkeys([*(f.kind for f in case.faults), *case.also_published])),
        tolerated=case.tolerated,
        groups=tuple(groups),
        kinds_known="kind" in words.get("use_for", ["kind"]) or case.healthy,
        seconds=seconds,
        cure_share=share,
    )


def _unread(problem: str) -> Verdict:
    return Verdict(problem.split(".")[0], healthy=False, problem=problem)


class _Plain(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description."""


if __name__ == "__main__":
    main()
