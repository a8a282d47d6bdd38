"""The score of a doctor on specimens whose faults are known; averages are over kinds of fault."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gradlab.doctor.evidence import Evidence
from gradlab.doctor.faults.specimen import Specimen
from gradlab.doctor.finding import Diagnosis

Doctor = Callable[[Evidence], Diagnosis]


@dataclass(frozen=True)
class KindScore:
    """Shares of the demanded faults of a kind.

    Attributes:
        n: Demanded faults.
        detected: With at least one finding.
        first: Whose first finding is right.
        three: With a right one among the first three.
    """

    n: int
    detected: float
    first: float
    three: float


@dataclass(frozen=True)
class Score:
    """How a doctor does.

    Attributes:
        kinds: Kind to its score.
        detected, first, three: Means over the kinds.
        false_alarms: Share of healthy examinations with a finding.
        n_healthy: Healthy examinations.
        wrong: Specimen, and the kinds found where its cause is not first.
        alarms: Healthy specimen to the kinds found.
    """

    kinds: dict[str, KindScore]
    detected: float
    first: float
    three: float
    false_alarms: float
    n_healthy: int
    wrong: tuple[tuple[str, tuple[str, ...]], ...]
    alarms: tuple[tuple[str, tuple[str, ...]], ...]

    def table(self) -> str:
        """Return it as a Markdown table.

        >>> card = score([], lambda evidence: Diagnosis(()))
        >>> card.table().splitlines()[0]
        '| kind of fault | faults | detected | right cause first | in the first three |'
        """
        lines = [
            "| kind of fault | faults | detected | right cause first | in the first three |",
            "|---|---:|---:|---:|---:|",
        ]
        for kind, x in sorted(self.kinds.items()):
            lines.append(f"| {kind} | {x.n} | {x.detected:.0%} | {x.first:.0%} | {x.three:.0%} |")
        n = sum(x.n for x in self.kinds.values())
        lines.append(
            f"| **mean over kinds** | {n} | {self.detected:.0%} | {self.first:.0%} "
            f"| {self.three:.0%} |"
        )
        lines.append(f"\nFalse alarms: {self.false_alarms:.1%} of {self.n_healthy} healthy runs.")
        return "\n".join(lines)


def score(specimens: Iterable[Specimen], doctor: Doctor) -> Score:
    """Let a doctor look at every specimen and compare.

    Args:
        specimens: Healthy ones, and faulty ones of which the demanded count.
        doctor: From evidence to findings.

    >>> score([], lambda evidence: Diagnosis(())).n_healthy
    0
    """
    asked = counted(specimens)
    return score_of(
        asked, [tuple(x.kind for x in doctor(s.evidence).findings) for s in asked if s.evidence]
    )


def counted(specimens: Iterable[Specimen]) -> list[Specimen]:
    """Return those that count: healthy ones, and faulty ones that must be found."""
    return [x for x in specimens if x.evidence is not None and (x.demanded or not x.fault)]


def score_of(specimens: Sequence[Specimen], found: Sequence[tuple[str, ...]]) -> Score:
    """Compare what was found with what is right.

    Args:
        specimens: All of them count (see `counted`).
        found: For each, the kinds of its findings, the likeliest first.
    """
    by_kind: dict[str, list[tuple[bool, bool, bool]]] = defaultdict(list)
    wrong, alarms, healthy = [], [], 0
    for specimen, kinds in zip(specimens, found, strict=True):
        if specimen.fault is None:
            healthy += 1
            if kinds:
                alarms.append((specimen.name, kinds))
            continue
        first = bool(kinds) and kinds[0] in specimen.right
        three = any(kind in specimen.right for kind in kinds[:3])
        by_kind[specimen.right[0]].append((bool(kinds), first, three))
        if not first:
            wrong.append((specimen.name, kinds))
    scores = {kind: _kind_score(rows) for kind, rows in by_kind.items()}
    return Score(
        scores,
        detected=_mean([x.detected for x in scores.values()]),
        first=_mean([x.first for x in scores.values()]),
        three=_mean([x.three for x in scores.values()]),
        false_alarms=len(alarms) / max(healthy, 1),
        n_healthy=healthy,
        wrong=tuple(wrong),
        alarms=tuple(alarms),
    )


def _kind_score(rows: Sequence[tuple[bool, bool, bool]]) -> KindScore:
    detected, first, three = (float(x) for x in np.mean(rows, axis=0))
    return KindScore(len(rows), detected, first, three)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
