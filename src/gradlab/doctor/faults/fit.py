"""Choosing thresholds and confidences on specimens whose faults are known.

A rule should speak as early as it can without crying wolf. So each threshold in turn is moved to
the value that finds most right causes while false alarms stay under a limit; again and again until
nothing moves. A move must mend specimens of several data sets, and goes no further than it must:
what the specimens do not decide stays where the literature has put it.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from gradlab.doctor.calibration import Calibration, Threshold
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.faults.score import Score, counted, score_of
from gradlab.doctor.faults.specimen import Specimen
from gradlab.doctor.finding import Diagnosis

CalibratedDoctor = Callable[[Evidence, Calibration], Diagnosis]

VALUES = 9
"""Tried of each threshold's range, besides the one in use."""
LIMIT = 0.05
"""Largest share of healthy examinations with a finding."""
MENDED = 2
"""Specimens that a move must mend, net: one fewer, and it would follow single ones."""
SETS = 2
"""Data sets that these must come from: a move that mended two faults of one set tripled the false
alarms on sets that were held out."""
PSEUDO = 6.0
"""The confidence before counts as much as so many findings."""


@dataclasses.dataclass(frozen=True)
class Move:
    """A threshold that was moved, with the scores before and after."""

    name: str
    before: float
    after: float
    score: Score


def worth(found: Score, limit: float = LIMIT) -> float:
    """Return what thresholds are chosen by: right first, and a little for being found at all.

    0.6 · first + 0.2 · three + 0.2 · detected − 4 · max(false alarms − limit, 0)
    """
    over = max(found.false_alarms - limit, 0.0)
    return 0.6 * found.first + 0.2 * found.three + 0.2 * found.detected - 4 * over


def choose_thresholds(
    calibration: Calibration,
    specimens: Sequence[Specimen],
    doctor: CalibratedDoctor,
    *,
    limit: float = LIMIT,
    rounds: int = 2,
    told: Callable[[Move], None] = lambda move: None,
) -> Calibration:
    """Move thresholds one by one to where they serve best.

    Args:
        calibration: To begin with.
        specimens: Healthy and faulty; none of them held out.
        doctor: From evidence and calibration to findings.
        limit: Of the share of false alarms.
        rounds: Times through all thresholds, at most.
        told: Called with every move.

    Returns:
        The calibration with other values, each within its range.
    """
    desk = _Desk(counted(specimens), doctor)
    now = [desk.look(i, calibration) for i in range(len(desk.specimens))]
    for _ in range(rounds):
        moved = False
        for name in sorted(calibration.thresholds):
            threshold = calibration.thresholds[name]
            values = _values(threshold)
            looks = {x: desk.moved(now, calibration, name, x) for x in (values[0], values[-1])}
            if all(_kinds(found) == _kinds(now) for found in looks.values()):
                continue
            for value in values[1:-1]:
                looks[value] = desk.moved(now, calibration, name, value)
            before = desk.score(now)
            value, after = _best(looks, desk, threshold, before, limit)
            if worth(after, limit) > worth(before, limit):
                moved, now = True, looks[value]
                told(Move(name, threshold.value, value, after))
                calibration = calibration.with_value(name, value)
        if not moved:
            break
    return calibration


class _Look(NamedTuple):
    """What was found, and which thresholds were asked for on the way."""

    kinds: tuple[str, ...]
    read: frozenset[str]


class _Desk:
    """Specimens to be looked at with one calibration after another."""

    def __init__(self, specimens: list[Specimen], doctor: CalibratedDoctor) -> None:
        self.specimens, self.doctor = specimens, doctor
        self.sets = {specimen.name: specimen.dataset for specimen in specimens}

    def look(self, i: int, calibration: Calibration) -> _Look:
        """Diagnose a specimen."""
        evidence = self.specimens[i].evidence
        assert evidence is not None  # only such count
        reading = _Reading(calibration.thresholds, calibration.confidences, calibration.version)
        findings = self.doctor(evidence, reading).findings
        return _Look(tuple(x.kind for x in findings), frozenset(reading.read))

    def moved(
        self, now: list[_Look], calibration: Calibration, name: str, value: float
    ) -> list[_Look]:
        """Diagnose again where the threshold was asked for: elsewhere it decides nothing."""
        trial = calibration.with_value(name, value)
        return [self.look(i, trial) if name in look.read else look for i, look in enumerate(now)]

    def score(self, looks: list[_Look]) -> Score:
        """Return the score of what was found."""
        return score_of(self.specimens, [look.kinds for look in looks])


class _Reading(Calibration):
    """A calibration that remembers which thresholds were asked for."""

    def __getitem__(self, name: str) -> float:
        """Return a threshold's value, and remember it."""
        self.read.add(name)
        return super().__getitem__(name)

    @cached_property
    def read(self) -> set[str]:
        """Names asked for."""
        return set()


def _kinds(looks: list[_Look]) -> list[tuple[str, ...]]:
    return [look.kinds for look in looks]


