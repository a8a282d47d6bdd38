"""Rules across a study: found where they hold, and not where chance made them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from gradlab.doctor.study_rules import Condition, StudyRow, fisher_greater, study_rules
from gradlab.errors import DataError


def study(stalls, *, seeds=4, noise=0, **levels):
    """Return runs over all combinations of levels; `stalls` says which stall."""
    grid = [{}]
    for name, values in levels.items():
        grid = [{**settings, name: value} for settings in grid for value in values]
    rows = [
        StudyRow(settings, bool(stalls(settings)), False) for settings in grid for _ in range(seeds)
    ]
    flips = np.random.default_rng(0).permutation(len(rows))[:noise]
    return [
        StudyRow(row.settings, row.stalled != (i in flips), row.diverged)
        for i, row in enumerate(rows)
    ]


def test_sigmoid_beyond_five_layers_stalls_and_he_runs_do_not():
    rows = study(
        lambda s: s["activation"] == "sigmoid" and s["layers"] > 5,
        activation=("sigmoid", "tanh", "relu"),
        layers=(2, 4, 6, 8, 10),
        init=("xavier_normal", "he_normal"),
        seeds=2,
    )
    (rule,) = study_rules(rows)
    assert rule.sentence == (
        "every run with activation sigmoid and layers of 6 or more stalls (12 of 12); "
        "those with activation tanh do not (0 of 12)"
    )
    assert rule.p < 1e-6
    assert rule.share[0] > 0.7
    assert (rule.others_failed, rule.others_n) == (0, 48)


def test_one_setting_is_said_alone():
    rows = study(lambda s: s["init"] == "zeros", init=("zeros", "he_normal"), width=(8, 16, 32))
    (rule,) = study_rules(rows)
    assert rule.conditions == (Condition("init", "=", "zeros"),)
    assert rule.sentence == (
        "every run with init zeros stalls (12 of 12); those with init he_normal do not (0 of 12)"
    ).replace("_", " ")


def test_rule_with_exceptions_gives_its_interval():
    rows = study(
        lambda s: s["learning_rate"] >= 1.0, noise=12, learning_rate=(0.001, 0.1, 1.0), seeds=20
    )
    (rule,) = study_rules(rows)
    assert "mostly stall" in rule.sentence
    assert rule.failed < rule.n
    assert rule.share[0] < rule.failed / rule.n < rule.share[1]


def test_divergence_is_a_rule_of_its_own():
    rows = [
        StudyRow({"learning_rate": rate, "optimizer": kind}, False, kind == "sgd" and rate == 1.0)
        for rate in (0.01, 0.1, 1.0)
        for kind in ("sgd", "adam")
        for _ in range(8)
    ]
    (rule,) = study_rules(rows)
    assert rule.outcome == "diverged"
    assert "diverges (8 of 8)" in rule.sentence


def test_chance_makes_no_rules():
    """In studies without any effect, at most about 5 % give a rule."""
    rng = np.random.default_rng(1)
    levels = {"a": "xyz", "b": "uvw", "c": "pq"}
    false = 0
    for _ in range(60):
        rows = [
            StudyRow({k: str(rng.choice(list(v))) for k, v in levels.items()},
                     bool(rng.random() < 0.3), False)
            for _ in range(60)
        ]  # fmt: skip
        false += bool(study_rules(rows))
    assert false <= 6


def test_nothing_varied_or_nothing_failed_gives_nothing():
    assert study_rules([]) == []
    assert study_rules(study(lambda s: False, a=(1, 2))) == []
    assert study_rules(study(lambda s: True, a=(1, 2))) == []
    assert study_rules([StudyRow({"a": 1}, i % 2 == 0, False) for i in range(20)]) == []


def test_three_runs_are_too_few_to_accuse():
    assert study_rules(study(lambda s: s["a"] == 1, seeds=2, a=(1, 2))) == []


@given(
    failed=st.integers(0, 12), n=st.integers(0, 12), others=st.integers(0, 12), m=st.integers(0, 12)
)
def test_p_equals_scipys_fisher_exact(failed, n, others, m):
    failed, others = min(failed, n), min(others, m)
    expected = fisher_exact([[failed, n - failed], [others, m - others]], "greater").pvalue
    assert fisher_greater(failed, n, others, m) == pytest.approx(expected, abs=1e-12)


def test_levels_are_checked():
    with pytest.raises(DataError, match="level must lie between 0 and 1; got 2"):
        study_rules([], level=2.0)
