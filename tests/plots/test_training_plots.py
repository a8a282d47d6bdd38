"""What the pictures of data, activations, losses and training contain."""

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.data.preprocessing import min_max_scale, standardize
from gradlab.nn.activations import ACTIVATIONS, PReLU, derivative
from gradlab.nn.initializers import INITIALIZERS, standard_normal
from gradlab.nn.normalization import BatchNorm
from gradlab.optim import schedules
from gradlab.plots.activations import activation_figure, saturation_zones, sigmoid_slope_figure
from gradlab.plots.batches import batches_figure
from gradlab.plots.learning_curve import learning_curve_figure, learning_curves_figure
from gradlab.plots.norm_paths import PATHS, lattice_length, norm_paths_figure
from gradlab.plots.normal import bivariate_normal_figure, normal_curve_figure
from gradlab.plots.normalization import layer_histograms_figure, normalization_figure
from gradlab.plots.overfitting import (
    Sample,
    capacity_figure,
    fit_errors,
    more_data_figure,
    overfitting_figure,
)
from gradlab.plots.saturation import gradient_bars_figure, saturation_figure
from gradlab.plots.scaling import scale_contours_figure, scaling_tables_figure
from gradlab.plots.schedules import schedules_figure
from gradlab.plots.softmax import softmax_figure
from gradlab.plots.spread import activation_spread_figure

SUMS = np.linspace(-6, 6, 121)


def trace(figure, name):
    return next(t for t in figure.data if t.name == name)


def texts(figure):
    return [annotation.text for annotation in figure.layout.annotations]


# Activations and losses


