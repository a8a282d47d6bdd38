"""A recipe as a subject: exactly the training that it stands for, and what can be changed in it."""

import dataclasses

import numpy as np
import pytest

import gradlab as gl
from gradlab.doctor.breakdown import with_breakdown
from gradlab.doctor.diagnosis import diagnose_evidence
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.faults.evidence_file import evidence_from_json, evidence_to_json
from gradlab.doctor.finding import SETTINGS, Change
from gradlab.doctor.recipe_changes import changed_recipe, changed_task
from gradlab.doctor.recipe_runs import non_finite
from gradlab.doctor.recipe_setup import layers_in_words
from gradlab.doctor.recipes import (
    RecipeSubject,
    subject_of_data,
    subject_of_estimator,
    subject_of_run,
)
from gradlab.doctor.subject import Subject
from gradlab.errors import RecipeError, StudyError
from gradlab.lab.question import Source
from gradlab.lab.study import open_study
from gradlab.training.probes import Measured
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task

RECIPE = Recipe(hidden=(8, 6), epochs=4, batch_size=16)


@pytest.fixture(scope="module")
def iris() -> RecipeSubject:
    return subject_of_data("iris", RECIPE)


@pytest.fixture(scope="module")
def records(iris):
    return iris.train([0, 1])


def with_change(subject, *changes):
    return subject.changed([Change(*change) for change in changes])


class TestTraining:
    def test_it_is_a_subject(self, iris):
        assert isinstance(iris, Subject)

    def test_its_numbers_are_those_of_training_the_recipe(self, iris, records):
        fitted = gl.train("iris", RECIPE)
        assert records[0].seed == 0
        np.testing.assert_array_equal(records[0].train_loss, fitted.history[:, 0])
        np.testing.assert_array_equal(records[0].validation_score, fitted.history[:, 2])
        assert records[0].train_score[-1] == pytest.approx(fitted.train_score)
        assert np.isnan(records[0].train_score[:-1]).all()

    def test_probes_follow_the_layers_of_the_setup(self, iris, records):
        probes = records[0].probes
        assert probes.mean.shape == (len(probes.time), len(iris.setup.weighted))
        assert probes.time[0] == 0
        assert probes.time[-1] == RECIPE.epochs
        assert records[0].initial_loss == probes.loss[0]
        std = [layer.init_std for layer in iris.setup.weighted]
        norms = [
            s * np.sqrt(layer.fan_in * layer.units)
            for s, layer in zip(std, iris.setup.weighted, strict=True)
        ]
        np.testing.assert_allclose(probes.weight[0], norms, rtol=0.1)

    def test_without_probes_the_numbers_are_the_same(self, iris, records):
        plain = iris.train([0, 1], probes=False)
        for a, b in zip(plain, records, strict=True):
            np.testing.assert_array_equal(a.train_loss, b.train_loss)
            assert a.probes is None
            assert a.initial_loss == pytest.approx(b.initial_loss, rel=0.2)

    def test_fresh_scores_are_those_at_the_end(self, iris, records):
        assert iris.score_on_fresh([0, 1]) == [r.validation_score[-1] for r in records]

    def test_changes_together_are_changes_alone(self, iris):
        others = [with_change(iris, ("learning_rate", 0.1)), with_change(iris, ("units", 2.0))]
        together = RecipeSubject.train_many([iris, *others], [3], epochs=2)
        for subject, (record,) in zip([iris, *others], together, strict=True):
            alone = dataclasses.replace(subject, alone=set()).train([3], probes=False, epochs=2)
            np.testing.assert_array_equal(record.train_loss, alone[0].train_loss)

    def test_few_rows_are_learnt_by_heart(self, iris):
        few = iris.on_rows(4)
        assert few.setup.validation == "none"
        (record,) = few.changed([Change("learning_rate", 0.05)]).train([0], epochs=60)
        assert record.train_loss[-1] < 0.05
        assert np.isnan(record.validation_loss).all()

    def test_a_run_that_diverges_says_where(self, iris):
        wild = with_change(iris, ("optimizer", "sgd"), ("learning_rate", 1e30))
        (record,) = wild.train([0])
        assert record.status == "diverged"
        place, time = record.non_finite
        assert place in ("loss", "hidden[0]", "hidden[1]", "output")
        assert 0 <= time <= 1
        assert wild.score_on_fresh([0]) == [iris.task.trivial_score]


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (Recipe(hidden=(8, 6), epochs=3, batch_size=16), ("dense 8", "dense 6", "dense 3")),
        (
            Recipe(layers=["conv 4", "pool 2", "dense 6"], epochs=2, batch_size=32),
            ("conv 4", "dense 6", "dense 10"),
        ),
    ],
)
def test_a_diagnosis_says_run_layer_and_step(recipe, words):
    data = "iris" if recipe.layers is None else "digits"
    wild = recipe.replace(optimizer="sgd", learning_rate=1e30)
    subject = subject_of_data(data, wild)
    records = tuple(subject.train([4], probes=True))
    evidence = with_breakdown(subject, Evidence(subject.setup, records=records))
    (record,) = evidence.records
    first = record.breakdown
    assert first is not None
    # The state before a step is finite, so it is no later than the loss of a step tells.
    assert first.epoch == 1
    assert first.step >= 2
    found = next(f for f in diagnose_evidence(evidence).findings if f.kind == "learning_rate_high")
    assert found.evidence["first step that is not finite"] == first.step
    layer = words[first.layer]
    assert found.evidence["layer of that number"] == first.layer + 1
    at = f"layer {first.layer + 1} ({layer}), step {first.step} (epoch 1): {first.words}."
    assert found.symptom.endswith(f"In the run of seed 4 it begins at {at}")
    assert first.words in ("its pre-activations overflow", "its outputs overflow")
    assert evidence_from_json(evidence_to_json(evidence)).records[0].breakdown == first


