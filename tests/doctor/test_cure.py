"""Cures are tried, chosen on some seeds and proved on others."""

import dataclasses

import numpy as np
import pytest

from gradlab.doctor.cure import CHOOSING_SEEDS, PROVING_SEEDS, RUN_OFF_SEEDS, cure, merged, proposed
from gradlab.doctor.evidence import DataFacts, Layer, Setup
from gradlab.doctor.finding import Change, Diagnosis, Finding
from gradlab.errors import RecipeError

SETUP = Setup(
    task="multiclass",
    layers=(Layer("dense", "hidden[0]", n_parameters=100), Layer("dense", "output")),
    learning_rate=0.1,
    epochs=5,
    scaling="none",
    validation="separate",
)


@dataclasses.dataclass(frozen=True)
class Fake:
    """A training whose score is a function of its settings, with noise of the seed."""

    effects: dict
    changes: tuple = ()
    noise: float = 0.01
    setup: Setup = SETUP
    asked: list = dataclasses.field(default_factory=list)

    name = "fake"

    def facts(self):
        return DataFacts(n_train=100, trivial_score=0.1)

    def changed(self, changes):
        if any(change.setting == "impossible" for change in changes):
            return None
        return dataclasses.replace(self, changes=tuple(changes))

    def as_file(self):
        return "cured.txt", ""

    def on_rows(self, n_rows):
        return self

    def train(self, seeds, *, probes=True, epochs=None):
        raise AssertionError("cures need scores alone")

    def score_on_fresh(self, seeds, *, epochs=None):
        self.asked.append((self.changes, tuple(seeds)))
        names = frozenset(change.setting for change in self.changes)
        score = 0.5 + sum(gain for need, gain in self.effects.items() if need <= names)
        if score > 1:
            return [float("nan")] * len(seeds)
        return [score + self.noise * np.random.default_rng(s).standard_normal() for s in seeds]


def finding(setting, value, confidence=0.5, kind="other"):
    return Finding(kind, confidence, "seen", "why", changes=((Change(setting, value),),))


def test_the_change_that_helps_is_found_and_proved():
    subject = Fake({frozenset({"learning_rate"}): 0.23})
    found = Diagnosis((finding("scaling", "standard"), finding("learning_rate", 0.01)))
    result = cure(subject, found)
    assert result.helps
    assert result.changes == (Change("learning_rate", 0.01),)
    assert result.gain == pytest.approx(0.23)
    assert result.agree == len(PROVING_SEEDS)
    # The same seed has the same noise with and without the change, so nothing is left of it.
    assert result.interval == pytest.approx((0.23, 0.23), abs=1e-6)
    assert result.sentences[0].startswith("learning rate 0.1 → 0.01: +23.0 points [23.0, 23.0], 8")


def test_choosing_and_proving_share_no_seed():
    subject = Fake({frozenset({"epochs"}): 0.2})
    cure(subject, Diagnosis((finding("epochs", 50),)))
    proved = [seeds for _, seeds in subject.asked if set(seeds) & set(PROVING_SEEDS)]
    assert proved == [PROVING_SEEDS, PROVING_SEEDS]
    assert not set(CHOOSING_SEEDS) & set(PROVING_SEEDS)


def test_two_changes_that_help_only_together_are_found():
    subject = Fake({frozenset({"learning_rate", "scaling"}): 0.4, frozenset({"epochs"}): -0.1})
    kinds = (("epochs", 50), ("scaling", "standard"), ("learning_rate", 0.01))
    result = cure(subject, Diagnosis(tuple(finding(*k) for k in kinds)))
    assert {change.setting for change in result.changes} == {"learning_rate", "scaling"}
    assert result.gain == pytest.approx(0.4)


def test_three_faults_at_once_are_cured_without_a_fourth_change():
    need = frozenset({"learning_rate", "scaling", "epochs"})
    kinds = (("dropout", 0.0), ("epochs", 50), ("scaling", "standard"), ("learning_rate", 0.01))
    result = cure(Fake({need: 0.4}), Diagnosis(tuple(finding(*k) for k in kinds)))
    assert {change.setting for change in result.changes} == need


