"""Faults: a frozen list, each of which edits what it says and nothing else."""

import hashlib
import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from gradlab.doctor.evidence import DataFacts, Evidence, Layer, Probes, Record, Setup, Sweep, Trial
from gradlab.doctor.faults.controls import CONTROLS, adam, conv, dense, dropout, healthy_program
from gradlab.doctor.faults.datasets import READERS, read_rows
from gradlab.doctor.faults.edits import EDITS
from gradlab.doctor.faults.evidence_file import evidence_from_json, evidence_to_json
from gradlab.doctor.faults.injector import (
    MOST_STEPS,
    base_of,
    effect_of,
    inject,
    kept_share,
    load_faults,
)
from gradlab.doctor.finding import Kind
from gradlab.doctor.program.program import Program
from gradlab.errors import DataError

DIGEST = "483527e608ab41a0b98377a972dbdc01e20d06717a0d9b2a1092daba7739acbc"
FAULTS = {fault.name: fault for fault in load_faults()}
MUTANTS = [(f.name, s) for f in FAULTS.values() for s in f.strengths]

ARRAYS = ("x_train", "y_train", "x_validation", "y_validation")
CHANGES_WORDS = {
    "learning_rate_low": {"optimizer.learning_rate"},
    "learning_rate_high": {"optimizer.learning_rate"},
    "learning_rate_decays": {"optimizer.decay"},
    "epochs_too_few": {"epochs"},
    "epochs_too_many": {"epochs", "model.layers"},
    "batch_of_all": {"batch_size"},
    "batch_of_few": {"batch_size"},
    "hidden_activation": {"model.layers"},
    "hidden_activation_removed": {"model.layers"},
    "output_activation_classes": {"model.layers"},
    "output_activation_yes_no": {"model.layers"},
    "output_activation_numbers": {"model.layers"},
    "loss_classes": {"loss.name", "loss.clip"},
    "loss_yes_no": {"loss.name", "loss.clip"},
    "loss_numbers": {"loss.name", "loss.clip"},
    "softmax_of_one_output": {"loss.name", "model.layers"},
    "loss_without_guard": {"loss.clip", "model.layers"},
    "optimizer_slow": {"optimizer"},
    "momentum_too_large": {"optimizer"},
    "clipping_too_tight": {"optimizer"},
    "epsilon_too_large": {"optimizer"},
    "init_constant": {"model.layers"},
    "init_small": {"model.layers"},
    "init_large": {"model.layers"},
    "dead_rectifiers": {"model.layers"},
    "scaling_removed": {"scaling.inputs"},
    "columns_stretched": {"scaling.inputs"},
    "inputs_shifted": {"scaling.inputs"},
    "targets_not_scaled": {"scaling.targets"},
    "validation_not_scaled": {"scaling.validation_inputs"},
    "units_too_few": {"model.layers"},
    "hidden_layers_removed": {"model.layers"},
    "too_deep": {"model.layers"},
    "capacity_too_much": {"model.layers", "epochs"},
    "l2_too_large": {"model.layers"},
    "l1_too_large": {"model.layers"},
    "dropout_too_much": {"model.layers"},
    "batch_norm_tiny_batches": {"model.layers", "batch_size"},
    "batch_norm_lags": {"model.layers", "batch_size", "epochs"},
    "label_divided": {"labels.coding", "loss.name"},
    "label_as_number": {"labels", "loss", "model.layers"},
    "rows_sorted": {"shuffle"},
    "target_among_columns": {"model.input_shape"},
    "target_among_training_columns": {"model.input_shape"},
    "wrong_metric_classes": {"metrics"},
    "wrong_metric_numbers": {"metrics"},
    "no_validation": {"validation.kind"},
}
"""Fault to the settings it may change; none for those that are not named."""
CHANGES_ROWS = {
    "columns_stretched": {"x_train", "x_validation"},
    "inputs_shifted": {"x_train", "x_validation"},
    "targets_not_scaled": {"y_train", "y_validation"},
    "labels_shuffled": {"y_train"},
    "labels_of_one_class_changed": {"y_train"},
    "inputs_drowned_in_noise": {"x_train"},
    "columns_lost": {"x_train", "x_validation"},
    "values_missing": {"x_train"},
    "label_codes": {"y_train", "y_validation"},
    "class_imbalance": {"x_train", "y_train"},
    "rows_sorted": {"x_train", "y_train"},
    "target_among_columns": {"x_train", "x_validation"},
    "target_among_training_columns": {"x_train", "x_validation"},
    "rows_shared": {"x_validation", "y_validation"},
}
"""Fault to the rows it may change."""


