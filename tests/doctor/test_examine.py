"""Examining: the tests, the trials, what they cost, and that they tell causes apart."""

import math
from dataclasses import replace

import numpy as np
import pytest

from gradlab.doctor.candidates import outputs_fit, suspects, together, unscaled, usual
from gradlab.doctor.cost import run_seconds, steps_per_epoch
from gradlab.doctor.effects import best_effect
from gradlab.doctor.evidence import DataFacts, Layer, Setup
from gradlab.doctor.examine import examine
from gradlab.doctor.finding import Change
from gradlab.doctor.range_test import range_test, rates_around
from gradlab.doctor.small_batch import small_batch_loss
from gradlab.doctor.subject import train_together, train_variants
from tests.doctor.small_subject import SmallSubject, rings

# ---- training variants --------------------------------------------------------------------------


def test_variants_come_back_in_their_order_and_what_can_not_be_said_is_none():
    subject = rings(epochs=2)
    slow, unknown, plain = train_variants(
        subject,
        [[Change("learning_rate", 1e-6)], [Change("clip_norm", 1.0)], []],
        [0, 1],
    )
    assert unknown is None
    assert [record.seed for record in slow] == [0, 1]
    np.testing.assert_array_equal(plain[1].train_loss, subject.train([1])[0].train_loss)
    assert slow[0].train_loss[-1] > plain[0].train_loss[-1]


def test_a_class_that_can_train_several_at_once_gets_them_all_in_one_call():
    calls = []

    class Together(SmallSubject):
        @staticmethod
        def train_many(subjects, seeds, *, probes, epochs):
            calls.append(len(subjects))
            return [subject.train(seeds, epochs=epochs) for subject in subjects]

    alone = rings(epochs=1)
    group = [Together(**vars(replace(alone, learning_rate=rate))) for rate in (0.1, 0.2)]
    trained = train_together([group[0], alone, group[1]], [3], epochs=2)
    assert calls == [2]
    for subject, records in zip([group[0], alone, group[1]], trained, strict=True):
        wanted = subject.train([3], epochs=2)[0]
        np.testing.assert_array_equal(records[0].train_loss, wanted.train_loss)


# ---- range test ---------------------------------------------------------------------------------


def test_rates_are_half_decades_about_the_one_in_use():
    rates = rates_around(0.03)
    assert rates[8] == 0.03
    np.testing.assert_allclose(np.diff(np.log10(rates)), 0.5)
    assert (len(rates), rates[-1] / rates[8]) == (17, pytest.approx(1e4))


def test_the_range_test_shows_rates_too_low_good_and_too_high():
    subject = rings()
    sweep = range_test(subject, subject.facts())
    at = dict(zip(np.round(np.log10(sweep.rates / 0.03), 1), sweep.loss, strict=True))
    assert at[-4.0] == pytest.approx(sweep.start, rel=0.02)
    assert at[0.0] < 0.5 * sweep.start
    assert at[4.0] > sweep.start


def test_the_best_rate_of_the_range_test_does_not_depend_on_the_one_in_use():
    best = []
    for rate in (3e-5, 0.03, 30.0):
        sweep = range_test(rings(learning_rate=rate), rings().facts())
        best.append(sweep.rates[sweep.loss.argmin()])
    assert max(best) / min(best) < 4


def test_the_range_test_takes_fewer_epochs_rows_and_rates_as_runs_cost_more():
    asked = []

    class Costly(SmallSubject):
        @property
        def setup(self):
            layers = (replace(SmallSubject.setup.fget(self).layers[0], n_parameters=10**6),)
            return replace(SmallSubject.setup.fget(self), layers=layers)

        def train(self, seeds, *, probes=True, epochs=None):
            asked.append((len(self.x), epochs))
            return super().train(seeds, probes=probes, epochs=epochs)

    subject = Costly(**vars(rings(n=2000, batch_size=8, epochs=30)))
    facts = subject.facts()
    one = run_seconds(subject.setup, facts, 1)
    for seconds, rows, epochs, rates in ((40 * one, 1500, 2, 17), (10 * one, 800, 1, 17),
                                         (one, 800, 1, 9)):  # fmt: skip
        asked.clear()
        sweep = range_test(subject, facts, seconds=seconds)
        assert set(asked) == {(rows, epochs)}
        assert len(sweep.rates) == rates


