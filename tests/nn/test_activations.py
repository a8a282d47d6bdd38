from itertools import pairwise
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from jax.test_util import check_grads
from safetensors.numpy import load_file
from scipy.integrate import quad
from scipy.stats import norm

from gradlab.errors import RecipeError
from gradlab.nn import (
    ACTIVATIONS,
    GAIN,
    INITIALIZER_FOR,
    INITIALIZERS,
    Dense,
    PReLU,
    Sequential,
    activation_layer,
    cross_entropy,
    derivative,
    elu,
    gelu,
    he_normal,
    initial_state,
    leaky_relu,
    linear,
    relu,
    saturated_share,
    sigmoid,
    softmax,
    squared_error,
    standard_normal,
    step,
    tanh,
    trainable,
    xavier_normal,
)

ORACLE = load_file(Path(__file__).parents[1] / "oracles" / "layers.safetensors")
FUNCTIONS = {name: part for name, part in ACTIVATIONS.items() if not isinstance(part, type)}
ELEMENTWISE = {name: part for name, part in FUNCTIONS.items() if name != "softmax"}


@pytest.mark.catalogue("ACT-01")
def test_step_has_two_codings_and_gives_no_gradient():
    x = jnp.array([-2.0, -1e-6, 0.0, 3.0])
    np.testing.assert_array_equal(step(x), [-1, -1, 1, 1])
    np.testing.assert_array_equal(step(x, coding="binary"), [0, 0, 1, 1])
    np.testing.assert_array_equal(derivative(step, x), [0, 0, 0, 0])
    table = derivative(lambda v: step(v, derivative_at_zero="undefined"), x)
    np.testing.assert_array_equal(table, [0, 0, np.nan, 0])
    reach = jax.grad(lambda w: jnp.sum(step(w * x)))(0.7)
    assert reach == 0  # gradient descent can't move a weight in front of a step


@pytest.mark.catalogue("ACT-02", "WE-15", "ERR-19")
def test_sigmoid_slope_is_largest_at_zero_and_small_at_four(float64):
    x = jnp.linspace(-8, 8, 1601)
    slopes = derivative(sigmoid, x)
    assert x[jnp.argmax(slopes)] == pytest.approx(0, abs=1e-12)
    assert jnp.max(slopes) == 0.25  # the printed 0.3 is read off a plot
    assert sigmoid(jnp.array(4.0)) == pytest.approx(0.982014, abs=5e-7)
    at_four = derivative(sigmoid, jnp.array([-4.0, 4.0]))
    np.testing.assert_allclose(at_four, 0.017663, atol=5e-7)
    for slope in (0.5, 1.0, 3.0):
        f = sigmoid(x, slope=slope)
        by_formula = slope * f * (1 - f)
        h = 1e-6
        finite = (sigmoid(x + h, slope=slope) - sigmoid(x - h, slope=slope)) / (2 * h)
        exact = derivative(lambda v, a=slope: sigmoid(v, slope=a), x)
        np.testing.assert_allclose(exact, by_formula, atol=1e-14)
        np.testing.assert_allclose(exact, finite, atol=1e-9)
    # The tanh lines of WE-15.
    assert tanh(jnp.array(1.0), slope=1.0) == pytest.approx(0.462117, abs=5e-7)
    assert tanh(jnp.array(1.0), slope=2.0) == pytest.approx(0.761594, abs=5e-7)
    assert derivative(tanh, jnp.array(4.0)) == pytest.approx(0.001341, abs=5e-7)


@pytest.mark.catalogue("ACT-03")
def test_both_forms_of_tanh_agree_at_slope_two(float64):
    x = jnp.linspace(-5, 5, 101)
    np.testing.assert_allclose(tanh(x), jnp.tanh(x), rtol=1e-15)
    for slope in (0.5, 1.0, 2.0):
        form = 2 / (1 + jnp.exp(-slope * x)) - 1
        np.testing.assert_allclose(tanh(x, slope=slope), form, atol=1e-15)
        slopes = derivative(lambda v, a=slope: tanh(v, slope=a), x)
        np.testing.assert_allclose(slopes, slope / 2 * (1 - form**2), atol=1e-15)


def test_plain_tanh_compiles_to_one_instruction():
    program = jax.jit(tanh).lower(jnp.zeros(64)).compile().as_text()
    assert program.count(" tanh(") == 1
    assert "multiply" not in program


