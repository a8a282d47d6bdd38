"""Dropout that costs points without making a training poor: a gain beyond chance counts."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from gradlab.doctor.calibration import load_calibration
from gradlab.doctor.causes import too_much_dropout
from gradlab.doctor.causes.weighing import surely_helped, troubled
from gradlab.doctor.diagnosis import diagnose_evidence
from gradlab.doctor.effects import best_effect
from gradlab.doctor.evidence import Layer, Trial
from gradlab.doctor.paired import t_interval

from .made_evidence import LAYERS, evidence, facts, record

CALIBRATION = load_calibration()


def with_dropout(before, after, *, rows=360, **changes):
    """Return evidence of runs with dropout, and of the same seeds without."""
    trial = Trial((("dropout", 0.0),), after, after, tuple(0.3 for _ in after))
    layers = (LAYERS[0], Layer("dropout", "layers[1]", rate=0.95), *LAYERS[1:])
    return evidence(
        data=facts(n_validation=rows, trivial_score=0.1, reference_score=0.98, **changes),
        records=tuple(record(end) for end in before),
        changes={"layers": layers},
        trials=(trial,),
    )


SEEN = (0.894, 0.839, 0.892)
"""Of digits with a rate of 0.95; and without."""
WITHOUT = (0.975, 0.958, 0.961)


def test_nine_points_that_are_no_chance_are_a_fault():
    found = with_dropout(SEEN, WITHOUT)
    assert not troubled(found, CALIBRATION)  # 11 % of the room is missed
    (finding,) = diagnose_evidence(found).findings
    assert finding.kind == "too_much_dropout"
    assert finding.rule == "too_much_dropout.trial"
    assert finding.changes[-1][0].value == 0.0


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [
        pytest.param((0.90, 0.98, 0.88), (0.93, 0.96, 0.98), 360, id="seeds-disagree"),
        pytest.param(SEEN, WITHOUT, 40, id="few-rows-judge"),
        pytest.param(SEEN, WITHOUT[:1], 360, id="one-pair"),
        pytest.param((0.95, 0.951, 0.952), (0.97, 0.971, 0.972), 100_000, id="hardly-a-gain"),
        pytest.param(WITHOUT, SEEN, 360, id="a-loss"),
    ],
)
def test_what_chance_explains_and_what_is_little_are_none(before, after, rows):
    found = with_dropout(before, after, rows=rows)
    assert surely_helped(found, "dropout") is None
    assert too_much_dropout.look(found, CALIBRATION) == []


def test_only_less_dropout_alone_counts():
    found = with_dropout(SEEN, WITHOUT)
    (trial,) = found.trials
    longer = replace(trial, changes=(("dropout", 0.0), ("epochs", 120)))
    more = replace(trial, changes=(("dropout", 0.99),))
    for other in (longer, more):
        assert too_much_dropout.look(replace(found, trials=(other,)), CALIBRATION) == []


def test_the_interval_is_students_with_the_chance_of_the_rows():
    found = with_dropout(SEEN, WITHOUT)
    effect = best_effect(found, "dropout")
    assert effect is not None
    differences = np.subtract(WITHOUT, SEEN)
    of_seeds = stats.ttest_1samp(differences, 0).confidence_interval()
    assert t_interval(differences) == pytest.approx(of_seeds)
    rows = sum(p * (1 - p) / 360 for p in (np.mean(SEEN), np.mean(WITHOUT)))
    half = np.hypot(of_seeds.high - differences.mean(), stats.norm.ppf(0.975) * rows**0.5)
    assert np.diff(effect.interval)[0] / 2 == pytest.approx(half)


def test_dropout_that_changes_nothing_is_seldom_a_fault():
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(1000):
        # The same rows judge all runs: what they say in common is no chance between seeds.
        rows = rng.normal(0, 0.02, 2)
        before, after = 0.9 + rows[:, None] + rng.normal(0, 0.02, (2, 3))
        found = with_dropout(tuple(before), tuple(np.minimum(after, 1)), rows=200)
        alarms += surely_helped(found, "dropout") is not None
    assert alarms <= 25  # 2.5 %, the upper half of what a 95 % interval leaves out
