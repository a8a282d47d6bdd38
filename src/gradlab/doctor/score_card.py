"""Keeping score of a doctor on programs whose faults are known.

All averages are over kinds of fault: a kind with one case weighs as much as one with ten.

Findings of a kind that a case tolerates are left out before anything is counted. A named kind is
right if it is among the case's faults, or was published for the same program; what has to be found
are the faults that spoil a training, alone or together with others.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median
from typing import Any

CURED = 0.8
"""A cured program keeps at least this share of what its repaired twin gains."""


@dataclass(frozen=True)
class Verdict:
    """What a doctor said about a case, and what was so.

    Attributes:
        id: Of the case.
        healthy: Whether it is a control.
        named: Kinds of its findings, the likeliest first.
        needed: Kinds of the faults that spoil it.
        right: Kinds that are no error to name: all its faults, and what else was published.
        tolerated: Kinds that do not count either way.
        groups: What it is counted under besides: "effect strong", "fidelity reduced" …
        kinds_known: Whether the labels bear more than "something is wrong".
        seconds: Of examination and diagnosis.
        cure_share: Score after the doctor's own cure: what it gains over a constant answer, as a
            share of what the repaired twin gains; None if no cure was tried.
        problem: Why there is no verdict, in words.
    """

    id: str
    healthy: bool
    named: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    tolerated: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    kinds_known: bool = True
    seconds: float = 0.0
    cure_share: float | None = None
    problem: str = ""

    @property
    def counted(self) -> tuple[str, ...]:
        """The named kinds that count, once each."""
        return tuple(kind for kind in dict.fromkeys(self.named) if kind not in self.tolerated)

    def right_among(self, n: int) -> bool:
        """Return whether one of the first so many counted kinds is right."""
        return any(kind in self.right for kind in self.counted[:n])

    @property
    def recall(self) -> float:
        """Share of the needed kinds that are named."""
        return fmean(kind in self.counted for kind in self.needed) if self.needed else float("nan")

    @property
    def precision(self) -> float:
        """Share of the counted kinds that are right; 0 if none is named."""
        return fmean(kind in self.right for kind in self.counted) if self.counted else 0.0


@dataclass(frozen=True)
class Score:
    """Averages over faulty programs; over kinds where there are several.

    Attributes:
        n: Cases.
        detected: Share with a finding.
        first, three: Share with a right kind first, and among the first three.
        recall, precision: Of kinds.
        f1, f3: Of these two; F3 weighs recall nine times.
        cured: Share cured; None if no cures were tried.
        seconds: Median of a diagnosis.
    """

    n: int
    detected: float
    first: float
    three: float
    recall: float
    precision: float
    f1: float
    f3: float
    cured: float | None
    seconds: float


def f_score(precision: float, recall: float, beta: int) -> float:
    """Return (1 + β²) P R / (β² P + R), 0 where both are 0.

    >>> round(f_score(0.32, 0.55, 3), 3)
    0.513
    """
    below = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / below if below > 0 else 0.0


def faulty(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return the faulty cases that could be examined and whose kinds are known."""
    return [v for v in verdicts if not v.healthy and v.kinds_known and not v.problem]


def score_of_kind(verdicts: Sequence[Verdict], kind: str) -> Score | None:
    """Return the score over the cases that have a fault of a kind; None without any.

    Its recall is the share in which that kind itself is named.
    """
    cases = [v for v in faulty(verdicts) if kind in v.needed]
    if not cases:
        return None
    recall = fmean(kind in v.counted for v in cases)
    precision = fmean(v.precision for v in cases)
    tried = [v.cure_share for v in cases if v.cure_share is not None]
    return Score(
        n=len(cases),
        detected=fmean(bool(v.counted) for v in cases),
        first=fmean(v.right_among(1) for v in cases),
        three=fmean(v.right_among(3) for v in cases),
        recall=recall,
        precision=precision,
        f1=f_score(precision, recall, 1),
        f3=f_score(precision, recall, 3),
        cured=fmean(share >= CURED for share in tried) if tried else None,
        seconds=median(v.seconds for v in cases),
    )


def scores_by_kind(verdicts: Sequence[Verdict]) -> dict[str, Score]:
    """Return the score of each kind that any case has."""
    kinds = sorted({kind for v in faulty(verdicts) for kind in v.needed})
    scores = {kind: score_of_kind(verdicts, kind) for kind in kinds}
    return {kind: score for kind, score in scores.items() if score is not None}