def test_without_a_rate_there_is_no_range_test():
    class Ratefree(SmallSubject):
        @property
        def setup(self):
            return replace(SmallSubject.setup.fget(self), learning_rate=None)

    subject = Ratefree(**vars(rings(epochs=1)))
    assert range_test(subject, subject.facts()) is None
    found = examine(subject, seeds=(0,), trials=False)
    assert found.sweep is None
    assert any("range test" in words for words in found.missing)


# ---- small batch --------------------------------------------------------------------------------


def test_a_small_batch_is_learnt_by_heart_whatever_the_rate():
    for rate in (1e-4, 0.03, 0.3):
        subject = rings(learning_rate=rate)
        assert small_batch_loss(subject, range_test(subject, subject.facts())) < 0.05


def test_a_network_that_can_not_bend_does_not_learn_a_small_batch():
    # Sixteen rows in four columns: a linear network fits some, a bending one all.
    assert small_batch_loss(rings(activation="linear", units=3)) > 0.1


def test_a_small_batch_of_numbers_is_measured_against_their_variance():
    x = np.random.default_rng(0).normal(size=(60, 3))
    subject = SmallSubject(x, 100 * x[:, 0], x, 100 * x[:, 0], "regression", learning_rate=0.3)
    assert small_batch_loss(subject) < 0.05


# ---- cost and candidates ------------------------------------------------------------------------


def test_cost_grows_with_rows_epochs_and_weights_and_knows_places_of_convolutions():
    dense = (Layer("dense", "0", 10, n_parameters=1000),)
    setup = Setup("binary", dense, batch_size=10, epochs=5)
    facts = DataFacts(1000, input_shape=(100,))
    assert steps_per_epoch(setup, 1001) == 101
    base = run_seconds(setup, facts)
    assert run_seconds(replace(setup, epochs=10), facts) == pytest.approx(2 * base)
    assert run_seconds(setup, replace(facts, n_train=2000)) == pytest.approx(2 * base)
    conv = replace(setup, layers=(Layer("conv", "0", 10, n_parameters=1000),))
    images = replace(facts, input_shape=(28, 28, 1))
    assert run_seconds(conv, images) > 10 * base


@pytest.mark.parametrize(
    ("setting", "fits"),
    [
        (("multiclass", 10, "softmax", "cross_entropy", "outputs"), True),
        (("multiclass", 10, "linear", "cross_entropy", "scores"), True),
        (("multiclass", 10, "linear", "cross_entropy", "outputs"), False),
        (("multiclass", 10, "softmax", "squared_error", "outputs"), False),
        (("multiclass", 1, "softmax", "cross_entropy", "outputs"), False),
        (("binary", 1, "sigmoid", "binary_cross_entropy", "outputs"), True),
        (("binary", 2, "softmax", "cross_entropy", "outputs"), True),
        (("binary", 1, "softmax", "binary_cross_entropy", "outputs"), False),
        (("binary", 1, "relu", "binary_cross_entropy", "outputs"), False),
        (("multilabel", 4, "sigmoid", "binary_cross_entropy", "outputs"), True),
        (("multilabel", 4, "softmax", "cross_entropy", "outputs"), False),
        (("regression", 1, "linear", "squared_error", "outputs"), True),
        (("regression", 1, "sigmoid", "squared_error", "outputs"), False),
        (("regression", 1, "linear", "binary_cross_entropy", "outputs"), False),
    ],
)
def test_which_outputs_and_losses_fit_a_task(setting, fits):
    task, n, activation, loss, takes = setting
    layers = (Layer("dense", "0", n, activation),)
    assert outputs_fit(Setup(task, layers, n_outputs=n, loss=loss, loss_takes=takes)) is fits


def test_what_is_usual_is_not_suspected():
    subject = rings(learning_rate=0.01, activation="relu")
    found = suspects(subject.setup, subject.facts(), None)
    assert {c.changes[0].setting for c in found} == {"learning_rate", "epochs"}


def test_codes_that_outputs_can_not_reach_are_suspected():
    layers = (Layer("dense", "0", 1, "sigmoid"),)
    setup = Setup("binary", layers, 1, "binary_cross_entropy", "outputs", label_coding="zero_one")
    settings = [
        {c.changes[0].setting for c in suspects(setup, DataFacts(9, target_minimum=low,
                                                                target_maximum=1.0), None)}
        for low in (-1.0, 0.0)
    ]  # fmt: skip
    assert settings == [{"label_coding", "layers"}, {"layers"}]


