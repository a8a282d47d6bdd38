"""Where to draw the line: thresholds chosen by a stated cost, or by a stated measure."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from gradlab.errors import DataError
from gradlab.metrics.checks import Array, Label
from gradlab.metrics.curves import MOST_POINTS, Sweep, spaced, sweep
from gradlab.scalars import Scalar

Values = Float64[np.ndarray, " thresholds"]


@dataclass(frozen=True, eq=False)
class ThresholdChoice:
    """A threshold, and what every other one would have given.

    A row is called positive where its score >= threshold. The threshold was chosen on these rows,
    so its value is a little too good: choose on validation rows and judge on others.

    Attributes:
        threshold: The best; midway between two scores. inf where nothing should be called
            positive, -inf where everything should.
        value: Cost a row, or the measure, at it.
        rule: What was optimised, in words.
        lower_is_better: Whether value is a cost.
        thresholds: All that differ, the highest first.
        lowest: Lowest score that each calls positive; inf for the first, which calls none.
        values: Value at each.
        true_positive_rate, false_positive_rate: At each.
        prevalence: Share of positive rows that was reckoned with.
        best: Place of the best among them.
    """

    threshold: float
    value: float
    rule: str
    lower_is_better: bool
    thresholds: Values
    lowest: Values
    values: Values
    true_positive_rate: Values
    false_positive_rate: Values
    prevalence: float
    best: int

    @property
    def never(self) -> float:
        """Value of calling nothing positive."""
        return float(self.values[0])

    @property
    def always(self) -> float:
        """Value of calling everything positive."""
        return float(self.values[-1])

    @property
    def sensitivity(self) -> float:
        """Share of positive rows found at the best threshold."""
        return float(self.true_positive_rate[self.best])

    @property
    def specificity(self) -> float:
        """Share of negative rows left alone at the best threshold."""
        return float(1 - self.false_positive_rate[self.best])

    def thinned(self, most: int = MOST_POINTS) -> "ThresholdChoice":
        """Return the choice with as many thresholds at most beside the best one."""
        kept = np.union1d(spaced(len(self.thresholds), most), [self.best])
        return replace(
            self,
            thresholds=self.thresholds[kept],
            lowest=self.lowest[kept],
            values=self.values[kept],
            true_positive_rate=self.true_positive_rate[kept],
            false_positive_rate=self.false_positive_rate[kept],
            best=int(np.searchsorted(kept, self.best)),
        )

    def value_at(self, threshold: Scalar) -> float:
        """Return the value of another threshold, such as 0.5."""
        # The last of the listed ones that calls no more rows positive.
        place = np.searchsorted(-self.lowest, -float(threshold), side="right") - 1
        return float(self.values[max(int(place), 0)])


def best_threshold(
    y: Array,
    scores: Array,
    *,
    positive: Label | None = None,
    false_positive_cost: Scalar = 1.0,
    false_negative_cost: Scalar = 1.0,
    prevalence: Scalar | None = None,
) -> ThresholdChoice:
    """Return the threshold of least expected cost a row.

        cost = prevalence · false_negative_cost · (1 - TPR)
             + (1 - prevalence) · false_positive_cost · FPR

    Of several thresholds of one cost, the one with most room to the next scores is taken.

    Args:
        y: True labels of two classes.
        scores: Any number that grows with the chance of the positive class.
        positive: The positive class; by default 1 or True.
        false_positive_cost: Of a false alarm, at least 0.
        false_negative_cost: Of a miss, at least 0, in the same units.
        prevalence: Share of positive rows where the model will be used, if these rows hold more or
            less; by default their share here.

    Raises:
        DataError: If a cost is negative or both are 0, the prevalence is not between 0 and 1, or
            the rows are not of two classes.

    >>> y, scores = [0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.7, 0.9]
    >>> round(best_threshold(y, scores).threshold, 2)
    0.55
    >>> round(best_threshold(y, scores, false_negative_cost=10).threshold, 2)  # a miss is dear
    0.25

    Source: Elkan 2001, The foundations of cost-sensitive learning.
    """
    costs = float(false_positive_cost), float(false_negative_cost)
    if not all(np.isfinite(costs)) or min(costs) < 0 or max(costs) == 0:
        raise DataError(
            f"Costs are finite, at least 0 and not both 0; got false_positive_cost={costs[0]:g} "
            f"and false_negative_cost={costs[1]:g}."
        )
    if prevalence is not None and not 0 < prevalence < 1:
        raise DataError(f"prevalence lies between 0 and 1; got {prevalence}.")
    found = sweep(y, scores, positive=positive)
    share = found.positives / (found.positives + found.negatives)
    share = share if prevalence is None else float(prevalence)
    hits, alarms = _rates(found)
    values = share * costs[1] * (1 - hits) + (1 - share) * costs[0] * alarms
    rule = f"least cost, where a false alarm costs {costs[0]:g} and a miss {costs[1]:g}"
    return _choice(found, values, rule, share, lower_is_better=True)


def best_threshold_for_f(
    y: Array, scores: Array, *, beta: Scalar = 1.0, positive: Label | None = None
) -> ThresholdChoice:
    """Return the threshold of highest F_β.

    Args:
        y, scores, positive: As for `best_threshold`.
        beta: How many times as much recall counts as precision, over 0.

    >>> choice = best_threshold_for_f([0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.7, 0.9])
    >>> round(choice.threshold, 2), round(choice.value, 3)
    (0.25, 0.857)
    """
    if not beta > 0:
        raise DataError(f"F-beta needs beta over 0; got {beta}.")
    found, weight = sweep(y, scores, positive=positive), float(beta) ** 2
    hits = np.append(0, found.true_positives)
    called = hits + np.append(0, found.false_positives)
    values = (1 + weight) * hits / (weight * found.positives + called)
    share = found.positives / (found.positives + found.negatives)
    return _choice(found, values, f"highest F{beta:g}", share, lower_is_better=False)


def youden_threshold(y: Array, scores: Array, *, positive: Label | None = None) -> ThresholdChoice:
    """Return the threshold of highest J = sensitivity + specificity - 1 (Youden 1950).

    It is the one of least cost if a miss costs as many false alarms as there are negative rows for
    each positive one.

    Args:
        y, scores, positive: As for `best_threshold`.

    >>> round(youden_threshold([0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.7, 0.9]).value, 3)
    0.667
    """
    found = sweep(y, scores, positive=positive)
    hits, alarms = _rates(found)
    share = found.positives / (found.positives + found.negatives)
    rule = "highest sensitivity + specificity"
    return _choice(found, hits - alarms, rule, share, lower_is_better=False)


def _rates(found: Sweep) -> tuple[Values, Values]:
    return (
        np.append(0, found.true_positives) / found.positives,
        np.append(0, found.false_positives) / found.negatives,
    )


def _choice(
    found: Sweep, values: Values, rule: str, prevalence: float, *, lower_is_better: bool
) -> ThresholdChoice:
    scores = found.thresholds
    middles = scores[:-1] + (scores[1:] - scores[:-1]) / 2
    # Midway between neighbours that no float separates lies on one of them: take the upper.
    middles = np.where(middles > scores[1:], middles, scores[:-1])
    thresholds = np.concatenate([[np.inf], middles, [-np.inf]])
    room = np.concatenate([[0.0], scores[:-1] - scores[1:], [0.0]])
    order = values if lower_is_better else -values
    best = int(
        np.argmax(np.where(np.isclose(order, order.min(), rtol=1e-12, atol=1e-15), room, -1))
    )
    hits, alarms = _rates(found)
    return ThresholdChoice(
        threshold=float(thresholds[best]),
        value=float(values[best]),
        rule=rule,
        lower_is_better=lower_is_better,
        thresholds=thresholds,
        lowest=np.append(np.inf, scores),
        values=values,
        true_positive_rate=hits,
        false_positive_rate=alarms,
        prevalence=float(prevalence),
        best=best,
    )
