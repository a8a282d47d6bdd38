"""Keeping score: kinds weigh alike, tolerated ones do not count, published ones are right."""

import pytest

from gradlab.doctor.score_card import (
    Verdict,
    card_text,
    detection,
    f_score,
    false_alarms,
    score,
    score_card,
    score_of_kind,
)


def faulty(id, named, needed, right=(), **others):
    return Verdict(id, False, tuple(named), tuple(needed), tuple({*needed, *right}), **others)


def test_f3_of_the_best_published_doctor():
    assert f_score(0.32, 0.55, 3) == pytest.approx(0.51, abs=0.005)
    assert f_score(0.0, 0.0, 3) == 0.0


def test_kinds_weigh_alike_however_many_cases_they_have():
    verdicts = [faulty(str(i), ["loss"], ["loss"]) for i in range(9)]
    verdicts.append(faulty("x", [], ["optimizer"]))
    found = score(verdicts)
    assert (found.recall, found.detected, found.three) == (0.5, 0.5, 0.5)
    assert detection(verdicts) == 0.9


def test_tolerated_kinds_never_count():
    healthy = Verdict("h", True, named=("no_validation",), tolerated=("no_validation",))
    alarmed = Verdict("a", True, named=("loss",))
    assert false_alarms([healthy]) == 0.0
    assert false_alarms([healthy, alarmed]) == 0.5
    case = faulty("c", ["no_validation", "loss"], ["loss"], tolerated=("no_validation",))
    assert case.right_among(1)
    assert case.precision == 1.0


def test_what_was_also_published_is_right_but_need_not_be_found():
    case = faulty("c", ["loss"], ["optimizer"], right=["loss"])
    assert case.right_among(1)
    assert case.precision == 1.0
    assert case.recall == 0.0


def test_only_the_first_three_count_as_such():
    case = faulty("c", ["a", "b", "c", "loss"], ["loss"])
    assert not case.right_among(3)
    assert case.recall == 1.0
    assert score_of_kind([case], "loss").precision == 0.25


def test_a_card_has_everything_and_counts_what_was_not_examined_apart():
    verdicts = [
        faulty("b", ["loss"], ["loss"], groups=("effect strong",), cure_share=0.9, seconds=2.0),
        faulty("d", ["loss"], ["optimizer"], groups=("effect weak",), cure_share=0.1, seconds=4.0),
        Verdict("h", True, seconds=1.0),
        Verdict("p", False, problem="no rows"),
    ]
    card = score_card(verdicts)
    assert card["overall"]["cured"] == 0.5
    assert card["by_group"]["effect strong"]["three"] == 1.0
    assert card["problems"] == {"p": "no rows"}
    assert (card["n_faulty"], card["n_healthy"]) == (2, 1)
    text = card_text(card)
    assert "average over kinds" in text
    assert "not examined: no rows" in text
