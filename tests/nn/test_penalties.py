import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.nn import (
    BatchNorm,
    Dense,
    PReLU,
    Sequential,
    l1_norm,
    l1_penalty,
    l2_norm,
    l2_penalty,
    lattice_paths,
    squared_error,
    weights_of,
)

NET = Sequential(
    (
        Dense(jnp.array([[3.0, -4.0]]), jnp.array([7.0, 7.0])),
        BatchNorm(2),
        PReLU(2),
        Dense(jnp.array([[0.0], [2.0]]), jnp.array([7.0])),
    )
)


@pytest.mark.catalogue("REG-04", "WE-18", "ERR-23")
def test_norms_of_one_to_five_and_the_paths_between_two_corners():
    x = jnp.arange(1.0, 6.0)
    assert l1_norm(x) == 15
    assert l2_norm(x) == pytest.approx(7.416198, abs=1e-6)  # printed 7.4161, cut off
    assert lattice_paths([3, 2]) == 10 > 1
    assert lattice_paths([5]) == 1


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=3))
def test_lattice_paths_are_the_orders_of_unit_steps(steps):
    unit_steps = [axis for axis, n in enumerate(steps) for _ in range(abs(n))]
    if len(unit_steps) <= 7:
        assert lattice_paths(steps) == len(set(itertools.permutations(unit_steps)))
    assert lattice_paths(steps) <= math.factorial(len(unit_steps))


def test_penalties_read_weights_and_nothing_else():
    assert [w.shape for w in weights_of(NET)] == [(1, 2), (2, 1)]
    assert l1_penalty(NET, 0.5) == 0.5 * (3 + 4 + 0 + 2)
    assert l2_penalty(NET, 0.5) == 0.5 * 0.5 * (9 + 16 + 0 + 4)
    gradient = jax.grad(lambda net: l1_penalty(net, 0.5) + l2_penalty(net, 0.5))(NET)
    assert not gradient.layers[0].bias.any()
    assert not gradient.layers[1].scale.any()
    assert gradient.layers[2].slope == 0


@pytest.mark.catalogue("REG-02")
def test_l2_shrinks_weights_by_one_minus_rate_times_strength():
    rate, strength = 0.1, 0.01
    shrink = jax.jit(
        lambda net: jax.tree.map(
            lambda p, g: p - rate * g, net, jax.grad(l2_penalty)(net, strength)
        )
    )
    net = NET
    for step in range(1, 4):
        net = shrink(net)
        expected = NET.layers[0].weight * 0.999**step
        np.testing.assert_allclose(net.layers[0].weight, expected, rtol=1e-6)
    np.testing.assert_array_equal(net.layers[0].bias, NET.layers[0].bias)


def test_l1_has_the_subgradient_sign():
    gradient = jax.grad(l1_penalty)(NET, 0.3)
    np.testing.assert_allclose(gradient.layers[0].weight, [[0.3, -0.3]], rtol=1e-6)
    np.testing.assert_allclose(gradient.layers[3].weight, [[0.0], [0.3]], rtol=1e-6)


def test_strengths_are_traced_and_a_model_without_weights_costs_nothing():
    strength = jnp.array([0.0, 1.0])
    np.testing.assert_allclose(jax.vmap(lambda s: l2_penalty(NET, s))(strength), [0, 14.5])
    assert l2_penalty(BatchNorm(3), 1.0) == 0


@pytest.mark.catalogue("REG-08")
def test_weights_of_an_overfitted_polynomial_are_huge_and_shrink_under_l2(float64, rng):
    x = np.linspace(0, 1, 10)
    y = jnp.asarray(np.sin(2 * np.pi * x) + rng.normal(0, 0.2, 10))[:, None]
    powers = jnp.asarray(np.vander(x, 10))

    def largest_weight(strength):
        def objective(weight):
            model = Dense(weight[:, None])
            total, n = squared_error(model(powers, ())[0], y, jnp.ones(10))
            return total / n + l2_penalty(model, strength)

        start = jnp.zeros(10)  # quadratic, so one Newton step is exact
        step = jnp.linalg.solve(jax.hessian(objective)(start), jax.grad(objective)(start))
        return float(jnp.max(jnp.abs(start - step)))

    assert largest_weight(0.0) > 1000
    assert largest_weight(1e-3) < largest_weight(0.0) / 100
