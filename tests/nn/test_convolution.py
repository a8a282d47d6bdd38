import itertools
import json
import math
import re
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads
from safetensors import safe_open

from gradlab.errors import RecipeError
from gradlab.nn import Dense, Sequential, activation_layer, initial_state, n_parameters
from gradlab.nn.convolution import (
    Conv1D,
    Conv2D,
    LocallyConnected1D,
    LocallyConnected2D,
    TransposedConv2D,
    maps,
)
from gradlab.nn.convolution.geometry import Geometry, as_padding
from gradlab.nn.padded import Padded
from gradlab.nn.pooling import MaxPool2D
from gradlab.nn.reshape import Flatten
from gradlab.nn.weights import Weights

with safe_open(
    Path(__file__).parents[1] / "oracles" / "convolution.safetensors", framework="numpy"
) as file:
    ORACLE = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    SETTINGS = json.loads(file.metadata()["settings"])

IMAGE = np.array(
    [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]], float
)
KERNEL = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], float)


def cases(family):
    return [name for name in SETTINGS if name.startswith(f"{family}.")]


def shared(*shape):
    return jnp.asarray(ORACLE["numbers"][: math.prod(shape)].reshape(shape))


@jax.jit
def apply(layer, x):
    return layer(x, initial_state(layer))[0]


def feature_map(kernel, **options):
    layer = Conv2D(kernel[:, :, None, None], **options)
    return apply(layer, IMAGE[None, :, :, None])[0, :, :, 0]


# The worked examples


@pytest.mark.catalogue("CNN-03", "WE-22")
def test_worked_convolution():
    np.testing.assert_array_equal(feature_map(KERNEL), [[4, 3, 4], [2, 4, 3], [2, 3, 4]])
    padded = [[2, 2, 3, 1, 1], [1, 4, 3, 4, 1], [1, 2, 4, 3, 3], [1, 2, 3, 4, 1], [0, 2, 2, 1, 1]]
    np.testing.assert_array_equal(feature_map(KERNEL, padding=1), padded)


@pytest.mark.catalogue("CNN-01")
def test_worked_convolution_and_its_gradients(float64):
    np.testing.assert_array_equal(feature_map(KERNEL), [[4, 3, 4], [2, 4, 3], [2, 3, 4]])
    layer = Conv2D(shared(3, 3, 1, 2), jnp.array([0.3, -1.0]))
    x = jnp.asarray(IMAGE[None, :, :, None])
    check_grads(jax.jit(lambda m, v: m(v, ())[0]), (layer, x), order=1, modes=["rev"], rtol=1e-6)


@pytest.mark.catalogue("CNN-06")
def test_stride_of_the_worked_convolution():
    np.testing.assert_array_equal(feature_map(KERNEL, stride=2), [[4, 4], [2, 4]])
    for n, k, s, p in itertools.product((5, 8), (1, 3, 4), (1, 2, 3), (0, 1, 2)):
        layer = Conv2D(np.zeros((k, k, 1, 1), np.float32), stride=s, padding=p)
        size = (n + 2 * p - k) // s + 1
        assert layer.output_shape((n, n, 1)) == (size, size, 1)


@pytest.mark.catalogue("CNN-02")
@pytest.mark.parametrize("kernel", [1, 3, 4])
def test_kernels_of_every_size(kernel, float64, rng):
    x, w = rng.normal(size=(2, 7, 6, 3)), rng.normal(size=(kernel, kernel, 3, 5))
    layer = Conv2D(w, stride=2, padding=1)
    y = apply(layer, x)
    assert y.shape[1:] == layer.output_shape((7, 6, 3))
    framed = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for u, v in itertools.product(range(y.shape[1]), range(y.shape[2])):
        window = framed[:, 2 * u : 2 * u + kernel, 2 * v : 2 * v + kernel]
        np.testing.assert_allclose(y[:, u, v], np.einsum("nijc,ijco->no", window, w), rtol=1e-10)


@pytest.mark.catalogue("CNN-04")
def test_channels_are_convolved_alone_and_added(float64, rng):
    x, w = rng.normal(size=(2, 6, 6, 3)), rng.normal(size=(3, 3, 3, 4))
    alone = [apply(Conv2D(w[:, :, c : c + 1]), x[..., c : c + 1]) for c in range(3)]
    np.testing.assert_allclose(apply(Conv2D(w), x), alone[0] + alone[1] + alone[2], rtol=1e-10)


