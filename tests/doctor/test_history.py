"""Histories that other programs wrote: every form, and every way in which they are spoilt."""

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pytest

from gradlab.doctor.evidence import Setup
from gradlab.doctor.history import read_history, read_setup
from gradlab.doctor.history.activations import CURVES, saturated
from gradlab.doctor.history.names import column
from gradlab.doctor.program.activations import ACTIVATIONS
from gradlab.errors import DataError, RecipeError


def write(folder, text, name="history.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def record(source, **more):
    (found,) = read_history(source, **more).records
    return found


def same(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12)


class TestForms:
    EXPECTED = ([0.9, 0.5], [1.0, 0.7], [0.6, 0.8], [0.5, 0.7])

    @pytest.mark.parametrize(
        "text",
        [
            "epoch,loss,val_loss,accuracy,val_accuracy\n1,.9,1,.6,.5\n2,.5,.7,.8,.7\n",
            "epoch,accuracy,loss,val_accuracy,val_loss\n0,.6,.9,.5,1\n1,.8,.5,.7,.7\n",
            "Epoch;Train Loss;Val Loss;Train Acc (%);Val Acc (%)\n1;0,9;1,0;60;50\n2;0,5;0,7;80;70",
            "trainLoss\tvalLoss\ttrainAcc\tvalAcc\n.9\t1\t60%\t50%\n.5\t.7\t80%\t70%\n",
            "Loss/train,Loss/val,Accuracy/train,Accuracy/val\n.9,1,.6,.5\n.5,.7,.8,.7\n",
            "training_loss,validation_loss,train_error_rate,valid_acc\n.9,1,.4,.5\n.5,.7,.2,.7\n",
            "loss,val_loss,acc,val_acc\n\"tensor(0.9, device='cuda:0')\",1,.6,.5\n.5,.7,.8,.7\n",
        ],
        ids=["keras", "from_zero", "german", "camel_tabs", "tensorboard", "error_rate", "tensor"],
    )
    def test_csv(self, tmp_path, text):
        found = record(write(tmp_path, text))
        for values, expected in zip(
            (
                found.train_loss,
                found.validation_loss,
                found.train_score,
                found.validation_score,
            ),
            self.EXPECTED,
            strict=True,
        ):
            same(values, expected)
        assert found.status == "done"

    @pytest.mark.parametrize(
        "content",
        [
            {"loss": [0.9, 0.5], "val_loss": [1.0, 0.7]},
            {"history": {"loss": [0.9, 0.5], "val_loss": [1.0, 0.7]}, "epoch": [0, 1]},
            {"train": {"loss": [0.9, 0.5]}, "val": {"loss": [1.0, 0.7]}},
            [
                {"epoch": 1, "loss": 0.9, "val_loss": 1.0},
                {"epoch": 2, "loss": 0.5, "val_loss": 0.7},
            ],
            {
                "log_history": [
                    {"loss": 0.9, "epoch": 0.9, "step": 9},
                    {"eval_loss": 1.0, "epoch": 1.0, "step": 10},
                    {"loss": 0.5, "epoch": 1.8, "step": 18},
                    {"eval_loss": 0.7, "epoch": 2.0, "step": 20},
                ]
            },
        ],
        ids=["keras", "keras_history", "nested", "epochs", "hugging_face"],
    )
    def test_json_file_and_object(self, tmp_path, content):
        path = write(tmp_path, json.dumps(content), "history.json")
        for source in (path, content):
            found = record(source)
            same(found.train_loss, [0.9, 0.5])
            same(found.validation_loss, [1.0, 0.7])

    def test_json_lines_of_a_run_that_was_stopped(self, tmp_path):
        path = write(tmp_path, '{"loss": 0.9}\n{"loss": 0.5}\n{"lo', "log.jsonl")
        evidence = read_history(path)
        same(evidence.records[0].train_loss, [0.9, 0.5])
        assert any("not whole" in note for note in evidence.notes)

    def test_csv_of_a_run_that_was_stopped(self, tmp_path):
        evidence = read_history(write(tmp_path, "epoch,loss,val_loss\n1,.9,1\n2,.5,.7\n3,.4"))
        same(evidence.records[0].train_loss, [0.9, 0.5])
        assert any("not whole" in note for note in evidence.notes)

    def test_lightning_writes_rows_with_gaps(self, tmp_path):
        path = write(
            tmp_path,
            "epoch,step,train_loss_step,train_loss_epoch,val_loss,lr-Adam\n"
            "0,49,1.2,,,\n0,99,0.8,,,0.001\n0,99,,,1.0,\n0,99,,0.9,,\n"
            "1,149,0.7,,,\n1,199,,,0.7,\n1,199,,0.5,,0.0005\n",
        )
        evidence = read_history(path)
        same(evidence.records[0].train_loss, [0.9, 0.5])
        same(evidence.records[0].validation_loss, [1.0, 0.7])
        assert evidence.setup.learning_rate == 0.001
        assert evidence.setup.schedule == "varied"

    def test_steps_within_an_epoch_are_averaged(self):
        rows = [(0, 1, 1.0), (0, 2, 0.8), (1, 3, 0.6), (1, 4, 0.4)]
        found = record([dict(zip(("epoch", "step", "train_loss"), r, strict=True)) for r in rows])
        same(found.train_loss, [0.9, 0.5])

    def test_frames(self):
        columns = {"loss": [0.9, 0.5], "r2": [0.1, 0.4]}
        for frame in (pd.DataFrame(columns), pl.DataFrame(columns)):
            evidence = read_history(frame)
            same(evidence.records[0].train_score, [0.1, 0.4])
            assert evidence.setup.task == "regression"

    def test_sklearn_loss_curve_alone(self, tmp_path):
        for source in ([0.9, 0.5], write(tmp_path, "[0.9, 0.5]", "curve.json")):
            same(record(source).train_loss, [0.9, 0.5])

    def test_shorter_validation_of_keras_is_spread(self):
        evidence = read_history({"loss": [4.0, 3.0, 2.0, 1.0], "val_loss": [3.5, 1.5]})
        same(evidence.records[0].validation_loss, [np.nan, 3.5, np.nan, 1.5])
        assert any("every 2 epochs" in note for note in evidence.notes)

    def test_a_run_column_gives_a_record_each(self):
        evidence = read_history(
            {"seed": ["a", "a", "b", "b"], "epoch": [1, 2, 1, 2], "loss": [4.0, 3.0, 2.0, 1.0]}
        )
        assert [r.train_loss.tolist() for r in evidence.records] == [[4.0, 3.0], [2.0, 1.0]]
        assert [r.seed for r in evidence.records] == [0, 1]


class TestSpoiltHistories:
    def test_nan_at_the_end_is_divergence(self, tmp_path):
        found = record(write(tmp_path, "epoch,loss\n1,.9\n2,5e9\n3,nan\n4,nan\n"))
        assert found.status == "diverged"
        assert found.non_finite == ("loss", 3.0)

    def test_infinity_is_divergence_wherever_it_stands(self):
        found = record({"loss": [0.9, float("inf"), 0.8]})
        assert (found.status, found.non_finite) == ("diverged", ("loss", 2.0))

    def test_nan_between_numbers_is_a_gap(self):
        evidence = read_history({"loss": [0.9, float("nan"), 0.5]})
        assert evidence.records[0].status == "done"
        assert any("not measured" in note for note in evidence.notes)

    def test_validation_every_other_epoch_is_no_divergence(self):
        nan = float("nan")
        found = record({"loss": [4.0, 3.0, 2.0, 1.0, 0.9], "val_loss": [nan, 3.0, nan, 2.0, nan]})
        assert found.status == "done"

    def test_all_nan_is_divergence_from_the_start(self, tmp_path):
        found = record(write(tmp_path, "epoch,loss\n1,nan\n2,nan\n"))
        assert found.non_finite == ("loss", 1.0)

    def test_blank_cells_are_gaps(self, tmp_path):
        found = record(write(tmp_path, "epoch,loss,val_acc\n1,.9,\n2,.5,.7\n3,.4,N/A\n"))
        same(found.validation_score, [np.nan, 0.7, np.nan])
        assert found.status == "done"

    def test_one_epoch(self):
        evidence = read_history({"loss": [0.9]})
        assert len(evidence.records[0].train_loss) == 1
        assert any("one epoch" in sentence for sentence in evidence.missing)

    def test_missing_epochs_are_nan(self):
        evidence = read_history({"epoch": [1, 2, 5], "loss": [3.0, 2.0, 1.0]})
        same(evidence.records[0].train_loss, [3.0, 2.0, np.nan, np.nan, 1.0])
        assert any("2 of 5 epochs" in note for note in evidence.notes)

    def test_unsorted_epochs_are_sorted(self):
        evidence = read_history({"epoch": [3, 1, 2], "loss": [1.0, 3.0, 2.0]})
        same(evidence.records[0].train_loss, [3.0, 2.0, 1.0])
        assert any("sorted" in note for note in evidence.notes)

    def test_of_doubled_epochs_the_last_counts(self):
        evidence = read_history({"epoch": [1, 2, 2, 3], "loss": [3.0, 9.0, 2.0, 1.0]})
        same(evidence.records[0].train_loss, [3.0, 2.0, 1.0])
        assert any("more than once" in note for note in evidence.notes)

    def test_only_validation(self):
        evidence = read_history({"val_loss": [0.9, 0.8]})
        assert np.isnan(evidence.records[0].train_loss).all()
        assert any(s.startswith("The training loss") for s in evidence.missing)

    def test_fewer_epochs_than_planned_is_early(self):
        found = record({"loss": [0.9, 0.8]}, setup={"epochs": 10})
        assert found.status == "early"

    def test_a_late_first_epoch_is_told(self):
        evidence = read_history({"epoch": [50, 51], "loss": [0.9, 0.8]})
        assert len(evidence.records[0].train_loss) == 2
        assert any("first epoch is 50" in note for note in evidence.notes)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "is empty"),
            ("\n\n", "blank"),
            ("epoch,loss\n", "no data below"),
            ("epoch,los,val_los\n1,.9,1\n", "'los' is not understood. Did you mean 'loss'?"),
            ("a,b\n1,2\n", "came a, b. Understood are epoch"),
            ("epoch,loss\n1,low\n", "column 'loss', row 1: expected a number; came 'low'"),
            ("epoch,loss\n-1,2\n", "an epoch is 0 or more"),
            ("epoch,loss\n1,2\n9000000,1\n", "at most 1000000"),
            ("epoch,loss,acc\n1,2,250\n", "'acc': expected a share"),
            ("epoch,loss,r2\n1,2,40\n", "R² is at most 1"),
            ("loss,loss\n1,2\n", "two columns called 'loss'"),
        ],
    )
    def test_messages(self, tmp_path, text, words):
        with pytest.raises(DataError, match=re.escape(words)):
            read_history(write(tmp_path, text))

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("{", "neither JSON nor JSON lines"),
            ('{"loss": []}', "holds no epochs"),
            ("[]", "holds no epochs"),
            ('{"loss": [1, 2], "accuracy": [1]}', "columns of one length; came loss 2, accuracy 1"),
            ("3", "expected an object of columns"),
            ('[{"loss": 1}, 3]', "entry 2"),
        ],
    )
    def test_messages_for_json(self, tmp_path, content, words):
        with pytest.raises(DataError, match=re.escape(words)):
            read_history(write(tmp_path, content, "h.json"))

    def test_unusable_source(self):
        with pytest.raises(DataError, match="type int"):
            read_history(3)


