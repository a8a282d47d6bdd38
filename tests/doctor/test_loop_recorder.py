"""Recording loops that tell their numbers: against hand-written sums and Gradlab's own probes."""

import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier, MLPRegressor

from gradlab.doctor.history.course import Course, Measured
from gradlab.doctor.history.loop import LoopRecorder
from gradlab.doctor.history.measure import alike_share, gradient_noise
from gradlab.errors import DataError
from gradlab.nn import Activation, Dense, relu
from gradlab.nn.module import Sequential
from gradlab.training.learner import Batch
from gradlab.training.measure import network_probe
from gradlab.training.probes import ENGINE, measured


def small_network(rng):
    return [
        [rng.normal(size=(3, 5)), rng.normal(size=5)],
        [rng.normal(size=(5, 2)), rng.normal(size=2)],
    ]


def softmax_rows(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class TestProbes:
    def test_by_hand(self, rng):
        (w1, b1), (w2, b2) = weights = small_network(rng)
        b1[4] = -100.0  # a dead unit
        x, y = rng.normal(size=(16, 3)), rng.integers(0, 2, 16)
        recorder = LoopRecorder(
            setup={"task": "multiclass", "loss": "CrossEntropyLoss"},
            weights=weights,
            activation="relu",
            probe=(x, y),
        )
        probes = recorder.evidence().records[0].probes
        z1 = x @ w1 + b1[None]
        a1 = np.maximum(z1, 0)
        scores = a1 @ w2 + b2[None]
        shares = softmax_rows(scores)
        wanted = np.eye(2)[y]
        d2 = shares - wanted
        d1 = d2 @ w2.T
        e1 = d1 * (z1 > 0)

        def close(name, expected):
            np.testing.assert_allclose(getattr(probes, name)[0], expected, rtol=1e-9, err_msg=name)

        close("mean", [a1.mean(), scores.mean()])
        close("std", [a1.std(), scores.std()])
        close("zero", [(a1 == 0).mean(), 0])
        close("saturated", [(z1 <= 0).mean(), 0])
        close("dead", [0.2, 0])
        g1 = [x.T @ e1 / 16, e1.mean(axis=0)]
        g2 = [a1.T @ d2 / 16, d2.mean(axis=0)]
        close("gradient", [np.sqrt(sum((g**2).sum() for g in own)) for own in (g1, g2)])
        close("gradient_out", [np.sqrt((d1**2).mean()), np.sqrt((d2**2).mean())])
        close("weight", [np.sqrt((w**2).sum() + (b**2).sum()) for w, b in weights])
        close("loss", -np.log(shares[np.arange(16), y]).mean())
        close("output_std", np.sqrt(shares.var(axis=0).mean()))
        assert np.isnan(probes.update).all()
        assert recorder.evidence().records[0].initial_loss == pytest.approx(probes.loss[0])

    def test_as_gradlab_measures_the_same_network(self, rng, float64):
        weights = small_network(rng)
        weights[0][0][:, 1] = weights[0][0][:, 2]  # twins
        x, y = rng.normal(size=(32, 3)), rng.normal(size=(32, 2))
        network = Sequential(
            (
                Dense(jnp.array(weights[0][0]), jnp.array(weights[0][1])),
                Activation(relu),
                Dense(jnp.array(weights[1][0]), jnp.array(weights[1][1])),
            )
        )

        def loss(answers, batch):
            rows = jnp.mean((answers - batch.y) ** 2, axis=1)
            return jnp.sum(rows * batch.weight), jnp.sum(batch.weight)

        probe = network_probe(
            network,
            jax.tree.map(eqx.is_array, network),
            loss=loss,
            outputs=lambda answers, batch: (answers, batch.y, batch.weight),
            penalty=lambda model, hyper: jnp.zeros(()),
        )

        class State(eqx.Module):
            model: object
            layers: object

        state = State(network, network.initial_state())
        before = jax.tree.map(lambda w: 0.9 * w, probe.weights(state))
        batch = Batch(jnp.array(x), jnp.array(y), jnp.ones(32))
        row = np.concatenate([np.ones(len(ENGINE)), probe.measure(state, before, batch, {})])
        expected = measured(row[None])
        recorder = LoopRecorder(
            setup={"loss": "MSELoss"},
            weights=[[0.9 * w for w in own] for own in weights],
            probe=(x, y),
        )
        recorder.step(weights=weights)
        found = recorder.evidence().records[0].probes
        for name, values in expected.layers.items():
            np.testing.assert_allclose(getattr(found, name)[1], values[0], rtol=1e-6, err_msg=name)
        for name in ("loss", "noise", "output_std"):
            np.testing.assert_allclose(
                getattr(found, name)[1], expected.scalars[name][0], rtol=1e-6
            )

    @pytest.mark.parametrize("loss", ["BCELoss", "bce_with_logits_loss", "mse", "mae", "hinge"])
    @pytest.mark.parametrize("output", ["linear", "sigmoid"])
    def test_gradients_against_differences(self, rng, loss, output):
        weights = [[rng.normal(size=(3, 4))], [rng.normal(size=(4, 1)), rng.normal(size=1)]]
        x, y = rng.normal(size=(7, 3)), rng.integers(0, 2, 7)
        if loss == "BCELoss" and output == "linear":
            pytest.skip("numbers below 0 have no logarithm")
        setup = {"task": "binary", "loss": loss}

        def at(w):
            recorder = LoopRecorder(
                setup=setup, weights=w, activation="tanh", output=output, probe=(x, y)
            )
            return recorder.evidence().records[0].probes

        found = at(weights).gradient[0]
        for k, own in enumerate(weights):
            squares = 0.0
            for array in own:
                for place in np.ndindex(array.shape):
                    kept = array[place]
                    array[place] = kept + 1e-6
                    high = at(weights).loss[0]
                    array[place] = kept - 1e-6
                    low = at(weights).loss[0]
                    array[place] = kept
                    squares += ((high - low) / 2e-6) ** 2
            assert found[k] == pytest.approx(np.sqrt(squares), rel=1e-5)

    def test_noise_of_known_gradients(self, rng):
        # Gradients of rows g + e, with e of variance 2 in each of 50 dimensions: tr(Σ) = 100.
        mean = np.full(50, 1.0)
        rows = mean + rng.normal(scale=np.sqrt(2), size=(4, 100_000, 50))
        parts = rows.mean(axis=1)
        sizes = [float((g**2).sum()) for g in parts]
        whole = float((parts.mean(axis=0) ** 2).sum())
        # The estimate of tr(Σ) has 150 degrees of freedom: a standard deviation of 12 %.
        assert gradient_noise(sizes, whole, 100_000) == pytest.approx(2.0, rel=0.5)

    def test_twins_are_alike_whatever_their_order(self, rng):
        columns = rng.normal(size=(6, 8))
        columns[:, 7] = columns[:, 0]
        columns[:, 3] = columns[:, 5]
        assert alike_share(columns) == 0.5
        assert alike_share(np.zeros((3, 4))) == 1.0


class TestCourse:
    def run(self, n_steps, epochs, **options):
        seen = []

        def measure(before):
            seen.append(before)
            return Measured({}, {"loss": float(len(seen))})

        course = Course(measure, lambda: object(), n_layers=0, **options)
        for _ in range(epochs):
            for _ in range(n_steps):
                course.step()
            course.end_epoch()
        course.finish()
        return course.probes().time.tolist(), [before is not None for before in seen]

    def test_times_of_the_first_epoch_and_its_end(self):
        time, _ = self.run(10, 2, every=1)
        assert time == [0, 0.1, 0.2, 0.4, 0.8, 1, 2]

    def test_an_end_that_is_a_point_is_measured_once(self):
        time, _ = self.run(8, 1, every=1)
        assert time == [0, 1 / 8, 2 / 8, 4 / 8, 1]

    def test_weights_before_each_point(self):
        _, known = self.run(10, 3, every=1)
        # Not before the first step, nor at the first end: nobody knows that it comes.
        assert known == [False, True, True, True, True, False, True, True]
        _, known = self.run(10, 3, every=1, steps_per_epoch=10)
        assert known == [False, *[True] * 7]

    def test_every_third_epoch_and_the_last(self):
        time, known = self.run(1, 7, every=3)
        assert time == [0, 1, 3, 6, 7]
        assert known[-1] is False

    def test_epochs_alone(self):
        time, known = self.run(0, 3, every=1)
        assert time == [0, 1, 2, 3]
        assert not any(known)


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    return x / 16, y


class TestSklearn:
    @pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
    def test_from_a_fitted_classifier(self, digits):
        x, y = digits
        names = np.array(list("abcdefghij"))[y]
        fitted = MLPClassifier(
            (32, 16), activation="tanh", max_iter=8, early_stopping=True, random_state=0
        ).fit(x, names)
        recorder = LoopRecorder.from_sklearn(fitted, x, names)
        evidence = recorder.evidence()
        (record,) = evidence.records
        np.testing.assert_allclose(record.train_loss, fitted.loss_curve_)
        np.testing.assert_allclose(record.validation_score, fitted.validation_scores_)
        assert record.train_score[-1] == fitted.score(x, names)
        assert evidence.setup.task == "multiclass"
        assert [layer.activation for layer in evidence.setup.layers] == ["tanh", "tanh", "softmax"]
        assert (evidence.setup.optimizer, evidence.setup.batch_size) == ("adam", 200)
        assert evidence.data.n_classes == 10
        assert record.probes.time.tolist() == [8.0]
        shares = fitted.predict_proba(x[:256])
        np.testing.assert_allclose(
            record.probes.loss[0], -np.log(shares[np.arange(256), y[:256]]).mean(), rtol=1e-6
        )
        recorder.diagnose()

    @pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
    def test_from_a_fitted_regressor(self, rng):
        x = rng.normal(size=(200, 4))
        y = x @ np.array([1.0, -2.0, 0.5, 0.0])
        fitted = MLPRegressor(hidden_layer_sizes=(8,), max_iter=20, random_state=0).fit(x, y)
        evidence = LoopRecorder.from_sklearn(fitted, x, y, validation=(x[:50], y[:50])).evidence()
        assert evidence.setup.loss == "half_squared_error"
        expected = np.mean((fitted.predict(x) - y) ** 2) / 2
        assert evidence.records[0].probes.loss[0] == pytest.approx(expected, rel=0.2)
        assert np.isfinite(evidence.records[0].validation_score[-1])

    @pytest.mark.filterwarnings("ignore:lbfgs failed")
    def test_what_can_not_be_read(self, digits):
        x, y = digits
        with pytest.raises(DataError, match="not fitted"):
            LoopRecorder.from_sklearn(MLPClassifier(), x, y)
        with pytest.raises(DataError, match="Expected an MLPClassifier"):
            LoopRecorder.from_sklearn(object(), x, y)
        fitted = MLPClassifier((2,), solver="lbfgs", max_iter=2).fit(x[:50], y[:50])
        with pytest.raises(DataError, match="lbfgs"):
            LoopRecorder.from_sklearn(fitted, x[:50], y[:50])

    def test_partial_fit(self, digits):
        x, y = digits
        model = MLPClassifier((16,), random_state=0, batch_size=100)
        model.partial_fit(x[:100], y[:100], classes=np.arange(10))
        recorder = LoopRecorder(
            setup={"task": "multiclass", "loss": "log_loss", "loss_takes": "outputs"},
            weights=zip(model.coefs_, model.intercepts_, strict=True),
            output="softmax",
            probe=(x[:128], y[:128]),
            every=1,
        )
        for _ in range(3):
            for i in range(0, 1000, 100):
                model.partial_fit(x[i : i + 100], y[i : i + 100])
                now = zip(model.coefs_, model.intercepts_, strict=True)
                recorder.step(model.loss_, now)
            recorder.epoch(score=model.score(x, y))
        (record,) = recorder.evidence().records
        assert np.isfinite(record.train_loss).all()
        assert record.probes.time.tolist() == [0, 0.1, 0.2, 0.4, 0.8, 1, 2, 3]
        # Adam's first steps move each weight by about the learning rate, 0.001.
        assert np.isfinite(record.probes.update[-1]).all()
        assert record.probes.loss[-1] < record.probes.loss[0]


class TestWhatALoopTells:
    def test_without_weights(self):
        recorder = LoopRecorder(setup={"task": "binary"})
        recorder.epoch(loss=0.7, val_loss=0.8, accuracy=0.5)
        recorder.epoch(loss=float("nan"))
        (record,) = recorder.evidence().records
        assert record.status == "diverged"
        assert record.non_finite == ("loss", 2.0)
        assert record.probes is None

    def test_weights_that_explode_are_placed(self, rng):
        weights = small_network(rng)
        recorder = LoopRecorder(
            setup={"loss": "MSELoss"}, weights=weights, probe=(np.ones((8, 3)), np.ones((8, 2)))
        )
        weights[1][0][:] = np.inf
        recorder.epoch(loss=1.0, weights=weights)
        (record,) = recorder.evidence().records
        assert record.status == "diverged"
        assert record.non_finite == ("layers[1]", 1.0)

    @pytest.mark.parametrize(
        ("told", "words"),
        [
            ({"los": 1.0}, "An epoch has no 'los'. Did you mean 'loss'?"),
            ({"loss": [1.0, 2.0]}, "expected one number; came list"),
            ({"loss": "low"}, "expected one number; came str"),
        ],
    )
    def test_messages(self, told, words):
        with pytest.raises(DataError, match=re.escape(words)):
            LoopRecorder(setup={"task": "binary"}).epoch(**told)

    @pytest.mark.parametrize(
        ("weights", "words"),
        [
            ([], "came none"),
            ([np.ones(3)], "weights[0]: expected (inputs, units)"),
            ([np.ones((3, 4)), np.ones((5, 1))], "weights[1]: expected 4 inputs"),
            ([np.ones((2, 1))], "probe: expected rows of 2 numbers"),
        ],
    )
    def test_messages_for_weights(self, weights, words):
        with pytest.raises(DataError, match=re.escape(words)):
            LoopRecorder(weights=weights, probe=(np.ones((8, 3)), np.ones(8)))

    def test_other_shapes_later(self, rng):
        recorder = LoopRecorder(weights=small_network(rng), setup={"task": "binary"})
        with pytest.raises(DataError, match="expected those of 2 layers"):
            recorder.epoch(loss=1.0, weights=[np.ones((3, 5))])
        with pytest.raises(DataError, match="shapes of the start"):
            recorder.epoch(loss=1.0, weights=[np.ones((3, 4)), np.ones((4, 2))])
