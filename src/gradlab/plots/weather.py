"""The weather table: three readings of one sum, and the learning rule at work."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Int, Real

from gradlab.nn.perceptron.learning import LearningHistory
from gradlab.nn.perceptron.weather import Outputs
from gradlab.plots.tables import table_trace
from gradlab.plots.theme import BLUE, GREEN, GREY, VERMILLION, apply_theme


def three_outputs_figure(labels: Int[np.ndarray, " rows"], outputs: Outputs) -> go.Figure:
    """Draw the step, the linear and the sigmoid output of every row beside its target."""
    rows = np.arange(1, len(labels) + 1)
    figure = go.Figure(
        go.Scatter(
            x=rows,
            y=labels,
            mode="markers",
            name="target",
            marker={"symbol": "circle-open", "size": 22, "color": GREY, "line": {"width": 2}},
        )
    )
    for name, values, colour, symbol in (
        ("step", outputs.step, BLUE, "square"),
        ("linear", outputs.linear, VERMILLION, "diamond"),
        ("sigmoid", outputs.sigmoid, GREEN, "circle"),
    ):
        figure.add_trace(
            go.Scatter(
                x=rows,
                y=values,
                mode="markers",
                name=name,
                marker={"color": colour, "symbol": symbol, "size": 10},
            )
        )
    figure.update_layout(
        title="Weather: three outputs ŷ",
        height=380,
        xaxis={"title": "row", "dtick": 1},
        yaxis={"title": "ŷ"},
    )
    return apply_theme(figure)


def learning_table_figure(
    x: Real[np.ndarray, "rows 2"], labels: Int[np.ndarray, " rows"], history: LearningHistory
) -> go.Figure:
    """Write every step of the learning rule: the row, its answer and the weights after it."""
    lines = []
    for i, (answers, weights, biases) in enumerate(
        zip(history.predictions, history.weights, history.biases, strict=True), start=1
    ):
        for j, answer in enumerate(answers):
            changed = answer != labels[j]
            lines.append(
                (
                    f"{i}.{j + 1}",
                    f"{x[j, 0]:g}, {x[j, 1]:g}",
                    f"{labels[j]}",
                    f"{answer}{' ✗' if changed else ''}",
                    f"{weights[j, 0]:.2f}, {weights[j, 1]:.2f}, {biases[j]:.2f}",
                )
            )
    header = ("pass.row", "x₁, x₂", "y", "ŷ", "w₁, w₂, w₀")
    figure = go.Figure(table_trace(header, lines, widths=(1.1, 1.1, 0.5, 0.8, 2)))
    figure.update_layout(title="Perceptron learning rule", height=130 + 26 * (len(lines) + 1))
    return apply_theme(figure)
