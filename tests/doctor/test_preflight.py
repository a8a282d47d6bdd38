"""Checks before training: each fault is said at its severity, and sound programs raise no alarm."""

from dataclasses import replace

import numpy as np
import pytest

from gradlab.doctor.evidence import DataFacts, Layer, Setup, Sweep
from gradlab.doctor.examine import examine
from gradlab.doctor.preflight import (
    NOTHING_FOUND,
    check_before_training,
    statements,
    statements_of,
)
from gradlab.doctor.statement import ORDER
from tests.doctor.small_subject import rings

LAYERS = (
    Layer("dense", "hidden", 16, "relu", init_std=0.5, fan_in=4, n_parameters=80),
    Layer("dense", "output", 3, "softmax", init_std=0.2, fan_in=16, n_parameters=51),
)
SETUP = Setup(
    "multiclass", LAYERS, n_outputs=3, loss="cross_entropy", loss_takes="outputs",
    learning_rate=0.01, shuffle=True, label_coding="one_hot",
)  # fmt: skip
FACTS = DataFacts(
    300, 100, (4,), np.zeros(4), np.ones(4), -np.ones(4), np.ones(4), duplicates=0.0, shared=0,
    n_classes=3, class_counts=np.array([100, 100, 100]), target_mean=1 / 3, target_std=0.47,
    target_minimum=0.0, target_maximum=1.0, trivial_score=0.33, reference_score=0.9,
    label_disagreement=0.1, ordered=False,
)  # fmt: skip
GOOD = Sweep(10.0 ** np.arange(-4, 5), np.array([1.1, 1.1, 0.4, 0.5, 0.9, 2, 3, 4, 5]), 1.1, 3)


def said(setup=SETUP, facts=FACTS, **measured):
    """Return (severity, check) of all that is not ok."""
    found = statements(setup, facts, **measured)
    return [(s.severity, s.check) for s in found if s.severity != "ok"]


def test_a_sound_setting_gets_an_ok_from_every_check():
    found = statements(SETUP, FACTS, initial_loss=1.1, sweep=GOOD, small_batch=0.01)
    assert {s.severity for s in found} == {"ok"}
    assert {s.check for s in found} == set(NOTHING_FOUND)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"n_missing": 3}, ("error", "inputs")),
        ({"mean": np.full(4, 100.0)}, ("warning", "inputs")),
        ({"std": np.array([1, 1, 1, 1000.0])}, ("warning", "inputs")),
        ({"label_problems": ("collapsed",)}, ("error", "labels")),
        ({"label_problems": ("constant",)}, ("error", "labels")),
        ({"target_maximum": 9.0}, ("error", "labels")),
        ({"ordered": True}, ("note", "labels")),
        ({"class_counts": np.array([290, 9, 1])}, ("warning", "balance")),
        ({"class_counts": np.array([200, 100, 0])}, ("warning", "balance")),
        ({"constant": ("2",)}, ("warning", "columns")),
        ({"constant": ("0", "1", "2", "3")}, ("error", "columns")),
        ({"leaking": (("alive", 1.0),)}, ("error", "columns")),
        ({"shared": 80}, ("error", "repeats")),
        ({"shared": 10, "duplicates": 0.1}, ("note", "repeats")),
        ({"duplicates": 0.1}, ("note", "repeats")),
        ({"label_disagreement": 0.97, "reference_score": 0.34}, ("warning", "learnable")),
    ],
)
def test_a_fault_of_the_data_is_said(change, wanted):
    assert said(facts=replace(FACTS, **change)) == [wanted]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"validation_scaled": False}, ("error", "inputs")),
        ({"loss": "squared_error"}, ("warning", "outputs")),
        ({"layers": (replace(LAYERS[0], init_std=0.0), LAYERS[1])}, ("error", "starting weights")),
        ({"layers": (replace(LAYERS[0], init_std=50.0), LAYERS[1])},
         ("warning", "starting weights")),
        ({"layers": (replace(LAYERS[0], activation="linear"), LAYERS[1])}, ("warning", "capacity")),
        ({"layers": (replace(LAYERS[0], n_parameters=10**6), LAYERS[1])}, ("note", "capacity")),
    ],
)  # fmt: skip
def test_a_fault_of_the_setting_is_said(change, wanted):
    assert said(replace(SETUP, **change)) == [wanted]


