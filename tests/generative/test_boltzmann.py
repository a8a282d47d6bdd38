"""Restricted Boltzmann machines, against sums over all states."""

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from gradlab.errors import DataError, RecipeError
from gradlab.generative.boltzmann import BoltzmannMachine
from gradlab.generative.partition import Energy, annealed, exactly
from gradlab.plots.autoencoder import patches_figure


def states(n):
    return np.array(list(itertools.product((0.0, 1.0), repeat=n)))


def made(rng, d, n_hidden, gaussian=False, size=0.7):
    return Energy(
        size * rng.normal(size=(d, n_hidden)),
        rng.normal(size=d),
        rng.normal(size=n_hidden),
        gaussian,
    )


@pytest.mark.parametrize(("d", "n_hidden"), [(3, 6), (6, 3), (1, 1)])
def test_partition_function_is_the_sum_over_all_states(d, n_hidden, rng):
    energy = made(rng, d, n_hidden)
    v, h = states(d), states(n_hidden)
    joint = v @ energy.visible[:, None] + (h @ energy.hidden)[None, :] + v @ energy.weights @ h.T
    assert exactly(energy) == pytest.approx(logsumexp(joint), rel=1e-12)
    assert energy.free(v) == pytest.approx(-logsumexp(joint, axis=1), rel=1e-12)
    assert logsumexp(-energy.free(v)) == pytest.approx(exactly(energy), rel=1e-12)


def test_partition_function_of_normal_units(rng):
    energy = made(rng, 1, 3, gaussian=True)
    v = np.linspace(-30, 30, 20001)[:, None]
    z = np.exp(-energy.free(v)).sum() * (v[1, 0] - v[0, 0])
    assert exactly(energy) == pytest.approx(np.log(z), rel=1e-9)


@pytest.mark.parametrize("gaussian", [False, True])
def test_annealing_finds_the_partition_function(gaussian, rng):
    energy = made(rng, 20, 12, gaussian, size=0.3)
    estimate, error = annealed(energy, temperatures=500)
    assert estimate == pytest.approx(exactly(energy), abs=max(4 * error, 0.05))
    assert error < 0.2


def with_parameters(energy):
    """Return a fitted machine that has these parameters."""
    kind = "gaussian" if energy.gaussian else "bernoulli"
    X = np.stack([np.zeros(len(energy.visible)), np.ones(len(energy.visible))])
    machine = BoltzmannMachine(len(energy.hidden), visible=kind, epochs=1).fit(X)
    machine.weights_ = energy.weights.astype(np.float32)
    machine.visible_bias_ = energy.visible.astype(np.float32)
    machine.hidden_bias_ = energy.hidden.astype(np.float32)
    machine._shift, machine._scale = np.zeros(X.shape[1]), np.ones(X.shape[1])
    return machine


def test_samples_have_the_machines_distribution(rng):
    machine = with_parameters(made(rng, 4, 3))
    v = states(4)
    p = np.exp(machine.score_samples(v))
    assert p.sum() == pytest.approx(1, abs=1e-5)
    n = 20000
    samples = machine.sample(n, seed=1, steps=50)
    assert (samples == machine.sample(n, seed=1, steps=50)).all()
    seen = np.bincount((samples @ [8, 4, 2, 1]).astype(int), minlength=16) / n
    assert np.abs(seen - p).max() < 4 * np.sqrt(0.25 / n)
    means = machine.sample(n, seed=1, steps=50, means=True)
    assert means.mean(axis=0) == pytest.approx(p @ v, abs=0.02)


def test_samples_of_normal_units(rng):
    machine = with_parameters(made(rng, 2, 3, gaussian=True))
    samples = machine.sample(20000, steps=60)
    axis = np.linspace(-12, 12, 241)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    p = np.exp(machine.score_samples(grid)) * 0.1**2
    assert p.sum() == pytest.approx(1, abs=1e-3)
    assert samples.mean(axis=0) == pytest.approx(p @ grid, abs=0.05)
    spread = p @ (grid - p @ grid) ** 2
    assert samples.var(axis=0) == pytest.approx(spread, rel=0.05)


def stripes():
    """Return the fourteen 3 x 3 images of whole rows or whole columns."""
    rows = np.repeat(states(3), 3, axis=1).reshape(-1, 9)
    columns = np.tile(states(3), (1, 3))
    return np.unique(np.concatenate([rows, columns]), axis=0)


