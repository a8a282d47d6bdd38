"""A batch in pieces, sequences of unlike length, targets for every step, reconstruction."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.nn.padded import Padded
from gradlab.nn.random import row_key
from gradlab.training.interface import Interface
from gradlab.training.learner import Batch
from gradlab.training.network import build_network
from gradlab.training.recipe import Recipe
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


class TestPieces:
    RECIPE = Recipe(
        layers=["conv 4", "pool 2", "dense 6 dropout 0.3"],
        optimizer="sgd",
        l2=0.1,
        augment=["crop 1"],
    )

    @pytest.mark.parametrize("piece", [1, 4, 5, 64])
    def test_a_step_is_that_of_the_whole_batch_with_the_same_random_numbers(self, piece, rng):
        network = build_network(self.RECIPE, Interface((6, 6, 1), 3), seed=0)
        weight = np.array([1, 1, 0.5, 2, 1, 1, 1, 1, 0, 0, 0], np.float32)
        batch = Batch(
            rng.normal(size=(11, 6, 6, 1)).astype(np.float32),
            rng.integers(0, 3, 11).astype(np.int32),
            weight,
        )
        hyper_l2 = {"l2": jnp.float32(0.1)}

        def after(piece):
            learner = network_learner(network, self.RECIPE, kind="multiclass", piece=piece)
            hyper = {"learning_rate": jnp.float32(0.1), **hyper_l2}
            key = row_key(jnp.uint32(3), jnp.uint32(0), jnp.arange(11))
            state = learner.init(initial_arrays(network), hyper)
            state, sums = jax.jit(learner.step)(state, batch, hyper, key)
            return state, sums, jax.jit(learner.evaluate)(state, batch, hyper)

        leaves_close(after(None), after(piece))

    def test_a_network_that_couples_rows_gets_the_whole_batch(self, rng):
        recipe = Recipe(layers=["conv 4 norm batch"], optimizer="sgd")
        network = build_network(recipe, Interface((6, 6, 1), 3), seed=0)
        batch = Batch(
            rng.normal(size=(8, 6, 6, 1)).astype(np.float32),
            rng.integers(0, 3, 8).astype(np.int32),
            np.ones(8, np.float32),
        )
        ends = [
            stepped(
                network_learner(network, recipe, kind="multiclass", piece=piece),
                initial_arrays(network),
                batch,
            )
            for piece in (None, 2)
        ]
        leaves_close(*ends)


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