@pytest.mark.catalogue("PIC-22")
def test_every_activation_is_drawn_with_its_slope_and_saturation_is_marked():
    for name in ("step", "sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "linear"):
        h = ACTIVATIONS[name]
        if h is PReLU:
            h = lambda s: jnp.where(s > 0, s, 0.25 * s)  # noqa: E731  its starting slope
        values = np.asarray(h(SUMS), dtype=float)
        slopes = np.nan_to_num(np.asarray(derivative(h, SUMS), dtype=float))
        saturates = name in ("sigmoid", "tanh")
        figure = activation_figure(name, SUMS, values, slopes, mark_saturation=saturates)
        np.testing.assert_allclose(trace(figure, "h(s)").y, values)
        np.testing.assert_allclose(trace(figure, "h′(s)").y, slopes)
        assert texts(figure) == ["saturated"] * (2 if saturates else 0)
        if saturates:
            (left, right) = figure.layout.shapes
            assert -left.x1 == pytest.approx(right.x0)
            assert left.x1 == pytest.approx(-3.9 if name == "sigmoid" else -2.65, abs=0.1)


def test_zones_end_where_the_slope_begins():
    assert saturation_zones(SUMS, np.ones_like(SUMS)) == []
    assert saturation_zones(SUMS, np.zeros_like(SUMS)) == [(-6.0, 6.0)]


@pytest.mark.catalogue("PIC-23")
def test_the_greatest_slope_of_the_sigmoid_is_marked_0_25_at_0():
    figure = sigmoid_slope_figure()
    slope, peak = trace(figure, "h′(s)"), trace(figure, "greatest slope")
    assert max(slope.y) == 0.25 == peak.y[0]
    assert slope.x[int(np.argmax(slope.y))] == pytest.approx(0, abs=1e-12)
    assert (peak.x[0], peak.text[0]) == (0, "0.25")


NEURONS = {"left": 1.1, "right": 5.85}


@pytest.mark.catalogue("PIC-24")
def test_the_squared_errors_gradient_vanishes_where_cross_entropys_is_greatest():
    figure = saturation_figure(NEURONS)
    np.testing.assert_allclose(
        trace(figure, "squared error: neurons").y, [0.140576, 0.002855], atol=1e-6
    )
    np.testing.assert_allclose(
        trace(figure, "cross-entropy: neurons").y, [0.750260, 0.997128], atol=1e-6
    )
    assert (
        trace(figure, "squared error").y[-1] < 0.001 < 0.99 < trace(figure, "cross-entropy").y[-1]
    )
    assert list(trace(figure, "squared error: neurons").text) == ["left", "right"]


@pytest.mark.catalogue("PIC-25")
def test_only_cross_entropys_bar_is_higher_at_the_worse_neuron():
    figure = gradient_bars_figure(NEURONS)
    squared, entropy = trace(figure, "squared error").y, trace(figure, "cross-entropy").y
    assert squared[0] > 40 * squared[1]
    assert entropy[0] < entropy[1]
    assert list(trace(figure, "cross-entropy").text) == ["0.7503", "0.9971"]


@pytest.mark.catalogue("PIC-26")
def test_softmax_bars_sum_to_1_and_keep_the_order():
    scores = np.array([2.0, 1.0, 0.1])
    figure = softmax_figure(scores)
    probabilities = np.array(trace(figure, "softmax").y)
    assert probabilities.sum() == pytest.approx(1)
    np.testing.assert_allclose(np.diff(np.log(probabilities)), np.diff(scores))
    np.testing.assert_array_equal(trace(figure, "scores").y, scores)


# Data


@pytest.mark.catalogue("PIC-03")
def test_the_normal_pictures_carry_their_marks_and_the_correlation():
    figure = normal_curve_figure()
    marks = trace(figure, "marks")
    assert list(marks.text) == ["−2σ", "−1σ", "μ", "+1σ", "+2σ"]
    np.testing.assert_allclose(
        marks.y, [0.053991, 0.241971, 0.398942, 0.241971, 0.053991], atol=1e-6
    )
    density = trace(figure, "density")
    assert np.trapezoid(density.y, density.x) == pytest.approx(1, abs=1e-3)
    covariance = np.array([[1.0, 0.8], [0.8, 1.5]])
    surface = bivariate_normal_figure(np.zeros(2), covariance)
    contour = trace(surface, "density")
    z, x, y = np.array(contour.z), np.array(contour.x), np.array(contour.y)
    share = z / z.sum()
    assert np.einsum("ij,i,j->", share, y, x) == pytest.approx(0.8, abs=0.05)
    ellipse = np.stack([trace(surface, "2σ").x, trace(surface, "2σ").y])
    squared = np.einsum("ip,ij,jp->p", ellipse, np.linalg.inv(covariance), ellipse)
    np.testing.assert_allclose(squared, 4)


FEATURES = np.array(
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


@pytest.mark.catalogue("PIC-02")
def test_both_scalings_are_shown_before_and_after():
    names = ["feature_1", "feature_2", "feature_3"]
    low, high = FEATURES.min(axis=0), FEATURES.max(axis=0)
    standard = FEATURES.copy()
    standard[:, 2] -= FEATURES[:, 2].mean()
    standard[:, 2] /= FEATURES[:, 2].std(ddof=1)
    for method, after, printed in (
        ("min-max", (FEATURES - low) / (high - low), "0.628645"),
        ("standard score", standard, "0.223561"),
    ):
        figure = scaling_tables_figure(FEATURES, after, names, method=method)
        tables = [t for t in figure.data if t.type == "table"]
        for table, values in zip(tables, (FEATURES, after), strict=True):
            shown = np.array(table.cells["values"])[1:].astype(float).T
            np.testing.assert_allclose(shown, values, rtol=1e-5, atol=1e-6)
        assert tables[1].cells["values"][3][2] == printed
        dots = trace(figure, "feature_3")
        np.testing.assert_array_equal(dots.x, FEATURES[:, 2])
        np.testing.assert_array_equal(dots.y, after[:, 2])


def test_the_pictured_scalings_are_those_of_the_product():
    low, high = FEATURES.min(axis=0), FEATURES.max(axis=0)
    np.testing.assert_allclose(min_max_scale(FEATURES), (FEATURES - low) / (high - low))
    np.testing.assert_allclose(standardize(FEATURES).mean(axis=0), 0, atol=1e-12)


@pytest.mark.catalogue("PIC-27")
def test_the_path_zig_zags_on_elongated_contours_and_is_straight_on_round_ones():
    figure = scale_contours_figure((1.0, 4.0))
    raw, scaled = (np.column_stack([t.x, t.y]) for t in figure.data if t.name == "gradient descent")
    assert (np.diff(np.sign(raw[:, 1])) != 0).all()  # across the valley at every step
    directions = np.diff(scaled, axis=0)[:10]
    np.testing.assert_allclose(directions[:, 0], directions[:, 1])
    assert np.linalg.norm(scaled[-1]) < 1e-5 < 0.01 < np.linalg.norm(raw[-1])
    contours = [np.array(t.z) for t in figure.data if t.name == "contours"]
    assert contours[0][-1, 40] > 10 * contours[0][40, -1]
    assert contours[1][-1, 40] == pytest.approx(contours[1][40, -1])


# Training


@pytest.mark.catalogue("PIC-60")
def test_the_schedules_are_drawn_in_one_plot():
    rates = {
        "step": schedules.step_decay(0.1, 20, 5),
        "exponential": schedules.exponential_decay(0.1, 20, 5),
        "1/t": schedules.inverse_time_decay(0.1, 20, 5),
    }
    figure = schedules_figure(rates)
    for name, rate in rates.items():
        np.testing.assert_array_equal(trace(figure, name).y, rate.reshape(-1))
        np.testing.assert_allclose(trace(figure, name).x, np.arange(100) / 5)
    assert figure.layout.yaxis.title.text == "learning rate"


EPOCHS = np.arange(60)
TRAIN = np.exp(-EPOCHS / 15)
VALIDATION = TRAIN + 0.3 * (EPOCHS / 60) ** 2 + 0.1


@pytest.mark.catalogue("PIC-32")
def test_the_learning_curve_marks_t_opt_between_under_and_over_fitting():
    figure = learning_curve_figure(TRAIN, VALIDATION)
    best = int(VALIDATION.argmin()) + 1
    star = trace(figure, "t_opt")
    assert (star.x[0], star.y[0]) == (best, VALIDATION.min())
    assert star.text[0] == f"t_opt = {best}"
    assert texts(figure) == ["under-fit", "over-fit"]
    under, over = figure.layout.shapes
    assert (under.x0, under.x1, over.x0, over.x1) == (1, best, best, 60)
    np.testing.assert_array_equal(trace(figure, "validation").y, VALIDATION)


def test_a_curve_that_falls_to_the_end_has_no_over_fitted_zone():
    assert texts(learning_curve_figure(TRAIN, TRAIN + 0.1)) == ["under-fit"]
    assert texts(learning_curve_figure(TRAIN[::-1], TRAIN[::-1])) == ["over-fit"]


@pytest.mark.catalogue("PIC-37")
def test_early_stopping_is_shown_on_a_smooth_and_on_a_jagged_curve(rng):
    jagged = VALIDATION + 0.05 * rng.standard_normal(60)
    figure = learning_curves_figure(
        {"smooth": (TRAIN, VALIDATION), "real: zig-zag": (TRAIN, jagged)}
    )
    assert texts(figure) == ["smooth", "real: zig-zag"]
    shown = [np.array(t.y) for t in figure.data if t.name == "validation"]
    turns = [int((np.diff(np.sign(np.diff(y))) != 0).sum()) for y in shown]
    assert turns[0] == 1 < 20 < turns[1]
    stars = [t.x[0] for t in figure.data if t.name == "t_opt"]
    assert stars == [VALIDATION.argmin() + 1, jagged.argmin() + 1]


@pytest.mark.catalogue("PIC-05", "PIC-33")
def test_the_batches_show_which_samples_enter_which_update(rng):
    order = rng.permutation(12)
    regimes = {
        "full batch": [np.arange(12)],
        "mini-batches of 4": list(order.reshape(3, 4)),
        "one sample": [np.array([i]) for i in order],
    }
    figure = batches_figure(regimes, 12)
    for name, updates in regimes.items():
        dots = trace(figure, name)
        pairs = set(zip(dots.y, dots.x, strict=True))
        assert pairs == {(u + 1, s + 1) for u, samples in enumerate(updates) for s in samples}
        assert sorted(dots.x) == list(range(1, 13))  # one epoch: every sample once


@pytest.mark.catalogue("PIC-12")
def test_the_table_has_the_statistics_of_rows_and_columns():
    values = np.array([[1, 6, 3], [2, 2, 2], [0, 5, 1], [4, 1, 6], [5, 3, 2], [1, 1, 0]], float)
    columns = normalization_figure(values).data[0].cells["values"]
    np.testing.assert_array_equal(np.array(columns[1:4])[:, :6].astype(float).T, values)
    assert list(columns[4][:6]) == ["3.333", "2.000", "2.000", "3.667", "3.333", "0.667"]
    assert list(columns[5][:6]) == ["2.055", "0.000", "2.160", "2.055", "1.247", "0.471"]
    assert [column[6] for column in columns[1:4]] == ["2.167", "3.000", "2.333"]
    assert [column[7] for column in columns[1:4]] == ["1.772", "1.915", "1.886"]


@pytest.mark.catalogue("PIC-15")
def test_activations_are_drawn_layer_by_layer_for_each_initialiser(rng):
    activations = {}
    for name in ("zeros", "small_normal", "xavier_normal", "he_normal"):
        x, layers = rng.standard_normal((100, 64)), []
        for i in range(4):
            draw = standard_normal(0, i, (64, 64))
            x = np.tanh(x @ INITIALIZERS[name](draw, 64, 64))
            layers.append(x)
        activations[name] = layers
    figure = activation_spread_figure(activations)
    for name, layers in activations.items():
        for i, values in enumerate(layers, start=1):
            bars = trace(figure, f"{name}, layer {i}")
            assert sum(bars.y) == pytest.approx(1)  # every activation is in a bar
            near_0 = np.abs(values) < 1 / 15
            middle = np.abs(np.array(bars.x)) < 1 / 15
            assert np.array(bars.y)[middle].sum() == pytest.approx(near_0.mean(), abs=0.01)
            assert f"σ {values.std():.2g}" in texts(figure)
    assert trace(figure, "small_normal, layer 4").y[14:16] == pytest.approx((0.5, 0.5), abs=0.1)


@pytest.mark.catalogue("PIC-34")
def test_histograms_show_the_shift_per_layer_and_batch_normalisation_taking_it_away(rng):
    x, layers = rng.standard_normal((500, 20)) + 1, {}
    for i in range(3):
        s = x @ (rng.standard_normal((20, 20)) / 3) + 0.5
        norm = BatchNorm(20)
        after, _ = norm(jnp.asarray(s), norm.initial_state(), training=True)
        scaled = 2 * np.asarray(after) - 1  # γ = 2, β = -1
        layers[f"layer {i + 1}"] = {
            "before": s,
            "after": np.asarray(after),
            "scale and shift": scaled,
        }
        x = np.maximum(s, 0)
    figure = layer_histograms_figure(layers, title="Batch normalisation")
    assert texts(figure) == list(layers)
    spread = {}
    for name in ("before", "after", "scale and shift"):
        moments = []
        for t in (t for t in figure.data if t.name == name):
            share, at = np.array(t.y) / sum(t.y), np.array(t.x)
            mean = share @ at
            moments.append((mean, np.sqrt(share @ (at - mean) ** 2)))
        spread[name] = np.array(moments)
    np.testing.assert_allclose(spread["after"], [(0, 1)] * 3, atol=0.15)
    np.testing.assert_allclose(spread["scale and shift"], [(-1, 2)] * 3, atol=0.25)
    assert np.ptp(spread["before"][:, 1]) > 0.5  # the distribution moves from layer to layer


# Regularisation


@pytest.mark.catalogue("PIC-36")
def test_three_lattice_paths_are_equally_long_and_the_straight_one_is_shorter():
    figure = norm_paths_figure()
    lengths = {name: lattice_length(path) for name, path in PATHS.items()}
    assert set(lengths.values()) == {12}
    for name, length in lengths.items():
        drawn = trace(figure, f"{name}: {length}")
        np.testing.assert_array_equal(np.column_stack([drawn.x, drawn.y]), PATHS[name])
    straight = trace(figure, "L2, straight: 8.485")
    assert (straight.x[-1], straight.y[-1]) == (6, 6)
    assert len({t.line.color for t in figure.data}) == 4


def curve(n, rng):
    x = np.linspace(-1, 1, n)
    return Sample(x, np.sin(3 * x) + 0.25 * rng.standard_normal(n))


@pytest.mark.catalogue("PIC-13")
def test_degrees_1_4_and_12_under_fit_fit_and_over_fit(rng):
    train, test = curve(16, rng), curve(301, rng)
    (a1, b1), (a4, b4), (a12, b12) = (fit_errors(train, test, d) for d in (1, 4, 12))
    assert a1 > a4 > a12
    assert b4 < min(b1, b12)
    figure = overfitting_figure(train, test)
    assert texts(figure) == [
        f"degree {d}: train {a:.3g}, test {b:.3g}"
        for d, a, b in ((1, a1, b1), (4, a4, b4), (12, a12, b12))
    ]
    lines = [t for t in figure.data if t.name == "fitted polynomial"]
    for line, degree in zip(lines, (1, 4, 12), strict=True):
        again = np.polynomial.Polynomial.fit(line.x, line.y, degree)
        np.testing.assert_allclose(again(np.array(line.x)), line.y, atol=1e-6)


@pytest.mark.catalogue("PIC-35")
def test_error_over_capacity_falls_for_training_and_turns_for_test(rng):
    train, test = curve(16, rng), curve(301, rng)
    degrees = range(1, 13)
    figure = capacity_figure(train, test, degrees)
    errors = np.array([fit_errors(train, test, d) for d in degrees])
    np.testing.assert_array_equal(trace(figure, "training error").y, errors[:, 0])
    np.testing.assert_array_equal(trace(figure, "test error").y, errors[:, 1])
    assert (np.diff(errors[:, 0]) < 0).all()
    best = trace(figure, "least test error")
    assert best.x[0] == 1 + errors[:, 1].argmin()
    assert 1 < best.x[0] < 12


@pytest.mark.catalogue("PIC-39")
def test_over_fitting_vanishes_as_the_sample_grows(rng):
    samples, test = [curve(n, rng) for n in (14, 50, 500)], curve(301, rng)
    errors = [fit_errors(sample, test, 12)[1] for sample in samples]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] == pytest.approx(0.25**2, rel=0.3)  # nothing but the noise is left
    figure = more_data_figure(samples, test)
    assert texts(figure)[2] == f"500 points: test error {errors[2]:.3g}"
