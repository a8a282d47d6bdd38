"""What the pictures of projections, of dimensions and of merged variables contain."""

import numpy as np
import pytest

from gradlab.plots.dimensionality import dimension_error_figure, hypercube_figure
from gradlab.plots.merges import merge_tree_figure
from gradlab.plots.projections import components_figure, projection_axes_figure

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(size=(50, 2)), RNG.normal(size=(70, 2)) + 4])
LABELS = np.repeat(["a", "b"], [50, 70])


def trace(figure, name):
    return next(t for t in figure.data if t.name == name)


@pytest.mark.catalogue("PIC-52")
def test_error_over_dimension_is_a_pair_of_curves_theory_falls_and_practice_has_a_minimum():
    d = np.array([1, 10, 100])
    practice, theory = np.array([0.2, 0.1, 0.3]), np.array([0.2, 0.08, 0.01])
    figure = dimension_error_figure(d, {"10 rows": practice}, theory)
    np.testing.assert_allclose(trace(figure, "10 rows").y, 100 * practice)
    np.testing.assert_allclose(trace(figure, "theory: optimal rule").y, 100 * theory)
    star = trace(figure, "least, 10 rows")
    assert (star.x[0], star.y[0]) == (10, pytest.approx(10))
    edges = hypercube_figure()
    line = trace(edges, "1 % of the data")
    assert line.y[list(line.x).index(10)] == pytest.approx(0.630957, abs=5e-7)
    assert {"0.63", "0.79"} <= {a.text for a in edges.layout.annotations}


@pytest.mark.catalogue("PIC-54")
def test_each_axis_has_a_line_among_the_points_and_a_histogram_of_each_class():
    axes = {"PCA": np.array([1.0, 0.0]), "LDA": np.array([1.0, 1.0])}
    figure = projection_axes_figure(X, LABELS, axes, notes={"LDA": "overlap 1 %"}, bins=10)
    assert len(trace(figure, "a").x) == 50
    assert len(trace(figure, "b").x) == 70
    for name, direction in axes.items():
        line = trace(figure, f"{name} axis")
        ends = np.array([line.x, line.y])
        step = ends[:, 1] - ends[:, 0]
        assert abs(step @ direction) == pytest.approx(
            np.linalg.norm(step) * np.linalg.norm(direction)
        )
        np.testing.assert_allclose(ends.mean(axis=1), X.mean(axis=0))
        unit = direction / np.linalg.norm(direction)
        along = (X - X.mean(axis=0)[None, :]) @ unit
        for label in "ab":
            bars = trace(figure, f"{label} on {name}")
            assert sum(bars.y) == pytest.approx(1)
            mean = float(np.dot(bars.x, bars.y))
            width = bars.x[1] - bars.x[0]
            assert abs(mean - along[label == LABELS].mean()) < width / 2
    assert {"PCA", "LDA: overlap 1 %"} <= {a.text for a in figure.layout.annotations}


def test_components_of_several_methods_stand_side_by_side():
    panels = {"PCA": X, "kernel": 2 * X, "one": X[:, :1]}
    figure = components_figure(panels, LABELS)
    assert [a.text for a in figure.layout.annotations] == list(panels)
    assert len(figure.data) == 6
    assert [t.showlegend for t in figure.data] == [True, True, False, False, False, False]
    np.testing.assert_array_equal(figure.data[2].x, 2 * X[LABELS == "a", 0])
    np.testing.assert_array_equal(figure.data[5].y, np.flatnonzero(LABELS == "b"))


def test_the_tree_joins_what_was_merged_where_it_was():
    figure = merge_tree_figure(["a", "b", "a very long name of it"], [(0, 2), (3, 1)], [0.9, -0.4])
    dots = trace(figure, "merges")
    np.testing.assert_allclose(dots.x, [0.1, 0.6])
    np.testing.assert_allclose(dots.y, [0.5, 1.25])  # a and the long name are neighbours
    assert list(figure.layout.yaxis.ticktext) == ["a", "a very long name …", "b"]
    positive, negative = (
        trace(figure, "positive correlation"),
        trace(figure, "negative, one is turned"),
    )
    assert positive.line.dash == "solid"
    assert negative.line.dash == "dash"
    assert list(negative.x) == [pytest.approx(0.1), 0.6, 0.6, 0.0, None]


def test_a_merge_of_larger_correlation_than_its_parts_still_comes_after_them():
    figure = merge_tree_figure(["a", "b", "c"], [(0, 1), (3, 2)], [0.5, 0.8])
    np.testing.assert_allclose(trace(figure, "merges").x, [0.5, 0.5])


def test_variables_that_were_not_merged_are_leaves_too():
    figure = merge_tree_figure(["a", "b"], [], [])
    assert list(figure.layout.yaxis.ticktext) == ["a", "b"]
