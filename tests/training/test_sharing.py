"""A batch in shares and pieces, on one device and on several; and what else a step has to do with.

Sequences of unlike length, targets for every step, reconstruction.
"""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.nn.padded import Padded
from gradlab.nn.random import row_key
from gradlab.training.interface import Interface
from gradlab.training.learner import Batch, Sharing
from gradlab.training.network import build_network
from gradlab.training.recipe import Recipe
from gradlab.training.sharing import sharing_of_images
from gradlab.training.supervised import initial_arrays, network_learner, supervised


def stepped(learner, start, batch, rate=0.1):
    """Return the state after one step and its loss, compiled."""
    hyper = {"learning_rate": jnp.float32(rate)}
    key = row_key(jnp.uint32(3), jnp.uint32(0), jnp.arange(len(batch.weight)))
    state = learner.init(start, hyper)
    return jax.jit(learner.step)(state, batch, hyper, key)


def leaves_close(a, b, tolerance=2e-5):
    for left, right in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance)


class TestShares:
    RECIPE = Recipe(
        layers=["conv 4", "pool 2", "dense 6 dropout 0.3"],
        optimizer="sgd",
        l2=0.1,
        augment=["crop 1"],
    )

    @pytest.mark.parametrize(
        "sharing",
        [
            Sharing(most=1, fewest=1, piece=1),
            Sharing(most=1, fewest=1, piece=4),
            Sharing(most=1, fewest=1, piece=64),
            Sharing(most=2, fewest=1, piece=None),
            Sharing(most=8, fewest=1, piece=5),
            Sharing(most=4, fewest=2, piece=1),
        ],
    )
    def test_a_step_is_that_of_the_whole_batch_with_the_same_random_numbers(self, sharing, rng):
        network = build_network(self.RECIPE, Interface((6, 6, 1), 3), seed=0)
        weight = np.array([1, 1, 0.5, 2, 1, 1, 1, 1, 0, 0, 0], np.float32)
        batch = Batch(
            rng.normal(size=(11, 6, 6, 1)).astype(np.float32),
            rng.integers(0, 3, 11).astype(np.int32),
            weight,
        )
        hyper_l2 = {"l2": jnp.float32(0.1)}

        def after(sharing):
            learner = network_learner(network, self.RECIPE, kind="multiclass", sharing=sharing)
            hyper = {"learning_rate": jnp.float32(0.1), **hyper_l2}
            key = row_key(jnp.uint32(3), jnp.uint32(0), jnp.arange(11))
            state = learner.init(initial_arrays(network), hyper)
            state, sums = jax.jit(learner.step)(state, batch, hyper, key)
            return state, sums, jax.jit(learner.evaluate)(state, batch, hyper)

        leaves_close(after(None), after(sharing))

    def test_their_number_follows_from_the_rows(self):
        sharing = Sharing(most=8, fewest=8)
        assert [sharing.shares(n) for n in (1, 15, 16, 31, 32, 64, 1000)] == [1, 1, 2, 2, 4, 8, 8]

    @pytest.mark.parametrize("layers", [["conv 2"], ["lstm 96"], ["lstm 95"], ["dense 200"]])
    def test_networks_whose_layers_use_one_core_have_them(self, layers):
        shape = (6, 6, 1) if "conv" in layers[0] else (6, 2)
        recipe, interface = Recipe(layers=layers), Interface(shape, 3)
        learner = supervised(recipe, interface, kind="multiclass", dtype=np.dtype(np.float32))
        assert (learner.sharing is not None) == (layers[0] in ("conv 2", "lstm 96"))

    def test_many_weights_are_shared_less(self):
        assert [sharing_of_images(n, 100).most for n in (1, 2**21, 2**22, 2**30)] == [8, 8, 4, 2]


ON_DEVICES = """
import sys

import jax

jax.config.update("jax_num_cpu_devices", int(sys.argv[1]))
import numpy as np

import gradlab.training.sharing as sharing
from gradlab.training.executors import RunResult, execute, shared_by
from gradlab.training.plan import Run, plan
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task

sharing.cores = lambda: int(sys.argv[1])
rng, rows = np.random.default_rng(0), np.arange(120, dtype=np.int32)


def task(*shape, lengths=None):
    return Task(
        x=rng.normal(size=(120, *shape)).astype(np.float32),
        y=rng.integers(0, 3, 120).astype(np.int32),
        weight=np.ones(120, np.float32),
        splits=((rows[:97], rows[97:]),),
        test=rows[:0],
        kind="multiclass",
        n_outputs=3,
        lengths=lengths,
    )


images, lengths = task(8, 8, 2), rng.integers(1, 7, 120).astype(np.int32)
conv = ["conv 4 3x3", "pool 2", "dense 8 dropout 0.3"]
common = {"epochs": 2, "batch_size": 66}
for name, data, recipe in (
    ("images", images, Recipe(layers=conv, augment=["translate 0.2"], **common)),
    ("sequences", task(6, 3, lengths=lengths), Recipe(layers=["gru 96"], epochs=2, batch_size=64)),
    ("batch norm", images, Recipe(layers=conv, norm="batch", **common)),
):
    for n_runs in (1, 3):
        planned = plan(data, [Run(recipe, seed=seed) for seed in range(n_runs)], workers=2)
        devices = shared_by(planned.programs[0], n_runs)
        done = {e.index: e for e in execute(planned, workers=2) if isinstance(e, RunResult)}
        told = done[0].weights.tobytes() + done[0].history.tobytes()
        print(name, n_runs, devices, told.hex(), sep=";")
"""


