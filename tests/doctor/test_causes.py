"""Each cause: where it fires, with what, and a near miss where it keeps silent."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.doctor.calibration import load_calibration
from gradlab.doctor.causes import CAUSES
from gradlab.doctor.causes import missing_scaling as scaling_rule
from gradlab.doctor.causes.weighing import range_test
from gradlab.doctor.diagnosis import diagnose_evidence
from gradlab.doctor.evidence import DataFacts, Evidence, Layer, Setup
from gradlab.doctor.finding import SETTINGS, Change

from .made_evidence import (
    LAYERS,
    evidence,
    facts,
    hidden,
    last,
    number_facts,
    numbers_task,
    probes,
    record,
    setup,
    sweep,
    trial,
)

CALIBRATION = load_calibration()
DROPOUT = Layer("dropout", "layers[1]", rate=0.9)
NORM = Layer("norm", "layers[2]", units=32)


def kinds(found):
    return [finding.kind for finding in diagnose_evidence(found).findings]


def finding(found, kind):
    by_kind = {f.kind: f for f in diagnose_evidence(found).findings}
    assert kind in by_kind, sorted(by_kind)
    return by_kind[kind]


def test_healthy_training_gets_no_finding():
    assert diagnose_evidence(evidence()).healthy
    assert diagnose_evidence(evidence(sweep=sweep(1e-3), trials=(trial(0.94, epochs=120),))).healthy
    assert diagnose_evidence(evidence(changes=numbers_task(), data=number_facts())).healthy


POOR = {"end": 0.35}

FIRES = {
    "learning_rate_high": [
        evidence(
            **POOR, changes={"learning_rate": 1.0}, sweep=sweep(1e-2, 1.0, blows_up_above=0.5)
        ),
        evidence(records=(record(status="diverged", loss=[5.0, np.nan, np.nan]),) * 2),
    ],
    "learning_rate_low": [
        evidence(**POOR, changes={"learning_rate": 1e-6}, sweep=sweep(1e-3, 1e-6)),
        evidence(end=0.3, changes={"learning_rate_decay": 0.1}),
        evidence(
            end=0.3,
            records=(record(0.3, loss=1.39 - 0.004 * np.arange(1, 31)),),
            changes={"learning_rate": 1e-5},
        ),
    ],
    "epochs_too_few": [
        evidence(**POOR, trials=(trial(0.9, epochs=120),)),
        evidence(records=(record(0.3, loss=[1.38, 1.3, 1.2, 1.1]),), changes={"epochs": 4}),
    ],
    "epochs_too_many": [
        evidence(
            records=(
                replace(
                    record(
                        0.8,
                        train=1.0,
                        validation_loss=np.r_[np.linspace(1, 0.3, 8), np.linspace(0.3, 0.9, 22)],
                    ),
                    validation_score=np.r_[np.linspace(0.3, 0.9, 8), np.linspace(0.9, 0.8, 22)],
                ),
            )
        )
    ],
    "batch_size": [
        evidence(**POOR, changes={"batch_size": 1000}, trials=(trial(0.9, batch_size=32),)),
        evidence(**POOR, changes={"batch_size": 500, "epochs": 5}),
    ],
    "hidden_activation": [
        evidence(**POOR, changes={"layers": hidden(activation="linear")}),
        evidence(**POOR, changes={"layers": hidden(activation="softmax")}),
        evidence(
            **POOR,
            changes={"layers": hidden(activation="sigmoid")},
            trials=(trial(0.9, hidden_activation="relu"),),
        ),
        evidence(
            changes={"layers": hidden(activation="sigmoid")},
            records=(record(0.3, probes=probes(saturated=0.9)),),
        ),
        evidence(records=(record(0.3, probes=probes(dead=[[0, 0, 0], [0.95, 0.1, 0]])),)),
    ],
    "output_activation": [
        evidence(changes={"layers": last("linear")}),
        evidence(changes={"layers": last("softsign")}),
        evidence(changes=numbers_task(layers=last("relu", units=1)), data=number_facts(), end=0.2),
        evidence(changes={"task": "multilabel", "loss": "binary_cross_entropy"}),
        evidence(
            changes={
                "task": "binary",
                "n_outputs": 1,
                "layers": last("softmax", units=1),
                "loss": "squared_error",
            }
        ),
        evidence(**POOR, changes={"layers": last("sigmoid")}),
    ],
    "loss": [
        evidence(changes=numbers_task(loss="binary_cross_entropy"), data=number_facts()),
        evidence(changes={"loss": "hinge"}),
        evidence(**POOR, changes={"loss": "squared_error"}),
    ],
    "output_loss_mismatch": [
        evidence(changes={"loss": "binary_cross_entropy"}),
        evidence(changes={"loss_takes": "scores"}),
        evidence(changes={"n_outputs": 1}),
    ],
    "label_coding": [
        evidence(**POOR, changes={"label_coding": "integer_as_real"}),
        evidence(**POOR, changes={"label_coding": "integer_divided_by_255"}),
        evidence(data=facts(class_counts=np.array([1000, 0]))),
        evidence(
            changes={
                "task": "binary",
                "n_outputs": 1,
                "layers": last("sigmoid", units=1),
                "loss": "binary_cross_entropy",
            },
            data=facts(target_minimum=1.0, target_maximum=2.0),
        ),
    ],
    "optimizer": [
        evidence(**POOR, changes={"optimizer": "sgd"}, trials=(trial(0.9, optimizer="adam"),)),
        evidence(**POOR, changes={"optimizer": "momentum", "momentum": 0.999}),
        evidence(**POOR, changes={"optimizer": "sgd", "learning_rate": 0.01, "clip_norm": 0.001}),
    ],
    "weight_init": [
        evidence(**POOR, changes={"layers": hidden(init="zeros", init_std=0.0)}),
        evidence(**POOR, changes={"layers": hidden(init_std=2.5)}),
        evidence(**POOR, changes={"layers": hidden(init_std=0.005)}),
        evidence(records=(record(0.3, probes=probes(dead=[[0.95, 0, 0], [0.95, 0, 0]])),)),
        evidence(records=(record(0.3, probes=probes(alike=[1.0, 1.0, 0.0])),)),
    ],
    "missing_scaling": [
        evidence(**POOR, data=facts(mean=np.full(32, 100.0), std=np.full(32, 60.0))),
        evidence(
            **POOR,
            data=facts(mean=np.full(32, 100.0), std=np.full(32, 60.0)),
            trials=(trial(0.92, scaling="standard"),),
        ),
        evidence(changes={"validation_scaled": False}),
        evidence(
            end=0.1,
            changes=numbers_task(target_scaling="none"),
            data=number_facts(target_mean=1e5, target_std=1e4),
        ),
    ],
    "missing_layer_or_units": [
        evidence(**POOR, changes={"layers": hidden(units=1)}),
        evidence(**POOR, trials=(trial(0.9, units=4),)),
        evidence(
            changes={"layers": (LAYERS[0],) * 20 + LAYERS[2:]},
            records=(record(0.3, probes=probes(21, gradient_out=0.4 ** np.arange(21)[::-1])),),
        ),
    ],
    "missing_regularization": [
        evidence(
            records=(
                record(0.6, train=1.0, validation_loss=np.r_[1.0, 0.7, np.linspace(0.7, 2, 28)]),
            ),
            data=facts(reference_score=0.6),
        ),
        evidence(
            records=(record(0.6, train=1.0),) * 3,
            data=facts(reference_score=0.6),
            trials=(trial(0.75, dropout=0.3),),
        ),
    ],
    "redundant_regularization": [
        evidence(
            changes={"layers": hidden(l1=0.1)},
            records=(record(0.3, probes=probes(penalty=20.0)),),
        ),
        evidence(
            **POOR,
            changes={"layers": hidden(l2=0.5)},
            trials=(trial(0.9, l1=0.0, l2=0.0),),
        ),
    ],
    "too_much_dropout": [
        evidence(**POOR, changes={"layers": (LAYERS[0], DROPOUT, *LAYERS[1:])}),
        evidence(
            **POOR,
            changes={"layers": (LAYERS[0], replace(DROPOUT, rate=0.6), *LAYERS[1:])},
            trials=(trial(0.9, dropout=0.0),),
        ),
    ],
    "shuffled_labels_or_data_bug": [
        evidence(**POOR, data=facts(label_disagreement=0.95, reference_score=0.27)),
        evidence(
            end=0.25,
            data=facts(label_disagreement=None, reference_score=0.26),
            trials=(trial(0.255, epochs=120),),
        ),
        evidence(data=facts(constant=tuple(f"x{i}" for i in range(30)))),
    ],
    "class_imbalance": [
        evidence(
            records=(record(0.95, train=0.95),),
            data=facts(class_counts=np.array([950, 20, 20, 10]), trivial_score=0.95),
        ),
        evidence(end=0.5, data=facts(class_counts=np.array([500, 480, 2, 1]), trivial_score=0.3)),
    ],
    "batch_norm": [
        evidence(**POOR, changes={"layers": (LAYERS[0], NORM, *LAYERS[1:]), "batch_size": 2}),
        evidence(
            changes={"layers": (LAYERS[0], NORM, *LAYERS[1:])},
            records=(record(0.3, train=0.9, probes=probes(norm_gap=5.0)),),
        ),
    ],
    "data_order": [evidence(**POOR, changes={"shuffle": False}, data=facts(ordered=True))],
    "leakage": [
        evidence(data=facts(leaking=(("id", 1.0),))),
        evidence(data=facts(shared=100)),
    ],
    "numerical": [
        evidence(changes={"loss_guarded": False}),
        evidence(data=facts(n_missing=3)),
    ],
    "wrong_metric": [
        evidence(changes=numbers_task(metric="accuracy_exact"), data=number_facts()),
        evidence(changes={"metric": "accuracy_per_output"}),
        evidence(changes={"metric": "accuracy_rounded"}),
    ],
    "no_validation": [evidence(changes={"validation": "none"})],
}

SILENT = {
    # A short test's best rate is bold, but the training does well.
    "learning_rate_high": [evidence(changes={"learning_rate": 1.0}, sweep=sweep(0.01, 1.0))],
    "learning_rate_low": [
        evidence(changes={"learning_rate": 1e-6}, sweep=sweep(1e-3, 1e-6)),
        # A larger rate was tried to the end and didn't help.
        evidence(
            **POOR,
            changes={"learning_rate": 1e-6},
            sweep=sweep(1e-3, 1e-6),
            trials=(trial(0.36, learning_rate=1e-3), trial(0.9, scaling="standard")),
        ),
        evidence(changes={"learning_rate_decay": 1e-5}, **POOR),
    ],
    "epochs_too_few": [
        evidence(**POOR, trials=(trial(0.36, epochs=120), trial(0.9, learning_rate=0.01))),
        evidence(trials=(trial(0.95, epochs=120),)),
    ],
    "epochs_too_many": [
        evidence(records=(record(validation_loss=np.linspace(1, 0.3, 30)),)),
        # The loss turned, the score did not fall.
        evidence(records=(record(validation_loss=np.r_[1, 0.3, np.linspace(0.3, 0.9, 28)]),)),
    ],
    "batch_size": [evidence(**POOR), evidence(changes={"batch_size": 1000})],
    "hidden_activation": [
        evidence(changes={"layers": hidden(activation="sigmoid")}),
        # Only one of two layers is linear.
        evidence(
            **POOR, changes={"layers": (replace(LAYERS[0], activation="linear"), *LAYERS[1:])}
        ),
        evidence(
            changes={"layers": hidden(activation="linear")},
            trials=(trial(0.93, hidden_activation="relu"),),
        ),
    ],
    "output_activation": [
        evidence(**POOR),
        evidence(changes={"loss_takes": "scores", "layers": last("linear")}),
        evidence(
            changes=numbers_task(layers=last("relu", units=1)),
            data=number_facts(target_minimum=0.0),
        ),
        evidence(changes={"layers": last("linear"), "loss": "squared_error"}),
    ],
    "loss": [
        evidence(changes={"loss": "squared_error"}),
        evidence(
            **POOR,
            changes={"loss": "squared_error"},
            trials=(trial(0.36, loss="auto"), trial(0.9, learning_rate=0.01)),
        ),
        # Shares between 0 and 1 are numbers, and cross-entropy is sound for them.
        evidence(
            changes=numbers_task(loss="binary_cross_entropy", layers=last("sigmoid", units=1)),
            data=number_facts(target_minimum=0.0, target_maximum=1.0),
        ),
    ],
    "output_loss_mismatch": [
        evidence(**POOR),
        evidence(changes={"loss_takes": "scores", "layers": last("linear")}),
    ],
    "label_coding": [evidence(**POOR), evidence(**POOR, changes={"label_coding": "integer"})],
    "optimizer": [
        evidence(changes={"optimizer": "sgd"}, trials=(trial(0.94, optimizer="adam"),)),
        evidence(changes={"optimizer": "momentum", "momentum": 0.99}),
    ],
    "weight_init": [
        # Zeros in the only layer, or in the last, are no symmetry.
        evidence(**POOR, changes={"layers": (replace(LAYERS[2], init="zeros", init_std=0.0),)}),
        evidence(**POOR, changes={"layers": last("softmax", init="zeros", init_std=0.0)}),
        evidence(changes={"layers": hidden(init_std=2.5)}),
    ],
    "missing_scaling": [
        evidence(data=facts(mean=np.full(32, 100.0), std=np.full(32, 60.0))),
        evidence(**POOR),
        # Scaling was tried and is not it.
        evidence(
            **POOR,
            data=facts(mean=np.full(32, 100.0), std=np.full(32, 60.0)),
            trials=(trial(0.36, scaling="standard"), trial(0.9, learning_rate=0.01)),
        ),
        evidence(changes={"validation_scaled": False, "scaling": "none"}),
    ],
    "missing_layer_or_units": [
        evidence(**POOR),
        evidence(changes={"layers": hidden(units=1)}),
    ],
    "missing_regularization": [
        evidence(records=(record(0.9, train=0.97),)),
        evidence(
            records=(record(0.6, train=1.0),) * 3,
            data=facts(reference_score=0.6),
            trials=(trial(0.6, dropout=0.3),),
        ),
    ],
    "redundant_regularization": [
        evidence(
            changes={"layers": hidden(l1=0.1)}, records=(record(probes=probes(penalty=20.0)),)
        ),
        evidence(**POOR, changes={"layers": hidden(l2=1e-4)}),
    ],
    "too_much_dropout": [
        evidence(changes={"layers": (LAYERS[0], DROPOUT, *LAYERS[1:])}),
        evidence(**POOR, changes={"layers": (LAYERS[0], replace(DROPOUT, rate=0.2), *LAYERS[1:])}),
    ],
    "shuffled_labels_or_data_bug": [
        evidence(**POOR),
        # Neighbours disagree, as for parity, but it is learnt.
        evidence(data=facts(label_disagreement=0.95)),
        # Too few rows to have neighbours.
        evidence(**POOR, data=facts(n_train=6, label_disagreement=1.0, reference_score=0.3)),
    ],
    "class_imbalance": [
        evidence(data=facts(class_counts=np.array([850, 50, 50, 50]), trivial_score=0.85)),
        evidence(**POOR),
    ],
    "batch_norm": [
        evidence(changes={"layers": (LAYERS[0], NORM, *LAYERS[1:]), "batch_size": 2}),
        evidence(**POOR, changes={"layers": (LAYERS[0], NORM, *LAYERS[1:])}),
        evidence(**POOR, changes={"batch_size": 2}),
    ],
    "data_order": [
        evidence(**POOR, changes={"shuffle": True}, data=facts(ordered=True)),
        evidence(**POOR, changes={"shuffle": False}),
    ],
    # Rows repeat by nature, in training as often.
    "leakage": [
        evidence(data=facts(shared=100, duplicates=0.6)),
        evidence(data=facts(leaking=(("code", 1.0),), duplicates=0.9)),
        evidence(),
    ],
    "numerical": [
        evidence(changes={"loss_guarded": False, "loss_takes": "scores", "layers": last("linear")}),
        evidence(changes=numbers_task(loss_guarded=False), data=number_facts()),
    ],
    "wrong_metric": [evidence(), evidence(changes=numbers_task(), data=number_facts())],
    # Something else comes first.
    "no_validation": [
        evidence(changes={"validation": "none", "loss_guarded": False}),
        evidence(changes={"validation": "fraction"}),
    ],
}


@pytest.mark.catalogue("DIF-10")
def test_every_cause_has_a_case_that_fires_and_one_that_does_not():
    """The report comes from loss curves, gradient norms, activations and batch statistics."""
    names = {look.__module__.split(".")[-1] for look in CAUSES}
    assert names == set(FIRES) == set(SILENT)
    for kind, cases in FIRES.items():
        for i, case in enumerate(cases):
            found = finding(case, kind)
            assert found.symptom.endswith("."), (kind, i)
            assert found.source, (kind, i)
            assert found.rows, (kind, i)
            assert 0 < found.confidence < 1, (kind, i)
            assert all(np.isfinite(x) for x in found.evidence.values()), (kind, i)
            assert f"{kind}." == found.rule[: len(kind) + 1], (kind, i)
            for changes in found.changes:
                assert all(change.setting in SETTINGS for change in changes), (kind, i)
    for kind, cases in SILENT.items():
        for i, case in enumerate(cases):
            assert kind not in kinds(case), (kind, i)


def test_rate_is_named_with_the_numbers_of_the_sweep():
    found = finding(FIRES["learning_rate_high"][0], "learning_rate_high")
    assert found.evidence["learning rate"] == 1.0
    assert found.evidence["best rate of the sweep"] == pytest.approx(0.01)
    assert found.changes[0] == (Change("learning_rate", pytest.approx(0.01)),)
    assert "does not stay finite" in found.why
    low = finding(FIRES["learning_rate_low"][0], "learning_rate_low")
    assert low.changes[0][0].value == pytest.approx(1e-3)
    decays = finding(FIRES["learning_rate_low"][1], "learning_rate_low")
    assert decays.evidence["rate divided by"] == pytest.approx(1 + 0.1 * 30 * 32)


def test_range_test_tells_the_good_range_and_what_is_lost():
    read = range_test(evidence(sweep=sweep(1e-3, 1e-6), changes={"learning_rate": 1e-6}))
    assert read.best == pytest.approx(1e-3)
    assert read.low <= read.best <= read.high
    assert read.too_low_by > 100
    assert read.too_high_by == 1
    assert read.lost > 0.9
    level = replace(sweep(1e-3), loss=np.full(17, 1.39))
    assert range_test(evidence(sweep=level)) is None, "no rate brought it down"


def test_more_epochs_are_proposed_as_few_as_do():
    case = evidence(**POOR, trials=(trial(0.90, epochs=120), trial(0.91, epochs=480)))
    assert finding(case, "epochs_too_few").changes == ((Change("epochs", 120),),)


def test_scaling_that_helped_is_proposed_first_and_outranks_rate_and_epochs():
    case = evidence(
        **POOR,
        data=facts(mean=np.full(32, 100.0), std=np.full(32, 60.0)),
        sweep=sweep(1e-1),
        trials=(trial(0.92, scaling="standard"), trial(0.6, learning_rate=1e-1),
                trial(0.6, epochs=120)),
    )  # fmt: skip
    assert kinds(case)[0] == "missing_scaling"
    assert finding(case, "missing_scaling").changes[0] == (Change("scaling", "standard"),)


def test_off_scale_columns_are_measured():
    data = facts(mean=np.r_[50.0, np.zeros(31)], std=np.r_[5.0, np.ones(30), 0.0])
    numbers = scaling_rule.off_scale(data)
    assert numbers["size"] == pytest.approx(np.hypot(50, 5))
    assert numbers["spread"] == pytest.approx(5), "a constant column has no spread to compare"
    assert numbers["shift"] == pytest.approx(10)


def test_a_fault_within_several_is_told_by_leaving_its_repair_out():
    """No single change helps; all together do, and not without scaling and optimizer."""
    case = evidence(
        **POOR,
        data=facts(mean=np.full(32, 100.0), std=np.full(32, 60.0)),
        trials=(
            trial(0.36, scaling="standard"),
            trial(0.37, optimizer="adam"),
            trial(0.36, epochs=120),
            trial(0.92, scaling="standard", optimizer="adam", epochs=120),
            trial(0.40, optimizer="adam", epochs=120),
            trial(0.38, scaling="standard", epochs=120),
            trial(0.91, scaling="standard", optimizer="adam"),
        ),
    )
    assert kinds(case)[:2] == ["missing_scaling", "optimizer"]
    assert "epochs_too_few" not in kinds(case)


def test_gains_within_the_error_of_few_validation_rows_are_no_evidence():
    better = (trial(0.70, epochs=120),)
    few, many = facts(n_validation=20), facts(n_validation=2000)
    assert kinds(evidence(end=0.6, data=few, trials=better)) == []
    assert kinds(evidence(end=0.6, data=many, trials=better)) == ["epochs_too_few"]


def test_what_cannot_be_taken_apart_counts_less():
    """The usual training as a whole does well; whether for its optimizer is not known."""
    sgd = {"optimizer": "sgd"}
    whole = trial(0.9, optimizer="adam", epochs=120)
    alone = trial(0.9, optimizer="adam")
    joint = finding(evidence(**POOR, changes=sgd, trials=(whole,)), "optimizer")
    single = finding(evidence(**POOR, changes=sgd, trials=(alone,)), "optimizer")
    assert joint.confidence < single.confidence
    assert "and others (epochs)" in joint.why


def test_where_nothing_helped_a_trial_excludes_nothing():
    small = {"layers": hidden(init_std=0.005)}
    tried = trial(0.35, init="he_normal")
    alone = evidence(end=0.35, changes=small, data=facts(reference_score=0.9), trials=(tried,))
    assert "weight_init" in kinds(alone)
    other = replace(alone, trials=(tried, trial(0.9, learning_rate=0.1)))
    assert "weight_init" not in kinds(other)


def test_missing_evidence_is_named():
    said = " ".join(diagnose_evidence(Evidence(setup())).missing)
    assert "the data" in said
    assert "a run" in said
    said = " ".join(diagnose_evidence(evidence()).missing)
    assert "measurements inside" in said
    assert "range test" in said
    assert "trials" in said


UNKNOWN = {
    f.name: None
    for f in fields(Setup)
    if f.name not in ("task", "layers", "learning_rate_decay", "augment")
}


@settings(max_examples=60, deadline=None)
@given(
    names=st.sets(st.sampled_from(sorted(UNKNOWN))),
    data=st.booleans(),
    n_records=st.integers(0, 3),
    gaps=st.booleans(),
)
def test_unknown_evidence_never_raises_and_never_alarms(names, data, n_records, gaps):
    """Law: taking knowledge away from a healthy training leaves it healthy."""
    run = record(probes=probes())
    if gaps:
        nothing = np.full(30, np.nan)
        run = replace(run, train_score=nothing, validation_loss=nothing, initial_loss=None)
    found = Evidence(
        replace(setup(), **dict.fromkeys(names)),
        facts() if data else None,
        (run,) * n_records,
    )
    assert diagnose_evidence(found).findings == ()


def test_nothing_known_at_all_is_silent():
    for task in ("binary", "multiclass", "multilabel", "regression", "reconstruction"):
        empty = Evidence(Setup(task, ()), DataFacts(n_train=0), (record(loss=[]),))
        assert diagnose_evidence(empty).findings == ()


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(sorted(FIRES)),
    name=st.sampled_from(sorted(CALIBRATION.thresholds)),
    share=st.floats(0, 1),
)
def test_every_threshold_value_in_range_gives_a_diagnosis(kind, name, share):
    threshold = CALIBRATION.thresholds[name]
    moved = CALIBRATION.with_value(name, threshold.low + share * (threshold.high - threshold.low))
    for case in FIRES[kind]:
        diagnosis = diagnose_evidence(case, moved)
        confidences = [f.confidence for f in diagnosis.findings]
        assert confidences == sorted(confidences, reverse=True)
        assert len({f.kind for f in diagnosis.findings}) == len(diagnosis.findings)
