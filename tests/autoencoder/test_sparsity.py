"""The penalty on mean activations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.autoencoder import Autoencoder
from gradlab.errors import RecipeError
from gradlab.nn.sparsity import bernoulli_divergence, mean_activations, sparsity_penalty
from gradlab.plots.autoencoder import sparsity_figure
from gradlab.training.network import build_network
from gradlab.training.recipe import Recipe

SHARES = st.floats(0.01, 0.99)


@pytest.mark.catalogue("AUT-09", "WE-33")
def test_the_divergence_has_the_values_of_the_documents():
    means = np.array([0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 0.9])
    expected = [0.139779, 0.044403, 0.0, 0.025732, 0.192745, 0.831777, 1.362738]
    np.testing.assert_allclose(bernoulli_divergence(0.2, means), expected, atol=6e-7)
    beyond = np.asarray(bernoulli_divergence(0.2, np.linspace(0.2, 0.99, 80)))
    below = np.asarray(bernoulli_divergence(0.2, np.linspace(0.2, 0.01, 80)))
    assert (np.diff(beyond) > 0).all()
    assert (np.diff(below) > 0).all()


@pytest.mark.catalogue("AUT-10")
def test_the_curve_has_its_minimum_at_the_target():
    curve, target = sparsity_figure(0.2).data
    assert curve.x[np.argmin(curve.y)] == pytest.approx(0.2, abs=0.005)
    assert min(curve.y) == pytest.approx(0, abs=1e-4)
    assert (target.x, target.y) == ((0.2,), (0.0,))
    for mean, value in ((0.05, 0.139779), (0.5, 0.192745), (0.9, 1.362738)):
        assert np.interp(mean, curve.x, curve.y) == pytest.approx(value, abs=2e-3)


@given(SHARES, SHARES)
def test_it_is_never_negative_and_symmetric_under_heads_and_tails(target, mean):
    here = float(bernoulli_divergence(target, mean))
    assert here >= -1e-6
    assert here == pytest.approx(float(bernoulli_divergence(1 - target, 1 - mean)), abs=1e-5)


@pytest.mark.parametrize("mean", [0.0, 1.0])
@pytest.mark.parametrize("target", [0.0, 0.2, 1.0])
def test_value_and_gradient_are_finite_at_the_ends(target, mean):
    value, slope = jax.value_and_grad(lambda m: bernoulli_divergence(target, m))(mean)
    assert np.isfinite(value)
    assert np.isfinite(slope)


@pytest.mark.parametrize("shape", [(7, 3), (7, 4, 4, 3)])
def test_the_gradient_of_the_penalty_agrees_with_finite_differences(shape, rng, float64):
    activations = rng.uniform(0.05, 0.95, size=shape)
    weights = np.array([1.0, 0, 2, 1, 1, 0.5, 1])

    def penalty(a):
        return sparsity_penalty(a, weights, target=0.2, strength=3.0)

    direction = rng.normal(size=shape)
    step = 1e-6
    both = penalty(activations + step * direction) - penalty(activations - step * direction)
    slope = jnp.sum(jax.grad(penalty)(activations) * direction)
    assert float(slope) == pytest.approx(float(both) / (2 * step), rel=1e-7)
    assert not np.asarray(jax.grad(penalty)(activations))[1].any()  # weight 0


def test_rows_without_weight_and_positions_of_a_map_are_averaged_over(rng):
    maps = rng.uniform(size=(4, 2, 3, 5))
    means = mean_activations(maps, np.array([1.0, 1, 1, 0]))
    np.testing.assert_allclose(means, maps[:3].mean(axis=(0, 1, 2)), rtol=1e-5)
    assert np.isfinite(np.asarray(sparsity_penalty(maps, np.zeros(4), target=0.2, strength=1.0)))


@pytest.mark.catalogue("AUT-08", "ERR-58")
def test_every_unit_ends_near_the_target_and_without_the_term_does_not(digits):
    x, _ = digits
    target = 0.2
    # More units than inputs: 100 for 64.
    settings = {"hidden": (100,), "activation": "sigmoid", "learning_rate": 0.01, "epochs": 30}
    sparse = Autoencoder(**settings, sparsity=target, random_state=0).fit(x)
    plain = Autoencoder(**settings, random_state=0).fit(x)
    means = sparse.transform(x).mean(axis=0)
    assert np.abs(means - target).max() < 0.05
    assert np.abs(plain.transform(x).mean(axis=0) - target).max() > 0.05
    # It is the mean that is held, not each activation.
    assert sparse.transform(x).max() > 0.5 > 2 * target
    assert sparse.score(x) > 0.9


def test_the_reported_loss_is_without_the_penalty(digits):
    x, _ = digits
    settings = {"hidden": (9,), "activation": "sigmoid", "epochs": 1, "batch_size": "full"}
    losses = [
        Autoencoder(**settings, sparsity=0.01, sparsity_weight=w, random_state=0).fit(x).loss_
        for w in (0.0, 50.0)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.peers
def test_full_batches_step_as_in_pytorch(digits):
    import torch

    x = digits[0][:50].astype(np.float64)
    fitted = Autoencoder(
        hidden=(7,),
        activation="sigmoid",
        sparsity=0.1,
        sparsity_weight=2.0,
        optimizer="sgd",
        learning_rate=0.05,
        batch_size="full",
        epochs=3,
        random_state=4,
    )
    network = fitted.fit(x).network_
    first = build_network(
        fitted.model_.recipe, fitted.model_.interface, seed=4, dtype=np.dtype(float)
    )
    layers = (first.encoder.layers[0], first.decoder.layers[-1])
    parameters = [
        torch.tensor(np.array(array), requires_grad=True)
        for layer in layers
        for array in (layer.weight, layer.bias)
    ]
    target = torch.tensor(x)
    for _ in range(3):
        w, b, v, c = parameters
        hidden = torch.sigmoid(target @ w + b)
        mean = hidden.mean(0)
        divergence = 0.1 * torch.log(0.1 / mean) + 0.9 * torch.log(0.9 / (1 - mean))
        loss = ((hidden @ v + c - target) ** 2).sum(1).mean() + 2.0 * divergence.sum()
        for parameter, gradient in zip(
            parameters, torch.autograd.grad(loss, parameters), strict=True
        ):
            parameter.data -= 0.05 * gradient
    ours = (network.encoder.layers[0].weight, network.decoder.layers[-1].bias)
    for array, parameter in zip(ours, (parameters[0], parameters[3]), strict=True):
        np.testing.assert_allclose(array, parameter.detach().numpy(), rtol=1e-8, atol=1e-10)


def test_it_needs_activations_between_0_and_1():
    with pytest.raises(RecipeError, match=r"mean of numbers between 0 and 1.*is tanh"):
        Recipe(hidden=(3,), activation="tanh", sparsity=0.1)
    with pytest.raises(RecipeError, match="less than 1"):
        Recipe(hidden=(3,), activation="sigmoid", sparsity=1.5)


def test_runs_of_other_targets_share_a_program():
    base = Recipe(hidden=(3,), activation="sigmoid", sparsity=0.1)
    assert base.structure() == base.replace(sparsity=0.3, sparsity_weight=1.0).structure()
    assert base.structure() != base.replace(sparsity=None).structure()
