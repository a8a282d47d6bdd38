"""Training and validation score along an axis: a validation curve, or a learning curve by rows."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from gradlab.plots.theme import BLUE, VERMILLION, apply_theme, fade

LOGARITHMIC = 20
"""Numbers that span more than this factor stand on a logarithmic axis."""


def model_curve_figure(
    levels: Sequence[float | str],
    *,
    train: Sequence[Sequence[float]],
    validation: Sequence[Sequence[float]],
    axis: str,
    score_name: str = "score",
    title: str | None = None,
) -> go.Figure:
    """Draw the mean of both scores over the levels, with bands of one standard deviation.

    Args:
        levels: Numbers, or names in their order.
        train: Training scores of each level.
        validation: Validation scores of each level.
        axis: What varies.
        score_name: Of the scores.
        title: Heading; None says what the curve is.
    """
    figure = go.Figure()
    for name, colour, scores in (("training", BLUE, train), ("validation", VERMILLION, validation)):
        mean = np.array([np.mean(some) for some in scores])
        spread = np.array([np.std(some) for some in scores])
        figure.add_scatter(
            x=[*levels, *reversed(levels)],
            y=[*(mean + spread), *reversed(mean - spread)],
            mode="lines",
            fill="toself",
            fillcolor=fade(colour, 0.15),
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=list(levels),
            y=mean,
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 2.5, "dash": "dash" if name == "training" else "solid"},
        )
    means = [float(np.mean(some)) for some in validation]
    best = int(np.nanargmax(means))
    figure.add_scatter(
        x=[levels[best]],
        y=[means[best]],
        mode="markers",
        name="best",
        marker={"color": VERMILLION, "size": 13, "symbol": "star"},
    )
    numbers = [level for level in levels if isinstance(level, int | float)]
    wide = len(numbers) == len(levels) and min(numbers) > 0
    if wide and max(numbers) / min(numbers) > LOGARITHMIC:
        figure.update_xaxes(type="log")
    elif len(numbers) < len(levels):
        figure.update_xaxes(type="category")
    by_rows = axis == "rows"
    figure.update_layout(
        title=title or ("Learning curve" if by_rows else f"Validation curve of {axis}"),
        height=400,
        xaxis_title="training rows" if by_rows else axis,
        yaxis_title=score_name,
    )
    return apply_theme(figure)
