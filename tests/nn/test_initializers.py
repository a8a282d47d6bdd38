import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from gradlab.errors import RecipeError
from gradlab.nn import (
    GAIN,
    INITIALIZERS,
    Dense,
    constant,
    cross_entropy,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
    lecun_uniform_document,
    small_normal,
    standard_normal,
    tanh,
    xavier_normal,
    xavier_uniform,
    zeros,
)

N_IN, N_OUT = 784, 100
DRAW = standard_normal(0, 0, (N_IN, N_OUT), np.float64)


def weights(name, **parameters):
    return INITIALIZERS[name](DRAW, N_IN, N_OUT, **parameters)


@pytest.mark.catalogue("INI-02", "INI-04", "INI-06", "INI-10", "WE-29", "ERR-13")
@pytest.mark.parametrize(
    ("name", "std", "variance", "bound_of_uniform", "std_if_misread"),
    [
        ("lecun", 0.035714, 0.001276, 0.061859, 0.188982),
        ("xavier", 0.047565, 0.002262, 0.082385, 0.218094),
        ("he", 0.050508, 0.002551, 0.087482, 0.224739),
    ],
)
def test_constants_of_784_by_100(name, std, variance, bound_of_uniform, std_if_misread):
    normal, uniform = weights(f"{name}_normal"), weights(f"{name}_uniform")
    assert normal.std() == pytest.approx(std, rel=0.02)
    assert uniform.var() == pytest.approx(std**2, rel=0.02)
    # The constants themselves, to the printed digits: normal = std · draw, |uniform| <= bound.
    np.testing.assert_allclose(normal / DRAW, std, atol=5e-7)
    np.testing.assert_allclose((normal / DRAW) ** 2, variance, atol=5e-7)
    # Taking the printed root for the variance would make the weights five times too large.
    np.testing.assert_allclose((normal / DRAW) ** 0.5, std_if_misread, atol=5e-7)
    assert np.abs(uniform).max() == pytest.approx(bound_of_uniform, rel=1e-4)
    assert np.abs(uniform).max() <= bound_of_uniform + 5e-7


@pytest.mark.catalogue("INI-03", "WE-29", "ERR-14")
def test_lecun_uniform_in_its_standard_and_its_document_form():
    standard, document = weights("lecun_uniform"), weights("lecun_uniform_document")
    assert np.abs(standard).max() <= (3 / N_IN) ** 0.5
    assert np.abs(document).max() <= (1 / N_IN) ** 0.5
    assert standard.var() == pytest.approx(1 / N_IN, rel=0.02)
    assert document.var() == pytest.approx(1 / (3 * N_IN), rel=0.02)
    assert np.abs(document).max() == pytest.approx(0.035714, rel=1e-4)
    assert document.std() == pytest.approx(0.020620, rel=0.01)


@pytest.mark.catalogue("INI-05")
def test_xavier_uniform():
    drawn = xavier_uniform(DRAW, N_IN, N_OUT)
    assert np.abs(drawn).max() <= 0.082385
    assert drawn.var() == pytest.approx(0.002262, rel=0.02)


@pytest.mark.catalogue("INI-07")
def test_he_uniform():
    drawn = he_uniform(DRAW, N_IN, N_OUT)
    assert np.abs(drawn).max() <= 0.087482 + 5e-7
    assert drawn.var() == pytest.approx(0.002551, rel=0.02)


@pytest.mark.catalogue("INI-01")
@pytest.mark.parametrize("name", ["zeros", "constant", "he_normal"])
def test_equal_weights_stay_equal_and_random_ones_do_not(name, rng):
    x = jnp.asarray(rng.normal(size=(40, 3)), jnp.float32)
    labels = jnp.asarray(np.asarray(x).sum(axis=1) > 0, jnp.int32)

    def dense(layer, n_in, n_out):
        draw = standard_normal(0, layer, (n_in, n_out))
        return Dense(jnp.asarray(INITIALIZERS[name](draw, n_in, n_out)), jnp.zeros(n_out))

    def loss(layers):
        hidden, _ = layers[0](x, ())
        total, n = cross_entropy(layers[1](tanh(hidden), ())[0], labels, jnp.ones(40))
        return total / n

    layers = (dense(0, 3, 5), dense(1, 5, 2))
    start, gradient = layers, jax.jit(jax.grad(loss))
    for _ in range(20):
        layers = jax.tree.map(lambda p, g: p - 0.5 * g, layers, gradient(layers))
    units = np.vstack([layers[0].weight, layers[0].bias, layers[1].weight.T])
    identical = np.allclose(units, units[:, :1], atol=1e-6)
    assert identical == (name != "he_normal")
    assert not np.array_equal(layers[1].bias, start[1].bias)  # something was learnt


