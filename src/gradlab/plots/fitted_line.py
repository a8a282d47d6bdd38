"""A line through points, with what it misses."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Real

from gradlab.plots.theme import GREY, PALETTE, apply_theme


def fitted_line_figure(
    x: Real[np.ndarray, " n"],
    y: Real[np.ndarray, " n"],
    weight: float,
    bias: float,
    *,
    title: str = "A line through points",
) -> go.Figure:
    """Draw points, the line ŷ = weight · x + bias, and the residual of each point, dotted.

    Args:
        x: Inputs.
        y: Targets.
        weight: Slope of the line.
        bias: Its height at 0.
        title: Title.

    >>> figure = fitted_line_figure(np.array([0.0, 1.0]), np.array([0.0, 2.0]), 1.0, 0.0)
    >>> [trace.name for trace in figure.data]
    ['points', 'line', 'residuals']
    """
    ends: Float[np.ndarray, 2] = np.array([x.min(), x.max()], float)
    fitted = weight * x + bias
    apart = np.full(len(x), np.nan)
    figure = go.Figure(
        [
            go.Scatter(x=x, y=y, mode="markers", name="points", marker={"size": 9}),
            go.Scatter(
                x=ends,
                y=weight * ends + bias,
                mode="lines",
                name="line",
                line={"color": PALETTE[1]},
            ),
            go.Scatter(
                x=np.stack([x, x, apart], axis=1).reshape(-1),
                y=np.stack([y, fitted, apart], axis=1).reshape(-1),
                mode="lines",
                name="residuals",
                line={"color": GREY, "dash": "dot", "width": 1.5},
                hoverinfo="skip",
            ),
        ]
    )
    figure.update_layout(title=title, height=380, xaxis_title="x", yaxis_title="y")
    return apply_theme(figure)
