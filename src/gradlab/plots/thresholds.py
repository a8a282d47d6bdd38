"""What every threshold costs, and the one that was chosen."""

import numpy as np
import plotly.graph_objects as go

from gradlab.metrics.thresholds import ThresholdChoice
from gradlab.plots.roc import threshold_text
from gradlab.plots.theme import BLUE, GREY, ORANGE, VERMILLION, apply_theme
from gradlab.scalars import Scalar


def threshold_figure(
    choice: ThresholdChoice,
    *,
    applied: Scalar | None = None,
    title: str | None = None,
) -> go.Figure:
    """Draw the cost a row (or the measure) over the threshold, with the best one marked.

    Args:
        choice: From `gradlab.metrics.best_threshold` and its like.
        applied: Threshold behind the present answers, such as 0.5, marked too.
        title: Title.
    """
    shown = choice.thinned()
    inside = np.isfinite(shown.thresholds)
    x, y = shown.thresholds[inside], shown.values[inside]
    figure = go.Figure(
        go.Scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": BLUE, "width": 2.5},
            name="cost a row" if choice.lower_is_better else "value",
            hovertemplate="threshold %{x:.4g}: %{y:.4g}<extra></extra>",
        )
    )
    ends = (float(x.min()), float(x.max())) if len(x) else (0.0, 1.0)
    for name, value, dash in (
        ("always positive", choice.always, "dash"),
        ("never positive", choice.never, "dot"),
    ):
        figure.add_trace(
            go.Scatter(
                x=list(ends),
                y=[value, value],
                mode="lines",
                line={"color": GREY, "dash": dash, "width": 1.5},
                name=name,
            )
        )
    # Never and always have no place on the axis; they are marked at its ends.
    place = float(np.clip(choice.threshold, *ends))
    figure.add_trace(
        go.Scatter(
            x=[place],
            y=[choice.value],
            mode="markers",
            marker={"color": VERMILLION, "size": 14, "symbol": "star"},
            name=f"best: {threshold_text(choice.threshold)}",
        )
    )
    if applied is not None:
        figure.add_trace(
            go.Scatter(
                x=[float(applied)],
                y=[choice.value_at(applied)],
                mode="markers",
                marker={"color": ORANGE, "size": 8, "symbol": "diamond"},
                name=f"applied: {float(applied):.3g}",
            )
        )
    what = "Cost a row" if choice.lower_is_better else choice.rule.removeprefix("highest ")
    figure.update_layout(title=title or f"{what} over the threshold", height=420)
    figure.update_xaxes(title="threshold: positive from this score on")
    figure.update_yaxes(
        title="expected cost a row" if choice.lower_is_better else what, rangemode="tozero"
    )
    return apply_theme(figure)
