"""Scores with the interval that suits each."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gradlab.errors import DataError
from gradlab.lab.scoring.scorecard import Score
from gradlab.metrics.checks import Array, labels
from gradlab.metrics.resampling import Interval, Measure, Resampled, Resampler
from gradlab.metrics.wilson import wilson


class Intervals:
    """Makes the intervals of one scorecard, all from the same resamples.

    Args:
        n_rows: Rows scored.
        groups: Group of each row; None for independent rows.
        level, n_resamples, seed: As for `score_predictions`.
    """

    def __init__(
        self, n_rows: int, groups: Array | None, level: float, n_resamples: int, seed: int
    ):
        self.level = level
        self.grouped = groups is not None
        names = None if groups is None else labels(groups, "groups")
        self.resampler = Resampler(n_rows, groups=names, n_resamples=n_resamples, seed=seed)
        n_units = n_rows if names is None else len(np.unique(names))
        self.possible = n_units >= 2
        self.notes: tuple[str, ...] = ()
        if not self.possible:
            what = "group of rows" if self.grouped else "row"
            self.notes = (f"There is one {what} only, so no score has an interval.",)

    def share(
        self,
        score: Score,
        successes: float,
        n: float,
        resampled: Resampled | None,
        measure: Measure,
    ) -> Score:
        """Return a share of n rows with Wilson's interval; rows in groups are bootstrapped.

        Args:
            score: Without its value.
            successes, n: Rows that count, of which; with n = 0 the share is undefined.
            resampled, measure: The same as a measure of sums, for the bootstrap.
        """
        if n == 0:
            return replace(score, value=None, note=score.note or "undefined: nothing to divide by")
        score = replace(score, value=successes / n, unit="share")
        if self.grouped:
            return self.of_sums(score, resampled, measure)
        return self.filled(score, wilson(int(successes), int(n), self.level))

    def resample(self, terms: Any) -> Resampled | None:
        """Return the sums of terms over all resamples; None where there can be none."""
        return self.resampler.resample(terms) if self.possible else None

    def of_sums(self, score: Score, resampled: Resampled | None, measure: Measure) -> Score:
        """Return a score with the BCa interval of a measure of sums over rows."""
        if resampled is None:
            return score
        return self.attempted(
            score, lambda: resampled.interval(measure, level=self.level, estimate=score.value)
        )

    def attempted(self, score: Score, make: Callable[[], Interval]) -> Score:
        """Return the score with its interval, or with a note why it has none."""
        try:
            return self.filled(score, make())
        except DataError:
            note = "no interval: undefined on most resamples"
            return replace(score, note="; ".join(filter(None, (score.note, note))))

    def filled(self, score: Score, interval: Interval) -> Score:
        """Return the score with an interval."""
        if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
            return score
        if interval.method != "Wilson" and math.isclose(interval.low, interval.high):
            note = "no interval: every resample gave the same score"
            return replace(score, note="; ".join(filter(None, (score.note, note))))
        note = "; ".join(filter(None, (score.note, interval.note)))
        return replace(
            score, low=interval.low, high=interval.high, method=interval.method, note=note
        )