@pytest.mark.catalogue("ACT-04", "ERR-30")
def test_relu_conventions_depth_and_dead_unit():
    x = jnp.array([-1.0, 0.0, 1.0])
    for convention, at_zero in ((0, 0.0), (1, 1.0), ("undefined", np.nan)):
        function = lambda v, c=convention: relu(v, derivative_at_zero=c)  # noqa: E731
        np.testing.assert_array_equal(function(x), [0, 0, 1])
        np.testing.assert_array_equal(derivative(function, x), [0, at_zero, 1])
        np.testing.assert_array_equal(
            jax.grad(lambda v, f=function: f(v).sum())(x), [0, at_zero, 1]
        )

    def deep(v):
        for _ in range(20):
            v = relu(v)
        return v

    np.testing.assert_array_equal(derivative(deep, jnp.array([0.1, 50.0])), [1, 1])

    # A unit that is negative on every row gets no gradient, so training leaves it as it was.
    rows = jnp.array([[0.2, 0.4], [1.0, 0.3]])
    dead = Dense(jnp.array([[-1.0], [-1.0]]), jnp.array([-0.5]))
    grads = jax.grad(lambda unit: jnp.sum(jnp.square(relu(unit(rows, ())[0]) - 1)))(dead)
    assert not np.any(grads.weight)
    assert not np.any(grads.bias)


@pytest.mark.catalogue("ACT-05")
def test_leaky_relu_keeps_a_gradient_on_the_negative_side():
    x = jnp.array([-3.0, -0.1, 2.0])
    np.testing.assert_allclose(leaky_relu(x), [-0.03, -0.001, 2])
    slopes = derivative(lambda v: leaky_relu(v, slope=0.2), x)
    np.testing.assert_allclose(slopes, [0.2, 0.2, 1])


@pytest.mark.catalogue("ACT-06")
@pytest.mark.parametrize("per_unit", [False, True])
def test_prelu_learns_its_slope(per_unit, float64, rng):
    layer = PReLU(3, per_unit=per_unit)
    x = jnp.asarray(rng.normal(size=(20, 3)))
    assert np.all(np.asarray(layer.slope) == 0.25)
    check_grads(lambda m: m(x, ())[0], (layer,), order=1, modes=["rev"])
    wanted = leaky_relu(x, slope=0.7)
    gradient = jax.jit(jax.grad(lambda m: jnp.mean((m(x, ())[0] - wanted) ** 2)))
    for _ in range(200):
        layer = jax.tree.map(lambda p, g: p - 0.5 * g, layer, gradient(layer))
    np.testing.assert_allclose(layer.slope, 0.7, atol=1e-4)


@pytest.mark.catalogue("ACT-07")
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_elu_is_continuous_and_its_slope_is_f_plus_alpha(alpha, float64):
    def function(v):
        return elu(v, alpha=alpha)

    assert function(jnp.array(0.0)) == 0
    assert function(jnp.array(-1e-12)) == pytest.approx(0, abs=1e-11)
    assert function(jnp.array(-50.0)) == pytest.approx(-alpha, abs=1e-12)
    x = jnp.linspace(-5, -0.01, 50)
    finite = (function(x + 1e-6) - function(x - 1e-6)) / 2e-6
    np.testing.assert_allclose(derivative(function, x), function(x) + alpha, atol=1e-14)
    np.testing.assert_allclose(derivative(function, x), finite, atol=1e-9)


@pytest.mark.catalogue("ACT-08")
@given(
    arrays(np.float32, (4, 6), elements=st.floats(-50, 50, width=32)),
    st.floats(-1e4, 1e4, width=32),
)
def test_softmax_sums_to_one_and_ignores_a_shift(scores, shift):
    probabilities = softmax(scores)
    np.testing.assert_allclose(jnp.sum(probabilities, axis=1), 1, rtol=1e-5)
    # The shift rounds the scores to about 1e-3 at 1e4 before softmax sees them.
    np.testing.assert_allclose(softmax(scores + np.float32(shift)), probabilities, atol=1e-3)


@pytest.mark.catalogue("ACT-08")
def test_softmax_boosts_the_largest_and_is_stable_at_large_scores():
    np.testing.assert_allclose(
        softmax(jnp.array([1.0, 2.0, 3.0])), [0.090031, 0.244728, 0.665241], atol=1e-6
    )
    np.testing.assert_array_equal(softmax(jnp.array([-1e4, 1e4, 0.0])), [0, 1, 0])


