"""What the pictures of drift, splits, bias and variance contain."""

import numpy as np
import pytest

from gradlab.data import load_dataset, split_rows
from gradlab.metrics import ACTIONS, Drift, judge_fit
from gradlab.plots.bias_variance import action_figure, bias_variance_figure
from gradlab.plots.drift import drift_figure
from gradlab.plots.flow import Arrow, Box, flow_figure
from gradlab.plots.learning_curve import learning_curve_figure
from gradlab.plots.splits import model_selection_figure, split_bars_figure

FITS = {
    "small": judge_fit(0.70, 0.69, wanted_score=0.98),
    "big": judge_fit(0.99, 0.80, wanted_score=0.98),
    "good": judge_fit(0.97, 0.96, wanted_score=0.98),
}


def trace(figure, name):
    return next(t for t in figure.data if t.name == name)


def words(figure):
    """Return the texts of boxes and of arrows."""
    return [*trace(figure, "steps").text, *(a.text for a in figure.layout.annotations if a.text)]


# Drift


def test_drift_has_a_line_for_every_layer_variant_and_quantity():
    values = np.arange(6.0).reshape(2, 3)
    drifts = {"no norm": Drift(values, 2 * values), "batch norm": Drift(3 * values, 4 * values)}
    figure = drift_figure(drifts, [0, 5, 20])
    for factors, variant in (((1, 2), "no norm"), ((3, 4), "batch norm")):
        for i in range(2):
            lines = [t for t in figure.data if t.name == f"{variant}, layer {i + 1}"]
            for line, factor in zip(lines, factors, strict=True):  # mean above, deviation below
                assert list(line.x) == [0, 5, 20]
                np.testing.assert_array_equal(line.y, factor * values[i])
    solid, dashed = (t.line for t in figure.data if t.name.endswith("layer 1") and t.showlegend)
    assert (solid.color, solid.dash) != (dashed.color, dashed.dash)
    assert solid.color == dashed.color


# Splits


class TestPicturesOfModelSelection:
    """The set of pictures: curve, bars, distances, loop, actions."""

    pytestmark = pytest.mark.catalogue("PIC-58")

    def test_the_minimum_of_the_learning_curve_is_marked(self):
        validation = np.array([1.0, 0.5, 0.7])
        figure = learning_curve_figure(np.array([0.9, 0.4, 0.1]), validation)
        assert {"training", "validation"} <= {t.name for t in figure.data}
        star = trace(figure, "t_opt")
        assert (star.x[0], star.y[0], star.text[0]) == (2, 0.5, "t_opt = 2")

    def test_split_bars_are_as_long_as_the_shares(self):
        def parts(*sizes):
            names = ("training", "validation", "test")
            return {name: np.arange(size) for name, size in zip(names, sizes, strict=True)}

        figure = split_bars_figure({"7:3": parts(70, 0, 30), "5:3:2": parts(50, 30, 20)})
        assert list(trace(figure, "training").x) == [70, 50]
        assert list(trace(figure, "validation").x) == [0, 30]
        assert list(trace(figure, "test").x) == [30, 20]
        assert list(trace(figure, "validation").text) == ["", "30<br>30 %"]
        assert figure.layout.barmode == "stack"

    def test_bars_of_a_real_split_fill_the_width(self):
        split = split_rows(load_dataset("iris"), ratios=(5, 3, 2))
        bars = {"training": split.train, "validation": split.validation, "test": split.test}
        figure = split_bars_figure({"iris": bars})
        assert [t.text[0] for t in figure.data] == ["75<br>50 %", "45<br>30 %", "30<br>20 %"]
        assert sum(t.x[0] for t in figure.data) == pytest.approx(100)

    def test_bias_and_variance_are_the_distances_between_three_errors(self):
        figure = bias_variance_figure(FITS)
        assert trace(figure, "bias").y[0] == "small<br>high bias"
        np.testing.assert_allclose(trace(figure, "wanted error").x, 0.02, atol=1e-9)
        np.testing.assert_allclose(trace(figure, "training error").x, [0.3, 0.01, 0.03])
        np.testing.assert_allclose(trace(figure, "validation error").x, [0.31, 0.2, 0.04])
        for part, distances in (("bias", [0.28, -0.01, 0.01]), ("variance", [0.01, 0.19, 0.01])):
            ends = np.array(trace(figure, part).x, float).reshape(3, 3)
            np.testing.assert_allclose(ends[:, 1] - ends[:, 0], distances, atol=1e-9)
            assert np.isnan(ends[:, 2]).all()  # the pen is lifted between models

    def test_a_model_without_a_wanted_error_has_no_bias(self):
        figure = bias_variance_figure({"known": FITS["big"], "open": judge_fit(0.9, 0.5)})
        assert list(trace(figure, "wanted error").x)[1] is None
        assert set(filter(None, trace(figure, "bias").y)) == {"known<br>high variance"}
        assert "open<br>high variance" in trace(figure, "variance").y

    def test_the_loop_names_which_rows_serve_which_step(self):
        text = " ".join(words(model_selection_figure()))
        places = [text.index(part) for part in ("training", "validation", "test")]
        assert places == sorted(places)
        assert "next idea" in text

    def test_the_chart_names_every_action_at_a_yes(self):
        figure = action_figure()
        text = " ".join(words(figure)).replace("<br>", " ")
        for action in (*ACTIONS["bias"], *ACTIONS["variance"]):
            assert action in text
        assert text.count("yes") == text.count(" no") == 2


def test_arrows_go_from_edge_to_edge():
    boxes = {
        "a": Box("A", 0, 0, "#000000"),
        "b": Box("B", 0, -1, "#000000"),
        "c": Box("C", 1, -1, "#000000"),
    }
    arrows = [Arrow("a", "b"), Arrow("b", "c", "go"), Arrow("b", "a", "back", around=True)]
    figure = flow_figure(boxes, arrows, title="t")
    ends = [(a.ax, a.ay, a.x, a.y) for a in figure.layout.annotations if a.showarrow]
    np.testing.assert_allclose(ends[0], (0, -0.3, 0, -0.7))
    np.testing.assert_allclose(ends[1], (0.44, -1, 0.56, -1))
    assert ends[2][2:] == (0.44, 0)  # back to the right edge of A
    assert [a.text for a in figure.layout.annotations if a.text] == ["go", "back"]
