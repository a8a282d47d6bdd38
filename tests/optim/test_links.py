"""What stands before and after an optimizer: clipping, weight decay, the proximal step."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.optim import (
    OPTIMIZERS,
    clip_by_norm,
    clip_by_value,
    decoupled_weight_decay,
    proximal_l1,
    sgd,
)

EMPTY = optax.EmptyState()
numbers = st.floats(-1e3, 1e3, width=32)


def norm(tree):
    return float(np.sqrt(sum(np.sum(np.asarray(leaf, np.float64) ** 2) for leaf in tree.values())))


@given(a=st.lists(numbers, min_size=3, max_size=3), b=numbers, limit=st.floats(1e-2, 1e3))
def test_clip_by_norm_shortens_the_whole_and_keeps_its_direction(a, b, limit):
    gradients = {"a": jnp.array(a), "b": jnp.array(b)}
    clipped, _ = clip_by_norm(limit).update(gradients, EMPTY)
    before, after = norm(gradients), norm(clipped)
    if before <= limit:
        assert after == pytest.approx(before, rel=1e-5)
    else:
        assert after == pytest.approx(limit, rel=1e-5)
        np.testing.assert_allclose(clipped["a"], np.array(a) * limit / before, rtol=1e-4, atol=1e-4)


def test_clip_by_norm_equals_optax():
    gradients = {"a": jnp.array([3.0, 4.0]), "b": jnp.array(12.0)}
    ours, _ = clip_by_norm(2.0).update(gradients, EMPTY)
    theirs, _ = optax.clip_by_global_norm(2.0).update(gradients, EMPTY)
    np.testing.assert_allclose(ours["a"], theirs["a"], rtol=1e-6)
    np.testing.assert_allclose(ours["b"], theirs["b"], rtol=1e-6)


def test_clip_by_norm_survives_an_explosion_whose_square_overflows():
    clipped, _ = clip_by_norm(5.0).update(jnp.array([3e30, -4e30]), EMPTY)
    np.testing.assert_allclose(clipped, [3, -4], rtol=1e-5)
    assert np.array_equal(clip_by_norm(5.0).update(jnp.zeros(2), EMPTY)[0], [0, 0])


@pytest.mark.parametrize("link", [clip_by_norm, clip_by_value])
def test_an_infinite_traced_limit_clips_nothing(link):
    gradient = jnp.array([3.0, -40.0])
    clip = jax.jit(lambda limit: link(limit).update(gradient, EMPTY)[0])
    assert np.array_equal(clip(jnp.inf), gradient)
    assert not np.array_equal(clip(1.0), gradient)


def test_clip_by_value_cuts_every_element():
    clipped, _ = clip_by_value(1.0).update({"w": jnp.array([3.0, -0.5, -2.0])}, EMPTY)
    np.testing.assert_array_equal(clipped["w"], [1, -0.5, -1])


def test_weight_decay_equals_the_l2_penalty_for_gradient_descent_but_not_for_adam():
    w, target, decay = jnp.array([1.0, -2.0]), jnp.array([0.5, 0.5]), 0.1

    def penalised(w):
        return 0.5 * jnp.sum((w - target) ** 2) + 0.5 * decay * jnp.sum(w**2)

    for name, equal in (("sgd", True), ("adam", False)):
        plain = OPTIMIZERS[name].factory(0.1)
        in_loss, _ = plain.update(jax.grad(penalised)(w), plain.init(w), w)
        decoupled = optax.chain(plain, decoupled_weight_decay(0.1, decay))
        outside, _ = decoupled.update(w - target, decoupled.init(w), w)
        assert np.allclose(in_loss, outside, atol=1e-6) == equal


def test_adamw_is_adam_with_decoupled_decay():
    w, gradient = jnp.array([1.0, -2.0]), jnp.array([0.3, 0.1])
    chain = optax.chain(OPTIMIZERS["adam"].factory(0.1), decoupled_weight_decay(0.1, 0.01))
    adamw = OPTIMIZERS["adamw"].factory(0.1, weight_decay=0.01)
    np.testing.assert_allclose(
        chain.update(gradient, chain.init(w), w)[0],
        adamw.update(gradient, adamw.init(w), w)[0],
        rtol=1e-6,
    )


@pytest.mark.parametrize("link", [decoupled_weight_decay, proximal_l1])
def test_mask_spares_the_bias_and_params_are_required(link):
    params = {"weight": jnp.array([1.0, -1.0]), "bias": jnp.array(1.0)}
    masked = link(0.1, 0.5, mask={"weight": True, "bias": False})
    updates, _ = masked.update(jax.tree.map(jnp.zeros_like, params), masked.init(params), params)
    after = optax.apply_updates(params, updates)
    np.testing.assert_allclose(after["weight"], [0.95, -0.95])
    assert after["bias"] == 1
    with pytest.raises(ValueError, match="got no params"):
        link(0.1, 0.5).update(params, EMPTY)


@given(w=numbers, step=numbers, threshold=st.floats(0, 1e3, width=32))
def test_proximal_step_is_the_soft_threshold(w, step, threshold):
    w, step = jnp.float32(w), jnp.float32(step)
    updates, _ = proximal_l1(1.0, threshold).update(step, EMPTY, w)
    after = float(optax.apply_updates(w, updates))
    moved = float(w + step)
    if abs(moved) <= np.float32(threshold):
        assert after == 0
    else:
        expected = np.sign(moved) * (abs(moved) - threshold)
        assert after == pytest.approx(expected, abs=1e-3)


@pytest.mark.catalogue("REG-03", "CMP-26")
def test_l1_sets_useless_weights_to_exactly_zero_and_l2_does_not(rng):
    x = jnp.asarray(rng.standard_normal((200, 10)), jnp.float32)
    true = jnp.array([3.0, -2.0] + [0.0] * 8)
    y = x @ true + 0.1 * jnp.asarray(rng.standard_normal(200), jnp.float32)

    @jax.jit
    def fit(l1, l2, subgradient):
        optimizer = optax.chain(
            sgd(0.1), decoupled_weight_decay(0.1, l2), proximal_l1(0.1, l1 * (1 - subgradient))
        )

        def loss(w):
            return jnp.mean((x @ w - y) ** 2) + subgradient * l1 * jnp.sum(jnp.abs(w))

        def step(carry, _):
            w, state = carry
            updates, state = optimizer.update(jax.grad(loss)(w), state, w)
            return (optax.apply_updates(w, updates), state), None

        start = jnp.ones(10)
        (w, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), length=300)
        return w

    none, l2, l1 = fit(0.0, 0.0, 0.0), fit(0.0, 0.1, 0.0), fit(0.1, 0.0, 0.0)
    assert np.array_equal(np.asarray(l1) == 0, np.asarray(true) == 0)
    assert np.count_nonzero(none) == np.count_nonzero(l2) == 10
    assert norm({"w": l2}) < norm({"w": none})
    assert np.count_nonzero(fit(0.1, 0.0, 1.0)) == 10  # the subgradient only hovers