def score(verdicts: Sequence[Verdict]) -> Score | None:
    """Return the averages over kinds; F1 and F3 are those of the averages. None without cases.

    >>> cases = [Verdict("a", False, named=("loss",), needed=("loss",), right=("loss",)),
    ...          Verdict("b", False, named=(), needed=("optimizer",), right=("optimizer",))]
    >>> found = score(cases)
    >>> found.recall, found.three, round(found.f3, 3)
    (0.5, 0.5, 0.5)
    """
    by_kind = list(scores_by_kind(verdicts).values())
    if not by_kind:
        return None

    def over(field: Callable[[Score], float]) -> float:
        return fmean(field(each) for each in by_kind)

    recall, precision = over(lambda s: s.recall), over(lambda s: s.precision)
    cured = [each.cured for each in by_kind if each.cured is not None]
    cases = faulty(verdicts)
    return Score(
        n=len(cases),
        detected=over(lambda s: s.detected),
        first=over(lambda s: s.first),
        three=over(lambda s: s.three),
        recall=recall,
        precision=precision,
        f1=f_score(precision, recall, 1),
        f3=f_score(precision, recall, 3),
        cured=fmean(cured) if cured else None,
        seconds=median(v.seconds for v in cases),
    )


def detection(verdicts: Sequence[Verdict]) -> float | None:
    """Return the share of all faulty cases with a finding; of cases, not of kinds."""
    cases = [v for v in verdicts if not v.healthy and not v.problem]
    return fmean(bool(v.counted) for v in cases) if cases else None


def false_alarms(verdicts: Sequence[Verdict]) -> float | None:
    """Return the share of healthy cases with a finding that counts."""
    controls = [v for v in verdicts if v.healthy and not v.problem]
    return fmean(bool(v.counted) for v in controls) if controls else None


def score_card(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return everything that can be said of the verdicts, as plain dicts and numbers."""

    def plain(found: Score | None) -> dict[str, Any] | None:
        return None if found is None else asdict(found)

    groups = sorted({group for v in faulty(verdicts) for group in v.groups})
    own = [v for v in verdicts if not v.problem]
    return {
        "overall": plain(score(verdicts)),
        "by_kind": {kind: plain(s) for kind, s in scores_by_kind(verdicts).items()},
        "by_group": {
            group: plain(score([v for v in verdicts if group in v.groups])) for group in groups
        },
        "detected_of_cases": detection(verdicts),
        "false_alarms": false_alarms(verdicts),
        "n_healthy": sum(v.healthy for v in own),
        "n_faulty": sum(not v.healthy for v in own),
        "seconds": median(v.seconds for v in own) if own else None,
        "problems": {v.id: v.problem for v in verdicts if v.problem},
        "cases": [
            {**asdict(v), "counted": v.counted, "right_in_three": v.right_among(3)}
            for v in verdicts
        ],
    }


COLUMNS = ("n", "detected", "first", "three", "recall", "precision", "f1", "f3", "cured", "seconds")


def card_text(card: dict[str, Any]) -> str:
    """Return a score card as a text: a line a kind, a group, a case."""
    head = f"{'':32s}" + "".join(f"{name:>10s}" for name in COLUMNS)
    lines = [head]

    def line(name: str, values: dict[str, Any] | None) -> None:
        if values is not None:
            lines.append(f"{name:32s}" + "".join(_cell(values[column]) for column in COLUMNS))

    for part in ("by_kind", "by_group"):
        for name, values in card[part].items():
            line(name, values)
        lines.append("")
    line("average over kinds", card["overall"])
    alarms, n = card["false_alarms"], card["n_healthy"]
    if alarms is not None:
        lines.append(f"false alarms on {n} healthy programs: {100 * alarms:.1f} %")
    if card["detected_of_cases"] is not None:
        share = 100 * card["detected_of_cases"]
        lines.append(f"detected of {card['n_faulty']} faulty programs: {share:.1f} %")
    lines.append("")
    lines += [_case_line(case) for case in card["cases"]]
    return "\n".join(lines)


def _cell(value: float | int | None) -> str:
    if value is None:
        return f"{'':>10s}"
    return f"{value:10d}" if isinstance(value, int) else f"{value:10.2f}"


def _case_line(case: dict[str, Any]) -> str:
    if case["problem"]:
        return f"{case['id']:28s} not examined: {case['problem']}"
    if case["healthy"]:
        mark = "alarm" if case["counted"] else "ok"
        wanted = ""
    else:
        mark = "right" if case["right_in_three"] else "wrong" if case["counted"] else "missed"
        wanted = f"  wanted {', '.join(case['needed'])}"
    cure = "" if case["cure_share"] is None else f"  cure {case['cure_share']:.2f}"
    named = ", ".join(case["counted"]) or "nothing"
    return f"{case['id']:28s} {mark:7s}{case['seconds']:6.1f} s{cure}  named {named}{wanted}"
