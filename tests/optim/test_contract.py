"""What every optimizer must do, in one table: a new kind is a new row by itself."""

import inspect
from functools import partial
from typing import get_args, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from annotated_types import Interval

from gradlab.optim import OPTIMIZERS, custom

KINDS = [
    *OPTIMIZERS.values(),
    custom(optax.adabelief(0.01), "adabelief"),
    custom(optax.adamax(0.01), "adamax"),
]
leaves = jax.tree.leaves
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
both_dtypes = pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64], ids=["32", "64"])


def numeric_defaults(kind):
    """Return the factory's numeric keyword arguments; words change the program."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(kind.factory).parameters.items()
        if name != "learning_rate" and isinstance(parameter.default, float)
    }


@every_kind
def test_numeric_parameters_declare_ranges_that_hold_their_defaults(kind):
    hints = get_type_hints(kind.factory, include_extras=True)
    for name, default in {**numeric_defaults(kind), "learning_rate": kind.learning_rate}.items():
        (interval,) = (a for a in get_args(hints[name]) if isinstance(a, Interval))
        assert interval.gt is None or default > interval.gt
        assert interval.ge is None or default >= interval.ge
        assert interval.lt is None or default < interval.lt
    assert kind.learning_rate > 0


@every_kind
@both_dtypes
def test_one_program_serves_all_numbers(kind, dtype):
    """Learning rate and parameters are traced, and neither dtype nor structure ever changes."""
    with jax.enable_x64(dtype == jnp.float64):
        params = {"weight": jnp.ones((3, 2), dtype), "bias": jnp.zeros(2, dtype)}
        traces = []

        @jax.jit
        def step(params, state, learning_rate, numbers):
            traces.append(1)
            optimizer = kind.factory(learning_rate, **numbers)
            gradients = jax.tree.map(lambda p: p + 1, params)
            updates, state = optimizer.update(gradients, state, params)
            return optax.apply_updates(params, updates), state

        numbers = {k: jnp.asarray(v, dtype) for k, v in numeric_defaults(kind).items()}
        state = kind.factory(0.1).init(params)
        shapes = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), (params, state))
        for scale in (1.0, 0.5, 0.25):
            rate = jnp.asarray(scale * kind.learning_rate, dtype)
            scaled = {k: v * scale for k, v in numbers.items()}
            params, state = step(params, state, rate, scaled)
            assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), (params, state)) == shapes
        assert len(traces) == 1
        assert all(jnp.all(jnp.isfinite(leaf)) for leaf in leaves(params))


@pytest.mark.parametrize("kind", OPTIMIZERS.values(), ids=lambda kind: kind.name)
def test_wide_numbers_do_not_widen_narrow_weights(kind):
    """float64 hyperparameters with float32 weights, as `lax.scan` demands of a carry."""
    with jax.enable_x64(True):
        weights = jnp.ones(2, jnp.float32)
        numbers = {k: jnp.asarray(v, jnp.float64) for k, v in numeric_defaults(kind).items()}
        optimizer = kind.factory(jnp.asarray(0.1, jnp.float64), **numbers)
        state = optimizer.init(weights)
        updates, after = optimizer.update(weights, state, weights)
        assert updates.dtype == jnp.float32
        assert [a.dtype for a in leaves(after)] == [a.dtype for a in leaves(state)]


@every_kind
def test_traced_numbers_give_the_same_steps_as_python_numbers(kind):
    numbers = numeric_defaults(kind)
    gradient, weights = jnp.array([1.0, -2.0]), jnp.array([0.5, 0.5])

    def two_steps(learning_rate, numbers):
        optimizer = kind.factory(learning_rate, **numbers)
        first, state = optimizer.update(gradient, optimizer.init(weights), weights)
        return first, optimizer.update(gradient, state, weights)[0]

    plain = two_steps(0.1, numbers)
    traced = jax.jit(two_steps)(0.1, numbers)
    for one, other in zip(plain, traced, strict=True):
        # 1 − beta2^t cancels three digits of float32
        np.testing.assert_allclose(one, other, rtol=1e-4)


def bowl(w):
    return jnp.sum(jnp.array([1.0, 5.0]) * (w - jnp.array([1.0, -1.0])) ** 2)


def logistic(w):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((50, 2)), jnp.float32)
    labels = x @ jnp.array([1.0, -2.0]) > 2 * jnp.asarray(rng.standard_normal(50), jnp.float32)
    scores = x @ w
    return jnp.mean(jnp.where(labels, jax.nn.softplus(-scores), jax.nn.softplus(scores)))


# Where the usual rate, meant for networks, is too slow for 1500 steps on a toy.
TOY_RATES = {
    "sgd": 0.05,
    "momentum_average": 0.05,
    "adagrad": 0.5,
    "adadelta": 20.0,
    "rmsprop": 0.02,
    "rmsprop_nesterov": 0.003,
    "adam": 0.05,
    "nadam": 0.05,
    "adamw": 0.05,
    "lion": 0.01,
    "adabelief": 5.0,
    "adamax": 5.0,
}


@partial(jax.jit, static_argnames=("kind", "f", "n_steps"))
def minimise(kind, f, learning_rate, n_steps=1500):
    # Rates fall to 0, without which RMSProp and Lion never settle.
    rates = learning_rate * (1 - jnp.arange(n_steps) / n_steps)

    def step(carry, rate):
        w, state = carry
        optimizer = kind.factory(rate)
        updates, state = optimizer.update(jax.grad(f)(w), state, w)
        return (w + updates, state), None

    start = jnp.zeros(2)
    carry = (start, kind.factory(learning_rate).init(start))
    (w, state), _ = jax.lax.scan(step, carry, rates)
    return kind.evaluation_params(w, state, numeric_defaults(kind))


@pytest.mark.parametrize("f", [bowl, logistic])
@every_kind
def test_solves_two_problems_under_scan_and_repeats_itself(kind, f):
    rate = TOY_RATES.get(kind.name, kind.learning_rate)
    w = minimise(kind, f, rate)
    best = minimise(OPTIMIZERS["nesterov"], f, 0.05, n_steps=3000)
    # 1 % of what there was to gain
    assert f(w) - f(best) < 0.01 * (f(jnp.zeros(2)) - f(best))
    assert np.array_equal(w, minimise(kind, f, rate))


@every_kind
def test_update_needs_no_leaf_that_is_missing(kind):
    """Equinox puts None where a leaf is not trained."""
    params = {"trained": jnp.ones(2), "fixed": None}
    optimizer = kind.factory(0.1)
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    assert updates["fixed"] is None
    assert optax.apply_updates(params, updates)["fixed"] is None


@pytest.mark.parametrize("kind", OPTIMIZERS.values(), ids=lambda kind: kind.name)
def test_an_infinite_gradient_disturbs_only_its_own_weight(kind):
    optimizer = kind.factory(0.1)
    w = jnp.array([1.0, 1.0])
    state = optimizer.init(w)
    for _ in range(2):
        updates, state = optimizer.update(jnp.array([jnp.inf, 1.0]), state, w)
    assert jnp.isfinite(updates[1])
