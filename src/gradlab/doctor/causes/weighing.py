"""What several causes ask: is it troubled, does a change help, what does the sweep say."""

import math
from dataclasses import dataclass

import numpy as np

from gradlab.doctor.calibration import Calibration
from gradlab.doctor.effects import HINT, Effect, best_effect, effects
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.standing import standing
from gradlab.doctor.symptoms import diverged
from gradlab.doctor.symptoms.reading import losses

HELD = 0.05
"""A rate is as good as the best if it leaves so little of the best one's fall undone."""


def troubled(evidence: Evidence, calibration: Calibration) -> bool:
    """Whether the training is poor enough to look for what slows or stops it.

    By its score, see `Standing.poor`; where no score is known, by a loss that diverged or fell by
    less than a bound.
    """
    now = standing(evidence)
    if now is not None:
        return now.poor(calibration)
    if diverged.see(evidence, calibration) is not None:
        return True
    curves = [c for c in (losses(r) for r in evidence.records) if len(c) >= 3]
    falls = [(c[0] - c[-1]) / max(abs(c[0]), 1e-12) for c in curves]
    return bool(falls) and float(np.mean(falls)) < calibration["standing.fall"]


def seen(evidence: Evidence) -> str:
    """Say how the training ended."""
    now = standing(evidence)
    if now is None:
        return "The training loss hardly falls."
    if now.diverged > 0:
        return f"{now.diverged:.0%} of the runs end in numbers that are none."
    return now.sentence


def helped(
    evidence: Evidence,
    calibration: Calibration,
    cause: str,
    setting: str,
    values: tuple | None = None,
    *,
    together: bool = False,
) -> Effect | None:
    """Return the best trial of a setting if it gains enough for a cause, in enough pairs of runs.

    Enough is `cause.gain` of the room between a constant answer and the best that is known, and
    `trials.errors` standard errors of the score.

    Args:
        evidence: With trials.
        calibration: Thresholds.
        cause: Whose gain is asked for.
        setting: That was changed.
        values: Of the setting that count; None for all.
        together: Also count trials in which other settings changed too, and can't be taken out.
    """
    now = standing(evidence)
    effect = best_effect(evidence, setting, values, together=together)
    if now is None or effect is None or effect.gain < calibration[f"{cause}.gain"]:
        return None
    if effect.after - effect.before < calibration["trials.errors"] * now.error:
        return None
    return effect if effect.agreeing >= calibration["trials.agreeing"] else None


def surely_helped(evidence: Evidence, setting: str, values: tuple | None = None) -> Effect | None:
    """Return the trial of one setting alone whose gain is beyond chance and worth a word, or None.

    The whole interval of the gain, seeds and judging rows considered, is above 0, and the gain is
    `effects.HINT` of the room or more. How poor the training is does not matter: that bound keeps
    the best of many trials from making a fault of chance, and this is one trial that was asked for.
    """
    for effect in effects(evidence, setting):
        if effect.alone and (values is None or effect.value in values):
            return effect if effect.interval[0] > 0 and effect.gain >= HINT else None
    return None


def tried(
    evidence: Evidence, calibration: Calibration, setting: str, values: tuple | None = None
) -> bool:
    """Whether a setting was tried and something else helped: then that it did not, tells.

    Where nothing helped, several things may be wrong, and no single trial excludes a cause.
    """
    here = [v for t in evidence.trials for n, v in t.changes if n == setting]
    if values is not None:
        here = [v for v in here if v in values]
    now = standing(evidence)
    if not here or now is None:
        return False
    return now.deficit_shown >= calibration["standing.deficit"]


def said(effect: Effect) -> str:
    """Say what a trial did."""
    parts = [f"{name.replace('_', ' ')} {_short(value)}" for name, value in effect.changes]
    if effect.others:
        parts.append(f"and others ({', '.join(x.replace('_', ' ') for x in effect.others)})")
    return f"With {', '.join(parts)} the score goes from {effect.before:.3g} to {effect.after:.3g}"


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace("_", " ")


@dataclass(frozen=True)
class RangeTest:
    """A learning rate range test, read.

    Attributes:
        rate: In use.
        best: Rate of the lowest loss.
        low, high: Ends of the range of rates that do about as well as the best.
        lost: (loss at the rate in use − lowest) / (start − lowest), 0 to 1.
        finite: Whether the rate in use ended in a finite loss.
    """

    rate: float
    best: float
    low: float
    high: float
    lost: float
    finite: bool

    @property
    def too_low_by(self) -> float:
        """Factor from the rate in use to the good range above it; 1 if it isn't below."""
        return max(self.low / self.rate, 1.0)

    @property
    def too_high_by(self) -> float:
        """Factor from the good range up to the rate in use; 1 if it isn't above."""
        return max(self.rate / self.high, 1.0)


def range_test(evidence: Evidence) -> RangeTest | None:
    """Read the sweep; None without one, or if no rate brought the loss down."""
    sweep, rate = evidence.sweep, evidence.setup.learning_rate
    if sweep is None or not rate or len(sweep.rates) < 3 or not math.isfinite(sweep.start):
        return None
    loss = np.where(np.isfinite(sweep.loss), sweep.loss, np.inf)
    lowest = float(loss.min())
    fall = sweep.start - lowest
    if not math.isfinite(lowest) or fall <= 1e-3 * abs(sweep.start):
        return None
    best = int(np.argmin(loss))
    good = loss <= lowest + HELD * fall
    low = best
    while low > 0 and good[low - 1]:
        low -= 1
    high = best
    while high + 1 < len(loss) and good[high + 1]:
        high += 1
    here = int(np.argmin(np.abs(np.log(sweep.rates) - math.log(rate))))
    lost = (float(loss[here]) - lowest) / fall
    return RangeTest(
        float(rate),
        float(sweep.rates[best]),
        float(sweep.rates[low]),
        float(sweep.rates[high]),
        float(np.clip(lost, 0, 1)),
        bool(np.isfinite(loss[here])),
    )


def updates(evidence: Evidence) -> int | None:
    """Return the number of steps of the training."""
    setup, data = evidence.setup, evidence.data
    if data is None or not setup.batch_size or not setup.epochs:
        return None
    return setup.epochs * math.ceil(data.n_train / setup.batch_size)


def share(value: float | int, low: float | int, high: float | int) -> float:
    """Return where a value lies between two bounds, on a logarithmic scale, 0 to 1.

    >>> share(10.0, 1.0, 100.0)
    0.5
    """
    if value <= 0:
        return 0.0
    return min(max(math.log(value / low) / math.log(high / low), 0.0), 1.0)