class TestPercent:
    def test_both_in_percent_though_one_stays_low(self):
        found = record({"loss": [4.6, 4.5], "acc": [1.0, 5.0], "val_acc": [0.9, 1.1]})
        same(found.train_score, [0.01, 0.05])
        same(found.validation_score, [0.009, 0.011])

    def test_percent_and_share_side_by_side(self):
        found = record({"loss": [0.3, 0.2], "acc": [90.0, 95.0], "val_acc": [0.88, 0.9]})
        same(found.train_score, [0.9, 0.95])
        same(found.validation_score, [0.88, 0.9])

    def test_negative_r2_is_a_score(self):
        same(record({"loss": [0.3, 0.2], "r2": [-3.0, 0.4]}).train_score, [-3.0, 0.4])


class TestLayersInColumns:
    def test_norms_of_tensors_are_joined_by_layer(self, tmp_path):
        path = write(
            tmp_path,
            "epoch,loss,gradient/fc1.weight,gradient/fc1.bias,grad_2.0_norm/fc2,dead/fc1\n"
            "1,.9,3,4,7,0.5\n2,.5,6,8,9,0.6\n",
        )
        evidence = read_history(path)
        (found,) = evidence.records
        assert [layer.place for layer in evidence.setup.weighted] == ["fc1", "fc2"]
        same(found.probes.gradient, [[5.0, 7.0], [10.0, 9.0]])
        same(found.probes.dead[:, 0], [0.5, 0.6])
        assert np.isnan(found.probes.dead[:, 1]).all()
        same(found.probes.time, [1.0, 2.0])

    def test_columns_follow_the_layers_of_the_setup(self):
        layers = [{"place": "in", "units": 8}, {"place": "out", "units": 1}]
        table = {"loss": [0.9], "grad/out": [2.0], "grad/in": [1.0]}
        same(record(table, setup={"layers": layers}).probes.gradient, [[1.0, 2.0]])
        with pytest.raises(DataError, match="Did you mean 'out'"):
            read_history({"loss": [0.9], "grad/outt": [2.0]}, setup={"layers": layers})