def test_training_that_stays_finite_is_not_looked_at_again(iris, records):
    evidence = Evidence(iris.setup, records=tuple(records))
    assert with_breakdown(iris, evidence) is evidence
    assert iris.breakdown(0) is None


class TestSetup:
    def test_a_table(self, iris):
        setup = iris.setup
        assert (setup.task, setup.n_outputs, setup.loss) == ("multiclass", 3, "cross_entropy")
        assert [x.place for x in setup.layers] == ["hidden[0]", "hidden[1]", "output"]
        assert [x.activation for x in setup.layers] == ["relu", "relu", "linear"]
        assert [(x.fan_in, x.units) for x in setup.layers] == [(4, 8), (8, 6), (6, 3)]
        assert [x.n_parameters for x in setup.layers] == [40, 54, 21]
        assert setup.layers[0].init_std == pytest.approx(np.sqrt(2 / 4), rel=0.35)
        assert (setup.scaling, setup.validation) == ("standard", "separate")
        assert setup.learning_rate == setup.usual_learning_rate == 0.001

    def test_layers_one_by_one(self):
        rows = np.arange(4, dtype=np.int32)
        task = Task(
            x=np.zeros((4, 8, 8, 1), np.uint8),
            y=rows % 2,
            weight=np.ones(4, np.float32),
            splits=((rows, rows[:0]),),
            test=rows[:0],
            kind="binary",
            n_outputs=1,
        )
        lines = ["conv 4 3x3 norm batch tanh dropout 0.2", "pool 2", "depthwise 3x3", "dense 5"]
        layers = layers_in_words(Recipe(layers=lines, l2=0.1), task, seed=0)
        assert [(x.kind, x.place) for x in layers] == [
            ("conv", "layers[0]"),
            ("norm", "layers[0]"),
            ("dropout", "layers[0]"),
            ("pool", "layers[0]"),
            ("conv", "layers[2]"),
            ("shape", "layers[2]"),
            ("dense", "layers[3]"),
            ("dense", "output"),
        ]
        assert [x.activation for x in layers if x.activation] == ["tanh", "relu", "relu", "linear"]
        assert (layers[0].fan_in, layers[0].fan_out) == (9, 36)
        assert layers[2].rate == pytest.approx(0.2)
        assert [x.l2 for x in layers] == [0.1, 0, 0, 0, 0.1, 0, 0.1, 0.1]


