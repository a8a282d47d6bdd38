"""A study as words and as the contents of its report."""

import re

import numpy as np
import pytest

from gradlab.lab.facts import recipe_text
from gradlab.lab.summary import answer, axis_label, effects_sentences, report_contents
from gradlab.training.recipe import Recipe


def method(study) -> dict[str, str]:
    return {item.name: item.text for item in report_contents(study).method}


class TestAnswer:
    def test_begins_with_the_winner(self, study):
        first, *axes = answer(study)
        winner = study.winner
        assert first.startswith("The best recipe on validation has ")
        assert f"{100 * np.mean(winner.validation_scores):.1f} % over 3 seeds" in first
        assert f"test rows, read once, {100 * winner.test_score:.1f} %" in first
        assert [line.split(":")[0] for line in axes] == ["Optimizer", "Dropout", "Initialisation"]

    def test_of_several_settings_says_what_they_explain(self, factorial):
        (sentence,) = effects_sentences(factorial)
        shares = [int(share) for share in re.findall(r"(\d+) %", sentence)]
        assert set(re.findall(r"(\w+) \d+ %", sentence)) == {"rate", "seed", "optimizer"}
        assert sum(shares) == pytest.approx(100, abs=2)  # each is rounded
        assert answer(factorial)[-1] == sentence

    def test_of_one_setting_at_a_time_does_not(self, study):
        assert effects_sentences(study) == []


class TestContents:
    def test_holds_every_judged_run_once_a_level(self, study):
        for section in report_contents(study).axes:
            levels = {row.level for row in section.rows}
            assert levels == set(study.facts.axes[section.axis])
            assert len(section.runs) == 3 * len(levels)
            assert all(len(curve.epochs) == 3 for curve in section.curves)

    def test_shows_the_tuning_of_every_level(self, study):
        for section in report_contents(study).axes:
            chosen = [point for point in section.tuning if point.chosen]
            assert len(section.tuning) == 2 * len(section.rows)
            assert len(chosen) == len(section.rows)

    def test_says_how_it_was_done(self, study, factorial):
        told = method(study)
        assert "2 learning rates" in told["Tuning"]
        assert "on 2 seeds that judge nothing" in told["Tuning"]
        assert "36 rows train, 12 validate, 12 test" in told["Splits"]
        assert "seed by seed" in told["Pairing"]
        assert method(factorial)["Tuning"].startswith("Off")
        assert "Every combination" in method(factorial)["Design"]

    def test_repeats_what_was_decided_about_the_data(self, study):
        notes = " ".join(report_contents(study).notes)
        assert "cells are missing" in notes
        assert "one-hot" in notes

    def test_a_winner_that_leaves_the_base_for_the_usual_is_shown_as_it_is(
        self, clouds_file, compare, tmp_path
    ):
        base = Recipe(hidden=(4,), norm="layer", optimizer="sgd", dropout=0.5, epochs=3)
        vary = {"norm": ["none"]}  # which a recipe's description does not say
        study = compare(clouds_file, tmp_path / "s", vary=vary, base=base, seeds=1)
        contents = report_contents(study)
        assert dict(contents.question.base_recipe)["norm"] == "layer"
        won = dict(contents.winner.recipe)
        assert (won["norm"], won["optimizer"], won["dropout"]) == ("none", "sgd", "0.5")
        assert contents.question.varied == ("normalisation (1 level)",)
        assert "over 1 seed;" in contents.answer[0]


def test_a_network_given_layer_by_layer_is_shown_so():
    shown = recipe_text(Recipe(layers=("dense 3", "dense 4 dropout 0.1")).describe())
    assert shown["layers"] == "dense 3, dense 4 dropout 0.1"
    assert "hidden" not in shown


@pytest.mark.parametrize(
    ("axis", "label"),
    [("init", "Initialisation"), ("optimizer.beta1", "optimizer.beta1"), ("l2", "L2 penalty")],
)
def test_axes_have_headings(axis, label):
    assert axis_label(axis) == label
