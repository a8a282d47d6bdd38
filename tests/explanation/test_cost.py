"""Numerical differentiation against back-propagation: counts, agreement, time."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.explanation import central_differences, dense_cost, explain
from gradlab.training.recipe import Recipe

DIGITS = dense_cost(784, 100, 10, rows=56_000)


@pytest.mark.catalogue("WE-11")
def test_the_counts_of_the_784_100_10_network():
    assert DIGITS.weights == 79_400
    assert DIGITS.parameters - DIGITS.weights == 110
    assert DIGITS.rows == 0.8 * 70_000 == 56_000
    assert dense_cost(784, 100, 10).loss == 79_400
    assert DIGITS.loss == 4_446_400_000
    assert DIGITS.evaluations == 79_511
    assert DIGITS.numerical == 353_537_710_400_000
    assert DIGITS.seconds() == pytest.approx(415_926.718118, abs=5e-7)
    assert DIGITS.seconds() / 3600 == pytest.approx(115.535200, abs=1e-6)
    assert "353,537,710,400,000" in explain().markdown()
    assert "115.535 hours" in explain().markdown()


def timed(widths, rows, rng):
    """Return the seconds of all differences of a network, and its largest error."""
    w = [rng.normal(size=pair) / 4 for pair in itertools.pairwise(widths)]
    x, y = rng.normal(size=(rows, widths[0])), rng.normal(size=(rows, widths[-1]))

    def loss(w):
        h = jnp.tanh(x @ w[0])
        return jnp.mean((h @ w[1] - y) ** 2)

    found = central_differences(loss, w)
    flat = np.concatenate([np.asarray(g).ravel() for g in jax.grad(loss)(w)])
    return found.seconds, float(np.abs(found.values - flat).max()), len(flat)


@pytest.mark.slow
@pytest.mark.catalogue("BPG-05", "CMP-17", "WE-11")
def test_differences_agree_and_their_time_grows_with_the_square(float64, rng):
    assert DIGITS.numerical == 353_537_710_400_000
    assert DIGITS.seconds() / 3600 == pytest.approx(115.535, abs=5e-4)
    # In turns, and the fastest of each: other work on the machine lengthens some of them.
    rounds = [(timed((16, 16, 4), 4000, rng), timed((32, 32, 8), 4000, rng)) for _ in range(5)]
    assert max(error for pair in rounds for _, error, _ in pair) < 1e-7
    few, many = (min(seconds for seconds, _, _ in each) for each in zip(*rounds, strict=True))
    n_few, n_many = (each[2] for each in rounds[0])
    assert n_many == 4 * n_few
    # Four times the parameters: four times as many losses, each four times as long.
    assert 1.4 < np.log(many / few) / np.log(4) < 2.6
    # Back-propagation costs as much as a few losses.
    cost = dense_cost(16, 16, 4, rows=4000)
    assert cost.ratio > 100


def test_the_count_is_of_the_step_itself(rng):
    e = explain(Recipe(hidden=(3,), optimizer="sgd"), rng.normal(size=(5, 2)), rng.normal(size=5))
    assert (e.cost.weights, e.cost.parameters, e.cost.rows) == (2 * 3 + 3, 2 * 3 + 3 + 3 + 1, 5)
    conv = Recipe(layers=("conv 2 3x3", "dense 3"), optimizer="sgd")
    e = explain(conv, rng.normal(size=(1, 6, 6, 1)), np.array([0.5]))
    assert e.cost.weights == 6 * 6 * 9 * 2 + 6 * 6 * 2 * 3 + 3  # a kernel serves every place