@pytest.mark.parametrize(("k", "persistent"), [(1, False), (5, False), (1, True)])
def test_it_learns_bars_and_stripes(k, persistent):
    """The likelihood, known exactly, comes near that of the data itself: ln 1/14 = −2.64."""
    X = np.repeat(stripes(), 20, axis=0)
    fresh = BoltzmannMachine(12, epochs=1, random_state=0).fit(X)
    machine = BoltzmannMachine(
        12, k=k, persistent=persistent, epochs=600, batch_size=20, random_state=0
    ).fit(X)
    assert fresh.score(X) == pytest.approx(9 * np.log(0.5), abs=0.1)
    # Chains of one step from the data see less of the distribution.
    assert machine.score(X) > (-4.0 if k == 1 and not persistent else -3.4)
    samples = machine.sample(500, steps=500)
    known = (samples[:, None] == stripes()[None]).all(axis=2).any(axis=1)
    assert known.mean() > 0.6  # 14 of 512 by chance


def test_normal_units_learn_two_heaps(rng):
    X = rng.normal(np.repeat([-20.0, 40.0], 200)[:, None], 2.0, (400, 2))
    fresh = BoltzmannMachine(4, epochs=1, random_state=0).fit(X)
    machine = BoltzmannMachine(4, epochs=100, k=5, batch_size=20, random_state=0).fit(X)
    assert machine.visible_ == "gaussian"
    assert machine.score(X) > fresh.score(X) + 0.1
    samples = machine.sample(2000, steps=300)
    assert samples.mean(axis=0) == pytest.approx(X.mean(axis=0), abs=10)


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.data / 16, data.target


def test_features_of_digits_help_and_filters_are_seen(digits):
    X, y = digits
    machine = BoltzmannMachine(100, epochs=20, random_state=0).fit(X)
    assert machine.history_[-1] < 0.6 * machine.history_[0]
    codes = machine.transform(X)
    assert codes.shape == (1797, 100)
    half = LogisticRegression(max_iter=2000).fit(codes[:900], y[:900])
    assert half.score(codes[900:], y[900:]) > 0.85
    filters = machine.filters((8, 8))
    assert (filters[7, :, :, 0].ravel() == machine.weights_[:, 7]).all()
    patches_figure(filters)
    again = BoltzmannMachine(100, epochs=20, random_state=0).fit(X)
    assert (again.weights_ == machine.weights_).all()
    near = machine.sample(3, steps=1, start=X[:1], means=True)
    assert np.abs(near - X[:1]).mean() < 0.2


def test_awkward_tables(rng):
    one = BoltzmannMachine(3, epochs=2).fit([[0.0, 1.0]])
    assert np.isfinite(one.score_samples([[0.0, 1.0]])).all()
    flat = BoltzmannMachine(3, epochs=2).fit(np.full((9, 2), 1e6))
    assert np.isfinite(flat.score_samples(np.full((2, 2), 1e6))).all()
    tiny = BoltzmannMachine(3, visible="gaussian", epochs=5, random_state=0)
    X = rng.normal(size=(50, 3))
    scores = [tiny.fit(X * s).score(X * s) + 3 * np.log(s) for s in (1.0, 1e-3)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


@pytest.mark.parametrize(
    ("settings", "X", "error", "words"),
    [
        ({"visible": "bernoulli"}, [[2.0], [0.0]], DataError, "got 0 to 2"),
        ({"visible": "poisson"}, [[0.0]], RecipeError, "Known: auto"),
        ({"n_hidden": 0}, [[0.0]], RecipeError, "n_hidden"),
        ({"momentum": 1.0}, [[0.0]], RecipeError, "below 1"),
        ({"learning_rate": -1}, [[0.0]], RecipeError, "learning_rate"),
        ({"visible": "gaussian", "learning_rate": 50.0}, np.random.default_rng(0).normal(
            size=(99, 5)), RecipeError, "diverged in epoch"),
        ({}, [["a"]], ValueError, "could not convert"),
        ({}, [[np.nan]], ValueError, "NaN"),
    ],
)  # fmt: skip
def test_bad_input(settings, X, error, words):
    with pytest.raises(error, match=words):
        BoltzmannMachine(**settings).fit(X)


def test_filters_of_another_size(digits):
    machine = BoltzmannMachine(2, epochs=1).fit(digits[0])
    with pytest.raises(DataError, match="expected 64 numbers"):
        machine.filters((9, 9))