@pytest.mark.catalogue("CNN-05", "WE-25")
def test_values_of_grey_and_colour_images():
    assert Flatten().output_shape((28, 28, 1)) == (784,)
    assert Flatten().output_shape((28, 28, 3)) == (2352,)


def test_same_padding_keeps_the_size_divided_by_the_stride():
    for n, k, s, d in itertools.product((5, 6, 7), (1, 2, 3, 5), (1, 2, 3), (1, 2)):
        layer = Conv2D(np.zeros((k, k, 1, 1)), stride=s, padding="same", dilation=d)
        assert layer.output_shape((n, n, 1))[:2] == (math.ceil(n / s),) * 2


# Against PyTorch


def check_against_pytorch(name, layer, x):
    y, pull = jax.vjp(jax.jit(lambda m, v: m(v, ())[0]), layer, x)
    of_layer, of_x = pull(shared(*y.shape))
    tolerance = {"rtol": 1e-10, "atol": 1e-12}
    np.testing.assert_allclose(y, ORACLE[f"{name}.y"], **tolerance)
    np.testing.assert_allclose(of_x, ORACLE[f"{name}.x.grad"], **tolerance)
    np.testing.assert_allclose(of_layer.weight, ORACLE[f"{name}.weight.grad"], **tolerance)
    np.testing.assert_allclose(of_layer.bias, ORACLE[f"{name}.bias.grad"], **tolerance)
    assert layer.output_shape(x.shape[1:]) == y.shape[1:]


