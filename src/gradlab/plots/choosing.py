"""How many groups: the bend of J(K), silhouettes, and the gap statistic."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int
from plotly.subplots import make_subplots

from gradlab.plots.theme import BLUE, GREY, PALETTE, VERMILLION, apply_theme

MOST_BARS = 600
"""Rows of a silhouette plot that are drawn; of more, evenly spaced ones."""


def elbow_figure(
    ks: Sequence[int],
    distortions: Float[np.ndarray, " ks"],
    best: int,
    *,
    clear: bool,
    title: str = "Distortion J(K)",
) -> go.Figure:
    """Draw J(K) with the bend marked, or said to be none.

    Args:
        ks: Numbers of groups.
        distortions: J of each.
        best: K of the sharpest bend.
        clear: Whether it is a bend.
        title: Title.
    """
    at = list(ks).index(best)
    figure = go.Figure(_line(ks, distortions, "J(K)"))
    words = f"bend at K = {best}" if clear else "no clear bend"
    figure.add_trace(
        go.Scatter(
            x=[best],
            y=[distortions[at]],
            mode="markers+text",
            marker={
                "size": 15,
                "symbol": "circle-open" if clear else "circle-open-dot",
                "color": VERMILLION if clear else GREY,
                "line": {"width": 3 if clear else 1.5},
            },
            text=[words],
            textposition="top right",
            hoverinfo="skip",
            name="bend",
            showlegend=False,
        )
    )
    figure.update_xaxes(title="K", tickvals=list(ks))
    figure.update_yaxes(title="distortion J", rangemode="tozero")
    figure.update_layout(title=title, height=380)
    return apply_theme(figure)


def silhouette_figure(
    samples: Float[np.ndarray, " n"],
    labels: Int[np.ndarray, " n"],
    *,
    title: str | None = None,
) -> go.Figure:
    """Draw the silhouette of every row, sorted inside its group, and the mean as a line.

    Args:
        samples: Silhouette of each row.
        labels: Group of each row.
        title: Title; None names K and the mean.
    """
    groups = np.unique(labels)
    mean = float(samples.mean())
    step = max(1, -(-len(samples) // MOST_BARS))
    figure = go.Figure()
    height = 0.0
    ticks = []
    for group in groups:
        own = np.sort(samples[labels == group])
        shown = own[::step]
        y = height + np.arange(len(shown))
        colour = PALETTE[int(group) % len(PALETTE)]
        figure.add_trace(
            go.Bar(
                x=shown,
                y=y,
                orientation="h",
                width=1,
                marker={"color": colour, "line": {"width": 0}},
                name=f"group {group + 1}",
                customdata=np.full(len(shown), own.mean()),
                hovertemplate="%{x:.2f} (mean of the group %{customdata:.2f})<extra></extra>",
                showlegend=False,
            )
        )
        ticks.append((height + len(shown) / 2, f"{group + 1}<br>{len(own)} rows"))
        height += len(shown) + max(3.0, len(samples) / step / 60)
    figure.add_vline(x=mean, line={"color": GREY, "dash": "dash", "width": 1.5})
    figure.update_layout(
        title=title or f"Silhouettes, K = {len(groups)}: mean {mean:.2f}",
        height=160 + 70 * len(groups),
        bargap=0,
        barmode="overlay",
    )
    figure.update_xaxes(title="silhouette", range=[min(-0.1, float(samples.min())), 1])
    figure.update_yaxes(
        title="group",
        tickvals=[t for t, _ in ticks],
        ticktext=[words for _, words in ticks],
        showgrid=False,
    )
    return apply_theme(figure)


def silhouette_scores_figure(
    ks: Sequence[int],
    scores: Float[np.ndarray, " ks"],
    *,
    title: str = "Mean silhouette",
) -> go.Figure:
    """Draw the mean silhouette of each K, with the highest marked."""
    at = int(scores.argmax())
    figure = go.Figure(_line(ks, scores, "mean silhouette"))
    figure.add_trace(_star(ks[at], float(scores[at]), f"K = {ks[at]}"))
    figure.update_xaxes(title="K", tickvals=list(ks))
    figure.update_yaxes(title="mean silhouette")
    figure.update_layout(title=title, height=360)
    return apply_theme(figure)


def gap_figure(
    ks: Sequence[int],
    gaps: Float[np.ndarray, " ks"],
    errors: Float[np.ndarray, " ks"],
    best: int,
    *,
    title: str = "Gap statistic",
) -> go.Figure:
    """Draw gap(K) with standard errors, and the K that the rule chooses."""
    at = list(ks).index(best)
    line = _line(ks, gaps, "gap")
    line.update(error_y={"array": errors, "color": BLUE, "thickness": 1.5})
    figure = go.Figure(line)
    figure.add_trace(_star(best, float(gaps[at]), f"K = {best}"))
    figure.update_xaxes(title="K", tickvals=list(ks))
    figure.update_yaxes(title="gap (± standard error)")
    figure.update_layout(title=title, height=380)
    return apply_theme(figure)


def choice_figure(figures: Sequence[go.Figure], *, title: str = "How many groups?") -> go.Figure:
    """Put the curves of elbow, silhouette and gap below each other."""
    joined = make_subplots(
        rows=len(figures),
        cols=1,
        subplot_titles=[figure.layout["title"]["text"] for figure in figures],
        vertical_spacing=0.14,
    )
    for row, figure in enumerate(figures, start=1):
        for trace in figure.data:
            joined.add_trace(trace, row=row, col=1)
        joined.update_xaxes(title="K", tickvals=figure.layout["xaxis"]["tickvals"], row=row, col=1)
        joined.update_yaxes(title=figure.layout["yaxis"]["title"]["text"], row=row, col=1)
    joined.update_layout(title=title, height=120 + 270 * len(figures))
    return apply_theme(joined)


def _line(ks: Sequence[int], values: np.ndarray, name: str) -> go.Scatter:
    return go.Scatter(
        x=list(ks),
        y=values,
        mode="lines+markers",
        line={"color": BLUE, "width": 2.5},
        marker={"size": 8},
        name=name,
        showlegend=False,
        hovertemplate="K = %{x}: %{y:.4g}<extra></extra>",
    )


def _star(x: int, y: float, words: str) -> go.Scatter:
    return go.Scatter(
        x=[x],
        y=[y],
        mode="markers+text",
        marker={"size": 15, "symbol": "circle-open", "color": VERMILLION, "line": {"width": 3}},
        text=[words],
        textposition="top right",
        cliponaxis=False,
        name="best",
        hoverinfo="skip",
        showlegend=False,
    )