@pytest.mark.parametrize(
    ("measured", "wanted"),
    [
        ({"initial_loss": 50.0}, ("warning", "initial loss")),
        ({"initial_loss": float("nan")}, ("error", "initial loss")),
        ({"small_batch": 0.9}, ("warning", "small batch")),
        ({"sweep": replace(GOOD, loss=np.full(9, 1.1))}, ("error", "learning rate")),
        ({"sweep": replace(GOOD, loss=GOOD.loss[::-1])}, ("warning", "learning rate")),
        ({"sweep": replace(GOOD, loss=np.full(9, np.inf))}, ("error", "learning rate")),
    ],
)
def test_a_fault_that_a_test_shows_is_said(measured, wanted):
    assert said(**measured) == [wanted]


def test_rows_sorted_and_not_shuffled_are_a_warning():
    found = said(replace(SETUP, shuffle=False), replace(FACTS, ordered=True))
    assert found == [("warning", "labels")]


def test_targets_out_of_reach_are_named_with_their_range():
    layers = (LAYERS[0], Layer("dense", "output", 1, "sigmoid", n_parameters=17))
    setup = Setup("binary", layers, 1, "binary_cross_entropy", "outputs", label_coding="zero_one")
    facts = replace(FACTS, target_minimum=-1.0, n_classes=2, class_counts=np.array([150, 150]))
    text = next(s.text for s in statements(setup, facts) if s.check == "labels")
    assert "between -1 and 1" in text
    assert "0 to 1" in text


def test_class_numbers_of_integer_coding_need_an_output_each():
    setup = replace(SETUP, label_coding="integer")
    assert said(setup, replace(FACTS, target_maximum=2.0)) == []
    assert said(setup, replace(FACTS, target_maximum=3.0)) == [("error", "labels")]


def test_numbers_far_from_1_are_a_warning():
    layers = (LAYERS[0], Layer("dense", "output", 1, "linear", n_parameters=17))
    setup = Setup("regression", layers, n_outputs=1, loss="squared_error", loss_takes="outputs")
    facts = replace(FACTS, class_counts=None, n_classes=None, target_mean=2e5, target_std=1e5)
    assert said(setup, facts) == [("warning", "inputs")]


def test_pixels_that_never_vary_are_a_note():
    n = 784
    columns = {"mean": np.zeros(n), "std": np.ones(n), "minimum": None, "maximum": None}
    facts = replace(FACTS, **columns, constant=tuple("abcdefghijklmnop"))
    assert said(facts=facts) == [("note", "columns")]


def test_the_severest_stands_first():
    facts = replace(FACTS, n_missing=1, duplicates=0.1, constant=("1",))
    order = [ORDER.index(s.severity) for s in statements(SETUP, facts)]
    assert order == sorted(order)
    assert order[0] == 0


def test_a_subject_is_checked_with_and_without_short_trainings():
    with_tests = check_before_training(rings())
    assert {s.check for s in with_tests} == set(NOTHING_FOUND)
    assert not [s for s in with_tests if s.severity in ("error", "warning")]
    without = check_before_training(rings(), tests=False)
    assert {s.check for s in with_tests} - {s.check for s in without} == {
        "initial loss", "learning rate", "small batch",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ({"learning_rate": 1e-6}, "learning rate"),
        ({"learning_rate": 100.0}, "learning rate"),
        ({"unit": 300.0}, "inputs"),
        ({"activation": "linear"}, "capacity"),
        ({"gain": 30.0}, "starting weights"),
    ],
)
def test_a_faulty_subject_is_warned_of(fault, check):
    found = check_before_training(rings(**fault))
    assert check in {s.check for s in found if s.severity in ("error", "warning")}


def test_evidence_at_hand_is_told_without_training():
    evidence = examine(rings(unit=300.0), trials=False)
    told = {(s.severity, s.check) for s in statements_of(evidence)}
    assert ("warning", "inputs") in told
    assert statements_of(replace(evidence, data=None, records=(), sweep=None, small_batch=None))
