"""Programs as other libraries write them: words, edits, losses, optimizers, training."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gradlab.doctor.finding import SETTINGS, Change
from gradlab.doctor.program import Program, ProgramSubject
from gradlab.doctor.program.activations import ACTIVATIONS, STEEPEST
from gradlab.doctor.program.coding import coded, right
from gradlab.doctor.program.losses import row_losses
from gradlab.doctor.program.mutations import mutants
from gradlab.doctor.program.network import forward, places, starting_arrays, starting_states
from gradlab.doctor.program.optimizers import optimizer, optimizer_numbers, usual_optimizer
from gradlab.doctor.program.running import pauses
from gradlab.doctor.program.scaling import fit_scaler
from gradlab.doctor.program.settings import Init, Loss, Model, Optimizer
from gradlab.doctor.program.structure import numbers_of, structure_of
from gradlab.doctor.program.weights import starting_weights, usual_deviation
from gradlab.doctor.subject import Subject
from gradlab.errors import DataError


def line(**changes):
    """Return a small regression program."""
    x = np.linspace(-1, 1, 40)[:, None]
    words = {
        "task": "regression",
        "x_train": x,
        "y_train": 2 * x[:, 0] + 1,
        "layers": [
            {"type": "dense", "units": 8, "activation": "tanh"},
            {"type": "dense", "units": 1},
        ],
        "loss": "mean_squared_error",
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "epochs": 20,
        "batch_size": 8,
    }
    return Program.build(**{**words, **changes})


class TestWords:
    def test_an_unknown_layer_is_named_with_its_path(self):
        with pytest.raises(DataError, match=r"model\.layers\[0\].*'dnse'.*Did you mean 'dense'"):
            line(layers=[{"type": "dnse", "units": 1}])

    def test_an_unknown_activation_is_named_with_its_path(self):
        with pytest.raises(DataError, match=r"model\.layers\[0\]\.activation is 'rleu'"):
            line(layers=[{"type": "dense", "units": 1, "activation": "rleu"}])

    def test_a_word_too_many_is_no_silence(self):
        with pytest.raises(DataError, match=r"layers\[0\]\.colour is not a word known"):
            line(layers=[{"type": "dense", "units": 1, "colour": "red"}])

    def test_layers_that_do_not_fit_say_where(self):
        model = Model.model_validate(
            {"input_shape": [4], "layers": [{"type": "conv2d", "filters": 2, "kernel": 3}]}
        )
        with pytest.raises(DataError, match=r"model\.layers\[0\] \(conv2d\) gets rows"):
            places(model)

    def test_rows_of_another_shape_are_refused(self):
        program = line()
        with pytest.raises(DataError, match="input_shape"):
            program.with_rows(np.zeros((4, 2)), np.zeros(4))


class TestEdits:
    def test_set_insert_and_remove_undo_each_other(self):
        program = line()
        more = program.inserted("model.layers[1]", {"type": "dropout", "rate": 0.5})
        assert more.value("model.layers[1].rate") == 0.5
        assert more.removed("model.layers[1]").words() == program.words()
        assert program.edited("optimizer.learning_rate", 1.0).value("optimizer.learning_rate") == 1

    def test_the_program_itself_stays(self):
        program = line()
        program.edited("model.layers[0].activation", "relu")
        assert program.value("model.layers[0].activation") == "tanh"

    @pytest.mark.parametrize("path", ["model.layer[0].units", "model.layers[7].units", "", "a b"])
    def test_places_that_are_not_there(self, path):
        with pytest.raises(DataError):
            line().edited(path, 1)

    def test_every_setting_of_the_doctor_is_known(self):
        values = {
            "optimizer": "adam", "hidden_activation": "relu", "output_activation": "auto",
            "loss": "auto", "init": "auto", "scaling": "standard", "target_scaling": "standard",
            "validation_scaling": "same", "class_weight": "balanced", "label_coding": "auto",
            "norm": "batch", "shuffle": True, "drop_columns": [0], "dropout": 0.2, "momentum": 0.5,
        }  # fmt: skip
        x = np.random.default_rng(0).normal(size=(30, 3))
        classes = line(
            task="binary", x_train=x, y_train=(x[:, 0] > 0).astype(int), x_validation=x,
            y_validation=(x[:, 0] > 0).astype(int), loss="binary_crossentropy",
        )  # fmt: skip
        for setting in SETTINGS:
            change = [Change(setting, values.get(setting, 2))]
            found = [ProgramSubject(p).changed(change) for p in (line(), classes)]
            assert any(found), setting

    def test_changes_in_turn(self):
        subject = ProgramSubject(line())
        changed = subject.changed(
            [Change("optimizer", "nesterov"), Change("learning_rate", 0.5), Change("units", 2)]
        )
        assert changed is not None
        setup = changed.setup
        assert (setup.optimizer, setup.learning_rate, setup.momentum) == ("nesterov", 0.5, 0.9)
        assert setup.hidden[0].units == 16

    def test_what_cannot_be_said_is_none(self):
        subject = ProgramSubject(line())
        assert subject.changed([Change("patience", 3)]) is None  # nothing is held back
        assert subject.changed([Change("class_weight", "balanced")]) is None


class TestStart:
    @pytest.mark.parametrize(
        "name", ["glorot_uniform", "glorot_normal", "he_normal", "he_uniform", "lecun_normal"]
    )
    def test_deviations(self, name):
        weights = starting_weights(Init(name=name), (300, 200), 300, 200, seed=0, number=0)
        assert weights.std() == pytest.approx(usual_deviation(Init(name=name), 300, 200), rel=0.02)

    def test_a_truncated_normal_ends_at_two_deviations(self):
        init = Init(name="truncated_normal", stddev=1.0)
        weights = starting_weights(init, (400, 100), 400, 100, seed=0, number=0)
        assert np.abs(weights).max() <= 2.0
        assert weights.std() == pytest.approx(0.8796, rel=0.02)

    def test_a_wider_layer_extends_a_narrower_one(self):
        init = Init(name="random_normal", stddev=1.0)
        wide, narrow = (starting_weights(init, (3, n), 3, n, seed=1, number=2) for n in (5, 2))
        assert (wide[:, :2] == narrow).all()

    def test_orthogonal(self):
        q = starting_weights(Init(name="orthogonal"), (6, 4), 6, 4, seed=0, number=0)
        np.testing.assert_allclose(q.T @ q, np.eye(4), atol=1e-5)


def loss_of(name, outputs, targets, *, clip=None, last="linear", scores=None, **words):
    outputs, targets = jnp.asarray(outputs), jnp.asarray(targets)
    scores = None if scores is None else jnp.asarray(scores)
    loss = Loss(name=name, clip=clip, **words)
    return row_losses(loss, outputs, scores, targets, jnp.asarray(clip or 0.0), last=last)


class TestLosses:
    def test_cross_entropy_divides_by_the_sum(self):
        found = loss_of("categorical_crossentropy", [[2.0, 6.0]], [[0.0, 1.0]], clip=1e-7)
        assert float(found[0]) == pytest.approx(-math.log(0.75))

    def test_without_a_guard_it_does_not_and_may_see_0(self):
        found = loss_of("categorical_crossentropy", [[2.0, 6.0], [1.0, 0.0]], [[0.0, 1.0]] * 2)
        assert float(found[0]) == pytest.approx(-math.log(6))
        assert not np.isfinite(found[1])

    def test_a_held_output_has_no_gradient(self):
        def one(o):
            return loss_of("binary_crossentropy", o, jnp.zeros((1, 1)), clip=1e-7)[0]

        # Far above 1 the loss is that of 1 − clip, whatever the output.
        assert float(jax.grad(lambda o: one(o))(jnp.array([[5.0]]))[0, 0]) == 0.0
        assert float(jax.grad(lambda o: one(o))(jnp.array([[0.5]]))[0, 0]) == pytest.approx(2.0)

    def test_scores_take_softmax_and_sigmoid_inside(self):
        scores = jnp.array([[1.0, -2.0, 0.5]])
        y = jnp.array([[0.0, 1.0, 0.0]])
        inside = loss_of(
            "categorical_crossentropy", jax.nn.softmax(scores), y, scores=scores, last="softmax",
            from_logits=True,
        )  # fmt: skip
        assert float(inside[0]) == pytest.approx(-float(jax.nn.log_softmax(scores)[0, 1]))
        s = jnp.array([[3.0]])
        inside = loss_of(
            "binary_crossentropy", jax.nn.sigmoid(s), jnp.ones((1, 1)), scores=s, last="sigmoid",
            from_logits=True,
        )  # fmt: skip
        assert float(inside[0]) == pytest.approx(math.log(1 + math.exp(-3)))

    def test_any_other_last_activation_comes_before_such_a_loss(self):
        scores = jnp.array([[1.0, -2.0]])
        y = jnp.array([[0.0, 1.0]])
        found = loss_of(
            "categorical_crossentropy", jax.nn.relu(scores), y, scores=scores, last="relu",
            from_logits=True,
        )  # fmt: skip
        assert float(found[0]) == pytest.approx(math.log(1 + math.e))

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("mean_squared_error", 2.5),
            ("mean_absolute_error", 1.5),
            ("hinge", 1.0),
            ("squared_hinge", 2.0),
            ("huber", 1.0),
            ("mean_absolute_percentage_error", 150.0),
        ],
    )
    def test_means_over_outputs(self, name, expected):
        found = loss_of(name, [[2.0, -1.0]], [[1.0, 1.0]])
        assert float(found[0]) == pytest.approx(expected)


class TestSteps:
    def steps(self, words, gradients, start=1.0):
        """Return a weight after each of several gradients."""
        words = Optimizer.model_validate(words)
        numbers = {k: jnp.asarray(v) for k, v in optimizer_numbers(words).items()}
        w, found, state = jnp.array([start]), [], None
        for g in gradients:
            change = optimizer(words, jnp.asarray(words.learning_rate), numbers)
            state = change.init(w) if state is None else state
            updates, state = change.update(jnp.array([g]), state, w)
            w = optax.apply_updates(w, updates)
            found.append(float(w[0]))
        return found

    def test_momentum(self):
        words = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.5}
        assert self.steps(words, [1.0, 1.0]) == pytest.approx([0.9, 0.75])

    def test_nesterov(self):
        words = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.5, "nesterov": True}
        # v = −0.1, step 0.5 · v − 0.1 = −0.15; v = −0.15, step −0.175
        assert self.steps(words, [1.0, 1.0]) == pytest.approx([0.85, 0.675])

    @pytest.mark.parametrize("name", ["adam", "adamax", "adagrad"])
    def test_first_steps_are_the_rate(self, name):
        assert self.steps({"name": name, "learning_rate": 0.1}, [3.0]) == pytest.approx([0.9])

    def test_nadam_as_in_pytorch(self):
        # torch.optim.NAdam(lr=0.1, eps=1e-7), gradients 1 and 2
        found = self.steps({"name": "nadam", "learning_rate": 0.1}, [1.0, 2.0])
        assert found == pytest.approx(NADAM, rel=1e-5)

    def test_rmsprop_adds_epsilon_outside_the_root(self):
        found = self.steps({"name": "rmsprop", "learning_rate": 0.1, "epsilon": 1.0}, [1.0])
        assert found == pytest.approx([1 - 0.1 / (math.sqrt(0.1) + 1)])

    def test_a_norm_is_limited_array_by_array(self):
        found = self.steps({"name": "sgd", "learning_rate": 1.0, "clip_norm": 0.5}, [4.0])
        assert found == pytest.approx([0.5])

    def test_every_optimizer_makes_a_step(self):
        for name in ("sgd", "adam", "adamax", "nadam", "rmsprop", "adagrad", "adadelta", "adamw"):
            assert self.steps(usual_optimizer(name), [1.0])[0] < 1.0


NADAM = [0.8943548798561096, 0.7980601191520691]


class TestNetwork:
    def test_masked_steps_change_nothing(self):
        model = Model.model_validate(
            {
                "input_shape": [4, 1],
                "layers": [
                    {"type": "masking", "value": -1.0},
                    {"type": "lstm", "units": 3, "bidirectional": True},
                    {"type": "dense", "units": 1},
                ],
            }
        )
        found, arrays = places(model), starting_arrays(model, 0)
        states = starting_states(model)

        def outputs(rows):
            x = jnp.asarray(rows)[..., None]
            return np.asarray(forward(found, arrays, states, x, numbers={}).outputs)

        together = outputs([[0.3, 0.7, -1.0, -1.0], [-1.0, 0.3, -1.0, 0.7]])
        np.testing.assert_allclose(together[0], together[1], rtol=1e-5)

    def test_every_layer_keeps_its_promised_shape(self):
        image = [
            {"type": "conv2d", "filters": 3, "kernel": [3, 3], "padding": "same"},
            {"type": "batch_norm"},
            {"type": "activation", "activation": "relu"},
            {"type": "max_pool2d", "size": [2, 2]},
            {"type": "upsampling2d"},
            {"type": "average_pool2d"},
            {"type": "zero_padding2d"},
            {"type": "flatten"},
            {"type": "reshape", "shape": [6, 15]},
            {"type": "gru", "units": 4, "return_sequences": True},
            {"type": "conv1d", "filters": 2, "kernel": 2},
            {"type": "layer_norm"},
            {"type": "max_pool1d"},
            {"type": "rnn", "units": 3, "return_sequences": True},
            {"type": "global_average_pool1d"},
            {"type": "repeat_vector", "n": 2},
            {"type": "dropout", "rate": 0.5},
            {"type": "gaussian_noise", "stddev": 0.1},
        ]
        words = [{"type": "embedding", "vocabulary": 9, "units": 2}]
        for shape, layers in (([6, 8, 1], image), ([5], words)):
            model = Model.model_validate({"input_shape": shape, "layers": layers})
            found = places(model)
            x = jnp.ones((2, *shape))
            passed = forward(
                found, starting_arrays(model, 0), starting_states(model), x, numbers={}
            )
            assert passed.outputs.shape[1:] == found[-1].shape_out

    def test_structures_are_equal_exactly_when_only_numbers_differ(self):
        program = line()
        of = structure_of(program.settings)
        same = program.edited("optimizer.learning_rate", 9.0).edited("epochs", 3)
        same = same.edited("model.layers[0].init", "ones").edited("scaling.inputs", "standard")
        assert structure_of(same.settings) == of
        for path, value in (
            ("model.layers[0].activation", "relu"),
            ("optimizer.momentum", 0.5),
            ("model.layers[0].units", 9),
            ("loss.reduction", "sum"),
        ):
            assert structure_of(program.edited(path, value).settings) != of
        assert numbers_of(same.settings).keys() == numbers_of(program.settings).keys()


class TestAnswers:
    def test_codings(self):
        y = np.array([0, 2], np.int32)

        def of(coding, loss="mean_squared_error", n=3):
            labels = {"coding": coding, "n_classes": 3, "n_outputs": n}
            program = line(
                task="multiclass", y_train=np.arange(40) % 3, loss=loss,
                layers=[{"type": "dense", "units": n}], coding=coding,
            )  # fmt: skip
            settings = program.edited("labels", labels).settings
            return np.asarray(coded(settings, jnp.asarray(y), (n,))).tolist()

        assert of("one_hot") == [[1, 0, 0], [0, 0, 1]]
        assert of("integer_as_real", n=1) == [[0], [2]]
        sparse = "sparse_categorical_crossentropy"
        assert of("integer", sparse) == [[1, 0, 0], [0, 0, 1]]
        assert of("integer_divided_by_255", sparse) == [[1, 0, 0], [1, 0, 0]]

    def test_answers(self):
        y = jnp.array([1, 0])
        one = jnp.array([[7.0], [0.4]])
        targets = y[:, None].astype(float)
        assert right("halved", one, y, targets).tolist() == [1, 1]
        assert right("rounded", one, y, targets).tolist() == [0, 1]
        wide = jnp.array([[0.1, 0.9], [jnp.nan, 0.0]])
        assert right("argmax", wide, y, wide).tolist() == [1, 0]

    def test_scaling_learns_from_what_it_is_given(self):
        x = np.array([[1.0, 5.0], [100.0, 5.0]])
        assert fit_scaler("log10_standard", x)(x)[:, 0].tolist() == [-1, 1]
        assert fit_scaler("standard", x)(x)[:, 1].tolist() == [0, 0]  # it never varies
        assert fit_scaler("divide_255", x)(x * 255)[1, 0] == pytest.approx(100)


class TestTraining:
    def test_learns_and_says_so(self):
        x = np.linspace(-1, 1, 40)[:, None]
        program = line(x_validation=x[::4], y_validation=2 * x[::4, 0] + 1)
        subject = ProgramSubject(program)
        assert isinstance(subject, Subject)
        plain = subject.train([0, 1], probes=False)
        looked = subject.train([0, 1], probes=True)
        for a, b in zip(plain, looked, strict=True):
            # Looking changes nothing.
            np.testing.assert_array_equal(a.train_loss, b.train_loss)
            np.testing.assert_array_equal(a.validation_score, b.validation_score)
            assert a.train_score[-1] > 0.99
            assert a.validation_score[-1] > 0.99
            assert len(a.train_loss) == 20
            assert a.initial_loss > a.train_loss[0] > a.train_loss[-1]
        probes = looked[0].probes
        assert probes.time[0] == 0
        assert probes.time[-1] == 20
        assert (np.diff(probes.time) > 0).all()
        assert probes.gradient.shape == (len(probes.time), 2)
        assert (probes.update[1:] > 0).all()
        assert (probes.alike == 0).all()

    def test_the_same_seed_gives_the_same_numbers_wherever_it_is_trained(self):
        subject = ProgramSubject(line())
        (alone,) = subject.train([3], probes=False)
        among = subject.train([1, 2, 3], probes=False)[2]
        np.testing.assert_array_equal(alone.train_loss, among.train_loss)
        slower = subject.changed([Change("learning_rate", 0.1)])
        together = ProgramSubject.train_many([subject, slower], [3])
        np.testing.assert_array_equal(together[0][0].train_loss, together[1][0].train_loss)

    def test_divergence_is_a_result(self):
        (record,) = ProgramSubject(line()).changed([Change("learning_rate", 1e6)]).train([0])
        assert record.status == "diverged"
        assert record.non_finite is not None
        assert record.non_finite[0] == "loss"
        assert np.isnan(record.train_score[-1])

    def test_constant_weights_stay_alike(self):
        start = {"name": "constant", "value": 0.5}
        program = line().edited("model.layers[0].init", start).edited("model.layers[1].init", start)
        (record,) = ProgramSubject(program).train([0], epochs=2)
        assert (record.probes.alike[:, 0] == 1).all()

    def test_a_handful_of_rows(self):
        subject = ProgramSubject(line()).on_rows(8)
        assert subject.facts().n_train == 8
        (record,) = subject.train([0], probes=False, epochs=100)
        assert record.train_score[-1] > 0.99

    def test_a_fraction_is_held_back_from_the_end(self):
        program = line(validation={"kind": "fraction", "fraction": 0.25})
        x, _ = program.training_rows()
        assert len(x) == 30
        assert program.judging_rows()[0][0, 0] > x[-1, 0]

    def test_patience_stops(self):
        x = np.linspace(-1, 1, 40)[:, None]
        rng = np.random.default_rng(0)
        program = line(
            y_train=rng.normal(size=40), x_validation=x, y_validation=rng.normal(size=40)
        )
        stopped = ProgramSubject(program).changed([Change("patience", 2)])
        (record,) = stopped.train([0], probes=False, epochs=64)
        assert record.status == "early"
        assert len(record.train_loss) < 64

    def test_dropout_drops_in_training_alone(self):
        program = line(
            layers=[
                {"type": "dense", "units": 4, "activation": "relu"},
                {"type": "dropout", "rate": 0.999},
                {"type": "dense", "units": 1},
            ]
        )
        subject = ProgramSubject(program)
        (dropped,) = subject.train([0], probes=False, epochs=3)
        (kept,) = subject.changed([Change("dropout", 0)]).train([0], probes=False, epochs=3)
        assert kept.train_score[-1] > dropped.train_score[-1]
        assert subject.changed([Change("dropout", 0)]).setup.layers[-1].kind == "dense"
        assert len(subject.changed([Change("dropout", 0)]).setup.layers) == 2


class TestProbes:
    @pytest.mark.parametrize("name", sorted(STEEPEST))
    def test_largest_slopes(self, name):
        if name in ("softmax", "log_softmax", "exponential", "step"):
            return
        x = np.linspace(-8, 8, 3201)
        y = np.asarray(ACTIVATIONS[name](jnp.asarray(x, jnp.float32)), np.float64)
        assert np.abs(np.diff(y) / np.diff(x)).max() == pytest.approx(STEEPEST[name], rel=0.01)

    def test_dead_and_stuck_units_and_equal_ones(self):
        x = np.linspace(0.1, 1, 40)[:, None]
        program = line(
            x_train=x,
            layers=[
                {"type": "dense", "units": 3, "activation": "relu", "init": "ones",
                 "bias_init": {"name": "constant", "value": -50.0}},
                {"type": "dense", "units": 1, "activation": "sigmoid",
                 "bias_init": {"name": "constant", "value": 30.0}},
            ],
        )  # fmt: skip
        (record,) = ProgramSubject(program).train([0], epochs=1)
        probes = record.probes
        assert probes.dead[0].tolist() == [1, 0]
        assert probes.stuck[0, 1] == 1
        assert probes.zero[0, 0] == 1
        assert probes.alike[0].tolist() == [1, 0]
        assert probes.gradient[0, 0] == 0
        # Mean and spread of the last layer are those of its scores.
        assert probes.mean[0, 1] == pytest.approx(30)

    def test_gradients_are_those_of_the_mean_loss(self):
        (record,) = ProgramSubject(line()).train([0], epochs=1)
        (again,) = ProgramSubject(line(loss="mean_squared_error")).train([0], epochs=1)
        np.testing.assert_array_equal(record.probes.gradient, again.probes.gradient)
        # A step of plain descent is the rate times a gradient of the same size.
        size = record.probes.update[1] * record.probes.weight[0] / 0.1
        assert (size < 5 * record.probes.gradient[0]).all()
        assert (size > record.probes.gradient[0] / 5).all()

    def test_pauses_end_with_the_run(self):
        for n_steps, epochs in ((1, 10_000), (600, 15), (3, 1), (1, 1)):
            stops = pauses(n_steps, epochs, 64, 6000)
            assert stops[-1] == n_steps * epochs
            assert stops == sorted(set(stops))
            assert stops[0] >= 1
            assert len(stops) <= 40


class TestMutants:
    def test_operators_change_what_they_say(self):
        x = np.random.default_rng(0).normal(size=(40, 2))
        y = np.repeat([0, 1, 2], [20, 12, 8])
        program = line(
            task="multiclass", x_train=x, y_train=y, loss="categorical_crossentropy",
            layers=[
                {"type": "dense", "units": 4, "activation": "relu"},
                {"type": "dense", "units": 3, "activation": "softmax"},
            ],
        )  # fmt: skip

        def made(id, where, values, kind):
            words = {"id": id, "where": where, "values": values, "kind": kind}
            return list(mutants(words, program))

        (low, high) = made(
            "HLR", "optimizer.learning_rate", {"multiply_by": [0.1, 10]}, ["low", "high"]
        )
        assert (low.kind, high.kind) == ("low", "high")
        assert high.program.value("optimizer.learning_rate") == 1.0
        acted = made("ACH", "model.layers[i].activation", ["tanh", "relu"], ["hidden", "output"])
        assert [(m.where[13], m.kind) for m in acted] == [
            ("0", "hidden"), ("1", "output"), ("1", "output")
        ]  # fmt: skip
        (relabelled,) = made("TCL", "data.targets", {"share": [0.5]}, "bug")
        assert (relabelled.program.y_train != y).sum() == 10
        assert (relabelled.program.y_train[20:] == y[20:]).all()
        (rarer,) = made("TUD", "data", {"share": [0.5]}, "bug")
        assert np.bincount(rarer.program.y_train).tolist() == [20, 6, 4]
        (more,) = made("TCO", "data", {"share": [0.5]}, "bug")
        assert np.bincount(more.program.y_train).tolist() == [20, 22, 8]
        (fewer,) = made("TRD", "data.n_train", {"share": [0.75]}, "other")
        assert np.bincount(fewer.program.y_train).tolist() == [5, 3, 2]
        (whole,) = made("HDB", "batch_size", ["n_train"], "batch_size")
        assert whole.program.value("batch_size") == 40
        with pytest.raises(DataError, match="mutation operator"):
            made("XXX", "batch_size", [1], "batch_size")
