"""The scree plot: how much each principal component contributes, and how many to keep."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.errors import DataError
from gradlab.plots.theme import BLUE, GREY, VERMILLION, apply_theme, fade


def scree_figure(
    contribution: Float[np.ndarray, " components"],
    *,
    eigenvalues: Float[np.ndarray, " components"] | None = None,
    share: float | None = 0.7,
    bend: int | None = None,
    most: int = 60,
    title: str = "Scree plot",
) -> go.Figure:
    """Draw contributions as bars joined by a line, their running sum, and where one may stop.

    Args:
        contribution: Share of each component in the whole variance, falling.
        eigenvalues: Told when the pointer rests on a bar.
        share: Marked on the running sum, with the first component that reaches it; None for none.
        bend: Number of the component at which the line bends, from 1; None for none.
        most: Components drawn at most.
        title: Of the figure.

    Raises:
        DataError: If there is no component.
    """
    if not len(contribution):
        raise DataError("a scree plot needs at least one component; got none.")
    cumulative = np.minimum(np.cumsum(contribution), 1.0)
    n = min(len(contribution), most)
    number = np.arange(1, n + 1)
    told = np.full(n, np.nan) if eigenvalues is None else eigenvalues[:n]
    hover = "component %{x}: %{y:.1%}" + ("" if eigenvalues is None else ", λ = %{customdata:.4g}")
    bars = go.Bar(
        x=number,
        y=contribution[:n],
        customdata=told,
        name="contribution",
        marker={"color": fade(BLUE, 0.55), "line": {"width": 0}},
        hovertemplate=f"{hover}<extra></extra>",
    )
    line = go.Scatter(
        x=number,
        y=contribution[:n],
        mode="lines+markers" if n <= 30 else "lines",
        line={"color": BLUE, "width": 2},
        marker={"size": 6},
        hoverinfo="skip",
        showlegend=False,
        name="scree",
    )
    total = go.Scatter(
        x=number,
        y=cumulative[:n],
        mode="lines+markers" if n <= 30 else "lines",
        name="cumulative",
        line={"color": VERMILLION, "width": 2, "dash": "dash"},
        marker={"size": 6, "symbol": "square"},
        hovertemplate="first %{x}: %{y:.1%}<extra></extra>",
    )
    figure = go.Figure([bars, line, total])
    words = []
    reached = None if share is None else np.flatnonzero(cumulative >= share - 1e-12)
    if share is not None and reached is not None:
        figure.add_hline(y=share, line={"color": GREY, "width": 1.5, "dash": "dot"})
        if len(reached):
            words.append(f"{share:.0%} with {reached[0] + 1}")
            if reached[0] < n:
                figure.add_trace(_mark(int(reached[0]), cumulative, VERMILLION, "square-open"))
    if bend is not None and bend <= n:
        words.append(f"bend at {bend}")
        figure.add_trace(_mark(bend - 1, contribution, BLUE, "circle-open"))
    note = f" (first {n} of {len(contribution)})" if n < len(contribution) else ""
    dtick = 1 if n <= 15 else None
    figure.update_xaxes(title=f"component{note}", dtick=dtick, tickangle=0, range=[0.4, n + 0.6])
    figure.update_yaxes(title="share of the variance", tickformat=".0%", range=[0, 1.04])
    full = f"{title}: {', '.join(words)}" if words else title
    figure.update_layout(title=full, height=400, bargap=0.25)
    return apply_theme(figure)


def _mark(place: int, heights: np.ndarray, colour: str, symbol: str) -> go.Scatter:
    """Return a ring around a point of a line."""
    return go.Scatter(
        x=[place + 1],
        y=[heights[place]],
        mode="markers",
        marker={"size": 15, "symbol": symbol, "color": colour, "line": {"width": 2.5}},
        showlegend=False,
        hoverinfo="skip",
    )
