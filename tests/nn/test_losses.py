from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from jax.test_util import check_grads
from safetensors.numpy import load_file
from sklearn.utils.class_weight import compute_sample_weight

from gradlab.errors import RecipeError
from gradlab.nn import (
    LOSSES,
    Dense,
    binary_cross_entropy,
    binary_cross_entropy_of_probabilities,
    class_weights,
    cross_entropy,
    cross_entropy_of_probabilities,
    half_squared_error,
    log_likelihood,
    sigmoid,
    softmax,
    squared_error,
)

ORACLE = load_file(Path(__file__).parents[1] / "oracles" / "layers.safetensors")


def mean(loss, scores, targets, **parameters):
    total, weight = loss(scores, targets, jnp.ones(len(scores)), **parameters)
    return total / weight


def example(kind, rows, rng):
    """Scores, targets and weights that fit a loss."""
    outputs = {"binary": 1, "multiclass": 4}.get(kind.tasks[0], 3)
    scores = rng.normal(size=(rows, outputs)).astype(np.float32)
    targets = {
        "binary": lambda: rng.integers(0, 2, rows).astype(np.int32),
        "multiclass": lambda: rng.integers(0, 4, rows).astype(np.int32),
        "regression": lambda: rng.normal(size=(rows, outputs)).astype(np.float32),
        "reconstruction": lambda: rng.uniform(size=(rows, outputs)).astype(np.float32),
    }[kind.tasks[0]]()
    return scores, targets, rng.uniform(0.1, 2, rows).astype(np.float32)


# One interface


@pytest.mark.catalogue("LOS-01")
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_has_one_interface_and_is_smaller_for_a_better_match(name, rng):
    kind = LOSSES[name]
    scores, targets, weights = example(kind, 9, rng)
    total, weight = kind.loss(scores, targets, weights)
    assert total.shape == weight.shape == ()
    assert weight == pytest.approx(weights.sum(), rel=1e-6)
    gradient = jax.grad(lambda s: kind.loss(s, targets, weights)[0])(jnp.asarray(scores))
    better = kind.loss(scores - 0.1 * gradient, targets, weights)[0]
    assert better < total