def told_by(devices):
    done = subprocess.run(
        [sys.executable, "-c", ON_DEVICES, str(devices)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split(";") for line in done.stdout.splitlines()]
    return {(name, int(n)): (int(devices), bits) for name, n, devices, bits in lines}


@pytest.mark.slow
def test_a_run_has_the_same_bits_alone_on_several_devices_and_in_a_group_on_one():
    told = {n: told_by(n) for n in (1, 2, 4)}
    for case, most in (("images", 4), ("sequences", 2)):
        for n in (1, 2, 4):
            assert told[n][case, 1][0] == min(n, most)
            assert told[n][case, 3][0] == 1
            assert told[n][case, 1][1] == told[n][case, 3][1] == told[1][case, 1][1]
    for n in (1, 2, 4):
        alone, grouped = told[n]["batch norm", 1], told[n]["batch norm", 3]
        assert alone == grouped
        assert alone[0] == n
        # Its sums are in another order on another machine.
        numbers, on_one = (
            np.frombuffer(bytes.fromhex(bits), np.float32)
            for bits in (alone[1], told[1]["batch norm", 1][1])
        )
        np.testing.assert_allclose(numbers, on_one, rtol=0.02, atol=0.02)


class TestUnlikeLengths:
    @pytest.mark.parametrize(
        "layers",
        [["gru 4"], ["lstm 4 bidirectional"], ["conv 4 3", "global max"], ["time mean", "dense 4"]],
    )
    def test_what_stands_in_the_padding_changes_nothing(self, layers, rng):
        recipe = Recipe(layers=layers, optimizer="sgd")
        interface = Interface((6, 2), 3, padded=True)
        learner = supervised(recipe, interface, kind="multiclass", dtype=np.dtype(np.float32))
        start = initial_arrays(build_network(recipe, interface, seed=1))
        x = rng.normal(size=(5, 6, 2)).astype(np.float32)
        lengths = np.array([1, 2, 3, 5, 6], np.int32)
        other = x.copy()
        other[np.arange(6)[None, :] >= lengths[:, None]] = 1e3
        y, ones = rng.integers(0, 3, 5).astype(np.int32), np.ones(5, np.float32)
        ends = [
            stepped(learner, start, Batch(Padded(jnp.asarray(v), jnp.asarray(lengths)), y, ones))
            for v in (x, other)
        ]
        leaves_close(*ends)


class TestEveryStep:
    def test_the_loss_is_the_mean_over_real_steps(self, rng):
        recipe = Recipe(layers=["recurrent 4"], cell="rnn", optimizer="sgd")
        interface = Interface((6, 2), 3, per_step=True, padded=True)
        learner = supervised(recipe, interface, kind="multiclass", dtype=np.dtype(np.float32))
        network = build_network(recipe, interface, seed=1)
        x = rng.normal(size=(3, 6, 2)).astype(np.float32)
        y = rng.integers(0, 3, (3, 6)).astype(np.int32)
        lengths = np.array([2, 6, 3], np.int32)
        batch = Batch(Padded(jnp.asarray(x), jnp.asarray(lengths)), y, np.ones(3, np.float32))
        _, (total, weight) = stepped(learner, initial_arrays(network), batch)
        assert weight == lengths.sum()
        scores, _ = network(batch.x, network.initial_state())
        logs = jax.nn.log_softmax(scores.values)
        expected = -sum(logs[i, t, y[i, t]] for i in range(3) for t in range(lengths[i]))
        assert total == pytest.approx(float(expected), rel=1e-5)


class TestReconstruction:
    @pytest.mark.parametrize("loss", ["squared_error", "reconstruction_cross_entropy"])
    def test_the_target_is_the_input_before_noise(self, loss, rng):
        recipe = Recipe(hidden=(3,), loss=loss, input_noise=5.0, optimizer="sgd", init="zeros")
        interface = Interface((4,), 4, reconstructs=True)
        learner = supervised(recipe, interface, kind="reconstruction", dtype=np.dtype(np.float32))
        start = initial_arrays(build_network(recipe, interface, seed=1))
        x = rng.uniform(size=(5, 4)).astype(np.float32)
        batch = Batch(x, np.zeros(5, np.int8), np.ones(5, np.float32))
        _, (total, _) = stepped(learner, start, batch)
        # Zero weights answer 0, which as a logit is one half.
        expected = (x**2).sum() if loss == "squared_error" else 20 * np.log(2)
        assert float(total) == pytest.approx(expected, rel=1e-5)