def program(task: str, kind: str) -> Program:
    """Return a healthy program on made-up rows."""
    g = np.random.default_rng(5)
    shape = (6, 6, 1) if kind == "images" else (7, 2) if kind == "sequences" else (6,)
    x = g.normal(3, 2, (160, *shape))
    y = {
        "binary": lambda: (x.reshape(160, -1)[:, 0] > 3).astype(int),
        "multiclass": lambda: g.permutation(np.repeat(np.arange(4), 40)),
        "regression": lambda: x.reshape(160, -1)[:, 0] * 5.0 + 2.0,
    }[task]()
    hidden = {
        "images": [conv(4), {"type": "flatten"}, dense(8), dropout(0.1)],
        "sequences": [{"type": "lstm", "units": 6}],
        "columns": [dense(12, l2=1e-4), dropout(0.1), dense(8)],
    }[kind]
    last, loss = {
        "binary": ("sigmoid", "binary_crossentropy"),
        "multiclass": ("softmax", "categorical_crossentropy"),
        "regression": ("linear", "mean_squared_error"),
    }[task]
    return Program.build(
        task=task,
        x_train=x[:120],
        y_train=y[:120],
        x_validation=x[120:],
        y_validation=y[120:],
        layers=[*hidden, dense(4 if task == "multiclass" else 1, last)],
        loss={"name": loss, "clip": None if task == "regression" else 1e-7},
        optimizer=adam(0.01),
        epochs=60,
        batch_size=16,
        scaling={
            "inputs": "standard",
            "targets": "standard" if task == "regression" else "none",
        },
    )


PROGRAMS = {
    f"{task} {kind}": program(task, kind)
    for task in ("binary", "multiclass", "regression")
    for kind in ("columns", "images", "sequences")
}


def flat(words: object, path: str = "") -> dict[str, object]:
    """Return path -> value of a tree's leaves."""
    if isinstance(words, dict):
        pairs = [(f"{path}.{key}" if path else key, part) for key, part in words.items()]
    elif isinstance(words, list):
        pairs = [(f"{path}[{i}]", part) for i, part in enumerate(words)]
    else:
        return {path: words}
    return {place: leaf for key, part in pairs for place, leaf in flat(part, key).items()}


def test_the_list_is_frozen():
    text = files("gradlab.doctor.faults").joinpath("faults.toml").read_bytes()
    assert hashlib.sha256(text).hexdigest() == DIGEST


def test_the_list_names_known_kinds_edits_and_needs():
    kinds = set(Kind.__args__)
    for fault in FAULTS.values():
        assert set(fault.right) <= kinds
        assert fault.edit in EDITS
        assert len(set(fault.strengths)) == len(fault.strengths) > 0
    assert {fault.edit for fault in FAULTS.values()} == set(EDITS)
    assert {fault.kind for fault in FAULTS.values()} == kinds - {"other"}