@pytest.mark.parametrize("name", cases("conv2d") + cases("conv1d"))
def test_convolution_equals_pytorch(name, float64):
    options = dict(SETTINGS[name])
    kernel = options.pop("kernel")
    kind, size = (Conv1D, (9,)) if name.startswith("conv1d") else (Conv2D, (6, 5))
    weight = shared(*kernel, 4 // options.get("groups", 1), 4)
    layer = kind(weight, shared(4), chunk=1, **options)
    check_against_pytorch(name, layer, shared(2, *size, 4))


@pytest.mark.parametrize("name", cases("transposed"))
def test_transposed_convolution_equals_pytorch(name, float64):
    options = dict(SETTINGS[name])
    kernel = options.pop("kernel")
    weight = shared(*kernel, 2 // options.get("groups", 1), 4)
    check_against_pytorch(name, TransposedConv2D(weight, shared(2), **options), shared(2, 3, 2, 4))


# The three maps


@st.composite
def numbers_of_geometries(draw):
    axes = draw(st.integers(1, 2))

    def numbers(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(axes))

    kernel, stride, dilation = numbers(1, 4), numbers(1, 3), numbers(1, 2)
    padding = tuple(zip(numbers(0, 4), numbers(0, 4), strict=True))
    size = tuple(d * (k - 1) + n for k, d, n in zip(kernel, dilation, numbers(1, 5), strict=True))
    groups = draw(st.sampled_from([1, 1, 2, 4]))
    return size, kernel, stride, padding, dilation, groups, draw(st.integers(1, 3))


@settings(max_examples=5)  # every one compiles a program
@given(numbers_of_geometries())
def test_maps_equal_automatic_differentiation_of_the_vendors_convolution(numbers):
    geometry = Geometry(*numbers)

    @jax.jit
    def ours_and_theirs(x, w, y):
        ours = (
            lambda x, w, geometry: maps.convolve(x, w, None, geometry),
            maps.spread,
            lambda x, y, geometry: maps.relate(x, y, geometry)[0],
        )
        theirs = maps._vendor, maps._vendor_spread, maps._vendor_relate
        return [
            [f(*p, geometry) for f, p in zip(fs, ((x, w), (y, w), (x, y)), strict=True)]
            for fs in (ours, theirs)
        ]

    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x = jnp.asarray(rng.normal(size=(3, *geometry.size, 4)))
        w = jnp.asarray(rng.normal(size=(*geometry.kernel, 4 // geometry.groups, 4)))
        y = jnp.asarray(rng.normal(size=(3, *geometry.output, 4)))
        for ours, theirs in zip(*ours_and_theirs(x, w, y), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-10)


def test_second_derivatives_follow_the_first(float64):
    layer = Conv2D(shared(3, 3, 2, 2), stride=2, padding=1)
    x, v = shared(2, 5, 5, 2), shared(2, 5, 5, 2)[::-1]

    def loss(weight, x):
        return jnp.sum(jnp.tanh(eqx.tree_at(lambda m: m.weight, layer, weight)(x, ())[0]))

    def penalty(weight, x):  # a gradient's gradient, as in a gradient penalty
        return jnp.sum(v * jax.grad(loss, argnums=1)(weight, x))

    check_grads(jax.jit(penalty), (layer.weight, x), order=1, modes=["rev"], rtol=1e-5)


def test_chunks_change_no_gradient(float64):
    x = shared(5, 4, 4, 2)

    def gradient(chunk):
        layer = Conv2D(shared(3, 3, 2, 2), padding="same", chunk=chunk)
        return jax.jit(jax.grad(lambda m: jnp.sum(m(x, ())[0] ** 3)))(layer).weight

    for chunk in (1, 2, 9):
        np.testing.assert_allclose(gradient(chunk), gradient(None), rtol=1e-12)


def test_no_gradient_of_a_training_step_leaves_the_fast_loops():
    """Input dilation, reversed windows and batch groups are what XLA runs slowly on a CPU."""
    net = Sequential(
        (
            Conv2D.create(Weights(layer=0), 2, 4, kernel=3, padding="same"),
            Conv2D.create(Weights(layer=1), 4, 4, kernel=4, stride=2, padding=1),
            MaxPool2D(2),
            TransposedConv2D.create(Weights(layer=2), 4, 2, kernel=4, stride=2, padding=1),
        )
    )
    state = net.initial_state()
    step = jax.jit(jax.grad(lambda m, x: jnp.sum(m(x, state)[0] ** 2)))
    text = step.lower(net, jnp.ones((8, 8, 8, 2))).as_text()
    windows = re.findall(r"stablehlo\.convolution.*", text)
    ours = re.findall(r"@gradlab_(?:gather|relate)_", text)
    assert len(ours) + len(windows) >= 8
    for window in windows:
        assert "batch_group_count = 1" in window
        assert not re.search(r"lhs_dilate = \[(?!1, 1\])", window)
        assert "reverse = [true" not in window
        assert not re.search(r"pad = \[.*-\d", window.split("rhs_dilate")[0])
    assert "select_and_scatter" not in text


def test_unused_gradients_are_not_computed():
    layer = Conv2D.create(Weights(), 8, 8, kernel=3)
    of_input = jax.jit(jax.grad(lambda x: jnp.sum(layer(x, ())[0] ** 2)))
    text = of_input.lower(jnp.ones((2, 8, 8, 8))).compile().as_text()
    # Forward, and the gradient of the image: nothing relates it to the signal.
    assert text.count(" convolution(") + text.count('"gradlab_gather_') <= 2
    assert "gradlab_relate_" not in text


# Transposed convolution


@pytest.mark.catalogue("GEN-12")
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "n"), [(4, 2, 1, 5), (3, 1, 0, 4), (5, 3, 2, 4), (2, 2, 0, 3)]
)
def test_transposed_convolution_is_the_adjoint(kernel, stride, padding, n, float64, rng):
    weight = rng.normal(size=(kernel, kernel, 3, 4))
    large = (n - 1) * stride + kernel - 2 * padding
    transposed = TransposedConv2D(weight, stride=stride, padding=padding)
    assert transposed.output_shape((n, n, 4)) == (large, large, 3)
    x, y = rng.normal(size=(2, large, large, 3)), rng.normal(size=(2, n, n, 4))
    forth = np.sum(apply(Conv2D(weight, stride=stride, padding=padding), x) * y)
    back = np.sum(x * apply(transposed, y))
    np.testing.assert_allclose(forth, back, rtol=1e-10)
    layer = TransposedConv2D(jnp.asarray(weight), stride=stride, padding=padding)
    check_grads(jax.jit(lambda m, v: m(v, ())[0]), (layer, jnp.asarray(y)), order=1, modes=["rev"])


def test_same_padding_of_a_transposed_convolution_multiplies_the_size():
    for k, s, n in itertools.product((1, 2, 3, 4, 5), (1, 2, 3), (3, 4)):
        layer = TransposedConv2D(np.ones((k, k, 2, 3), np.float32), stride=s, padding="same")
        assert layer.output_shape((n, n, 3)) == (n * s, n * s, 2)


# Locality and sharing


@pytest.mark.catalogue("CNN-14")
def test_locality_needs_fewer_weights_and_does_not_see_far():
    connected = Dense(Weights()((7, 3), 7, 3))
    local = LocallyConnected1D.create(Weights(), (7, 1), 1, kernel=3, stride=2, bias=False)
    assert n_parameters(connected) == 21
    assert n_parameters(local) == 9
    x = np.arange(7, dtype=np.float32).reshape(1, 7, 1)
    far = x.copy()
    far[0, 3:] = 99  # the first output sees 0, 1, 2
    np.testing.assert_array_equal(apply(local, far)[0, 0], apply(local, x)[0, 0])
    assert not np.allclose(apply(local, far)[0, 1:], apply(local, x)[0, 1:])


@pytest.mark.catalogue("CNN-15")
def test_sharing_needs_fewer_weights_and_follows_a_shift(rng):
    local = LocallyConnected1D.create(Weights(), (7, 1), 1, kernel=3, stride=2, bias=False)
    convolution = Conv1D.create(Weights(), 1, 1, kernel=3, stride=2, bias=False)
    assert n_parameters(local) == 9
    assert n_parameters(convolution) == 3
    layer = Conv2D.create(Weights(), 2, 3, kernel=3, padding="same")
    x = np.zeros((1, 12, 12, 2), np.float32)
    x[:, 3:7, 3:7] = rng.normal(size=(1, 4, 4, 2))
    shifted = np.roll(x, (2, 3), (1, 2))
    np.testing.assert_allclose(
        apply(layer, shifted), np.roll(apply(layer, x), (2, 3), (1, 2)), atol=1e-6
    )


@pytest.mark.catalogue("WE-26")
def test_printed_parameter_counts():
    net = Sequential((Dense(np.ones((256, 100))), Dense(np.ones((100, 26)))))
    assert n_parameters(net) == 28_200
    assert n_parameters(Dense(np.ones((7, 3)))) == 21
    local = LocallyConnected1D.create(Weights(), (7, 1), 1, kernel=3, stride=2, bias=False)
    assert n_parameters(local) == 9
    assert n_parameters(Conv1D.create(Weights(), 1, 1, kernel=3, stride=2, bias=False)) == 3


def test_locally_connected_with_equal_kernels_is_the_convolution(float64, rng):
    x, w = rng.normal(size=(2, 6, 5, 3)), rng.normal(size=(3, 2, 3, 4))
    convolution = Conv2D(w, stride=(2, 1), padding=1)
    out = convolution.output_shape((6, 5, 3))[:2]
    local = LocallyConnected2D(np.broadcast_to(w, (*out, *w.shape)), stride=(2, 1), padding=1)
    np.testing.assert_allclose(apply(local, x), apply(convolution, x), rtol=1e-10)
    layer = LocallyConnected2D(shared(2, 2, 2, 2, 1, 2), shared(2, 2, 2))
    check_grads(
        jax.jit(lambda m, v: m(v, ())[0]), (layer, shared(2, 3, 3, 1)), order=1, modes=["rev"]
    )


# The pipeline


@pytest.mark.catalogue("CNN-12")
def test_fully_connected_part_follows_the_feature_maps():
    features = Sequential((Conv2D.create(Weights(), 1, 4, kernel=3), MaxPool2D(2), Flatten()))
    (n_in,) = Flatten().output_shape((3, 3, 4))
    relu, softmax = activation_layer("relu", 10, {}), jax.nn.softmax
    hidden = Dense(Weights(layer=1)((n_in, 10), n_in, 10), np.zeros(10, np.float32))
    classifier = Dense(Weights(layer=2)((10, 3), 10, 3), np.zeros(3, np.float32))
    net = Sequential((features, hidden, relu, classifier))
    shares = softmax(apply(net, np.ones((5, 8, 8, 1), np.float32)))
    assert shares.shape == (5, 3)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    assert n_parameters(hidden) == (n_in + 1) * 10
    assert n_parameters(classifier) == (10 + 1) * 3


@pytest.mark.catalogue("CNN-16")
def test_feature_extractor_stands_alone():
    features = Sequential((Conv2D.create(Weights(), 1, 4, kernel=3), MaxPool2D(2), Flatten()))
    classifier = Dense(Weights(layer=1)((36, 3), 36, 3))
    net = Sequential((features, classifier))
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype(np.float32)
    np.testing.assert_array_equal(apply(classifier, apply(features, x)), apply(net, x))


# Sequences of unlike length


@pytest.mark.parametrize("options", [{}, {"padding": "same"}, {"stride": 2, "padding": 1}])
def test_padding_of_a_sequence_never_reaches_a_real_step(options, rng):
    layer = Conv1D.create(Weights(), 2, 3, kernel=3, **options)
    values = rng.normal(size=(3, 8, 2)).astype(np.float32)
    lengths = np.array([8, 5, 3], np.int32)
    together, _ = layer(Padded(values, lengths), ())
    for i, n in enumerate(lengths):
        alone = apply(layer, values[i : i + 1, :n])
        assert together.lengths[i] == alone.shape[1]
        np.testing.assert_allclose(together.values[i, : alone.shape[1]], alone[0], atol=1e-6)


# Errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Conv2D(np.ones((5, 5, 16, 2))).output_shape((3, 3, 16)),
            "5x5 kernel does not fit",
        ),
        (lambda: Conv2D(np.ones((3, 3, 4, 2))).output_shape((8, 8, 3)), "built for inputs of 4"),
        (lambda: Conv2D(np.ones((3, 3, 4, 2))).output_shape((8, 4)), "takes inputs of shape"),
        (lambda: Conv2D(np.ones((3, 4, 2))), "2 kernel axes"),
        (lambda: Conv2D(np.ones((3, 3, 4, 2)), stride=0), "stride takes a number >= 1"),
        (lambda: Conv2D(np.ones((3, 3, 4, 2)), stride=(1, 2, 3)), "or 2 of them"),
        (lambda: Conv2D(np.ones((3, 3, 4, 2)), padding="full"), "'valid', 'same'"),
        (lambda: Conv2D(np.ones((3, 3, 4, 2)), padding=-1), "a number >= 0"),
        (lambda: Conv2D(np.ones((3, 3, 4, 2)), groups=3), "groups must divide the 2 channels"),
        (lambda: Conv2D(np.ones((3, 3, 4, 2)), chunk=0), "chunk counts images"),
        (lambda: Conv2D.create(Weights(), 3, 4, kernel=3, groups=2), "divide the 3 and 4 channels"),
        (lambda: TransposedConv2D(np.ones((3, 3, 1, 1)), output_padding=1), "less than the stride"),
        (
            lambda: TransposedConv2D(np.ones((2, 2, 1, 1)), padding=3).output_shape((2, 2, 1)),
            "cuts everything off",
        ),
        (
            lambda: LocallyConnected2D(np.ones((2, 2, 3, 3, 1, 1))).output_shape((9, 9, 1)),
            "belong to one size",
        ),
        (
            lambda: Conv2D(np.ones((3, 3, 1, 1)), dilation=4, padding=1).output_shape((5, 5, 1)),
            r"dilated to 9x9\).*with its padding 7x7",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_shape(make, message):
    with pytest.raises(RecipeError, match=message):
        make()


def test_the_call_refuses_as_output_shape_does():
    with pytest.raises(RecipeError, match="5x5 kernel does not fit an input of 3x3x1"):
        apply(Conv2D(np.ones((5, 5, 1, 1), np.float32)), np.ones((2, 3, 3, 1), np.float32))


def test_padding_is_named_in_four_ways():
    assert as_padding("valid", 2) == as_padding(0, 2) == ((0, 0), (0, 0))
    assert as_padding(((1, 1), (2, 2)), 2) == as_padding((1, 2), 2) == ((1, 1), (2, 2))


def test_created_weights_have_the_variance_of_their_fan_in():
    layer = Conv2D.create(Weights("he_normal"), 16, 64, kernel=3)
    assert np.std(layer.weight) == pytest.approx(math.sqrt(2 / (9 * 16)), rel=0.05)
    depthwise = Conv2D.create(Weights("he_normal"), 64, 128, kernel=5, groups=64)
    assert depthwise.weight.shape == (5, 5, 1, 128)
    assert np.std(depthwise.weight) == pytest.approx(math.sqrt(2 / 25), rel=0.1)
    assert layer.workspace((8, 8, 16)) == 6 * 6 * 9 * 16
