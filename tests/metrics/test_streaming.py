"""Streaming measures: batch by batch they give what all rows give at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import metrics
from gradlab.metrics import STREAMING

SIZES = (16, 16, 8)  # the last batch is smaller
LABELS = ("accuracy", "f_score", "precision", "recall", "specificity")
CELLS = ("true_negatives", "false_negatives", "false_positives", "true_positives")
NUMBERS = ("mean_absolute_error", "mean_squared_error", "root_mean_squared_error", "r2")


def streamed(measure, y, prediction, weight=None):
    """Return the result over the batches, in jit."""
    state, update = measure.init(), jax.jit(measure.update)
    for part in np.split(np.arange(len(y)), np.cumsum(SIZES)[:-1]):
        weights = () if weight is None else (jnp.asarray(weight[part]),)
        state = update(state, jnp.asarray(y[part]), jnp.asarray(prediction[part]), *weights)
    return np.asarray(measure.result(state))


@pytest.fixture
def bits(rng):
    y = rng.integers(0, 2, sum(SIZES))
    return y, np.where(rng.random(len(y)) < 0.3, 1 - y, y)


@pytest.fixture
def shares(rng, bits):
    return bits[0], (0.3 * bits[1] + 0.7 * rng.random(len(bits[0]))).astype(np.float32)


@pytest.fixture
def quantities(rng):
    y = rng.normal(3, 2, sum(SIZES)).astype(np.float32)
    return y, y + rng.normal(size=len(y)).astype(np.float32)


@pytest.mark.catalogue("MET-12", "TFC-36")
def test_streaming_equals_batch(bits, shares, quantities):
    for name in LABELS:
        assert streamed(STREAMING[name](), *bits) == pytest.approx(getattr(metrics, name)(*bits))
    cells = metrics.confusion_matrix(*bits).of(1)
    for name in CELLS:
        assert streamed(STREAMING[name](), *bits) == getattr(cells, name)
    assert streamed(STREAMING["auc"](), *shares) == pytest.approx(
        metrics.riemann_auc(*shares), abs=1e-6
    )
    for name in NUMBERS:
        expected = getattr(metrics, name)(*quantities)
        assert streamed(STREAMING[name](), *quantities) == pytest.approx(expected, rel=1e-5)
    assert set(STREAMING) == {*LABELS, *CELLS, *NUMBERS, "auc"}  # all are tested


@pytest.mark.parametrize("curve", ["roc", "pr"])
@pytest.mark.parametrize("summation", ["trapezoidal", "minoring", "majoring"])
def test_areas_are_the_riemann_sums(shares, curve, summation):
    options = {"n_thresholds": 30, "curve": curve, "summation": summation}
    expected = metrics.riemann_auc(*shares, **options)
    found = streamed(metrics.streaming_auc(**options), *shares)
    assert found == pytest.approx(expected, abs=1e-6)


def test_several_outputs_and_the_confusion_matrix(rng, bits):
    y, guess = rng.normal(5, 1, (2, sum(SIZES), 3)).astype(np.float32)
    found = streamed(metrics.streaming_r2(3), y, guess)
    assert found == pytest.approx(metrics.r2(y, guess), rel=1e-5)
    error = streamed(STREAMING["mean_squared_error"](), y, guess)
    assert error == pytest.approx(metrics.mean_squared_error(y, guess), rel=1e-5)
    matrix = streamed(metrics.streaming_confusion(2), *bits)
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(*bits).counts)


@pytest.mark.parametrize("name", sorted(STREAMING))
def test_rows_of_weight_0_do_not_count_and_of_weight_2_count_twice(name, rng):
    n = sum(SIZES)
    y, prediction = rng.integers(0, 2, (2, n))
    prediction = rng.random(n) if name == "auc" else prediction
    weight = rng.integers(0, 3, n)
    rows = np.repeat(np.arange(n), weight)
    measure = STREAMING[name]()
    state = measure.update(measure.init(), jnp.asarray(y[rows]), jnp.asarray(prediction[rows]))
    found = streamed(measure, y, prediction, weight)
    assert found == pytest.approx(np.asarray(measure.result(state)), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", sorted(STREAMING))
def test_measures_run_inside_a_scan(name, rng):
    measure = STREAMING[name]()
    y = jnp.asarray(rng.integers(0, 2, (6, 5)))
    prediction = jnp.asarray(rng.random((6, 5)) > 0.5).astype(jnp.float32)

    @jax.jit
    def scanned(y, prediction):
        def step(state, batch):
            return measure.update(state, *batch), None

        return measure.result(jax.lax.scan(step, measure.init(), (y, prediction))[0])

    at_once = measure.update(measure.init(), y.ravel(), prediction.ravel())
    assert scanned(y, prediction) == pytest.approx(float(measure.result(at_once)), rel=1e-5)


def test_float32_counts_on_beyond_its_whole_numbers():
    measure = metrics.streaming_true_positives()
    ones = jnp.ones(1, jnp.int32)
    state = measure.update(measure.init(), ones, ones, 2.0**24 * jnp.ones(1))

    def step(state, _):
        return measure.update(state, ones, ones), None

    state, _ = jax.jit(lambda state: jax.lax.scan(step, state, None, length=1000))(state)
    assert measure.result(state) == 2**24 + 1000


def test_r2_keeps_its_digits_far_from_0(rng):
    y = (10_000 + rng.normal(size=sum(SIZES))).astype(np.float32)
    guess = (y + 0.3 * rng.normal(size=len(y))).astype(np.float32)
    assert streamed(metrics.streaming_r2(), y, guess) == pytest.approx(
        metrics.r2(y, guess), abs=1e-4
    )


def test_float64_is_kept(float64, quantities):
    y, guess = (values.astype(np.float64) for values in quantities)
    found = streamed(metrics.streaming_r2(), y, guess)
    assert found.dtype == np.float64
    assert found == pytest.approx(metrics.r2(y, guess), rel=1e-13)


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "r2", "f_score"])
def test_nothing_seen_is_0(name):
    measure = STREAMING[name]()
    assert measure.result(measure.init()) == 0
