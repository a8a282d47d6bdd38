"""Figures of the doctor: range test, layers over time, runs, before and after."""

import numpy as np
import pytest

from gradlab.plots.before_after import attempts_figure, before_after_figure
from gradlab.plots.layers_over_time import MOST_LINES, layers_over_time_figure
from gradlab.plots.range_test import range_test_figure
from gradlab.plots.runs import runs_figure
from gradlab.plots.theme import GREEN, VERMILLION

RATES = 10.0 ** np.arange(-4, 2)


def test_range_test_shades_where_it_diverges_and_keeps_the_true_loss():
    loss = np.array([2.2, 1.0, 0.3, 900.0, np.inf, np.inf])
    figure = range_test_figure(RATES, loss, start=2.3, used=0.01)
    line = figure.data[0]
    assert max(y for y in line.y if np.isfinite(y)) <= 1.6 * 2.3
    assert line.customdata[3] == 900
    shaded = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert shaded[0].x0 < 1.0 < shaded[0].x1
    assert any(a.text == "in use: 0.01" for a in figure.layout.annotations)


def test_range_test_without_divergence_shades_nothing():
    figure = range_test_figure(RATES, np.linspace(2, 1, 6), start=2.3, used=0.01)
    assert not [shape for shape in figure.layout.shapes if shape.type == "rect"]


def test_few_layers_are_lines_and_many_are_rows_of_colour():
    time = np.arange(5.0)
    few = layers_over_time_figure(time, np.ones((5, 3)), ["a", "b", "c"], what="gradient norm")
    assert [trace.name for trace in few.data] == ["a", "b", "c"]
    n = MOST_LINES + 1
    names = [f"layer {i}" for i in range(n)]
    many = layers_over_time_figure(time, np.ones((5, n)), names, what="dead units", percent=True)
    assert many.data[0].type == "heatmap"
    assert np.asarray(many.data[0].z).shape == (n, 5)
    assert (many.data[0].zmin, many.data[0].zmax) == (0, 1)


def test_zeros_and_unknown_values_leave_gaps_on_a_logarithmic_scale():
    values = np.array([[1.0], [0.0], [np.nan], [np.inf], [0.1]])
    figure = layers_over_time_figure(np.arange(5.0), values, ["a"], what="g", logarithmic=True)
    np.testing.assert_array_equal(np.isfinite(figure.data[0].y), [True, False, False, False, True])


def test_runs_show_every_run_and_their_median():
    runs = np.array([[1.0, 0.5], [2.0, 0.7], [3.0, np.nan]])
    figure = runs_figure({"training": runs}, what="loss", levels={"constant answer": 0.9})
    assert len(figure.data) == 4
    np.testing.assert_allclose(figure.data[-1].y, [2.0, 0.6])
    assert figure.layout.annotations[0].text == "constant answer"


def test_a_part_that_is_not_known_is_not_drawn():
    empty = np.full((2, 3), np.nan)
    figure = runs_figure({"training": np.ones((2, 3)), "validation": empty}, what="loss")
    assert {trace.name for trace in figure.data if trace.showlegend is not False} == {"training"}


@pytest.mark.parametrize(("low", "high", "scale"), [(1e-4, 1.0, "log"), (0.5, 1.0, None)])
def test_only_losses_over_decades_get_a_logarithmic_scale(low, high, scale):
    figure = runs_figure({"training": np.array([[high, low]])}, what="loss", logarithmic=True)
    assert figure.layout.yaxis.type == scale


def test_seeds_that_the_cure_harms_are_marked():
    figure = before_after_figure(np.array([0.2, 0.6]), np.array([0.5, 0.4]), what="accuracy")
    assert [trace.line.color for trace in figure.data] == [GREEN, VERMILLION]
    assert [trace.line.dash for trace in figure.data] == ["solid", "dot"]


def test_what_was_chosen_is_bold_and_long_names_are_broken():
    long = "learning rate 0.1 → 0.01 and scaling of inputs none → standard"
    figure = attempts_figure(["as it is", long], [[0.1, 0.2], [0.5, 0.6]], what="R²", chosen=1)
    assert figure.data[2].y[0].startswith("<b>learning rate")
    assert "<br>" in figure.data[2].y[0]
    assert list(figure.layout.yaxis.categoryarray) == [figure.data[0].y[0], figure.data[2].y[0]]
