"""Contours of the loss around a solution."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.theme import SEQUENTIAL, VERMILLION, apply_theme


def loss_surface_figure(
    along: Float[np.ndarray, " points"],
    loss: Float[np.ndarray, "points points"],
    *,
    title: str = "Loss surface",
) -> go.Figure:
    """Draw filled contours, evenly spaced in the logarithm of the rise, and mark the middle.

    Args:
        along: Coordinates in both directions.
        loss: The second direction down the rows, the first across.
        title: Of the figure.
    """
    finite = np.where(np.isfinite(loss), loss, np.nan)
    low = float(np.nanmin(finite))
    span = float(np.nanmax(finite)) - low
    heights = np.log10(finite - low + 1e-3 * max(span, 1e-12))
    marks = np.linspace(np.nanmin(heights), np.nanmax(heights), 6)
    figure = go.Figure(
        go.Contour(
            x=along,
            y=along,
            z=heights,
            customdata=finite,
            ncontours=18,
            colorscale=SEQUENTIAL,
            line={"width": 0.5},
            hovertemplate="(%{x:.2f}, %{y:.2f}): loss %{customdata:.4g}<extra></extra>",
            colorbar={
                "title": {"text": "loss", "side": "right"},
                "tickvals": marks,
                "ticktext": [f"{10**m + low - 1e-3 * max(span, 1e-12):.3g}" for m in marks],
                "thickness": 14,
            },
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[0],
            y=[0],
            mode="markers",
            marker={
                "symbol": "x",
                "size": 12,
                "color": VERMILLION,
                "line": {"width": 1, "color": "white"},
            },
            hovertemplate="the weights<extra></extra>",
            showlegend=False,
        )
    )
    figure.update_xaxes(title="first direction", constrain="domain")
    figure.update_yaxes(title="second direction", scaleanchor="x", constrain="domain")
    figure.update_layout(title=title, height=460)
    return apply_theme(figure)