@pytest.mark.catalogue("ACT-09")
def test_layers_with_linear_activation_collapse_to_one_matrix(float64, rng):
    x = jnp.asarray(rng.normal(size=(7, 5)))
    np.testing.assert_array_equal(linear(x), x)
    np.testing.assert_array_equal(derivative(linear, x), jnp.ones_like(x))
    shapes = [(5, 8), (8, 6), (6, 3)]
    matrices = [jnp.asarray(rng.normal(size=shape)) for shape in shapes]
    layers = [part for w in matrices for part in (Dense(w), activation_layer("linear", 0, {}))]
    net = Sequential(tuple(layers))
    single = Dense(matrices[0] @ matrices[1] @ matrices[2])
    np.testing.assert_allclose(net(x, initial_state(net))[0], single(x, ())[0], rtol=1e-12)


@pytest.mark.catalogue("CMP-13")
def test_xor_needs_a_nonlinear_hidden_layer():
    x = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    labels = jnp.array([0, 1, 1, 0])
    accuracy = {}
    for name in ("linear", "tanh"):
        net = network((2, 8, 2), name, seed=0, gain=GAIN[name])
        trained = descend(
            net, lambda s: cross_entropy(s, labels, jnp.ones(4))[0] / 4, x, rate=0.5, steps=500
        )
        scores, _ = trained(x, initial_state(trained))
        accuracy[name] = float(jnp.mean(jnp.argmax(scores, axis=1) == labels))
    assert accuracy["linear"] <= 0.75
    assert accuracy["tanh"] == 1


def network(widths, activation, *, seed, gain, init=xavier_normal):
    """Dense layers with an activation after all but the last."""
    layers = []
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        draw = standard_normal(seed, i, (n_in, n_out))
        layers.append(Dense(jnp.asarray(init(draw, n_in, n_out, gain=gain)), jnp.zeros(n_out)))
        layers.append(activation_layer(activation, n_out, {}))
    return Sequential(tuple(layers[:-1]))


def descend(net, loss, x, *, rate, steps):
    """Plain gradient descent on `loss(scores)`."""
    state = initial_state(net)

    @jax.jit
    def run(net):
        def update(net, _):
            gradient = jax.grad(lambda n: loss(n(x, state)[0]))(net)
            return jax.tree.map(lambda p, g: p - rate * g, net, gradient), None

        return jax.lax.scan(update, net, length=steps)[0]

    return run(net)


@pytest.mark.catalogue("ACT-11", "CMP-12")
def test_gradients_vanish_through_sigmoids_but_not_through_relus(rng):
    x = jnp.asarray(rng.normal(size=(64, 50)), jnp.float32)
    targets = jnp.asarray(rng.normal(size=(64, 50)), jnp.float32)

    def norms(activation, init, gain):
        net = network((50,) * 11, activation, seed=0, gain=gain, init=init)

        @jax.jit
        @jax.grad
        def gradient(net):
            total, n = squared_error(net(x, initial_state(net))[0], targets, jnp.ones(64))
            return total / n

        layers = gradient(net).layers[::2]
        return np.array([np.linalg.norm(layer.weight) for layer in layers])

    s_shaped = norms("sigmoid", xavier_normal, 1.0)
    # Geometric: the logarithm falls along a straight line, at least a factor 2 per layer. The
    # last layer has no sigmoid behind it, and the first sees another input.
    logarithms = np.log(s_shaped[1:-1])
    slope, _ = np.polyfit(np.arange(len(logarithms)), logarithms, 1)
    assert slope > np.log(2)
    assert np.corrcoef(np.arange(len(logarithms)), logarithms)[0, 1] > 0.99
    assert np.all(np.diff(logarithms) > 0)
    rectified = norms("relu", he_normal, 2.0)
    assert rectified.max() / rectified.min() < 10
    assert s_shaped.max() / s_shaped.min() > 1000 * rectified.max() / rectified.min()


@pytest.mark.catalogue("ACT-12")
@pytest.mark.parametrize("function", [sigmoid, tanh])
def test_saturated_share_grows_with_the_scale_of_the_input(function, rng):
    x = jnp.asarray(rng.normal(size=2000), jnp.float32)
    shares = [float(saturated_share(function, scale * x)) for scale in (0.1, 1.0, 5.0, 50.0)]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] > 0.9
    assert float(saturated_share(function, jnp.array([-5.0, 5.0]))) == 1


@pytest.mark.parametrize("name", [key.split(".")[1] for key in ORACLE if key.endswith(".slope")])
def test_values_and_slopes_equal_pytorch(name, float64):
    x = jnp.asarray(ORACLE["activation.x"])
    np.testing.assert_allclose(
        ACTIVATIONS[name](x), ORACLE[f"activation.{name}.y"], rtol=1e-12, atol=1e-14
    )
    np.testing.assert_allclose(
        derivative(ACTIVATIONS[name], x), ORACLE[f"activation.{name}.slope"], rtol=1e-9, atol=1e-14
    )