class TestChanges:
    @pytest.mark.parametrize(
        ("setting", "value", "field", "expected"),
        [
            ("learning_rate", 0.1, "learning_rate", 0.1),
            ("epochs", 9, "epochs", 9),
            ("batch_size", 8, "batch_size", 8),
            ("optimizer", "rmsprop", "optimizer", "rmsprop"),
            ("clip_norm", 1.0, "clip_norm", 1.0),
            ("hidden_activation", "tanh", "activation", "tanh"),
            ("loss", "auto", "loss", "auto"),
            ("init", "xavier_normal", "init", "xavier_normal"),
            ("dropout", 0.3, "dropout", 0.3),
            ("l1", 0.01, "l1", 0.01),
            ("l2", 0.01, "l2", 0.01),
            ("units", 2.0, "hidden", (16, 12)),
            ("units", 0.01, "hidden", (1, 1)),
            ("layers", 3, "hidden", (8, 6, 6)),
            ("layers", 1, "hidden", (8,)),
            ("norm", "layer", "norm", "layer"),
            ("class_weight", "balanced", "class_weight", "balanced"),
            ("patience", 2, "patience", 2),
            ("shuffle", True, "shuffle", True),
        ],
    )
    def test_settings_that_a_recipe_has(self, iris, setting, value, field, expected):
        assert setting in SETTINGS
        changed = with_change(iris, (setting, value))
        assert getattr(changed.recipe, field) == expected
        assert getattr(iris.recipe, field) == getattr(RECIPE, field)

    def test_momentum_belongs_to_the_optimizer(self, iris):
        assert with_change(iris, ("momentum", 0.5)).recipe.parameters == {"optimizer.beta1": 0.5}
        plain = with_change(iris, ("optimizer", "sgd"), ("learning_rate", 0.3))
        moved = with_change(plain, ("momentum", 0.9))
        assert moved.recipe.optimizer == "momentum"
        assert moved.recipe.rate() == 0.3
        assert with_change(iris, ("optimizer", "rmsprop"), ("momentum", 0.5)) is None

    def test_a_new_optimizer_brings_its_rate_unless_one_follows(self, iris):
        usual = with_change(iris, ("learning_rate", 7.0), ("optimizer", "sgd"))
        assert usual.recipe.rate() == 7.0  # in whatever order
        assert with_change(iris, ("optimizer", "sgd")).recipe.learning_rate is None

    def test_one_layer_alone(self, iris):
        changed = with_change(iris, ("hidden_activation", "tanh", "hidden[1]"))
        assert [x.activation for x in changed.setup.hidden] == ["relu", "tanh"]
        assert with_change(iris, ("hidden_activation", "tanh", "hidden[2]")) is None

    def test_dropout_is_taken_out_wherever_it_stands(self):
        lines = ["dense 8 dropout 0.5", "dropout 0.2", "dense 6"]
        subject = subject_of_data("iris", Recipe(layers=lines, dropout=0.1, epochs=1))
        kinds = [x.kind for x in with_change(subject, ("dropout", 0.0)).setup.layers]
        assert kinds == ["dense", "dense", "dense"]

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("loss", "hinge"),
            ("loss", "squared_error"),  # of a classifier
            ("output_activation", "softmax"),  # it stands in the loss
            ("optimizer", "unknown"),
            ("hidden_activation", "unknown"),
            ("drop_columns", ("no such column",)),
            ("scaling", "unknown"),
            ("learning_rate", -1.0),
            ("unheard_of", 1),
        ],
    )
    def test_what_a_recipe_can_not_say(self, iris, setting, value):
        assert with_change(iris, (setting, value)) is None

    def test_fewer_epochs_than_the_patience(self):
        recipe = Recipe(epochs=20, patience=5, warmup_epochs=4)
        task = subject_of_data("iris", recipe).task
        changed = changed_recipe(recipe, task, [Change("epochs", 3)])
        assert (changed.epochs, changed.patience, changed.warmup_epochs) == (3, None, 3)

    def test_inputs_are_scaled_by_the_training_rows(self):
        raw = subject_of_data("iris", RECIPE, Source(scaling="none"))
        assert raw.setup.scaling == "none"
        scaled = with_change(raw, ("scaling", "standard"))
        assert scaled.setup.scaling == "standard"
        train = scaled.task.inputs(scaled.task.splits[0][0])
        np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-5)
        # Which is what the usual preparation does.
        usual = subject_of_data("iris", RECIPE).task
        np.testing.assert_allclose(scaled.task.x, usual.x, atol=1e-5)
        ranged = with_change(raw, ("scaling", "min_max")).task
        train = ranged.inputs(ranged.splits[0][0])
        assert (train.min(), train.max()) == (0, 1)

    def test_columns_are_dropped_by_name_and_by_position(self, iris):
        name = iris.columns[2]
        by_name = with_change(iris, ("drop_columns", (name,))).task.x
        by_position = with_change(iris, ("drop_columns", (2,))).task.x
        np.testing.assert_array_equal(by_name, np.delete(iris.task.x, 2, axis=1))
        np.testing.assert_array_equal(by_position, by_name)

    def test_targets_of_a_regression(self, rng):
        x = rng.normal(size=(60, 3)).astype(np.float32)
        y = 1000 * x[:, 0] + 5000
        net = gl.MLPRegressor(hidden=(4,), epochs=1, scale_target=False, random_state=0)
        subject = subject_of_estimator(net.fit(x, y), x, y)
        assert subject.setup.target_scaling == "none"
        assert subject.task.y.std() > 500
        scaled = with_change(subject, ("target_scaling", "standard"))
        assert scaled.setup.target_scaling == "standard"
        assert scaled.task.y.std() == pytest.approx(1, abs=1e-5)
        assert changed_task(subject.task, 0, [Change("target_scaling", "standard")]) is not None