def test_what_does_not_help_is_said():
    result = cure(Fake({}, noise=0.0), Diagnosis((finding("epochs", 50),)))
    assert not result.helps
    assert result.after is None
    assert "Nothing that was tried helps: 1 candidate was tried" in result.sentences[0]


def test_chance_is_not_called_a_cure():
    class Chance(Fake):
        def score_on_fresh(self, seeds, *, epochs=None):
            shift = len(self.changes) * (2 if seeds == CHOOSING_SEEDS else 0)
            return [
                0.5 + 0.05 * np.sin(97 * s + 31 * len(self.changes)) + 0.02 * shift for s in seeds
            ]

    result = cure(Chance({}), Diagnosis((finding("epochs", 50),)))
    assert not result.helps
    assert "may be chance" in result.sentences[0]


class Lucky(Fake):
    """The bolder rate is best on the three seeds that choose, and bad on most others."""

    def score_on_fresh(self, seeds, *, epochs=None):
        self.asked.append((self.changes, tuple(seeds)))
        value = self.changes[0].value if self.changes else None
        wobble = [0.005 * np.sin(97 * s) for s in seeds]
        if value == 0.03:
            return [0.9 + 0.01 * (s % 2) if s in CHOOSING_SEEDS else 0.6 for s in seeds]
        return [(0.5 if value is None else 0.89) + w for w in wobble]


def test_the_best_of_three_seeds_by_luck_loses_a_run_off_of_more_seeds():
    subject = Lucky({})
    rates = (finding("learning_rate", 0.03), finding("learning_rate", 0.01))
    result = cure(subject, Diagnosis(rates))
    assert result.changes == (Change("learning_rate", 0.01),)
    assert result.helps
    n_seeds = len(CHOOSING_SEEDS) + len(RUN_OFF_SEEDS)
    assert [len(attempt.scores) for attempt in result.attempts] == [n_seeds] * 3
    chosen = {s for _, seeds in subject.asked for s in seeds} - set(PROVING_SEEDS)
    assert chosen == {*CHOOSING_SEEDS, *RUN_OFF_SEEDS}


def test_a_leader_that_three_seeds_tell_apart_needs_no_run_off():
    subject = Fake({frozenset({"learning_rate"}): 0.3, frozenset({"units"}): 0.1})
    result = cure(subject, Diagnosis((finding("units", 4), finding("learning_rate", 0.01))))
    asked = {s for _, seeds in subject.asked for s in seeds}
    assert {change.setting for change in result.changes} == {"learning_rate", "units"}
    assert asked == {*CHOOSING_SEEDS, *PROVING_SEEDS}


def test_a_best_that_loses_on_fresh_seeds_is_called_chance():
    class Unlucky(Fake):
        def score_on_fresh(self, seeds, *, epochs=None):
            gain = 0.1 if seeds == CHOOSING_SEEDS else -0.1
            return [0.5 + gain * len(self.changes) + 0.01 * np.sin(97 * s) for s in seeds]

    result = cure(Unlucky({}), Diagnosis((finding("epochs", 50),)))
    assert result.gain < 0
    assert "gains -10.0 points" in result.sentences[0]
    assert "so its lead may be chance" in result.sentences[0]
    assert "tried on 3 seeds" in result.sentences[0]


def test_nothing_found_is_nothing_tried():
    result = cure(Fake({}), Diagnosis(()))
    assert result.sentences == ("There was nothing to try.",)
    assert not result.helps


def test_diverged_runs_count_as_a_constant_answer():
    result = cure(
        Fake({frozenset({"learning_rate"}): 2.0}), Diagnosis((finding("learning_rate", 9.0),))
    )
    assert result.attempts[1].scores == (0.1, 0.1, 0.1)
    assert not result.helps


