"""How far a weight moves per unit of gradient, by method."""

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.optim import OPTIMIZERS, effective_rates


def constant_gradient(n_steps, size=1.0):
    return jnp.full((n_steps, 1), size)


@pytest.mark.catalogue("OPT-21")
def test_adaptive_methods_give_each_weight_its_own_rate():
    gradients = jnp.tile(jnp.array([0.1, 10.0]), (100, 1))  # one weight with small gradients
    last = {
        name: np.asarray(effective_rates(kind, gradients, 0.1)[-1])
        for name, kind in OPTIMIZERS.items()
    }
    for name in ("sgd", "momentum", "momentum_average", "nesterov"):
        assert last[name][0] == pytest.approx(last[name][1], rel=1e-4), name
    for name in ("adagrad", "rmsprop", "adam", "nadam", "rmsprop_nesterov", "adamw", "lion"):
        assert last[name][0] == pytest.approx(100 * last[name][1], rel=1e-2), name
    # Large accumulation, small move; a moving average does not accumulate.
    assert last["adagrad"][1] == pytest.approx(0.1 / (10 * 100**0.5), rel=1e-4)
    assert last["rmsprop"][1] == pytest.approx(0.1 / 10, rel=1e-3)
    assert last["adam"][1] == pytest.approx(0.1 / 10, rel=1e-3)
    assert last["sgd"][1] == pytest.approx(0.1)


@pytest.mark.catalogue("OPT-09", "WE-31")
def test_adagrads_steps_fall_like_one_over_root_t():
    n_steps = 1000
    steps = effective_rates(
        OPTIMIZERS["adagrad"], constant_gradient(n_steps), 0.1, {"epsilon": 0.0}
    )
    t = np.arange(1, n_steps + 1)
    np.testing.assert_allclose(steps[:, 0], 0.1 / np.sqrt(t), rtol=1e-4)


@pytest.mark.catalogue("OPT-10", "ERR-10")
@pytest.mark.parametrize("placement", ["inside", "outside"])
def test_adagrads_rate_never_rises(placement, rng):
    """Document 001 says that it does where changes are small: only relative to other weights."""
    gradients = jnp.asarray(rng.standard_normal((200, 5)) * rng.choice([1e-3, 1, 1e3], 5))
    parameters = {"epsilon": 1e-8, "epsilon_placement": placement}
    rates = effective_rates(OPTIMIZERS["adagrad"], gradients, 0.1, parameters)
    assert np.all(np.diff(rates, axis=0) <= 1e-5 * np.asarray(rates[:-1]))


@pytest.mark.catalogue("CMP-09")
def test_rmsprop_keeps_its_step_where_adagrads_dies():
    gradients = constant_gradient(500)
    rmsprop = np.asarray(effective_rates(OPTIMIZERS["rmsprop"], gradients, 0.1)[:, 0])
    adagrad = np.asarray(effective_rates(OPTIMIZERS["adagrad"], gradients, 0.1)[:, 0])
    assert rmsprop[-1] == pytest.approx(0.1, rel=1e-4)
    assert rmsprop[-1] == pytest.approx(rmsprop[200], rel=1e-4)
    assert adagrad[-1] < 0.05 * adagrad[0]
    assert np.all(np.diff(adagrad) < 0)


@pytest.mark.catalogue("OPT-28")
def test_adagrad_hardly_moves_at_step_ten_thousand():
    rates = effective_rates(OPTIMIZERS["adagrad"], constant_gradient(10_000), 0.1)
    assert rates[-1, 0] / rates[0, 0] == pytest.approx(0.01, rel=1e-2)  # 1/√10 000


def test_momentum_grows_to_ten_times_the_rate_and_its_average_form_to_one():
    gradients = constant_gradient(200)
    assert effective_rates(OPTIMIZERS["momentum"], gradients, 0.1)[-1, 0] == pytest.approx(1.0)
    average = effective_rates(OPTIMIZERS["momentum_average"], gradients, 0.1)
    assert average[-1, 0] == pytest.approx(0.1)