@pytest.mark.catalogue("INI-08")
@pytest.mark.parametrize(
    ("activation", "init", "gain", "verdict"),
    [
        ("relu", he_normal, GAIN["relu"], "constant"),
        ("relu", xavier_normal, 1.0, "shrinks"),
        ("tanh", xavier_normal, GAIN["tanh"], "constant"),
        ("tanh", small_normal, None, "shrinks"),
        ("tanh", xavier_normal, 100.0, "saturates"),
    ],
)
def test_spread_of_activations_over_ten_layers(activation, init, gain, verdict, rng):
    n = 400
    function = {"relu": lambda v: np.maximum(v, 0), "tanh": np.tanh}[activation]
    parameters = {} if gain is None else {"gain": gain}
    x, spreads = rng.normal(size=(200, n)), []
    for layer in range(10):
        draw = standard_normal(3, layer, (n, n), np.float64)
        x = function(x @ init(draw, n, n, **parameters))
        spreads.append(np.sqrt(np.mean(x**2)))
    change = spreads[-1] / spreads[1]
    if verdict == "constant":
        assert 0.7 < change < 1.4
    elif verdict == "shrinks":
        assert change < 0.1
    else:
        assert np.mean(1 - x**2 < 0.02) > 0.5  # most units at the flat ends of tanh


@pytest.mark.catalogue("INI-12")
def test_two_starts_on_a_double_well_end_in_different_minima():
    descend = jax.jit(
        lambda w: jax.lax.fori_loop(
            0, 200, lambda _, w: w - 0.05 * jax.grad(lambda v: ((v**2 - 1) ** 2).sum())(w), w
        )
    )
    ends = [descend(constant(jnp.zeros((1,)), 1, 1, value=start)) for start in (-0.3, 0.3)]
    np.testing.assert_allclose(np.concatenate(ends), [-1, 1], atol=1e-5)


def test_the_draw_is_standard_normal_and_rows_and_columns_are_independent():
    assert kstest(DRAW.ravel(), "norm").pvalue > 1e-3
    # Correlations of n independent pairs have standard deviation 1 / sqrt(n).
    between_rows = np.corrcoef(DRAW[:100])[np.triu_indices(100, 1)]
    between_columns = np.corrcoef(DRAW.T)[np.triu_indices(100, 1)]
    assert np.sqrt(np.mean(between_rows**2)) == pytest.approx(100**-0.5, rel=0.1)
    assert np.sqrt(np.mean(between_columns**2)) == pytest.approx(784**-0.5, rel=0.1)
    other_layer = standard_normal(0, 1, (N_IN, N_OUT), np.float64)
    other_seed = standard_normal(1, 0, (N_IN, N_OUT), np.float64)
    for other in (other_layer, other_seed):
        assert abs(np.corrcoef(DRAW.ravel(), other.ravel())[0, 1]) < 4 / DRAW.size**0.5


@given(
    seed=st.integers(0, 2**63),
    layer=st.integers(0, 1000),
    wide=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    data=st.data(),
)
def test_a_wider_layer_extends_a_narrower_one(seed, layer, wide, data):
    rows, columns = (data.draw(st.integers(1, n)) for n in wide)
    narrow = standard_normal(seed, layer, (rows, columns))
    np.testing.assert_array_equal(standard_normal(seed, layer, wide)[:rows, :columns], narrow)


def test_the_first_numbers_never_change():
    # Stored studies are repeated from their seeds, so this stream is part of the file format.
    expected = [[1.6131151233741008, 1.6915959874362567], [-1.0950605176566552, 0.996961067571836]]
    np.testing.assert_allclose(standard_normal(7, 1, (2, 2), np.float64), expected, rtol=1e-12)


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numpy_and_jax_draws_give_the_same_weights(name, dtype, float64):
    draw = standard_normal(5, 2, (30, 20), dtype)
    of_numpy = INITIALIZERS[name](draw, 30, 20)
    of_jax = jax.jit(lambda d: INITIALIZERS[name](d, 30, 20))(jnp.asarray(draw))
    assert isinstance(of_numpy, np.ndarray)
    assert of_numpy.dtype == of_jax.dtype == dtype
    np.testing.assert_allclose(of_numpy, of_jax, rtol=20 * np.finfo(dtype).eps, atol=1e-8)


def test_a_gain_may_be_traced():
    draw = jnp.asarray(standard_normal(0, 0, (4, 4)))
    traced = jax.jit(lambda gain: lecun_uniform(draw, 4, 4, gain=gain))(jnp.float32(3.0))
    np.testing.assert_allclose(traced, lecun_uniform(draw, 4, 4, gain=3.0), rtol=1e-6)


@pytest.mark.parametrize(
    ("normal", "uniform"),
    [(lecun_normal, lecun_uniform), (xavier_normal, xavier_uniform), (he_normal, he_uniform)],
)
def test_normal_and_uniform_share_their_random_numbers(normal, uniform):
    a, b = normal(DRAW, N_IN, N_OUT), uniform(DRAW, N_IN, N_OUT)
    assert np.array_equal(np.argsort(a[0]), np.argsort(b[0]))
    assert kstest(b.ravel() / np.abs(b).max(), "uniform", args=(-1, 2)).pvalue > 1e-3


def test_zeros_and_constant():
    assert not zeros(DRAW, N_IN, N_OUT).any()
    assert (constant(DRAW, N_IN, N_OUT, value=-0.5) == -0.5).all()


@pytest.mark.parametrize(
    "initializer", [lecun_normal, lecun_uniform, lecun_uniform_document, he_normal, he_uniform]
)
def test_a_layer_without_inputs_is_refused(initializer):
    with pytest.raises(RecipeError, match=r"must be at least 1; got 0"):
        initializer(np.zeros((0, 3), np.float32), 0, 3)
