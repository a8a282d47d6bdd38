"""One perceptron: its step and its line, and what a line can and cannot part."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Int, Real
from plotly.subplots import make_subplots

from gradlab.nn.perceptron.separability import best_perceptron, is_linearly_separable
from gradlab.nn.perceptron.unit import Coding, step, weighted_sum
from gradlab.plots.points import boundary_line, class_points, formula, upper_side
from gradlab.plots.theme import PURPLE, TEXT, apply_theme
from gradlab.scalars import Scalar


def perceptron_figure(
    x: Real[np.ndarray, "rows 2"],
    labels: Int[np.ndarray, " rows"],
    weights: Real[np.ndarray, " 2"],
    bias: Scalar,
    *,
    coding: Coding = "signed",
) -> go.Figure:
    """Draw the step with the rows' sums on it, and the plane with rows and decision line."""
    s = weighted_sum(x, weights, bias)
    reach = 1.25 * max(1.0, float(np.abs(s).max()))
    lower = int(step(np.array([-1.0]), coding)[0])
    figure = make_subplots(
        rows=1,
        cols=2,
        subplot_titles=("step of the sum", formula(weights, bias)),
        horizontal_spacing=0.18,
    )
    figure.add_trace(
        go.Scatter(
            x=[-reach, 0, 0, reach],
            y=[lower, lower, 1, 1],
            mode="lines",
            line={"color": TEXT, "width": 2},
            name="step",
            showlegend=False,
        ),
        row=1,
        col=1,
    )
    on_step = np.column_stack([s, step(s, coding)])
    names = (f"target {lower}", "target 1")
    for trace in class_points(on_step, labels, names, show_legend=False):
        figure.add_trace(trace, row=1, col=1)
    x_range, y_range = _frame(x[:, 0]), _frame(x[:, 1])
    figure.add_trace(upper_side(weights, bias, x_range, y_range), row=1, col=2)
    figure.add_trace(
        boundary_line(weights, bias, x_range, y_range, show_legend=False), row=1, col=2
    )
    for trace in class_points(x, labels, names):
        figure.add_trace(trace, row=1, col=2)
    figure.update_xaxes(title="s", row=1, col=1)
    figure.update_yaxes(tickvals=[lower, 0, 1], row=1, col=1)
    figure.update_xaxes(title="x₁", range=x_range, row=1, col=2)
    figure.update_yaxes(title="x₂", range=y_range, row=1, col=2)
    figure.update_layout(title="Perceptron", height=380)
    return apply_theme(figure)


def separability_figure(
    tables: dict[str, tuple[Real[np.ndarray, "_ 2"], Int[np.ndarray, " _"]]],
) -> go.Figure:
    """Draw a panel a table with the best line, and say whether it parts the classes."""
    titles = [
        f"{name}: {'separable' if is_linearly_separable(*table) else 'not separable'}"
        for name, table in tables.items()
    ]
    figure = make_subplots(rows=1, cols=len(tables), subplot_titles=titles)
    for column, (x, labels) in enumerate(tables.values(), start=1):
        weights, bias, share = best_perceptron(x, labels)
        x_range, y_range = _frame(x[:, 0]), _frame(x[:, 1])
        figure.add_trace(
            boundary_line(
                weights,
                bias,
                x_range,
                y_range,
                name=f"{share:.0%} right",
                colour=TEXT if share == 1 else PURPLE,
                dash="solid" if share == 1 else "dash",
            ),
            row=1,
            col=column,
        )
        for trace in class_points(x, labels, show_legend=column == 1):
            figure.add_trace(trace, row=1, col=column)
        figure.update_xaxes(title="x₁", range=x_range, row=1, col=column)
        figure.update_yaxes(range=y_range, row=1, col=column)
    figure.update_yaxes(title="x₂", row=1, col=1)
    figure.update_layout(title="Can one line part them?", height=380)
    return apply_theme(figure)


def _frame(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    space = 0.25 * (high - low or 1.0)
    return low - space, high + space
