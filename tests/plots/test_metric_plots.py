"""What the pictures of scores contain."""

import numpy as np
import pytest

from gradlab import metrics
from gradlab.plots.calibration import calibration_figure
from gradlab.plots.confusion import confusion_figure
from gradlab.plots.intervals import intervals_figure
from gradlab.plots.precision_recall import precision_recall_figure
from gradlab.plots.residuals import MOST_POINTS, residual_figure
from gradlab.plots.roc import roc_figure
from gradlab.plots.thresholds import threshold_figure


def trace(figure, start):
    return next(t for t in figure.data if (t.name or "").startswith(start))


@pytest.fixture
def scored(rng):
    y = (rng.random(300) < 0.3).astype(int)
    return y, 1 / (1 + np.exp(-(rng.normal(size=300) + 2 * y - 1)))


def test_roc_has_curve_band_chance_and_chosen_threshold(scored):
    curve, band = metrics.roc(*scored), metrics.roc_band(*scored)
    figure = roc_figure(curve, band=band, chosen=0.5)
    line = trace(figure, "score")
    np.testing.assert_array_equal(line.x, curve.false_positive_rate)
    np.testing.assert_array_equal(line.y, curve.true_positive_rate)
    assert line.name == f"score (AUC {curve.auc:.3f})"
    assert list(trace(figure, "chance").y) == [0, 1]
    assert len(trace(figure, "95 % interval").y) == 2 * len(band.x)
    star, answer = trace(figure, "chosen"), (scored[1] >= 0.5).astype(int)
    assert star.x[0] == metrics.false_alarm_rate(scored[0], answer)
    assert star.y[0] == metrics.recall(scored[0], answer)


def test_precision_recall_has_curve_prevalence_and_chosen_threshold(scored):
    curve = metrics.precision_recall(*scored)
    band = metrics.precision_recall_band(*scored)
    figure = precision_recall_figure(curve, band=band, chosen=0.5)
    np.testing.assert_array_equal(trace(figure, "score").y, curve.precision)
    assert list(trace(figure, "chance").y) == [curve.prevalence] * 2
    star, answer = trace(figure, "chosen"), (scored[1] >= 0.5).astype(int)
    assert star.x[0] == metrics.recall(scored[0], answer)
    assert star.y[0] == pytest.approx(metrics.precision(scored[0], answer))


@pytest.mark.parametrize(
    ("chosen", "place", "text"), [(np.inf, 0, "never positive"), (-np.inf, -1, "always positive")]
)
def test_never_and_always_lie_at_the_ends(scored, chosen, place, text):
    curve = metrics.roc(*scored)
    star = trace(roc_figure(curve, chosen=chosen), "chosen")
    assert star.x[0] == curve.false_positive_rate[place]
    assert text in star.name


def test_confusion_colours_shares_of_the_actual_class_and_leaves_empty_cells_blank():
    matrix = metrics.confusion_matrix(list("aaaabb"), list("aaabbb"))
    figure = confusion_figure(matrix)
    right, wrong = trace(figure, "right"), trace(figure, "wrong")
    np.testing.assert_array_equal(np.diag(right.z), [0.75, 1])
    assert wrong.z[1][0] == 0.25  # the model's answer b, of class a
    assert np.isnan(wrong.z[0][1])
    assert wrong.text[1][0] == "1<br>25.0 %"
    assert wrong.zmax == 0.25
    assert figure.layout.xaxis.title.text == "actual class"
    assert figure.layout.yaxis.autorange == "reversed"  # the first class is on top


def test_confusion_of_26_classes_has_every_name_and_counts_alone(rng):
    y = rng.integers(0, 26, 500)
    matrix = metrics.confusion_matrix(y, np.where(rng.random(500) < 0.2, (y + 1) % 26, y))
    figure = confusion_figure(matrix)
    assert "%" not in trace(figure, "right").text[0][0]
    assert len(figure.layout.xaxis.categoryarray) == 26
    assert figure.layout.xaxis.tickmode == "linear"
    assert figure.layout.height > 26 * 26


def test_perfect_answers_have_no_mistakes_to_colour():
    figure = confusion_figure(metrics.confusion_matrix([0, 1], [0, 1]))
    assert np.isnan(trace(figure, "wrong").z).all()


def test_calibration_has_shares_with_intervals_above_rows(scored):
    found = metrics.calibration(*scored)
    figure = calibration_figure(found)
    points = trace(figure, "model")
    np.testing.assert_array_equal(points.x, found.probability)
    np.testing.assert_allclose(points.y + points.error_y.array, found.high)
    np.testing.assert_allclose(points.y - points.error_y.arrayminus, found.low)
    assert sum(trace(figure, "rows").y) == 300


def test_residuals_have_both_panels_a_median_and_a_sample_of_many_rows(rng):
    prediction = rng.uniform(0, 10, 5000)
    y = prediction + 1 + rng.normal(size=5000)
    figure = residual_figure(y, prediction, unit="°C")
    points = [t for t in figure.data if t.mode == "markers"]
    assert [len(t.x) for t in points] == [MOST_POINTS] * 2
    np.testing.assert_allclose(points[0].y - points[0].x, points[1].y)
    median = trace(figure, "running median")
    assert np.mean(median.y) == pytest.approx(1, abs=0.05)  # of all rows
    assert figure.layout.xaxis2.title.text == "prediction (°C)"
    few = residual_figure(y[:30], prediction[:30])
    assert not any(t.name == "running median" for t in few.data)


def test_intervals_have_a_dot_a_bar_and_a_mark_of_no_skill():
    figure = intervals_figure(
        ["a", "b"], [0.5, 0.9], [0.4, None], [0.7, None], no_skill=[0.1, None], range_=(0, 1)
    )
    dots = trace(figure, "score")
    assert list(dots.x) == [0.5, 0.9]
    np.testing.assert_allclose(dots.error_x.array, [0.2, 0])
    np.testing.assert_allclose(dots.error_x.arrayminus, [0.1, 0])
    assert list(dots.customdata) == ["[0.4, 0.7]", "no interval"]
    assert list(trace(figure, "without skill").y) == ["a"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first on top
    assert len(intervals_figure(["a"], [1], [0], [2]).data) == 1


def test_costs_have_best_applied_never_and_always(scored):
    choice = metrics.best_threshold(*scored, false_negative_cost=5)
    figure = threshold_figure(choice, applied=0.5)
    star = trace(figure, "best")
    assert (star.x[0], star.y[0]) == (choice.threshold, choice.value)
    assert trace(figure, "applied").y[0] == choice.value_at(0.5)
    assert trace(figure, "never").y[0] == choice.never
    assert trace(figure, "always").y[0] == choice.always
    assert min(trace(figure, "cost").y) == choice.value
    never = metrics.best_threshold([0, 0, 1], [0.8, 0.9, 0.1], false_positive_cost=99)
    star = trace(threshold_figure(never), "best")
    assert np.isfinite(star.x[0])
    assert star.name == "best: never positive"
    by_f = threshold_figure(metrics.best_threshold_for_f(*scored))
    assert by_f.layout.title.text == "F1 over the threshold"