def test_inputs_of_a_common_scale_are_not_suspected():
    def facts(mean, std):
        return DataFacts(9, mean=np.array(mean), std=np.array(std))

    assert not unscaled(facts([0.0, 0.1], [1.0, 0.9]))
    assert not unscaled(facts([0.13], [0.3]))  # pixels, 0 to 1
    assert not unscaled(facts([0.0, 0.0], [1.0, 0.0]))
    sparse = replace(facts([1e-3, 0.0], [0.03, 1.0]), minimum=np.array([0.0, -3.0]),
                     maximum=np.array([1.0, 3.0]))  # fmt: skip
    assert not unscaled(sparse)  # a 0/1 column with few ones
    assert unscaled(facts([33.0], [78.0]))
    assert unscaled(facts([0.0, 0.0], [1.0, 300.0]))
    assert unscaled(facts([1e-4], [1e-5]))


def test_the_usual_training_has_the_customary_rate_once_more_is_changed():
    subject = rings(learning_rate=5.0, unit=300.0)
    found = suspects(subject.setup, subject.facts(), None)
    whole = dict(together(usual(subject.setup, found)).pairs)
    assert whole["learning_rate"] == 0.01
    assert whole["scaling"] == "standard"
    with_optimizer = usual(replace(subject.setup, optimizer="sgd"), [*found, *suspects(
        replace(subject.setup, optimizer="sgd"), subject.facts(), None)])  # fmt: skip
    assert "learning_rate" not in dict(together(with_optimizer).pairs)


# ---- the whole ----------------------------------------------------------------------------------


def test_a_healthy_training_gets_tests_but_no_trials():
    found = examine(rings())
    assert len(found.records) == 3
    assert found.sweep is not None
    assert found.small_batch is None  # it learns all rows
    assert found.trials == ()
    assert found.missing == ()


FAULTS = {
    "learning_rate": {"learning_rate": 1e-5},
    "scaling": {"unit": 300.0},
    "epochs": {"epochs": 2},
    "hidden_activation": {"activation": "linear"},
    "init": {"gain": 50.0},
}


@pytest.mark.parametrize("setting", FAULTS)
def test_the_trial_of_the_faulty_setting_helps_most(setting):
    found = examine(rings(**FAULTS[setting]))
    effects = {
        name: best_effect(found, name)
        for name in {trial.changes[0][0] for trial in found.trials if len(trial.changes) == 1}
    }
    assert effects[setting].closed > 0.75
    assert effects[setting].agreeing > 0.9
    # Another setting may make up for it, but not do better.
    assert max(e.gain for e in effects.values()) < effects[setting].gain + 0.05


def test_several_faults_are_told_by_what_harms_when_left_out_of_the_repair():
    found = examine(rings(unit=300.0, activation="linear", epochs=5))
    alone = [t for t in found.trials if len(t.changes) == 1]
    assert max(np.mean(t.validation_score) for t in alone) < 0.9
    for setting in ("scaling", "hidden_activation", "epochs"):
        assert best_effect(found, setting).closed > 0.3, setting


def test_labels_that_can_not_be_learnt_end_the_trials_early():
    subject = rings()
    y = np.random.default_rng(1).permutation(subject.y)
    found = examine(replace(subject, y=y))
    assert not any(name == "optimizer" for t in found.trials for name, _ in t.changes)


def test_diverged_runs_have_trials_of_other_rates():
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = x[:, 0] + 0.1
    found = examine(
        SmallSubject(x[:150], y[:150], x[150:], y[150:], "regression", optimizer="sgd",
                     learning_rate=50.0, activation="relu", epochs=20)
    )  # fmt: skip
    assert found.records[0].status == "diverged"
    assert np.isinf(found.sweep.loss[-1])
    assert best_effect(found, "learning_rate").after > 0.9


def test_an_examination_is_the_same_every_time():
    first, second = (examine(rings(epochs=2)) for _ in range(2))
    assert [t.changes for t in first.trials] == [t.changes for t in second.trials]
    assert [t.validation_score for t in first.trials] == [t.validation_score for t in second.trials]


def test_a_small_budget_leaves_trials_out_and_says_so():
    class Long(SmallSubject):
        @property
        def setup(self):
            return replace(SmallSubject.setup.fget(self), batch_size=1, epochs=self.epochs * 40)

    subject = Long(**vars(rings(epochs=2, learning_rate=1e-5)))
    found = examine(subject, budget=0.1, sweep=False)
    assert any("no time was left to try" in words for words in found.missing)


def test_parts_can_be_left_out():
    found = examine(rings(epochs=2), seeds=(4,), sweep=False, trials=False)
    assert [record.seed for record in found.records] == [4]
    assert (found.sweep, found.small_batch, found.trials) == (None, None, ())
    assert math.isfinite(found.data.reference_score)
