"""The words say what the numbers say, for every shape of result."""

import numpy as np
import pytest

from gradlab.lab.ranking import rank_axis
from gradlab.lab.verdicts import (
    describe,
    format_amount,
    format_difference,
    format_interval,
    format_score,
    join_names,
)

LABELS = {"adam": "Adam", "rmsprop": "RMSProp", "sgd": "SGD", "lion": "Lion"}
NOISE = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
NOISE2 = np.array([1.0, -2.0, 2.0, -1.0, 0.0])
NOISE3 = np.array([0.0, 2.0, -1.0, -2.0, 1.0])
PATTERNS = (NOISE2, NOISE, NOISE3)


def ranking(means, spreads, base=None, **options):
    """Levels in the order of LABELS with given means and spreads, in points."""
    rows = [
        mean / 100 + spread / 100 * noise
        for mean, spread, noise in zip(means, spreads, PATTERNS, strict=False)
    ]
    names = list(LABELS)[: len(means)]
    return rank_axis("optimizer", names, np.array(rows), base=base, **options)


def test_two_on_top_and_a_loser():
    found = ranking([97.0, 96.8, 94.0], [0.3, 0.3, 0.3], base="sgd")
    sentences = describe(found, LABELS)
    assert sentences[0] == (
        "Adam and RMSProp cannot be told apart here; "
        "both beat SGD by 2.8 points [1.5, 4.1] or more."
    )
    assert sentences[1] == "Against the base, SGD, Adam gains 3.0 points [1.8, 4.2]."
    assert sentences[2].startswith("About ")
    assert "would separate RMSProp from Adam" in sentences[2]


def test_a_lone_leader():
    found = ranking([97.0, 94.0], [0.3, 0.3], base="adam")
    assert describe(found, LABELS) == (
        "Adam beats RMSProp by 3.0 points [2.1, 3.9].",
        "The base, Adam, leads: nothing here beats it.",
    )


def test_names_are_shown_as_they_are_without_labels():
    assert ranking([97.0, 94.0], [0.3, 0.3]).sentences[0].startswith("adam beats rmsprop")


def test_practically_equal_with_an_unclear_third():
    found = ranking([97.0, 97.0, 96.8], [0.05, 0.05, 2.0], base="rmsprop")
    assert describe(found, LABELS)[:3] == (
        "Adam and RMSProp are practically equal here (within 0.5 points).",
        "SGD cannot be told apart from Adam here.",
        "The base, RMSProp, is not shown to be worse than Adam: no reason to change it.",
    )


def test_three_practically_equal_name_the_one_they_equal():
    found = ranking([97.0, 97.0, 97.0], [0.02, 0.02, 0.02])
    assert found.sentences == (
        "adam, rmsprop and sgd are practically equal here (within 0.5 points of adam).",
    )


def test_three_that_cannot_be_told_apart():
    sentence = describe(ranking([97.0, 96.8, 96.6], [1.0, 1.0, 1.0]), LABELS)[0]
    assert sentence == "Adam comes first, but RMSProp and SGD cannot be told apart from it here."


def test_only_the_leader_beats_when_its_neighbour_is_too_noisy():
    sentence = describe(ranking([97.0, 96.0, 95.0], [0.1, 1.5, 0.1]), LABELS)[0]
    assert sentence == (
        "Adam and RMSProp cannot be told apart here; Adam beats SGD by 2.0 points [1.5, 2.5]."
    )


def test_more_losers_than_fit_show_the_nearest():
    scores = np.array([[0.97], [0.9], [0.8], [0.7], [0.6]]) + 0.001 * NOISE
    scores += 0.0001 * np.array([NOISE, NOISE2, -NOISE, NOISE, -NOISE2])
    found = rank_axis("axis", list("abcde"), scores)
    assert found.sentences[0].startswith("a beats b, c, d and e; the nearest, b, by 7.0 points [")
    three = rank_axis("axis", list("abcd"), scores[:4])
    assert three.sentences[0].startswith("a beats b by 7.0 points [")
    assert " and d by 27.0 points [" in three.sentences[0]


def test_losses_are_worded_as_positive_gains():
    scores = np.array([0.2 + 0.01 * NOISE, 0.5 + 0.01 * NOISE2])
    found = rank_axis("axis", ["a", "b"], scores, unit="loss", margin=0.01, higher_is_better=False)
    assert found.sentences[0] == "a beats b by 0.300 [0.271, 0.329]."


def test_levels_that_cannot_be_judged_are_said_aloud():
    scores = np.array(
        [[0.8, 0.82, 0.81], [0.99, np.nan, np.nan], [np.nan] * 3, [0.7, 0.71, np.nan]]
    )
    sentences = rank_axis("axis", list("abcd"), scores).sentences
    assert "b has a single score, so no interval and no verdict." in sentences
    assert "c has no score." in sentences
    assert "1 of 3 runs of d gave no score." in sentences


def test_one_level_and_none():
    assert rank_axis("axis", ["a"], np.array([[0.8, 0.9]])).sentences == (
        "a stands alone with 85.0 %; there is nothing to test it against.",
    )
    assert rank_axis("axis", ["a", "b"], np.array([[0.8], [0.9]])).sentences[0] == (
        "b stands on top with 90.0 %; there is nothing to test it against."
    )
    assert rank_axis("axis", ["a"], np.array([[np.nan]])).sentences == (
        "No run of axis gave a score, so nothing can be said.",
    )


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "text"),
    [
        (0.018, 0.011, 0.026, "accuracy", "+1.8 points [1.1, 2.6]"),
        (-0.018, -0.026, -0.011, "accuracy", "−1.8 points [−2.6, −1.1]"),
        (0.0, 0.0, 0.0, "accuracy", "+0.0 points [0.0, 0.0]"),
        (0.018, 0.0003, 0.036, "accuracy", "+1.80 points [0.03, 3.60]"),
        (0.0123, None, None, "R²", "+0.012"),
        (0.0123, 0.0002, 0.0244, "R²", "+0.0123 [0.0002, 0.0244]"),
    ],
)
def test_differences(value, low, high, unit, text):
    assert format_difference(value, low, high, unit) == text


def test_numbers_and_names():
    assert format_score(0.97312, "accuracy") == "97.3 %"
    assert format_score(-0.5, "R²") == "−0.500"
    assert format_score(0.000123456, "loss") == "0.000123"
    assert format_amount(-0.005, "accuracy") == "0.5 points"
    assert format_interval(-0.01, 0.02, "accuracy") == "[−1.0, 2.0]"
    assert [join_names([]), join_names(["a"]), join_names(["a", "b"])] == ["", "a", "a and b"]
