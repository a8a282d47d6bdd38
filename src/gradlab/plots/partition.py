"""A hard and a soft decision over the plane."""

from typing import Literal

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Real
from plotly.subplots import make_subplots

from gradlab.nn.perceptron.boundary import Interval
from gradlab.nn.perceptron.regions import grid, partition_map
from gradlab.plots.theme import SEQUENTIAL, apply_theme
from gradlab.scalars import Positive, Scalar


def partition_figure(
    weights: Real[np.ndarray, " 2"],
    bias: Scalar,
    x_range: Interval,
    y_range: Interval,
    *,
    slope: Positive = 4.0,
) -> go.Figure:
    """Draw a unit's answer over the plane, with a step on the left and a sigmoid on the right."""
    points = grid(x_range, y_range, 120)
    figure = make_subplots(
        rows=1, cols=2, subplot_titles=("hard: step", "soft: sigmoid"), shared_yaxes=True
    )
    decisions: tuple[Literal["hard", "soft"], ...] = ("hard", "soft")
    for column, decision in enumerate(decisions, start=1):
        figure.add_trace(
            go.Heatmap(
                x=points[0, :, 0],
                y=points[:, 0, 1],
                z=partition_map(weights, bias, points, decision=decision, slope=slope),
                coloraxis="coloraxis",
                name=decision,
            ),
            row=1,
            col=column,
        )
    figure.update_xaxes(title="x₁", nticks=4)
    figure.update_yaxes(title="x₂", row=1, col=1)
    figure.update_layout(
        title="Hard and soft partition",
        height=420,
        coloraxis={
            "colorscale": SEQUENTIAL,
            "cmin": 0,
            "cmax": 1,
            "colorbar": {
                "title": {"text": "answer", "side": "top"},
                "thickness": 12,
                "orientation": "h",
                "y": -0.25,
                "yanchor": "top",
            },
        },
    )
    return apply_theme(figure)
