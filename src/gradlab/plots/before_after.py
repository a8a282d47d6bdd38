"""Two settings on the same seeds, and what else was tried."""

import textwrap
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.theme import AXIS, BLUE, GREEN, GREY, VERMILLION, apply_theme

LINE = 30
"""Letters of a label's line, so that a narrow screen has room for the figure beside it."""


def before_after_figure(
    before: Float[np.ndarray, " seeds"],
    after: Float[np.ndarray, " seeds"],
    *,
    what: str,
    percent: bool = False,
    title: str = "",
) -> go.Figure:
    """Draw a line for each seed from its score before to that after, rising ones in green."""
    figure = go.Figure()
    for i, (low, high) in enumerate(zip(before, after, strict=True)):
        better = bool(high > low)
        figure.add_trace(
            go.Scatter(
                x=["before", "after"],
                y=[float(low), float(high)],
                mode="lines+markers",
                name=f"seed {i + 1}",
                showlegend=False,
                line={
                    "color": GREEN if better else VERMILLION,
                    "dash": "solid" if better else "dot",
                    "width": 1.5,
                },
                marker={"size": 8, "color": [GREY, GREEN if better else VERMILLION]},
                hovertemplate=f"seed {i + 1}: %{{y}}<extra></extra>",
            )
        )
    figure.update_yaxes(title=what, tickformat=".0%" if percent else None)
    figure.update_xaxes(range=(-0.4, 1.4))
    figure.update_layout(title=title or f"{what}, seed by seed", height=360)
    return apply_theme(figure)


def attempts_figure(
    names: Sequence[str],
    scores: Sequence[Sequence[float]],
    *,
    what: str,
    chosen: int | None = None,
    percent: bool = False,
    title: str = "",
) -> go.Figure:
    """Draw a row for everything that was tried: a dot a seed, a bar at the mean.

    Args:
        names: From the top; the first is the setting before, whose mean is a dotted line.
        scores: Of each, one a seed.
        what: Of the horizontal axis.
        chosen: Row of the one taken.
        percent: Show shares as percent.
        title: Of the figure.
    """
    figure = go.Figure()
    broken = ["<br>".join(textwrap.wrap(name, LINE)) or "–" for name in names]
    rows = [f"<b>{name}</b>" if i == chosen else name for i, name in enumerate(broken)]
    lines = sum(1 + name.count("<br>") for name in broken)
    for i, values in enumerate(scores):
        colour = GREEN if i == chosen else GREY if i == 0 else BLUE
        figure.add_trace(
            go.Scatter(
                x=[float(value) for value in values],
                y=[rows[i]] * len(values),
                mode="markers",
                marker={"color": colour, "size": 7, "opacity": 0.6},
                showlegend=False,
                name=names[i],
            )
        )
        figure.add_trace(
            go.Scatter(
                x=[float(np.mean(values))],
                y=[rows[i]],
                mode="markers",
                marker={
                    "color": colour,
                    "size": 16,
                    "symbol": "line-ns",
                    "line": {"color": colour, "width": 3},
                },
                showlegend=False,
                name=f"{names[i]}, mean",
            )
        )
    figure.add_vline(x=float(np.mean(scores[0])), line={"color": AXIS, "dash": "dot"})
    figure.update_yaxes(autorange="reversed", type="category", categoryorder="array")
    figure.update_yaxes(categoryarray=rows)
    figure.update_xaxes(title=what, tickformat=".0%" if percent else None)
    figure.update_layout(title=title or "What was tried", height=120 + 10 * len(names) + 17 * lines)
    return apply_theme(figure)