class TestEstimators:
    def test_a_fit_is_repeated_exactly(self, rng):
        x = rng.normal(size=(80, 5)).astype(np.float32)
        y = np.where(x[:, 0] + x[:, 1] > 0, "yes", "no")
        net = gl.MLPClassifier(hidden=(6,), epochs=3, random_state=4, validation_fraction=0.2).fit(
            x, y
        )
        subject = subject_of_estimator(net, x, y)
        (record,) = subject.train([4], probes=False)
        np.testing.assert_array_equal(record.train_loss, net.history_["train_loss"])
        np.testing.assert_array_equal(record.validation_score, net.history_["validation_score"])
        assert (subject.setup.task, subject.setup.scaling) == ("binary", "none")

    def test_with_validation_rows_of_its_own(self, rng):
        x = rng.normal(size=(80, 5)).astype(np.float32)
        y = (3 * x[:, 0] + 2).astype(np.float64)
        net = gl.MLPRegressor(hidden=(6,), epochs=3, random_state=1)
        net.fit(x[:60], y[:60], validation=(x[60:], y[60:]))
        subject = subject_of_estimator(net, x[:60], y[:60], validation=(x[60:], y[60:]))
        (record,) = subject.train([1], probes=False)
        np.testing.assert_array_equal(record.train_loss, net.history_["train_loss"])
        np.testing.assert_array_equal(record.validation_loss, net.history_["validation_loss"])

    def test_what_is_missing_is_named(self, rng):
        x = rng.normal(size=(30, 2)).astype(np.float32)
        net = gl.MLPClassifier(hidden=(3,), epochs=1).fit(x, np.arange(30) % 2)
        with pytest.raises(RecipeError, match="does not keep the rows"):
            subject_of_estimator(net)
        with pytest.raises(RecipeError, match="Expected one of Gradlab's networks"):
            subject_of_estimator(object(), x, x)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "s"
    gl.compare(
        "iris",
        vary={"optimizer": ["sgd", "adam"]},
        base=RECIPE,
        seeds=2,
        tune=False,
        out=folder,
        resample=True,
    )
    return open_study(folder)


class TestRuns:
    def test_a_run_is_recomputed_exactly(self, study):
        for stored in study.runs[:3]:
            subject = subject_of_run(study, stored.id)
            assert subject.seed == stored.seed
            (record,) = subject.train([stored.seed], probes=False)
            np.testing.assert_array_equal(record.train_loss, stored.history[:, 0])
            np.testing.assert_array_equal(record.validation_score, stored.history[:, 2])

    def test_no_such_run(self, study):
        with pytest.raises(StudyError, match="No run begins with 'xyz'"):
            subject_of_run(study, "xyz")


def test_where_a_number_stopped_being_finite():
    def found(mean, failed, time=(0.0, 0.5, 1.0)):
        mean = np.array(mean, float)
        layers = {"mean": mean, "gradient": np.ones_like(mean), "weight": np.ones_like(mean)}
        return Measured(np.array(time), failed, {}, layers)

    places = ["hidden[0]", "output"]
    nan = np.nan
    assert non_finite(found([[1, 1], [1, 1], [1, 1]], nan), places) is None
    assert non_finite(found([[1, 1], [1, nan], [nan, nan]], 0.75), places) == ("output", 0.5)
    assert non_finite(found([[1, 1], [1, 1], [nan, nan]], 0.75), places) == ("loss", 0.75)
    assert non_finite(found([[1, 1], [1, 1], [1, 1]], 0.9), places) == ("loss", 0.9)