@pytest.mark.parametrize(("name", "strength"), MUTANTS)
def test_fault_edits_what_it_says_and_nothing_else(name, strength):
    fault = FAULTS[name]
    made = 0
    for healthy in PROGRAMS.values():
        before = healthy.words()
        mutant = inject(healthy, fault, strength, seed=3)
        assert healthy.words() == before
        if mutant is None:
            continue
        made += 1
        old, new = flat(before), flat(mutant.words())
        changed = {x for x in old.keys() | new.keys() if old.get(x) != new.get(x)}
        allowed = CHANGES_WORDS.get(name, set())
        assert all(any(x.startswith(a) for a in allowed) for x in changed), changed
        base = base_of(healthy, fault)
        rows = {x for x in ARRAYS if not np.array_equal(getattr(base, x), getattr(mutant, x))}
        expected = CHANGES_ROWS.get(name, set())
        assert rows <= expected
        assert changed or rows
        steps = mutant.settings.epochs * -(-len(mutant.x_train) // mutant.settings.batch_size)
        assert steps <= MOST_STEPS
    assert made


def test_a_mutant_is_the_same_every_time_and_another_with_another_seed():
    healthy = PROGRAMS["multiclass columns"]
    one, two, other = (inject(healthy, FAULTS["labels_shuffled"], 0.6, s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.y_train, two.y_train)
    assert (one.y_train != other.y_train).any()
    assert one.name == "program[labels_shuffled@0.6]"


def test_shuffled_labels_keep_their_counts_and_change_about_the_share():
    healthy = PROGRAMS["multiclass columns"]
    mutant = inject(healthy, FAULTS["labels_shuffled"], 0.6)
    np.testing.assert_array_equal(np.bincount(healthy.y_train), np.bincount(mutant.y_train))
    assert 0.3 < np.mean(healthy.y_train != mutant.y_train) <= 0.6


def test_thinned_classes_keep_the_common_ones_whole():
    healthy = PROGRAMS["binary columns"]
    mutant = inject(healthy, FAULTS["class_imbalance"], 0.1)
    before, after = np.bincount(healthy.y_train), np.bincount(mutant.y_train)
    common = before.argmax()
    assert after[common] == before[common]
    assert after[1 - common] == max(round(0.1 * before[1 - common]), 1)


def test_stretched_columns_differ_by_the_factor():
    mutant = inject(PROGRAMS["regression columns"], FAULTS["columns_stretched"], 300)
    spread = mutant.x_train.std(0)
    np.testing.assert_allclose(sorted(spread), [1] * 4 + [300] * 2, rtol=1e-6)


def test_scaled_starting_weights_are_as_many_times_the_usual():
    healthy = PROGRAMS["binary columns"]
    mutant = inject(healthy, FAULTS["init_large"], 20)
    first = mutant.settings.model.layers[0].init
    assert first.stddev == pytest.approx(20 * (2 / 6) ** 0.5, rel=0.35)


def test_faults_that_do_not_apply_give_none():
    assert inject(PROGRAMS["regression columns"], FAULTS["class_imbalance"], 0.1) is None
    assert inject(PROGRAMS["binary sequences"], FAULTS["dead_rectifiers"], -2) is None
    assert inject(PROGRAMS["binary images"], FAULTS["target_among_columns"], 0.0) is None
    assert (
        inject(PROGRAMS["binary columns"], FAULTS["label_as_number"], "mean_squared_error") is None
    )
    assert (
        inject(PROGRAMS["binary columns"].edited("batch_size", 2), FAULTS["batch_of_few"], 4)
        is None
    )


def test_one_row_batches_of_a_long_training_are_not_made():
    healthy = PROGRAMS["binary columns"].edited("epochs", 1000)
    assert inject(healthy, FAULTS["batch_of_few"], 1) is None


def test_kept_share_and_effect():
    assert kept_share([0.9, 0.7, 0.8], [0.65, 0.2, np.inf], 0.5) == (0.5, 0.0, 0.0)
    assert effect_of([0.1, 0.2, 0.5, 0.59, 0.9]) == "strong"
    assert effect_of([0.1, 1.0, 1.0, 1.0, 1.0]) == "some_seeds"
    assert effect_of([0.9, 0.85, 1.0]) == "weak"
    assert effect_of([1.0, 0.97, 0.9]) == "none"


def test_evidence_comes_back_from_its_text():
    points = np.array([0.0, 1.0])
    grid = np.array([[0.25, np.nan], [1.5, 2.0]])
    columns = dict.fromkeys(("loss", "penalty", "noise", "output_std", "norm_gap"), points)
    layered = dict.fromkeys(
        (
            "mean",
            "std",
            "zero",
            "saturated",
            "dead",
            "stuck",
            "gradient",
            "gradient_out",
            "weight",
            "update",
            "alike",
        ),
        grid,
    )
    probes = Probes(time=points, **columns, **layered)
    record = Record(points, points, points, points, non_finite=("loss", 1.5), probes=probes)
    evidence = Evidence(
        Setup(task="binary", layers=(Layer("dense", "model.layers[0]", units=3),)),
        DataFacts(9, class_counts=np.array([4, 5]), leaking=(("x", 0.9),), mean=points),
        (record,),
        Sweep(points, np.array([1.0, np.inf]), 2.0, 3),
        0.25,
        (Trial((("learning_rate", 0.1),), (0.5,), (0.4,), (1.0,)),),
        ("nothing",),
    )
    again = evidence_from_json(evidence_to_json(evidence))
    assert evidence_to_json(again) == evidence_to_json(evidence)
    assert again.setup == evidence.setup
    assert again.trials == evidence.trials
    assert again.data.class_counts.dtype.kind == "i"
    np.testing.assert_array_equal(again.records[0].probes.std, grid)
    assert np.isinf(again.sweep.loss[1])


def test_held_out_data_sets_are_apart():
    held = {x.dataset for x in CONTROLS if x.held_out}
    seen = {x.dataset for x in CONTROLS if not x.held_out}
    assert not held & seen
    assert len(held) >= 4
    assert len(seen) >= 8
    assert held | seen == set(READERS)
    assert len({x.name for x in CONTROLS}) == len(CONTROLS)


def test_an_unknown_or_missing_data_set_is_said(tmp_path):
    with pytest.raises(DataError, match="Expected one of"):
        read_rows("unknown", tmp_path)
    with pytest.raises(DataError, match="not there"):
        read_rows("pima", tmp_path)


@pytest.mark.skipif("GRADLAB_DATA" not in os.environ, reason="needs GRADLAB_DATA")
def test_controls_are_programs():
    folder = Path(os.environ["GRADLAB_DATA"])
    for control in CONTROLS[:2]:
        healthy = healthy_program(control, folder)
        assert len(healthy.x_train) == 3 * len(healthy.x_validation) + (len(healthy.x_train) % 3)
