"""Learning-rate grids, and a user's own transformation as a kind."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gradlab.optim import OPTIMIZERS, custom, learning_rate_grid


@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_grid_holds_the_usual_rate_and_steps_by_root_ten(n):
    for kind in OPTIMIZERS.values():
        grid = np.array(learning_rate_grid(kind, n))
        assert len(grid) == n
        assert kind.learning_rate in grid
        np.testing.assert_allclose(grid[1:] / grid[:-1], 10**0.5)


def test_custom_is_the_transformation_times_the_learning_rate():
    kind = custom(optax.adamax(0.01), "adamax")
    w, gradient = jnp.array([1.0, 2.0]), jnp.array([0.5, -0.5])
    own = optax.adamax(0.01)
    expected = own.update(gradient, own.init(w), w)[0]
    for rate in (1.0, 0.5):
        optimizer = kind.factory(rate)
        updates, _ = optimizer.update(gradient, optimizer.init(w), w)
        np.testing.assert_allclose(updates, rate * expected, rtol=1e-6)
    assert kind.name == "adamax"


def test_custom_passes_extra_arguments_through():
    """L-BFGS's line search needs the function itself."""
    target = jnp.array([1.0, -2.0])

    def f(w):
        return jnp.sum((w - target) ** 2)

    optimizer = custom(optax.lbfgs()).factory(1.0)
    w = jnp.zeros(2)
    state = optimizer.init(w)
    for _ in range(3):
        value, gradient = jax.value_and_grad(f)(w)
        updates, state = optimizer.update(
            gradient, state, w, value=value, grad=gradient, value_fn=f
        )
        w = optax.apply_updates(w, updates)
    np.testing.assert_allclose(w, target, atol=1e-4)
