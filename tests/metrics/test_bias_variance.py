"""The verdict on a fit, from two scores."""

import math

import pytest

from gradlab.errors import DataError
from gradlab.metrics import ACTIONS, judge_fit

BIAS, VARIANCE = ACTIONS["bias"], ACTIONS["variance"]


@pytest.mark.catalogue("SPL-08", "MET-16")
@pytest.mark.parametrize(
    ("train", "validation", "label", "actions"),
    [
        (0.99, 0.97, "good fit", ()),
        (0.70, 0.69, "high bias", BIAS),
        (0.99, 0.80, "high variance", VARIANCE),
        (0.80, 0.60, "both", BIAS + VARIANCE),
        (0.70, 0.80, "high bias", BIAS),  # a lucky validation part is no variance
    ],
)
def test_errors_gap_label_and_actions_follow_from_two_scores(train, validation, label, actions):
    fit = judge_fit(train, validation, wanted_score=0.98)
    assert fit.train_error == pytest.approx(1 - train)
    assert fit.validation_error == pytest.approx(1 - validation)
    assert fit.gap == pytest.approx(train - validation)
    assert fit.bias == pytest.approx(0.98 - train)
    assert (fit.label, fit.actions) == (label, actions)


def test_the_documents_actions_are_named():
    assert BIAS == (
        "take a bigger network",
        "train longer",
        "try a better optimizer or another architecture",
    )
    assert [text.split(":")[0] for text in VARIANCE] == [
        "get more data",
        "regularise",
        "take a simpler model",
    ]


def test_the_sentence_says_numbers_verdict_and_actions():
    assert judge_fit(0.99, 0.8, wanted_score=0.98).sentence == (
        "High variance: error 0.0100 on training and 0.2000 on validation rows, a gap of 0.1900. "
        "What helps: get more data; regularise: dropout, l2, weight_decay or patience; "
        "take a simpler model."
    )
    both = judge_fit(0.8, 0.6, wanted_score=0.98).sentence
    assert both.startswith("High bias and high variance: error 0.2000")
    good = judge_fit(0.99, 0.98, wanted_score=0.98).sentence
    assert good.startswith("Good fit: ")
    assert good.endswith("a gap of 0.0100.")


def test_without_a_wanted_score_only_variance_is_judged():
    poor = judge_fit(0.3, 0.3)
    assert (poor.bias, poor.high_bias, poor.label, poor.actions) == (
        None,
        False,
        "low variance",
        (),
    )
    assert judge_fit(0.3, 0.1).label == "high variance"


def test_the_tolerance_is_not_yet_high():
    assert judge_fit(0.75, 0.5, wanted_score=1.0, tolerance=0.25).label == "good fit"
    assert judge_fit(0.75, 0.5, wanted_score=1.0, tolerance=0.2).label == "both"
    assert judge_fit(0.75, 0.75, wanted_score=0.75, tolerance=0).label == "good fit"


def test_r2_may_be_below_0():
    fit = judge_fit(0.9, -2.0, wanted_score=0.9)
    assert (fit.label, fit.validation_error) == ("high variance", 3.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_score": math.nan}, "judge_fit needs finite numbers; got train_score=nan."),
        ({"validation_score": math.inf}, "got validation_score=inf."),
        ({"wanted_score": math.nan}, "got wanted_score=nan."),
        ({"tolerance": -0.1}, "judge_fit needs tolerance >= 0; got -0.1."),
    ],
)
def test_what_is_no_number_is_refused(options, message):
    numbers = {"train_score": 0.9, "validation_score": 0.9} | options
    with pytest.raises(DataError, match=message):
        judge_fit(numbers.pop("train_score"), numbers.pop("validation_score"), **numbers)