class TestSetup:
    def test_json_and_toml(self, tmp_path):
        toml = write(
            tmp_path,
            'optimizer = "SGD"\nmomentum = 0.9\nlearning_rate = "1e-2"\nloss = "MSELoss"\n'
            '[[layers]]\nkind = "dense"\nunits = 8\nactivation = "LeakyReLU"\n'
            "[[layers]]\nunits = 1\n",
            "setup.toml",
        )
        found = read_setup(toml)
        assert found.task == "regression"
        assert (found.optimizer, found.learning_rate) == ("momentum", 0.01)
        assert found.layers[0].activation == "leaky_relu"
        assert found.n_outputs == 1
        told = {"setup": {"optimizer": "adam", "loss": "BCEWithLogitsLoss"}}
        json_file = write(tmp_path, json.dumps(told), "setup.json")
        found = read_setup(json_file)
        assert (found.task, found.loss_takes) == ("binary", "scores")

    def test_a_history_may_carry_it(self):
        evidence = read_history({"loss": [1.0], "setup": {"optimizer": "adam", "epochs": 1}})
        assert evidence.setup.optimizer == "adam"
        assert not any(sentence.startswith("The optimizer") for sentence in evidence.missing)

    def test_what_is_missing_is_told(self):
        missing = " ".join(read_history({"loss": [1.0, 0.5]}).missing)
        for word in ("learning rate", "optimizer", "layers", "Validation", "rows", "task"):
            assert word in missing

    @pytest.mark.parametrize(
        ("told", "words"),
        [
            ({"learningrate": 1}, "Did you mean 'learning_rate'?"),
            ({"learning_rate": "fast"}, "learning_rate is a number of 0 or more; came 'fast'"),
            ({"batch_size": 1.5}, "batch_size is a whole number"),
            ({"task": "binari"}, "Did you mean 'binary'?"),
            ({"layers": {"units": 3}}, "layers: expected a list"),
            ({"layers": [{"kind": "dens"}]}, "layers[0]: kind is one of"),
            ({"shuffle": "yes"}, "shuffle is true or false"),
        ],
    )
    def test_messages(self, told, words):
        with pytest.raises(RecipeError, match=re.escape(words)):
            read_setup(told)

    def test_two_tasks_disagree(self):
        with pytest.raises(RecipeError, match="Leave one out"):
            read_history({"loss": [1.0]}, setup={"task": "binary"}, task="regression")

    def test_a_ready_setup_is_taken_as_it_is(self):
        setup = Setup("multilabel", (), learning_rate=0.5, validation="none")
        assert read_history({"loss": [1.0]}, setup=setup).setup == setup


