"""Measurements inside training: right by hand, the same in any company, and without effect."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.nn import Activation, BatchNorm, Dense, Sequential
from gradlab.nn.activations import ACTIVATIONS, linear, relu, sigmoid, softmax, tanh
from gradlab.training.executors import Progressed, RunResult, execute, trained_network
from gradlab.training.learner import Batch
from gradlab.training.measure import alike_share
from gradlab.training.network import build_network
from gradlab.training.plan import Run, plan
from gradlab.training.probes import (
    FIRST_EPOCH,
    OF_LAYERS,
    SCALARS,
    measured,
    probe_rows,
    probe_times,
)
from gradlab.training.recipe import Dense as DenseSpec
from gradlab.training.recipe import Recipe
from gradlab.training.sites import STEEPEST, _slope, examine_units, look, sites_of
from gradlab.training.supervised import network_learner
from gradlab.training.task import Task

BASE = Recipe(hidden=(8,), batch_size=16, epochs=3)
# Everything that has a state, a mask or a number of its own, in networks of unlike depth.
KINDS = [
    Recipe(
        layers=(
            DenseSpec(units=6, norm="batch", dropout=0.3),
            DenseSpec(units=5, activation="elu", noise=0.1),
        ),
        input_noise=0.05,
        learning_rate=0.02,
        batch_size=16,
        epochs=3,
    ),
    BASE.replace(optimizer="nesterov", l1=1e-3, l2=1e-2, clip_norm=0.5),
    BASE.replace(activation="prelu", patience=2, norm="layer"),
]
RUNS = [Run(recipe, seed) for recipe in KINDS for seed in (3, 11)]


def cloud_task(n=150, *, dtype=np.float32, n_splits=1) -> Task:
    rng = np.random.default_rng(5)
    y = (np.arange(n) % 3).astype(np.int32)
    x = (rng.normal(size=(n, 4)) + 1.5 * np.eye(4)[y]).astype(dtype)
    rows = rng.permutation(n).astype(np.int32)
    # Folds of unlike length: the last batch of an epoch is empty in the shorter.
    splits = tuple((rows[: 112 + 16 * k], rows[130:]) for k in range(n_splits))
    return Task(x, y, np.ones(n, dtype), splits, rows[:0], "multiclass", 3)


def trained(task, runs, *, probes, members=2, epochs=3, checkpoints=None, side_by_side=False):
    made = plan(task, runs, workers=1, probes=probes, probe_least=1000, side_by_side=side_by_side)
    programs = tuple(
        dataclasses.replace(p, shape=dataclasses.replace(p.shape, members=members, epochs=epochs))
        for p in made.programs
    )
    made = dataclasses.replace(made, programs=programs)
    results, seen = {}, {}
    for event in execute(made, workers=1, checkpoints=checkpoints, side_by_side=side_by_side):
        if isinstance(event, RunResult):
            results[event.index] = event
        elif isinstance(event, Progressed):
            seen.setdefault(event.index, event.checkpoint)
    return made, [results[i] for i in range(len(runs))], seen


@pytest.fixture(scope="module")
def together():
    return trained(cloud_task(), RUNS, probes=True)


class TestNoEffect:
    def test_weights_and_history_are_those_of_the_run_without_bit_for_bit(self, together):
        _, without, _ = trained(cloud_task(), RUNS, probes=False)
        for a, b in zip(together[1], without, strict=True):
            assert a.history.tobytes() == b.history.tobytes()
            assert a.weights.tobytes() == b.weights.tobytes()
            assert b.probes is None

    @pytest.mark.parametrize(
        "layers", [["conv 4 norm batch", "pool 2", "dense 6"], ["lstm 5"], ["rnn 5 bidirectional"]]
    )
    def test_nor_of_networks_of_images_and_sequences(self, layers, rng):
        shape = (60, 6, 6, 1) if layers[0].startswith("conv") else (60, 7, 3)
        rows = np.arange(60, dtype=np.int32)
        task = Task(
            x=rng.normal(size=shape).astype(np.float32),
            y=rng.integers(0, 3, 60).astype(np.int32),
            weight=np.ones(60, np.float32),
            splits=((rows[:48], rows[48:]),),
            test=rows[:0],
            kind="multiclass",
            n_outputs=3,
        )
        runs = [Run(Recipe(layers=layers, epochs=2, batch_size=16), seed) for seed in (0, 1)]
        _, with_probes, _ = trained(task, runs, probes=True, epochs=2)
        _, without, _ = trained(task, runs, probes=False, epochs=2)
        for a, b in zip(with_probes, without, strict=True):
            assert a.history.tobytes() == b.history.tobytes()
            assert a.weights.tobytes() == b.weights.tobytes()
            found = measured(a.probes)
            assert np.isfinite(found.layers["gradient"]).all()
            assert found.layers["mean"].shape[1] == len(layers) - (len(layers) == 3) + 1

    def test_nor_where_folds_leave_empty_batches(self):
        runs = [Run(BASE, 0, split=k) for k in (0, 1)]
        task = cloud_task(n_splits=2)
        _, with_probes, _ = trained(task, runs, probes=True)
        _, without, _ = trained(task, runs, probes=False)
        for a, b in zip(with_probes, without, strict=True):
            assert a.weights.tobytes() == b.weights.tobytes()
            found = measured(a.probes)
            assert found.time[-1] == 3
            assert (found.layers["update"][1:] > 0).all()


class TestSameNumbers:
    def test_alone_and_in_short_calls(self, together):
        _, alone, _ = trained(cloud_task(), [RUNS[2]], probes=True, members=1, epochs=1)
        n = together[1][2].probes.shape[1]
        np.testing.assert_array_equal(alone[0].probes, together[1][2].probes[:, :n])

    def test_resumed(self, together):
        _, whole, seen = trained(cloud_task(), RUNS[2:4], probes=True, epochs=1)
        checkpoints = {0: seen[0], 1: seen[1]}
        _, resumed, _ = trained(cloud_task(), RUNS[2:4], probes=True, checkpoints=checkpoints)
        for a, b, c in zip(resumed, whole, together[1][2:4], strict=True):
            np.testing.assert_array_equal(a.probes, b.probes)
            np.testing.assert_array_equal(a.probes, c.probes)

    def test_kinds_of_unlike_depth_share_a_program(self, together):
        assert len(together[0].programs) == 1
        depths = [measured(r.probes).layers["mean"].shape[1] for r in together[1]]
        assert depths == [3, 3, 2, 2, 2, 2]
        for result in together[1]:
            assert np.isfinite(measured(result.probes).layers["weight"]).all()

    def test_side_by_side(self, together):
        _, beside, _ = trained(cloud_task(), RUNS[2:4], probes=True, side_by_side=True)
        for a, b in zip(beside, together[1][2:4], strict=True):
            np.testing.assert_allclose(a.probes, b.probes, rtol=2e-2, atol=1e-4)


class TestTimes:
    def test_points_are_at_both_ends_and_closer_together_at_first(self):
        times = probe_times(200, 5, affordable=1000.0)
        stops = times.stops[: times.n_stops]
        assert stops[0] == 0
        assert stops[1] == 1
        assert stops[-1] == 200
        assert (np.diff(stops)[1:] >= np.diff(stops)[:-1]).all()
        assert len(stops) == FIRST_EPOCH + 3
        assert times.every == 1

    def test_fewer_where_a_probe_is_dear(self):
        times = probe_times(200, 100, affordable=13.0)
        n_later = len(range(int(times.every), 101, int(times.every)))
        assert int(times.n_stops) + n_later <= 15
        least = probe_times(200, 100, affordable=0.0)
        assert least.stops[: least.n_stops].tolist() == [0, 200]
        assert least.every == 100

    def test_one_step_an_epoch(self):
        times = probe_times(1, 3, affordable=1000.0)
        assert times.stops[: times.n_stops].tolist() == [0, 1]

    def test_time_of_the_points(self, together):
        found = measured(together[1][0].probes)
        assert found.time[0] == 0
        assert found.time[-3:].tolist() == [1, 2, 3]
        assert np.isnan(found.layers["update"][0]).all()
        assert np.isnan(found.non_finite)

    def test_rows_are_few_equal_parts_of_the_training_rows(self):
        train = [np.arange(5000), np.arange(2000, 6990)]
        rows = probe_rows(train)
        assert rows.shape == (2, 100)
        for chosen, own in zip(rows, train, strict=True):
            assert len(np.unique(chosen)) == 100
            assert np.isin(chosen, own).all()
        assert probe_rows([np.arange(3)]).shape == (1, 1)
        assert probe_rows([np.arange(10**6)]).shape == (1, 256)


def by_name(learner, state, before, batch, hyper):
    numbers = jax.jit(learner.probe.measure)(state, before, batch, hyper)
    return measured(np.concatenate([[0.5, np.nan], np.asarray(numbers)])[None])


class TestByHand:
    """A 2-3-2 network, everything computed again with NumPy."""

    W1 = np.array([[1.0, -1.0, 0.5], [0.5, -2.0, 1.0]])
    B1 = np.array([0.1, -9.0, 0.0])
    W2 = np.array([[1.0, -1.0], [0.3, 0.2], [-0.5, 0.4]])
    B2 = np.array([0.2, -0.1])
    X = (
        np.array([[1.0, 2.0], [-1.0, 0.5], [0.3, -0.7], [2.0, 1.0]] * 2)
        * np.linspace(0.5, 1.5, 8)[:, None]
    )
    Y = np.array([0, 1, 1, 0, 1, 0, 0, 1])

    @pytest.fixture
    def found(self):
        with jax.enable_x64(True):
            network = Sequential(
                (Dense(self.W1, self.B1), Activation(relu), Dense(self.W2, self.B2))
            )
            recipe = Recipe(hidden=(3,), l2=0.1, l1=0.2, optimizer="sgd")
            learner = network_learner(network, recipe, kind="multiclass")
            hyper = {"l1": jnp.float64(0.2), "l2": jnp.float64(0.1), "learning_rate": 0.1}
            state = learner.init(network, {k: jnp.asarray(v) for k, v in hyper.items()})
            before = jax.tree.map(lambda w: 0.9 * w, learner.probe.weights(state))
            batch = Batch(jnp.asarray(self.X), jnp.asarray(self.Y, jnp.int32), jnp.ones(8))
            return by_name(learner, state, before, batch, hyper)

    def pass_of(self, rows):
        z = self.X[rows] @ self.W1 + self.B1
        a = np.maximum(z, 0)
        s = a @ self.W2 + self.B2
        p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        ds = p - np.eye(2)[self.Y[rows]]
        da = ds @ self.W2.T
        dz = da * (z > 0)
        n = len(z)
        gradients = [self.X[rows].T @ dz, dz.sum(0), a.T @ ds, ds.sum(0)]
        return a, s, p, da, ds, [g / n for g in gradients]

    def test_activations(self, found):
        a, s, *_ = self.pass_of(slice(None))
        of = {name: values[0] for name, values in found.layers.items()}
        np.testing.assert_allclose(of["mean"], [a.mean(), s.mean()])
        np.testing.assert_allclose(of["std"], [a.std(), s.std()])
        np.testing.assert_allclose(of["zero"], [(a == 0).mean(), 0], atol=1e-12)
        np.testing.assert_allclose(of["saturated"], [(a == 0).mean(), 0], atol=1e-12)
        assert (a[:, 1] == 0).all()  # the unit with a bias of -9
        np.testing.assert_allclose(of["dead"], [1 / 3, 0], atol=1e-12)
        np.testing.assert_allclose(of["stuck"], [1 / 3, 0], atol=1e-12)

    def test_gradients(self, found):
        *_, da, ds, g = self.pass_of(slice(None))
        of = {name: values[0] for name, values in found.layers.items()}
        norms = [np.sqrt((g[i] ** 2).sum() + (g[i + 1] ** 2).sum()) for i in (0, 2)]
        np.testing.assert_allclose(of["gradient"], norms)
        # Of each row's own loss, so that it does not depend on how many rows there are.
        slopes = [np.sqrt((da**2).mean()), np.sqrt((ds**2).mean())]
        np.testing.assert_allclose(of["gradient_out"], slopes)

    def test_weights(self, found):
        of = {name: values[0] for name, values in found.layers.items()}
        pairs = [(self.W1, self.B1), (self.W2, self.B2)]
        norms = [np.sqrt((w**2).sum() + (b**2).sum()) for w, b in pairs]
        np.testing.assert_allclose(of["weight"], norms)
        np.testing.assert_allclose(of["update"], [0.1, 0.1])
        assert of["alike"].tolist() == [0, 0]

    def test_scalars(self, found):
        _, _, p, *_ = self.pass_of(slice(None))
        np.testing.assert_allclose(found.scalars["loss"], -np.log(p[np.arange(8), self.Y]).mean())
        squares = sum((w**2).sum() for w in (self.W1, self.W2))
        absolute = sum(np.abs(w).sum() for w in (self.W1, self.W2))
        np.testing.assert_allclose(found.scalars["penalty"], 0.05 * squares + 0.2 * absolute)
        np.testing.assert_allclose(found.scalars["output_std"], np.sqrt(p.var(axis=0).mean()))
        assert np.isnan(found.scalars["norm_gap"]).all()

    def test_gradient_noise_is_that_of_the_four_parts(self, found):
        whole = sum((g**2).sum() for g in self.pass_of(slice(None))[-1])
        parts = [
            sum((g**2).sum() for g in self.pass_of(slice(2 * i, 2 * i + 2))[-1]) for i in range(4)
        ]
        variance = (np.mean(parts) - whole) / (1 / 2 - 1 / 8)
        signal = (8 * whole - 2 * np.mean(parts)) / (8 - 2)
        expected = variance / signal if signal > 0 else np.inf
        np.testing.assert_allclose(found.scalars["noise"], expected)


def test_batch_norm_gap_is_counted_in_deviations_of_the_batch():
    network = Sequential((Dense(np.eye(2, dtype=np.float32)), BatchNorm(2)))
    learner = network_learner(network, Recipe(hidden=(2,), norm="batch"), kind="regression")
    hyper = {f"optimizer.{k}": jnp.float32(v) for k, v in {"beta1": 0.9, "beta2": 0.99}.items()}
    hyper |= {"optimizer.epsilon": jnp.float32(1e-8), "learning_rate": jnp.float32(0)}
    state = learner.init(network, hyper)
    x = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
    x = (x - x.mean(axis=0)) / x.std(axis=0) * 2 + 6  # mean 6, deviation 2; running: 0 and 1
    batch = Batch(jnp.asarray(x), jnp.asarray(x), jnp.ones(64))
    found = by_name(learner, state, learner.probe.weights(state), batch, hyper)
    np.testing.assert_allclose(found.scalars["norm_gap"], 3, rtol=1e-3)


@pytest.mark.catalogue("DIF-12")
def test_the_share_of_units_inactive_on_the_whole_set_is_exact(rng):
    x = rng.normal(size=(1000, 5)).astype(np.float32)
    weight = rng.normal(size=(5, 8)).astype(np.float32)
    z = x @ weight
    bias = np.zeros(8, np.float32)
    bias[:3] = -z.max(axis=0)[:3] - 1e-3  # never above 0
    bias[3] = -np.sort(z[:, 3])[-2] - 1e-4  # above 0 on one row of a thousand
    network = Sequential((Dense(weight, bias), Activation(relu), Dense(np.ones((8, 1), "f4"))))
    hidden, _ = examine_units(network, network.initial_state(), x)
    a = np.maximum(x @ weight + bias, 0)
    assert hidden.dead.tolist() == [True] * 3 + [False] * 5
    assert hidden.dead.mean() == 3 / 8
    np.testing.assert_allclose(hidden.zero, (a == 0).mean(axis=0), atol=2e-3)
    np.testing.assert_allclose(hidden.mean, a.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(hidden.std, a.std(axis=0), rtol=1e-3, atol=1e-4)


@pytest.mark.catalogue("DIF-11")
def test_identical_rows_of_a_weight_matrix_are_reported(rng):
    weight = rng.normal(size=(20, 10)).astype(np.float32)
    assert float(alike_share(Dense(weight))) == 0
    weight[:, 7] = weight[:, 2]
    weight[:, 9] = weight[:, 2] * (1 + 1e-7)  # by rounding
    assert float(alike_share(Dense(weight))) == pytest.approx(3 / 10)
    assert float(alike_share(Dense(np.full((20, 4), 0.5, np.float32)))) == 1
    assert float(alike_share(Dense(np.zeros((20, 4), np.float32)))) == 1


def test_units_that_start_equal_stay_equal():
    constant = BASE.replace(init="constant", activation="tanh", optimizer="sgd", learning_rate=0.1)
    _, (result,), _ = trained(cloud_task(), [Run(constant, 0)], probes=True, members=1)
    alike = measured(result.probes).layers["alike"]
    assert (alike[:, 0] == 1).all()


def test_gradients_fade_through_sigmoids_and_not_through_he_and_relu():
    deep = Recipe(hidden=(32,) * 8, batch_size=16, epochs=1, init="xavier_normal")
    runs = [Run(deep.replace(activation="sigmoid"), 0)]
    runs += [Run(deep.replace(activation="relu", init="he_normal"), 0)]
    _, results, _ = trained(cloud_task(), runs, probes=True, members=1, epochs=1)
    first = [measured(r.probes).layers["gradient_out"][0] for r in results]
    of_sigmoid, of_relu = (slopes[-2] / slopes[0] for slopes in first)
    assert of_sigmoid > 1e3
    assert 0.05 < of_relu < 20


def test_a_run_that_diverges_tells_the_step():
    wild = BASE.replace(optimizer="sgd", learning_rate=1e30)
    _, (result,), _ = trained(cloud_task(), [Run(wild, 0)], probes=True, members=1)
    assert result.status == "diverged"
    found = measured(result.probes)
    assert 0 < found.non_finite < 1
    assert not np.isfinite(found.layers["mean"][-1]).all()


class TestSites:
    def test_a_block_is_measured_at_its_activation(self):
        interface = cloud_task().interface
        recipe = Recipe(layers=["dense 3 norm batch relu dropout 0.5", "dense 4 linear"])
        sites = sites_of(build_network(recipe, interface, seed=0))
        assert [(site.layer, site.output) for site in sites] == [(0, 2), (4, 5), (6, 6)]

    def test_nothing_is_drawn_at_random(self, rng):
        recipe = Recipe(hidden=(6, 5), dropout=0.9, noise=1.0, input_noise=1.0)
        network = build_network(recipe, cloud_task().interface, seed=0)
        x = rng.normal(size=(8, 4)).astype(np.float32)
        answers, seen, _ = look(network, network.initial_state(), x)
        plain, _ = network(x, network.initial_state())
        np.testing.assert_array_equal(answers, plain)
        assert [s.activation.shape[-1] for s in seen] == [6, 5, 3]

    @pytest.mark.parametrize("name", STEEPEST)
    def test_steepest_slopes(self, name):
        x = jnp.linspace(-9, 9, 3601)[:, None]
        slope = jnp.abs(_slope(Activation(ACTIVATIONS[name]), x[x[:, 0] != 0]))
        assert float(slope.max()) == pytest.approx(STEEPEST[name], rel=1e-3, abs=1e-6)

    @pytest.mark.parametrize(
        ("function", "z", "flat"),
        [
            (sigmoid, [0, 4.3, 4.4, -5], [False, False, True, True]),  # slope 0.0131, 0.0121
            (tanh, [0, 2.1, 2.3], [False, False, True]),
            (relu, [1, -1], [False, True]),
            (linear, [1, 0], [False, False]),
        ],
    )
    def test_flat_is_where_the_slope_is_a_twentieth_of_the_largest(self, function, z, flat):
        network = Sequential((Dense(np.eye(1, dtype=np.float32)), Activation(function)))
        x = np.array(z, np.float32)[:, None]
        (seen,) = look(network, network.initial_state(), x)[1]
        said = [False] * len(z) if seen.flat is None else seen.flat[:, 0].tolist()
        assert said == flat

    def test_a_softmax_is_flat_where_a_share_is_near_0_or_1(self):
        network = Sequential((Dense(np.eye(2, dtype=np.float32)), Activation(softmax)))
        x = np.array([[0.0, 0.0], [5.0, 0.0]], np.float32)
        (seen,) = look(network, network.initial_state(), x)[1]
        assert seen.flat.tolist() == [[False, False], [True, True]]

    def test_padding_is_not_counted(self, rng):
        recipe = Recipe(layers=["rnn 4 sequence", "time mean"], epochs=1, batch_size=16)
        rows = np.arange(40, dtype=np.int32)
        x = rng.normal(size=(40, 9, 2)).astype(np.float32)
        lengths = rng.integers(1, 10, 40).astype(np.int32)
        task = Task(
            x=x,
            y=rng.integers(0, 3, 40).astype(np.int32),
            weight=np.ones(40, np.float32),
            splits=((rows, rows[:0]),),
            test=rows[:0],
            kind="multiclass",
            n_outputs=3,
            lengths=lengths,
        )
        made, (result,), _ = trained(task, [Run(recipe, 0)], probes=True, members=1, epochs=1)
        network = build_network(recipe, task.interface, seed=0)
        chosen = made.probe_rows[0]
        cell = network.layers[0].cell
        steps = []
        for row in chosen:
            h = np.zeros(4)
            for t in range(lengths[row]):
                h = np.tanh(x[row, t] @ cell.weight_input + h @ cell.weight_recurrent + cell.bias)
                steps.append(h)
        found = measured(result.probes)
        assert found.layers["mean"][0, 0] == pytest.approx(np.mean(steps), abs=1e-5)
        assert found.layers["std"][0, 0] == pytest.approx(np.std(steps), abs=1e-5)
        units = examine_units(network, network.initial_state(), x[chosen], lengths[chosen])
        np.testing.assert_allclose(units[0].mean, np.mean(steps, axis=0), atol=1e-5)


def test_names_of_columns_lie_as_they_are_read(together):
    _, results, _ = together
    width = 2 + len(SCALARS) + len(OF_LAYERS) * 3
    assert results[0].probes.shape[1] == width


def test_what_was_measured_at_the_end_is_so_of_the_network_that_came_out(together):
    made, results, _ = together
    network, _ = trained_network(made, RUNS[2].recipe, results[2].weights)
    found = measured(results[2].probes)
    hidden = network.layers[0]
    # Nesterov trains the look-ahead point, which lies a step's length away.
    norm = np.sqrt((hidden.weight**2).sum() + (hidden.bias**2).sum())
    assert found.layers["weight"][-1, 0] == pytest.approx(norm, rel=0.05)