def _best(
    looks: dict[float, list[_Look]],
    desk: _Desk,
    threshold: Threshold,
    before: Score,
    limit: float,
) -> tuple[float, Score]:
    """Return the most worthy value that mends enough, the nearest of equals; or the one in use."""
    best = (threshold.value, before)
    nearest_first = sorted(looks, key=lambda x: _distance(threshold, x))
    for value in nearest_first:
        found = desk.score(looks[value])
        wrong, still = _errors(before), _errors(found)
        sets = {desk.sets[name] for name in wrong - still}
        mends = wrong.total() - still.total() >= MENDED and len(sets) >= SETS
        if mends and worth(found, limit) > worth(best[1], limit) + 1e-9:
            best = (value, found)
    return best


def _errors(found: Score) -> Counter[str]:
    """Return how often specimens of a name were not judged right."""
    return Counter(name for name, _ in (*found.wrong, *found.alarms))


def _is_wide(threshold: Threshold) -> bool:
    return threshold.low > 0 and threshold.high / threshold.low > 10


def _distance(threshold: Threshold, value: float) -> float:
    if _is_wide(threshold):
        return abs(float(np.log(value / threshold.value)))
    return abs(value - threshold.value)


def _values(threshold: Threshold) -> list[float]:
    """Return values within the range; at its very ends rules may say nothing, or divide by 0."""
    grid = np.geomspace if _is_wide(threshold) else np.linspace
    inner = grid(threshold.low, threshold.high, VALUES + 2)[1:-1]
    return [float(f"{x:.3g}") for x in inner]


class _Listening(Calibration):
    """A calibration that remembers which confidences were asked for."""

    def confidence(self, name: str, strength: float = 1.0) -> float:
        """Return the confidence, and remember it."""
        value = super().confidence(name, strength)
        self.heard[name, value] = float(np.clip(strength, 0, 1))
        return value

    @cached_property
    def heard(self) -> dict[tuple[str, float], float]:
        """Name and confidence to the strength of the evidence."""
        return {}


def measure_confidences(
    calibration: Calibration, specimens: Sequence[Specimen], doctor: CalibratedDoctor
) -> tuple[Calibration, dict[str, tuple[int, int]]]:
    """Set confidences to the share of findings that were right, drawn towards what they were.

    For each name, of findings with strength below and above one half:
    (right + PSEUDO · before) / (all + PSEUDO)

    Returns:
        The calibration, and for each name the findings that were right, and all.
    """
    counts: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for specimen in counted(specimens):
        assert specimen.evidence is not None  # only such count
        listening = _Listening(calibration.thresholds, calibration.confidences, calibration.version)
        for finding in doctor(specimen.evidence, listening).findings:
            # One that another explains has less than was asked for; it counts as weak.
            strength = listening.heard.get((finding.rule, finding.confidence), 0.0)
            if finding.rule in calibration.confidences:
                counts[finding.rule].append((strength, finding.kind in specimen.right))
    measured = dict(calibration.confidences)
    for name, rows in counts.items():
        weak, strong = calibration.confidences[name]
        low = [right for strength, right in rows if strength < 0.5]
        high = [right for strength, right in rows if strength >= 0.5]
        new_weak = (sum(low) + PSEUDO * weak) / (len(low) + PSEUDO)
        new_strong = (sum(high) + PSEUDO * strong) / (len(high) + PSEUDO)
        if new_weak > new_strong:
            # Stronger evidence cannot mean less: one number for both.
            new_weak = new_strong = (sum(low) + sum(high) + PSEUDO * (weak + strong) / 2) / (
                len(rows) + PSEUDO
            )
        measured[name] = (round(new_weak, 3), round(new_strong, 3))
    tally = {name: (sum(r for _, r in rows), len(rows)) for name, rows in sorted(counts.items())}
    return dataclasses.replace(calibration, confidences=measured), tally


def adopt_confidences(
    calibration: Calibration,
    measured: Calibration,
    specimens: Sequence[Specimen],
    doctor: CalibratedDoctor,
    *,
    limit: float = LIMIT,
) -> Calibration:
    """Take over measured confidences one by one, as far as findings are not ranked worse by them.

    Those of causes that no specimen has are left: they could only sink.
    """
    asked = counted(specimens)
    kinds = {x.right[0] for x in asked if x.fault}

    def worth_of(trial: Calibration) -> float:
        found = [
            tuple(x.kind for x in doctor(s.evidence, trial).findings) for s in asked if s.evidence
        ]
        return worth(score_of(asked, found), limit)

    best = worth_of(calibration)
    for name, pair in sorted(measured.confidences.items()):
        if pair == calibration.confidences[name] or name.split(".")[0] not in kinds:
            continue
        trial = dataclasses.replace(
            calibration, confidences={**calibration.confidences, name: pair}
        )
        if (value := worth_of(trial)) >= best:
            best, calibration = value, trial
    return calibration