def test_one_hopeless_run_does_not_drown_a_cure_that_helps_every_seed():
    # R² without a lower end: seeds before the cure at 0.8, -4 and -10⁹.
    class Errors(Fake):
        def score_on_fresh(self, seeds, *, epochs=None):
            return (
                [0.99] * len(seeds) if self.changes else [(0.8, -4.0, -1e9)[s % 3] for s in seeds]
            )

    result = cure(Errors({}), Diagnosis((finding("loss", "auto"),)))
    assert result.helps
    assert result.agree == len(PROVING_SEEDS)
    assert min(result.scores_before) == -1.0


def test_a_change_that_the_training_can_not_have_is_passed_over():
    found = Diagnosis((finding("impossible", 1), finding("epochs", 50)))
    result = cure(Fake({frozenset({"epochs"}): 0.3}), found)
    assert result.changes == (Change("epochs", 50),)


def test_without_time_only_the_training_itself_is_tried():
    subject = Fake({frozenset({"epochs"}): 0.3})
    result = cure(subject, Diagnosis((finding("epochs", 50),)), seconds=1e-9)
    assert result.left_out >= 1
    assert not result.helps
    with pytest.raises(RecipeError, match="seconds must be more than 0"):
        cure(subject, Diagnosis(()), seconds=0.0)


class Clock:
    """A training whose every run takes a second of a clock that the test holds."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr("gradlab.doctor.cure.time.perf_counter", lambda: self.now)

    def fake(self, effects):
        clock = self

        class Timed(Fake):
            def score_on_fresh(self, seeds, *, epochs=None):
                clock.now += len(seeds)
                return super().score_on_fresh(seeds, epochs=epochs)

        return Timed(effects)


EIGHT = tuple(f"setting{i}" for i in range(8))


def test_where_time_is_short_what_gains_nothing_on_a_seed_is_given_up(monkeypatch):
    # 3 s for the training itself and 16 for the proof: of 39 s, 23 are left for eight candidates,
    # which would take 24.
    subject = Clock(monkeypatch).fake({frozenset({"setting7"}): 0.2})
    result = cure(subject, Diagnosis(tuple(finding(name, 1) for name in EIGHT)), seconds=39.0)
    singles = result.attempts[1:9]
    assert [attempt.eliminated for attempt in singles] == [True] * 7 + [False]
    assert [len(attempt.scores) for attempt in singles] == [1] * 7 + [3]
    assert result.changes == (Change("setting7", 1),)
    assert result.helps
    assert result.seconds <= 39


def test_where_time_suffices_every_candidate_has_all_seeds(monkeypatch):
    subject = Clock(monkeypatch).fake({frozenset({"setting7"}): 0.2})
    result = cure(subject, Diagnosis(tuple(finding(name, 1) for name in EIGHT)), seconds=60.0)
    assert not any(attempt.eliminated for attempt in result.attempts)
    assert result.seconds <= 60 + 3  # the last candidate may begin just before the time is up


def test_first_cures_of_all_findings_come_before_second_ones():
    first = Finding("other", 0.9, "", "", changes=((Change("a", 1),), (Change("b", 1),)))
    second = Finding("other", 0.5, "", "", changes=((Change("c", 1),), (Change("a", 1),)))
    found = proposed(Diagnosis((first, second)))
    assert [changes[0].setting for changes in found] == ["a", "c", "b"]


def test_of_two_values_for_a_setting_the_first_holds():
    both = merged([(Change("epochs", 5),), (Change("epochs", 9, ""), Change("init", "x", "a"))])
    assert both == (Change("epochs", 5), Change("init", "x", "a"))


def test_side_effects_are_told():
    class Wider(Fake):
        def changed(self, changes):
            layers = (Layer("dense", "hidden[0]", n_parameters=400),)
            more = dataclasses.replace(self.setup, layers=layers)
            return dataclasses.replace(super().changed(changes), setup=more)

    result = cure(Wider({frozenset({"units"}): 0.3}), Diagnosis((finding("units", 4),)))
    assert "The network has 400 parameters instead of 100." in result.sentences
    assert result.words == "hidden layers 4 times as wide"
