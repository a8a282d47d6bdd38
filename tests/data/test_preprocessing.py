"""Scaling, codes and densities against the documents' numbers and against their laws."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from gradlab.data import (
    batch_means,
    feature_scale_ratio,
    min_max_scale,
    multivariate_normal_density,
    normal_density,
    one_hot,
    part_sizes,
    standardize,
    whiten,
)
from gradlab.errors import DataError

# The documents' table: three features of eleven instances.
TABLE = np.array(
    [
        [1.280187, -1.156924, -81.977837],
        [0.519024, 0.277231, -78.493732],
        [-1.340744, 0.564647, 51.682415],
        [0.880929, 1.037069, 45.883654],
        [-1.260126, 1.257954, 15.080874],
        [0.401379, -1.310234, 90.150390],
        [-1.142048, 0.243710, 57.606259],
        [0.566775, -0.396015, 64.846291],
        [-0.724533, -0.510327, -5.383149],
        [-1.615751, -0.056775, 130.638733],
        [-0.721374, -0.627100, 108.228715],
    ]
)
MIN_MAX = np.array(
    [
        [1.000000, 0.059696, 0.000000],
        [0.737162, 0.618126, 0.016387],
        [0.094963, 0.730040, 0.628645],
        [0.862132, 0.913992, 0.601371],
        [0.122801, 1.000000, 0.456496],
        [0.696538, 0.000000, 0.809571],
        [0.163575, 0.605074, 0.656506],
        [0.753651, 0.355978, 0.690558],
        [0.307748, 0.311467, 0.360248],
        [0.000000, 0.488071, 1.000000],
        [0.308838, 0.265998, 0.894599],
    ]
)
STANDARD = np.array(
    [
        -1.707156,
        -1.656828,
        0.223561,
        0.139798,
        -0.305147,
        0.779229,
        0.309130,
        0.413712,
        -0.600749,
        1.364081,
        1.040369,
    ]
)

columns = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=8),
    elements=st.floats(-1e6, 1e6, width=32),
)


@pytest.mark.catalogue("WE-01", "WE-02", "PRE-01")
def test_min_max_reproduces_the_documents():
    one = min_max_scale(np.array([1.0]), minimum=0.0, maximum=100.0)
    assert one[0] == pytest.approx(0.01, abs=1e-15)
    scaled = min_max_scale(TABLE)
    assert np.abs(scaled - MIN_MAX).max() < 5.1e-7
    assert scaled.min(axis=0).tolist() == [0, 0, 0]
    assert scaled.max(axis=0).tolist() == [1, 1, 1]


@given(columns)
def test_min_max_lies_in_the_unit_interval_and_keeps_the_dtype(x):
    scaled = min_max_scale(x)
    assert scaled.dtype == x.dtype
    assert ((scaled >= 0) & (scaled <= 1)).all()
    constant = x.min(axis=0) == x.max(axis=0)
    assert (scaled[:, constant] == 0).all()


@pytest.mark.catalogue("WE-03", "PRE-02")
def test_standardize_reproduces_the_documents_with_ddof_1_only():
    z = standardize(TABLE[:, 2], ddof=1)
    assert np.abs(z - STANDARD).max() < 5.1e-7
    assert z.mean() == pytest.approx(0, abs=1e-15)
    assert z.std(ddof=1) == pytest.approx(1, abs=1e-15)
    population = standardize(TABLE[:, 2])
    assert population[0] == pytest.approx(-1.790480, abs=5e-7)
    assert population.std() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardize_survives_a_large_offset(dtype):
    x = (1e8 + 64 * np.arange(5)).astype(dtype)
    assert standardize(x) == pytest.approx(standardize(np.arange(5.0)), abs=1e-6)


def test_standardize_with_learnt_statistics_and_constant_columns():
    x = np.array([[1.0, 0.1], [3.0, 0.1], [5.0, 0.1]])
    assert (standardize(x)[:, 1] == 0).all()
    assert standardize(x, mean=np.array([1.0, 0.1]), deviation=np.array([2.0, 1.0]))[
        :, 0
    ].tolist() == [0, 1, 2]


@pytest.mark.catalogue("WE-04")
def test_normal_density_values():
    expected = [0.398942, 0.241971, 0.053991]
    assert normal_density(np.array([0.0, 1.0, 2.0])) == pytest.approx(expected, abs=5e-7)


@pytest.mark.catalogue("PRE-03")
def test_normal_density_integrates_to_one_and_is_drawn():
    from gradlab.plots.normal import normal_curve_figure

    assert normal_density(np.array([0.0]))[0] == pytest.approx(0.398942, abs=5e-7)
    total, _ = quad(lambda x: normal_density(np.array([x]), 3.0, 0.5)[0], -2, 8, points=[3.0])
    assert total == pytest.approx(1, abs=1e-9)
    drawn = [np.asarray(trace.y, float) for trace in normal_curve_figure().data if len(trace.y)]
    assert max(y.max() for y in drawn) == pytest.approx(0.398942, abs=1e-4)


@pytest.mark.catalogue("PRE-04")
def test_multivariate_density_is_a_product_for_a_diagonal_covariance(rng):
    from gradlab.plots.normal import bivariate_normal_figure

    x, mean, deviations = rng.normal(size=(20, 3)), np.array([1.0, 0.0, -1.0]), [0.5, 1.0, 2.0]
    joint = multivariate_normal_density(x, mean, np.diag(np.square(deviations)))
    single = [normal_density(x[:, i], mean[i], deviations[i]) for i in range(3)]
    assert joint == pytest.approx(np.prod(single, axis=0), rel=1e-12)
    figure = bivariate_normal_figure(np.zeros(2), np.array([[1.0, 0.5], [0.5, 1.0]]))
    assert any(trace.type == "contour" for trace in figure.data)


@pytest.mark.parametrize("covariance", [np.ones((2, 2)), -np.eye(2), np.zeros((2, 2))])
def test_multivariate_density_refuses_what_is_no_covariance(covariance):
    with pytest.raises(DataError, match="positive definite"):
        multivariate_normal_density(np.zeros((1, 2)), np.zeros(2), covariance)


def test_normal_density_refuses_a_deviation_of_zero():
    with pytest.raises(DataError, match="deviation > 0"):
        normal_density(np.array([0.0]), 0.0, 0.0)


@pytest.mark.catalogue("WE-17", "PRE-08")
def test_one_hot_reproduces_the_documents():
    sex = one_hot(np.array([1, 2]), np.array([1, 2]))
    constitution = one_hot(np.array([3, 1]), np.array([1, 2, 3, 4]))
    row = np.concatenate([[1.755, 65.5, 122], sex[0], constitution[0]])
    assert row.tolist() == [1.755, 65.5, 122, 1, 0, 0, 0, 1, 0]
    assert (sex.sum(axis=1) == 1).all()
    assert (constitution.sum(axis=1) == 1).all()


def test_one_hot_of_an_unknown_value_is_zero():
    assert one_hot(np.array(["x", "b"]), np.array(["a", "b"])).tolist() == [[0, 0], [0, 1]]


@pytest.mark.catalogue("PRE-09", "CMP-32")
@pytest.mark.parametrize("batch_size", [4, 25, 100])
def test_means_of_batches_scatter_with_variance_one_over_n(batch_size, rng):
    from gradlab.plots.spread import activation_spread_figure

    column = standardize(rng.normal(size=10_000))
    means = batch_means(column, batch_size, n_batches=4000)
    # The sample variance of m normal numbers has a relative deviation of sqrt(2 / m).
    assert means.var() * batch_size == pytest.approx(1, abs=4 * np.sqrt(2 / 4000))
    figure = activation_spread_figure({f"batches of {batch_size}": [means]})
    assert figure.data


@pytest.mark.catalogue("WE-39")
def test_splits_batches_and_schedules_of_the_documents():
    from gradlab.optim.schedules import exponential_decay, inverse_time_decay, step_decay

    assert part_sizes(100, (7, 3)) == (70, 30)
    assert part_sizes(100, (5, 3, 2)) == (50, 30, 20)
    assert part_sizes(70_000, (0.8, 0.2))[0] == 56_000
    means = batch_means(standardize(np.arange(1000.0)), 100, n_batches=20_000)
    assert means.var() == pytest.approx(0.01, rel=4 * np.sqrt(2 / 20_000))
    four = np.array([1.0, 2.0, 3.0, 6.0])
    assert four.var(ddof=1) / four.var() == pytest.approx(1.333333, abs=5e-7)
    assert exponential_decay(0.1, 2, 1, decay=1.0)[1, 0] == pytest.approx(0.036788, abs=5e-7)
    assert inverse_time_decay(0.1, 2, 1, decay=1.0)[1, 0] == pytest.approx(0.05)
    assert step_decay(0.1, 11, 1, factor=0.5, every=10)[10, 0] == pytest.approx(0.05)


@pytest.mark.catalogue("PRE-10", "ERR-16")
def test_whitening_makes_the_covariance_the_identity_and_standardising_only_its_diagonal(rng):
    x = rng.normal(size=(200, 3)) @ np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 5.0], [1.0, 0.0, 1.0]])
    assert np.cov(whiten(x).T) == pytest.approx(np.eye(3), abs=1e-12)
    covariance = np.cov(standardize(x, ddof=1).T)
    assert np.diag(covariance) == pytest.approx(np.ones(3))
    assert np.abs(covariance - np.eye(3)).max() > 0.3


def test_whitening_refuses_dependent_columns(rng):
    x = rng.normal(size=(10, 2))
    with pytest.raises(DataError, match="linearly dependent"):
        whiten(np.column_stack([x, x.sum(axis=1)]))


@pytest.mark.catalogue("WE-16", "ERR-22")
def test_ratio_of_the_scales_of_height_and_weight():
    heights, weights = np.array([1.885, 1.525]), np.array([65.5, 45.0])
    assert abs(heights[1] - heights[0]) == pytest.approx(0.36)
    assert feature_scale_ratio(heights, weights) == pytest.approx(56.944444, abs=5e-7)
    # The document's misprint: 33 cm instead of 36.
    assert feature_scale_ratio(np.array([0.0, 0.33]), weights) == pytest.approx(62.121, abs=1e-3)


def _steps_of_descent(x, y, rate, *, tolerance=1e-3, limit=200_000):
    """Count the steps of gradient descent on the mean squared error until it is 0.1 % from best.

    Also returns the gradient's size for each weight at the start.
    """
    design = np.column_stack([x, np.ones(len(x))])
    best = np.linalg.lstsq(design, y, rcond=None)[1][0] / len(y)
    weights = np.zeros(3)
    first = np.abs(design.T @ (design @ weights - y) / len(y))
    for step in range(limit):
        residual = design @ weights - y
        if np.mean(residual**2) <= best * (1 + tolerance):
            return step, first
        weights -= rate * design.T @ residual / len(y)
    return limit, first


@pytest.mark.catalogue("PRE-06", "CMP-14")
def test_unscaled_features_learn_slowly(rng):
    height, weight = rng.normal(1.7, 0.1, 200), rng.normal(60, 10, 200)
    y = 20 * height + 0.2 * weight + rng.normal(0, 0.1, 200)
    raw = np.column_stack([height, weight])

    def safe_rate(x):  # half of the largest stable rate
        design = np.column_stack([x, np.ones(len(x))])
        return 1 / np.linalg.eigvalsh(design.T @ design / len(x)).max()

    raw_steps, raw_first = _steps_of_descent(raw, y, safe_rate(raw), limit=20_000)
    scaled = standardize(raw)
    scaled_steps, scaled_first = _steps_of_descent(scaled, y, safe_rate(scaled))
    # A weight's first step is proportional to its input: 60 / 1.7 = 35 times.
    assert raw_first[1] / raw_first[0] == pytest.approx(35, rel=0.05)
    assert scaled_first[1] / scaled_first[0] < 2
    assert scaled_steps < 50
    assert raw_steps > 100 * scaled_steps


@pytest.mark.catalogue("PRE-07")
def test_scaling_brings_sigmoids_out_of_saturation_and_rounds_the_contours(rng):
    from gradlab.plots.scaling import scale_contours_figure

    raw = np.column_stack([rng.normal(1.7, 0.1, 500), rng.normal(60, 10, 500)])
    draw = rng.normal(size=(2, 50)) / np.sqrt(2)

    def saturated(x):
        a = 1 / (1 + np.exp(-np.clip(x @ draw, -500, 500)))
        return np.mean(a * (1 - a) < 0.01)

    assert saturated(raw) > 0.8
    assert saturated(standardize(raw)) < 0.05

    def condition(x):  # ratio of the axes of the loss's contours, squared
        return np.linalg.cond(np.cov(x.T))

    assert condition(raw) > 5000
    assert condition(standardize(raw)) < 1.5
    figure = scale_contours_figure((0.5, 1.0))
    assert sum(trace.type == "contour" for trace in figure.data) == 2