def test_prelu_equals_pytorch(float64):
    layer = eqx.tree_at(lambda m: m.slope, PReLU(4), jnp.asarray(ORACLE["prelu.weight"]))
    x, cotangent = jnp.asarray(ORACLE["prelu.x"]), jnp.asarray(ORACLE["prelu.cotangent"])
    y, pull = jax.vjp(lambda m, v: m(v, ())[0], layer, x)
    of_layer, of_x = pull(cotangent)
    np.testing.assert_allclose(y, ORACLE["prelu.y"], rtol=1e-12)
    np.testing.assert_allclose(of_x, ORACLE["prelu.x.grad"], rtol=1e-12)
    np.testing.assert_allclose(of_layer.slope, ORACLE["prelu.weight.grad"], rtol=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("bits", [32, 64])
def test_every_activation_keeps_dtype_and_lets_nan_through(name, bits):
    with jax.enable_x64(bits == 64):
        x = np.array([[-1e3, -1.0], [0.0, 1e3]], f"float{bits}")
        y = FUNCTIONS[name](x)
        assert y.dtype == x.dtype
        assert np.all(np.isfinite(y))
        if name != "step":
            assert np.isnan(FUNCTIONS[name](np.full((1, 1), np.nan, x.dtype))).all()


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_slope_is_finite_at_extreme_inputs(name):
    x = jnp.array([-1e4, -50.0, -1e-30, 0.0, 1e-30, 50.0, 1e4])
    assert np.all(np.isfinite(derivative(ELEMENTWISE[name], x)))


def test_approximate_gelu_is_close():
    x = jnp.linspace(-5, 5, 1001)
    assert 0 < jnp.max(jnp.abs(gelu(x, approximate=True) - gelu(x))) < 5e-4


@pytest.mark.parametrize(
    "name", ["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "mish"]
)
def test_gain_keeps_the_second_moment_of_a_normal_signal(name):
    def part(a, b):
        def f(z):
            return float(FUNCTIONS[name](np.float32(z) * np.ones(1, np.float32))[0])

        return quad(lambda z: f(z) ** 2 * norm.pdf(z), a, b, limit=50, epsabs=1e-4)[0]

    assert GAIN[name] * (part(-8, 0) + part(0, 8)) == pytest.approx(1, rel=1e-3)


def test_every_activation_has_a_gain_and_an_initialiser():
    assert GAIN.keys() == ACTIVATIONS.keys() == INITIALIZER_FOR.keys()
    assert set(INITIALIZER_FOR.values()) <= INITIALIZERS.keys()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_builder_makes_a_layer_of_every_name(name, rng):
    x = jnp.asarray(rng.normal(size=(3, 4)), jnp.float32)
    y, state = activation_layer(name, 4, {})(x, (), training=True)
    assert y.shape == x.shape
    assert state == ()


def test_numbers_of_an_activation_are_traced_but_not_trained():
    layer = activation_layer("sigmoid", 4, {"slope": 3.0})
    assert not any(jax.tree.leaves(trainable(layer)))
    x = jnp.array([[0.3]])
    traces = []

    @jax.jit
    def apply(layer):
        traces.append(1)
        return layer(x, ())[0]

    np.testing.assert_allclose(apply(layer), sigmoid(x, slope=3.0), rtol=1e-6)
    apply(activation_layer("sigmoid", 4, {"slope": 0.1}))
    assert len(traces) == 1
    coded = activation_layer("step", 4, {"coding": "binary"})
    assert not jax.tree.leaves(coded)
    np.testing.assert_array_equal(coded(-x, ())[0], [[0.0]])


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("rellu", {}, "Unknown activation 'rellu'. Did you mean 'relu'?"),
        (
            "elu",
            {"alfa": 1.0},
            "Unknown parameter of activation 'elu' 'alfa'. Did you mean 'alpha'?",
        ),
        ("prelu", {"slop": 1.0}, "Did you mean 'slope'?"),
        ("silu", {"slope": 1.0}, "Activation 'silu' takes no parameters; got 'slope'."),
    ],
)
def test_unknown_names_are_refused_with_a_suggestion(name, parameters, message):
    with pytest.raises(RecipeError) as error:
        activation_layer(name, 4, parameters)
    assert message in str(error.value)
