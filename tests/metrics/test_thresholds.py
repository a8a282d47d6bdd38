"""Thresholds: the cheapest by trying all of them, laws, and what is refused."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradlab import metrics
from gradlab.errors import DataError

Y, SCORES = [0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.7, 0.9]
BITS = hnp.arrays(np.int64, 12, elements=st.integers(0, 1))
TIED = hnp.arrays(np.float64, 12, elements=st.integers(0, 6).map(lambda k: k / 6))
few = settings(max_examples=30)


def cost_of(y, called, alarm, miss):
    return (alarm * np.sum(called & (y == 0)) + miss * np.sum(~called & (y == 1))) / len(y)


@few
@given(BITS, TIED, st.floats(0, 10), st.floats(0.1, 10))
def test_no_other_threshold_is_cheaper(y, scores, alarm, miss):
    assume(0 < y.sum() < 12)
    choice = metrics.best_threshold(y, scores, false_positive_cost=alarm, false_negative_cost=miss)
    lines = [-np.inf, *np.unique(scores), np.inf]
    costs = [cost_of(y, scores >= line, alarm, miss) for line in lines]
    assert choice.value == pytest.approx(min(costs))
    assert cost_of(y, scores >= choice.threshold, alarm, miss) == pytest.approx(choice.value)
    for line, cost in zip(lines, costs, strict=True):
        assert choice.value_at(line) == pytest.approx(cost)
    assert (choice.never, choice.always) == pytest.approx((costs[-1], costs[0]))


def test_dear_misses_lower_the_threshold_and_dear_alarms_raise_it():
    lines = [
        metrics.best_threshold(Y, SCORES, false_positive_cost=a, false_negative_cost=m).threshold
        for a, m in ((1, 100), (1, 10), (1, 1), (10, 1), (100, 1))
    ]
    assert lines == sorted(lines)
    assert lines[0] < 0.3 < 0.4 < lines[-1]


def test_nothing_or_everything_may_be_cheapest():
    y, wrong = [0, 0, 1, 1], [0.9, 0.8, 0.2, 0.1]
    dear = metrics.best_threshold(y, wrong, false_positive_cost=9)
    assert dear.threshold == np.inf
    assert (dear.sensitivity, dear.specificity) == (0, 1)
    assert metrics.best_threshold(y, wrong, false_negative_cost=9).threshold == -np.inf


def test_thresholds_of_calibrated_probabilities_are_near_what_theory_says(rng):
    probability = rng.random(200_000)
    y = (rng.random(200_000) < probability).astype(int)
    choice = metrics.best_threshold(y, probability, false_positive_cost=1, false_negative_cost=4)
    assert choice.threshold == pytest.approx(1 / (1 + 4), abs=0.02)


def test_prevalence_where_the_model_is_used_moves_threshold_and_cost(rng):
    y = np.repeat([0, 1], 500)
    scores = rng.normal(size=1000) + 1.5 * y
    here = metrics.best_threshold(y, scores)
    rare = metrics.best_threshold(y, scores, prevalence=0.02)
    assert here.prevalence == 0.5
    assert rare.threshold > here.threshold
    assert rare.value <= rare.never == pytest.approx(0.02)
    # The same as if the negative rows were 49 times as many.
    many = np.concatenate([y, np.zeros(500 * 48, int)])
    more = np.concatenate([scores, np.tile(scores[y == 0], 48)])
    assert metrics.best_threshold(many, more).value == pytest.approx(rare.value)


def test_of_equal_thresholds_the_one_with_most_room_is_taken():
    choice = metrics.best_threshold([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert choice.value == 0
    assert choice.threshold == pytest.approx(0.5)


@few
@given(BITS, TIED, st.sampled_from([0.5, 1.0, 2.0]))
def test_f_and_youden_are_the_best_of_all_thresholds(y, scores, beta):
    assume(0 < y.sum() < 12)
    lines = [*np.unique(scores), np.inf]
    found = metrics.best_threshold_for_f(y, scores, beta=beta)
    values = [metrics.f_score(y, (scores >= line).astype(int), beta=beta) for line in lines]
    assert found.value == pytest.approx(max(values))
    youden = metrics.youden_threshold(y, scores)
    curve = metrics.roc(y, scores)
    assert youden.value == pytest.approx(
        np.max(curve.true_positive_rate - curve.false_positive_rate)
    )
    assert youden.sensitivity + youden.specificity - 1 == pytest.approx(youden.value)


def test_neighbouring_floats_are_parted():
    low = 0.3
    high = np.nextafter(low, 1)
    choice = metrics.best_threshold([0, 1], [low, high])
    assert low < choice.threshold <= high


def test_thinned_choices_keep_the_best(rng):
    y = rng.integers(0, 2, 3000)
    choice = metrics.best_threshold(y, rng.normal(size=3000) + y)
    thin = choice.thinned(50)
    assert len(thin.thresholds) <= 51
    assert thin.thresholds[thin.best] == choice.threshold == thin.threshold
    assert thin.values[thin.best] == choice.value


BAD = {
    "not both 0": {"false_positive_cost": 0, "false_negative_cost": 0},
    "at least 0": {"false_positive_cost": -1},
    "between 0 and 1": {"prevalence": 0},
    "finite": {"false_negative_cost": np.inf},
}


@pytest.mark.parametrize("message", BAD)
def test_costs_that_make_no_sense_are_refused(message):
    with pytest.raises(DataError, match=message):
        metrics.best_threshold(Y, SCORES, **BAD[message])


def test_beta_and_single_classes_are_refused():
    with pytest.raises(DataError, match="beta over 0"):
        metrics.best_threshold_for_f(Y, SCORES, beta=0)
    with pytest.raises(DataError, match="both classes"):
        metrics.youden_threshold([1, 1], [0.1, 0.2])
