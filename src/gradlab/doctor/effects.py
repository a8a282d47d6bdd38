"""What a change of one setting does, read from trials that differ in nothing else."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradlab.doctor.evidence import Evidence, Trial
from gradlab.doctor.paired import t_interval
from gradlab.doctor.standing import Standing, chance_error, standing, trial_scores

COMPANIONS = {
    "optimizer": ("learning_rate",),
    "l1": ("l2", "weight_decay"),
}
"""Settings that belong to a change of another and need no partner of their own."""

HINT = 0.03
"""Share of what can be learnt that is worth a word."""


@dataclass(frozen=True)
class Effect:
    """One setting changed, all else equal.

    Attributes:
        changes: All that differs, the setting first.
        before, after: Mean scores without and with it.
        gain: (after − before) / room, the share of what can be learnt at all.
        closed: (after − before) / (ceiling − before), the share of what was missing.
        agreeing: Share of pairs of runs in which the changed one does better; ties count half.
        interval: Of (after − before), at 95 %: of pairs of runs from the same seed, with the chance
            of the rows that judge; infinite with fewer than two pairs.
        alone: Whether it is compared with the training under examination itself.
        others: Settings that changed at the same time and could not be taken out: then it says
            only that one of them helps.
    """

    changes: tuple[tuple[str, object], ...]
    before: float
    after: float
    gain: float
    closed: float
    agreeing: float
    interval: tuple[float, float]
    alone: bool
    others: tuple[str, ...] = ()

    @property
    def value(self) -> object:
        """What the setting was changed to."""
        return self.changes[0][1]


def effects(evidence: Evidence, setting: str, *, together: bool = False) -> list[Effect]:
    """Return the effects of all trials of a setting, the most helpful first.

    A trial that changes more than the setting is compared with the trial that changes only the
    rest. Where there is none, it is left out, or with `together` compared with the training under
    examination.
    """
    now = standing(evidence)
    if now is None:
        return []
    found = []
    for trial in evidence.trials:
        names = [name for name, _ in trial.changes]
        if setting not in names:
            continue
        own = (setting, *(x for x in COMPANIONS.get(setting, ()) if x in names))
        rest = tuple(pair for pair in trial.changes if pair[0] not in own)
        before = _scores_of(evidence, rest, now)
        others: tuple[str, ...] = ()
        if before is None:
            if not together:
                continue
            before, others = now.scores, tuple(name for name, _ in rest)
        changes = tuple(sorted((p for p in trial.changes if p[0] in own), key=_first(setting)))
        found.append(
            _effect(
                evidence, changes, before, _clipped(trial, now), now, alone=not rest, others=others
            )
        )
    return sorted(found, key=lambda effect: (-effect.gain, not effect.alone))


def _first(setting: str) -> Callable[[tuple[str, object]], bool]:
    return lambda pair: pair[0] != setting


def best_effect(
    evidence: Evidence, setting: str, values: tuple | None = None, *, together: bool = False
) -> Effect | None:
    """Return the most helpful trial of a setting, of those with one of the values if given."""
    for effect in effects(evidence, setting, together=together):
        if values is None or effect.value in values:
            return effect
    return None


def clearest(evidence: Evidence, least: float = HINT) -> Effect | None:
    """Return the single setting that gains most, if every run with it beats every run without.

    What is worth knowing of a training in which nothing is wrong.

    Args:
        evidence: With trials.
        least: Share of what can be learnt that must be gained; besides, two standard errors.
    """
    now = standing(evidence)
    if now is None:
        return None
    names = {name for trial in evidence.trials for name, _ in trial.changes}
    found = [best_effect(evidence, name) for name in sorted(names)]
    sure = [
        effect
        for effect in found
        if effect is not None
        and effect.alone
        and effect.agreeing == 1
        and effect.gain >= least
        and effect.after - effect.before >= 2 * now.error
    ]
    return max(sure, key=lambda effect: effect.gain, default=None)


def _scores_of(
    evidence: Evidence, changes: tuple[tuple[str, object], ...], now: Standing
) -> tuple[float, ...] | None:
    if not changes:
        return now.scores
    for trial in evidence.trials:
        if set(trial.changes) == set(changes):
            return _clipped(trial, now)
    return None


def _clipped(trial: Trial, now: Standing) -> tuple[float, ...]:
    return tuple(max(x, now.trivial) for x in trial_scores(trial))


def _effect(
    evidence: Evidence,
    changes: tuple[tuple[str, object], ...],
    before: tuple[float, ...],
    after: tuple[float, ...],
    now: Standing,
    *,
    alone: bool,
    others: tuple[str, ...],
) -> Effect:
    old, new = float(np.mean(before)), float(np.mean(after))
    difference = np.subtract.outer(np.asarray(after), np.asarray(before))
    agreeing = float(np.mean((difference > 0) + 0.5 * (difference == 0)))
    room = max(now.room, 1e-9)
    missing = now.trivial + now.room - old
    closed = (new - old) / missing if missing > 1e-9 else 0.0
    error = float(np.hypot(chance_error(evidence, old), chance_error(evidence, new)))
    interval = _interval(before, after, error)
    gain = (new - old) / room
    return Effect(changes, old, new, gain, closed, agreeing, interval, alone, others)


def _interval(
    before: tuple[float, ...], after: tuple[float, ...], error: float
) -> tuple[float, float]:
    """Return the interval of a gain: the runs of both come in the order of their seeds."""
    pairs = min(len(before), len(after))
    if pairs < 2:
        return -np.inf, np.inf
    # The same rows judge all runs, so that further seeds do not lessen their chance.
    return t_interval(np.subtract(after[:pairs], before[:pairs]), further=error)


def final_train_score(evidence: Evidence) -> float | None:
    """Return the mean of the runs' last training scores."""
    last = [r.train_score[-1] for r in evidence.records if len(r.train_score)]
    last = [float(x) for x in last if np.isfinite(x)]
    return float(np.mean(last)) if last else None