@pytest.mark.parametrize(
    ("name", "quantity", "side"),
    [
        ("loss", "loss", "train"),
        ("val_loss", "loss", "validation"),
        ("eval_loss", "loss", "validation"),
        ("test_acc", "score", "test"),
        ("Validation Accuracy", "score", "validation"),
        ("sparse_categorical_accuracy", "score", "train"),
        ("R²", "score", "train"),
        ("global_step", "step", "train"),
        ("lr-SGD", "learning_rate", "train"),
        ("f1", "unknown", "train"),
        ("time", "unknown", "train"),
    ],
)
def test_names(name, quantity, side):
    found = column(name)
    assert (found.quantity, found.side) == (quantity, side)


# Keras 2 has another hard sigmoid; softmaxes mix units.
ALIKE = sorted(set(CURVES) & set(ACTIVATIONS) - {"softmax", "log_softmax", "hard_sigmoid"})


@pytest.mark.parametrize("name", ALIKE)
def test_curves_are_those_of_the_program(name):
    z = np.linspace(-6.05, 6.05, 60)
    grid = np.linspace(-5, 5, 101)
    with jax.enable_x64(True):
        both = jnp.asarray(np.concatenate([z, grid]))
        value, slope = jax.jvp(ACTIVATIONS[name], (both,), (jnp.ones_like(both),))
    value, slope, grid = value[:60], slope[:60], slope[60:]
    np.testing.assert_allclose(CURVES[name].value(z), value, atol=1e-6)
    np.testing.assert_allclose(CURVES[name].slope(z), slope, atol=1e-6)
    expected = np.abs(slope) < 0.05 * np.abs(grid).max()
    np.testing.assert_array_equal(saturated(name, z), expected)
