import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import log_loss

from gradlab.generative.gan import LOSSES, discriminator_loss, generator_loss, value

LOGITS = np.array([-9.0, -2.0, 0.0, 0.5, 7.0], np.float32)


def certain(logits):
    return 1 / (1 + np.exp(-logits.astype(np.float64)))


@pytest.mark.catalogue("GEN-05")
def test_value_is_minus_two_log_two_at_one_half_and_non_saturating_gradients_are_larger():
    assert float(value(jnp.zeros(8), jnp.zeros(8))) == pytest.approx(-1.386294, abs=1e-6)
    unsure = jnp.array([-6.0])
    slopes = {
        name: jax.grad(lambda a, s=s: generator_loss(a, non_saturating=s).sum())(unsure).item()
        for name, s in LOSSES.items()
    }
    assert set(slopes) == {"non_saturating", "minimax"}
    assert slopes["non_saturating"] < 0
    assert slopes["minimax"] < 0
    assert abs(slopes["non_saturating"]) > 100 * abs(slopes["minimax"])


@pytest.mark.catalogue("GEN-06")
def test_discriminator_loss_is_binary_cross_entropy_of_a_balanced_batch():
    real, fake = LOGITS, LOGITS[::-1] - 1
    probabilities = np.concatenate([certain(real), certain(fake)])
    labels = np.repeat([1, 0], len(real))
    loss = discriminator_loss(real, fake)
    # A batch of m real and m generated rows has 2 m examples.
    assert float(loss.mean()) / 2 == pytest.approx(log_loss(labels, probabilities), rel=1e-5)
    assert float(loss.mean()) == pytest.approx(-float(value(real, fake)), rel=1e-6)


@pytest.mark.catalogue("GEN-08")
def test_minimax_gradient_is_minus_d_and_saturates(float64):
    weight = jnp.array([0.3, -0.7])
    rows = jnp.array([[1.0, 2.0], [-0.5, 0.25], [3.0, -1.0]])

    def loss(weight):  # a generator's one layer behind a discriminator
        return generator_loss(jnp.tanh(rows @ weight) * 4 - 1, non_saturating=0.0).mean()

    gradient = jax.grad(loss)(weight)
    steps = 1e-6 * np.eye(2)
    numeric = [(loss(weight + e) - loss(weight - e)) / 2e-6 for e in steps]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6)
    sure = jnp.array([-20.0, -40.0])
    slope = jax.grad(lambda a: generator_loss(a, non_saturating=0.0).sum())(sure)
    np.testing.assert_allclose(slope, -certain(np.asarray(sure)), rtol=1e-6)
    assert abs(slope).max() < 1e-8


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_losses_are_finite_however_sure_the_discriminator_is(logit):
    a = jnp.array([logit])
    for loss in (
        lambda a: discriminator_loss(a, a, label_smoothing=0.1).sum(),
        lambda a: generator_loss(a, non_saturating=1.0).sum(),
        lambda a: generator_loss(a, non_saturating=0.0).sum(),
    ):
        assert jnp.isfinite(loss(a))
        assert jnp.isfinite(jax.grad(loss)(a)).all()


def test_smoothed_real_label_moves_the_best_answer_to_one_minus_epsilon():
    logits = jnp.linspace(-6, 6, 4001)
    fake = jnp.full_like(logits, -50.0)
    best = logits[discriminator_loss(logits, fake, label_smoothing=0.1).argmin()]
    assert certain(np.asarray(best)) == pytest.approx(0.9, abs=1e-3)
