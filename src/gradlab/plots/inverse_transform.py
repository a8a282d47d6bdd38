"""Inverse transform sampling: from uniform numbers by the distribution function to samples."""

from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.errors import DataError
from gradlab.plots.theme import BLUE, GREEN, VERMILLION, apply_theme, fade

ARROWS = 9


def inverse_transform_figure(
    cdf: Callable[[Float[np.ndarray, " n"]], Float[np.ndarray, " n"]],
    samples: Float[np.ndarray, " samples"],
    *,
    title: str = "x = F⁻¹(u)",
) -> go.Figure:
    """Draw F, ways from evenly spread u to their x, and how the samples lie.

    Args:
        cdf: F of an array of numbers.
        samples: Numbers drawn, at least 2 different ones.
        title: Of the figure.

    Raises:
        DataError: If all samples are equal.
    """
    low, high = np.quantile(samples, [0.001, 0.999])
    if not high > low:
        raise DataError(f"samples: expected numbers that differ; all are {low:g}.")
    room = 0.05 * (high - low)
    places = np.linspace(low - room, high + room, 400)
    heights = np.asarray(cdf(places))
    figure = go.Figure(
        go.Histogram(
            x=samples[(samples >= low - room) & (samples <= high + room)],
            yaxis="y2",
            marker={"color": fade(GREEN, 0.35)},
            nbinsx=60,
            name="samples x",
            hoverinfo="skip",
        )
    )
    marks = (np.arange(ARROWS) + 0.5) / ARROWS
    ends = np.sort(samples)[np.minimum((marks * len(samples)).astype(int), len(samples) - 1)]
    x, y = [], []
    for u, end in zip(marks, ends, strict=True):
        x += [places[0], end, end, None]
        y += [u, u, 0.0, None]
    figure.add_trace(
        go.Scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": VERMILLION, "width": 1, "dash": "dot"},
            name="from u to x",
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=places,
            y=heights,
            mode="lines",
            line={"color": BLUE, "width": 2.5},
            name="F(x)",
            hovertemplate="F(%{x:.3g}) = %{y:.3f}<extra></extra>",
        )
    )
    figure.update_layout(
        title=title,
        height=400,
        bargap=0.05,
        yaxis2={"overlaying": "y", "side": "right", "showticklabels": False, "showgrid": False},
    )
    apply_theme(figure)
    figure.update_xaxes(title="x", range=[places[0], places[-1]])
    figure.update_layout(yaxis={"title": "u", "range": [0, 1.02]})
    return figure