@pytest.mark.parametrize("name", LOSSES)
def test_a_weight_of_three_is_the_row_three_times(name, rng):
    kind = LOSSES[name]
    scores, targets, _ = example(kind, 5, rng)
    weights = np.array([1, 3, 0, 1, 2], np.float32)
    repeated = np.repeat(np.arange(5), weights.astype(int))
    weighted = kind.loss(scores, targets, weights)
    plain = kind.loss(scores[repeated], targets[repeated], np.ones(7, np.float32))
    np.testing.assert_allclose(weighted, plain, rtol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_micro_batches_add_up(name, rng):
    kind = LOSSES[name]
    scores, targets, weights = example(kind, 6, rng)
    parts = [kind.loss(scores[i::2], targets[i::2], weights[i::2]) for i in range(2)]
    np.testing.assert_allclose(
        np.sum(parts, axis=0), kind.loss(scores, targets, weights), rtol=1e-5
    )


@pytest.mark.parametrize("name", ["squared_error", "binary_cross_entropy", "cross_entropy"])
def test_value_and_gradient_equal_pytorch(name, float64):
    scores, targets, total, gradient = (
        jnp.asarray(ORACLE[f"loss.{name}.{part}"])
        for part in ("scores", "targets", "total", "grad")
    )
    weights = jnp.asarray(ORACLE["loss.weights"])
    ours, of_scores = jax.value_and_grad(lambda s: LOSSES[name].loss(s, targets, weights)[0])(
        scores
    )
    assert ours == pytest.approx(float(total), rel=1e-12)
    np.testing.assert_allclose(of_scores, gradient, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", ["binary_cross_entropy", "cross_entropy", "log_likelihood"])
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_extreme_scores_give_finite_losses_and_gradients(name, size):
    signs = {"binary": [[1.0], [-1.0], [0.0]], "multiclass": [[1.0, -1, 0], [-1, 1, 1], [0, 0, 0]]}
    scores = size * jnp.array(signs[LOSSES[name].tasks[0]])
    evaluate = jax.jit(jax.value_and_grad(lambda s, y: LOSSES[name].loss(s, y, jnp.ones(3))[0]))
    for labels in ([0, 0, 0], [1, 1, 1], [0, 1, 1]):
        value, gradient = evaluate(scores, jnp.array(labels))
        assert np.isfinite(value)
        assert np.all(np.isfinite(gradient))
        assert np.abs(gradient).max() <= 1 / np.log(2) + 1e-5
    wrong = cross_entropy(jnp.array([[1e4, -1e4]]), jnp.array([1]), jnp.ones(1))[0]
    assert wrong == 2e4


# Squared errors


@pytest.mark.catalogue("LOS-03", "WE-12", "ERR-40")
def test_line_through_the_origin(float64):
    x = jnp.arange(6.0)
    y = jnp.array([0, 0.8, 2.2, 2.3, 4.3, 4.9])

    def loss(w, x, y):
        return mean(squared_error, (w * x)[:, None], y[:, None])

    assert loss(0.2, x, y) == pytest.approx(5.658333, abs=5e-7)
    assert jax.grad(loss)(0.2, x, y) == pytest.approx(-14.266667, abs=5e-7)
    # Batch gradient descent.
    w, path, errors = 0.2, [], []
    for _ in range(5):
        w = w - 0.01 * jax.grad(loss)(w, x, y)
        path.append(float(w))
        errors.append(float(loss(w, x, y)))
    np.testing.assert_allclose(path, [0.342667, 0.459178, 0.554329, 0.632035, 0.695495], atol=5e-7)
    np.testing.assert_allclose(
        errors, [3.809532, 2.576484, 1.754110, 1.205631, 0.839827], atol=5e-7
    )
    # One sample after the other; 0.552 comes out only with the prediction of the old weight.
    first = 0.2 - 0.01 * jax.grad(loss)(0.2, x[2:3], y[2:3])
    second = first - 0.01 * jax.grad(loss)(first, x[4:5], y[4:5])
    stale = first - 0.01 * jax.grad(loss)(0.2, x[4:5], y[4:5])
    np.testing.assert_allclose([first, second, stale], [0.272, 0.528960, 0.552], atol=5e-7)
    # The least-squares line.
    best = jnp.sum(x * y) / jnp.sum(x * x)
    assert best == pytest.approx(0.978182, abs=5e-7)
    assert loss(best, x, y) == pytest.approx(0.107303, abs=5e-7)
    # E of the 2-2-1 network, one row, and the printed derivative -(2/N)(y - yhat).
    assert mean(squared_error, jnp.array([[0.629500418]]), jnp.ones((1, 1))) == pytest.approx(
        0.137270, abs=5e-7
    )
    scores = (0.2 * x)[:, None]
    np.testing.assert_allclose(
        jax.grad(lambda s: mean(squared_error, s, y[:, None]))(scores),
        -(2 / 6) * (y[:, None] - scores),
    )


@pytest.mark.catalogue("WE-09", "ERR-33", "ERR-36")
def test_one_step_through_a_2_2_1_sigmoid_network(float64):
    x, y, rate = jnp.array([[0.5, 0.7]]), jnp.array([[1.0]]), 0.1
    layers = (
        Dense(jnp.array([[0.5, 0.3], [0.3, 0.6]])),
        Dense(jnp.array([[0.5], [0.35]])),
    )

    def forward(layers):
        a, _ = layers[0](x, ())
        h = sigmoid(a)
        a3, _ = layers[1](h, ())
        return a, h, a3, sigmoid(a3)

    def loss(layers):
        return mean(squared_error, forward(layers)[-1], y)

    def numbers(layers):
        return np.concatenate([part.ravel() for part in forward(layers)])

    np.testing.assert_allclose(
        numbers(layers), [0.46, 0.57, 0.613014, 0.638763, 0.530074, 0.629500], atol=5e-7
    )
    assert loss(layers) == pytest.approx(0.137270, abs=5e-7)
    gradient = jax.grad(loss)(layers)
    np.testing.assert_allclose(
        gradient[0].weight, [[-0.010249603, -0.006978650], [-0.014349444, -0.009770110]], atol=5e-10
    )
    np.testing.assert_allclose(gradient[1].weight[:, 0], [-0.105942930, -0.110392949], atol=5e-10)
    new = jax.tree.map(lambda w, g: w - rate * g, layers, gradient)
    np.testing.assert_allclose(
        new[0].weight, [[0.501024960, 0.300697865], [0.301434944, 0.600977011]], atol=5e-10
    )
    np.testing.assert_allclose(new[1].weight[:, 0], [0.510594293, 0.361039295], atol=5e-10)
    np.testing.assert_allclose(
        numbers(new), [0.461517, 0.571033, 0.613374, 0.639001, 0.543890, 0.632717], atol=5e-7
    )
    assert loss(new) == pytest.approx(0.134897, abs=5e-7)


@pytest.mark.catalogue("LOS-04")
def test_half_squared_error_of_a_sigmoid_unit_has_the_printed_gradient(float64, rng):
    x, y = jnp.asarray(rng.normal(size=(8, 1))), jnp.asarray(rng.uniform(size=(8, 1)))

    def loss(w, b):
        return half_squared_error(sigmoid(w * x + b), y, jnp.ones(8))[0]

    check_grads(loss, (0.4, -0.2), order=1, modes=["rev"])
    o = sigmoid(0.4 * x - 0.2)
    of_w, of_b = jax.grad(loss, argnums=(0, 1))(0.4, -0.2)
    assert of_w == pytest.approx(float(jnp.sum(-(y - o) * x * o * (1 - o))), rel=1e-12)
    assert of_b == pytest.approx(float(jnp.sum(-(y - o) * o * (1 - o))), rel=1e-12)


@pytest.mark.catalogue("LOS-05")
def test_least_squares_minimiser_solves_the_normal_equations(float64, rng):
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(30, 1))
    loss = LOSSES["least_squares"].loss

    def objective(w):
        return loss(jnp.asarray(x) @ w[:, None], jnp.asarray(y), jnp.ones(30))[0]

    start = jnp.zeros(3)
    slope, curvature = jax.jit(lambda w: (jax.grad(objective)(w), jax.hessian(objective)(w)))(start)
    newton = start - np.linalg.solve(curvature, slope)
    expected, residual, *_ = np.linalg.lstsq(x, y)
    np.testing.assert_allclose(newton, expected[:, 0], rtol=1e-10)
    assert objective(newton) == pytest.approx(0.5 * residual[0], rel=1e-12)


@pytest.mark.catalogue("LOS-06", "WE-13")
def test_squared_error_learns_least_where_a_sigmoid_is_most_wrong(float64):
    o = jnp.array([0.7503, 0.9971])
    scores = jnp.log(o / (1 - o))

    def bias_gradients(loss):
        return jax.vmap(jax.grad(loss))(scores)

    def squared(z):
        return half_squared_error(sigmoid(z)[None, None], jnp.zeros((1, 1)), jnp.ones(1))[0]

    def entropy(z):
        return binary_cross_entropy(z[None, None], jnp.zeros(1), jnp.ones(1))[0]

    np.testing.assert_allclose(jax.vmap(squared)(scores), [0.281475045, 0.497104205], atol=5e-10)
    np.testing.assert_allclose(bias_gradients(squared), [0.140569, 0.002883], atol=5e-7)
    np.testing.assert_allclose(bias_gradients(entropy), o, rtol=1e-12)
    # The derived weights and inputs of the two neurons.
    for (w, b), e, of_w, of_b, cross_w in (
        ((0.4, 0.5), 0.281445, 0.210864, 0.140576, 1.125390),
        ((1.9, 3.0), 0.497132, 0.004283, 0.002855, 1.495693),
    ):

        def of_parameters(loss, w=w, b=b):
            return jax.value_and_grad(lambda w, b: loss(1.5 * w + b), argnums=(0, 1))(w, b)

        value, (grad_w, grad_b) = of_parameters(squared)
        np.testing.assert_allclose([value, grad_w, grad_b], [e, of_w, of_b], atol=1e-6)
        assert of_parameters(entropy)[1][0] == pytest.approx(cross_w, abs=1e-6)


@pytest.mark.catalogue("CMP-11", "LOS-02")
def test_cross_entropy_leaves_a_bad_start_sooner_than_squared_error():
    def epochs(loss):
        """Steps of descent until the output of one neuron (input 1, target 0) is below 0.1."""

        def update(carry):
            w, b, n = carry
            of_w, of_b = jax.grad(lambda w, b: loss(w + b), argnums=(0, 1))(w, b)
            return w - 0.15 * of_w, b - 0.15 * of_b, n + 1

        w, b, n = jax.lax.while_loop(
            lambda c: (sigmoid(c[0] + c[1]) >= 0.1) & (c[2] < 10_000), update, (2.0, 2.0, 0)
        )
        assert loss(w + b) < loss(jnp.array(4.0))
        return int(n)

    squared = epochs(
        lambda z: half_squared_error(sigmoid(z)[None, None], jnp.zeros((1, 1)), jnp.ones(1))[0]
    )
    entropy = epochs(lambda z: binary_cross_entropy(z[None, None], jnp.zeros(1), jnp.ones(1))[0])
    assert entropy < 60
    assert squared > 4 * entropy


# Cross-entropies


@pytest.mark.catalogue("LOS-07", "WE-14", "ERR-21")
def test_binary_cross_entropy_in_bits_and_nats(float64):
    targets = jnp.array([1, 1, 0, 0])
    o = jnp.array([0.98, 0.0001, 0.7503, 0.9971])
    bits = [0.029146, 13.287712, 2.001732, 8.429731]
    nats = [0.020203, 9.210340, 1.387495, 5.843045]
    np.testing.assert_allclose(
        binary_cross_entropy_of_probabilities(o, targets, base="2"), bits, atol=5e-7
    )
    np.testing.assert_allclose(binary_cross_entropy_of_probabilities(o, targets), nats, atol=5e-7)
    scores = jnp.log(o / (1 - o))[:, None]
    for i in range(4):
        row = scores[i : i + 1], targets[i : i + 1]
        assert mean(binary_cross_entropy, *row) == pytest.approx(nats[i], abs=5e-7)
        assert mean(binary_cross_entropy, *row, base="2") == pytest.approx(bits[i], abs=5e-7)

    def total(s, base):
        return binary_cross_entropy(s, targets, jnp.ones(4), base=base)[0]

    check_grads(lambda s: total(s, "e"), (scores,), order=1, modes=["rev"], rtol=1e-6)
    in_nats = jax.grad(lambda s: total(s, "e"))(scores)[:, 0]
    np.testing.assert_allclose(in_nats, o - targets, rtol=1e-9, atol=1e-12)
    in_bits = jax.grad(lambda s: total(s, "2"))(scores)[:, 0]
    np.testing.assert_allclose(in_bits, in_nats * 1.442695, rtol=1e-6)


@pytest.mark.catalogue("LOS-08")
def test_cross_entropy_is_the_mean_negative_log_probability_of_the_true_class(float64, rng):
    scores = jnp.asarray(rng.normal(size=(10, 4)))
    labels = jnp.asarray(rng.integers(0, 4, 10))
    true = softmax(scores)[jnp.arange(10), labels]
    expected = float(-jnp.mean(jnp.log(true)))
    assert mean(cross_entropy, scores, labels) == pytest.approx(expected, rel=1e-12)
    rows = cross_entropy_of_probabilities(softmax(scores), labels)
    np.testing.assert_allclose(rows, -jnp.log(true), rtol=1e-12)


@pytest.mark.catalogue("LOS-09", "LOS-10", "WE-21")
def test_softmax_with_log_likelihood(float64):
    scores, label = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([2])
    np.testing.assert_allclose(softmax(scores)[0], [0.090031, 0.244728, 0.665241], atol=5e-7)
    assert mean(log_likelihood, scores, label) == pytest.approx(0.588051, abs=5e-7)
    assert mean(cross_entropy, scores, label) == pytest.approx(0.407606, abs=5e-7)

    def loss(s):
        return mean(cross_entropy, s, label)

    gradient = jax.grad(loss)(scores)
    np.testing.assert_allclose(gradient[0], [0.090031, 0.244728, -0.334759], atol=5e-7)
    np.testing.assert_allclose(gradient, softmax(scores) - jnp.array([[0, 0, 1]]), atol=1e-15)
    check_grads(loss, (scores,), order=1, modes=["rev"])


@pytest.mark.catalogue("LOS-12")
@given(
    arrays(np.float64, 5, elements=st.floats(0.001, 0.999)),
    arrays(np.int32, 5, elements=st.integers(0, 1)),
)
def test_discriminator_loss_is_binary_cross_entropy_in_nats(p, y):
    with jax.enable_x64(True):
        by_formula = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
        rows = binary_cross_entropy_of_probabilities(p, y)
        assert jnp.mean(rows) == pytest.approx(by_formula, rel=1e-10)
        logits = np.log(p / (1 - p))[:, None]
        assert mean(binary_cross_entropy, logits, y) == pytest.approx(by_formula, rel=1e-9)


def test_two_classes_by_softmax_equal_one_sigmoid(rng):
    z = jnp.asarray(rng.normal(size=(6, 1)), jnp.float32)
    labels = jnp.asarray(rng.integers(0, 2, 6), jnp.int32)
    two = jnp.concatenate([jnp.zeros((6, 1)), z], axis=1)
    np.testing.assert_allclose(
        mean(cross_entropy, two, labels), mean(binary_cross_entropy, z, labels), rtol=1e-6
    )


def test_a_sure_probability_costs_nothing_or_everything():
    sure = binary_cross_entropy_of_probabilities(np.array([1.0, 0.0, 0.0]), np.array([1, 0, 1]))
    np.testing.assert_array_equal(sure, [0, 0, np.inf])


# Class weights


@given(arrays(np.int64, st.integers(1, 30), elements=st.integers(-2, 3)))
def test_balanced_class_weights_equal_scikit_learn(labels):
    np.testing.assert_allclose(
        class_weights(labels, "balanced"), compute_sample_weight("balanced", labels)
    )


def test_class_weights_by_name():
    labels = np.array(["cat", "dog", "cat", "emu"])
    np.testing.assert_array_equal(class_weights(labels, {"cat": 2.0, "emu": 0.5}), [2, 1, 2, 0.5])
    np.testing.assert_array_equal(class_weights(labels, None), [1, 1, 1, 1])
    with pytest.raises(RecipeError, match=r"names 'cow', .* Classes: 'cat', 'dog', 'emu'"):
        class_weights(labels, {"cow": 2.0})
