"""Activation functions with their slopes."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.theme import BLUE, GREY, VERMILLION, apply_theme, fade

FLAT = 0.02
"""A slope below this counts as saturated, as in `nn.activations.saturated_share`."""


def activation_figure(
    name: str,
    s: Float[np.ndarray, " points"],
    values: Float[np.ndarray, " points"],
    slopes: Float[np.ndarray, " points"],
    *,
    mark_saturation: bool = False,
) -> go.Figure:
    """Draw h(s) and h'(s), and shade where the slope is nearly 0 if `mark_saturation`."""
    figure = go.Figure(
        [
            go.Scatter(x=s, y=values, name="h(s)", line={"color": BLUE, "width": 3}),
            go.Scatter(
                x=s, y=slopes, name="h′(s)", line={"color": VERMILLION, "width": 2, "dash": "dash"}
            ),
        ]
    )
    if mark_saturation:
        for left, right in saturation_zones(s, slopes):
            figure.add_vrect(
                x0=left,
                x1=right,
                fillcolor=fade(GREY, 0.18),
                line_width=0,
                annotation_text="saturated",
                annotation_position="top",
            )
    low, high = (float(f(np.concatenate([values, slopes]))) for f in (np.min, np.max))
    space = 0.12 * (high - low)
    figure.update_yaxes(range=(low - space, high + space))
    figure.update_layout(title=name, xaxis_title="sum s", height=360)
    return apply_theme(figure)


def saturation_zones(
    s: Float[np.ndarray, " points"], slopes: Float[np.ndarray, " points"]
) -> list[tuple[float, float]]:
    """Return the intervals of s where the slope is below 0.02.

    >>> s = np.linspace(-2.0, 2.0, 5)
    >>> saturation_zones(s, np.array([0.0, 0.0, 1.0, 1.0, 0.01]))
    [(-2.0, -1.0), (2.0, 2.0)]
    """
    flat = np.abs(slopes) < FLAT
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat, [False]]).astype(int)))
    pairs = edges.reshape(-1, 2)
    return [(float(s[first]), float(s[after - 1])) for first, after in pairs]


def sigmoid_slope_figure() -> go.Figure:
    """Draw the sigmoid and its slope with the greatest slope, 0.25 at 0, marked."""
    s = np.linspace(-6, 6, 241)
    sigmoid = 1 / (1 + np.exp(-s))
    figure = activation_figure("Sigmoid and its slope", s, sigmoid, sigmoid * (1 - sigmoid))
    figure.add_trace(
        go.Scatter(
            x=[0.0],
            y=[0.25],
            mode="markers+text",
            text=["0.25"],
            textposition="top center",
            marker={"color": VERMILLION, "size": 10},
            name="greatest slope",
        )
    )
    return figure
