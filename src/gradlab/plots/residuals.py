"""Predicted numbers against the truth, and what is left over."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Num
from plotly.subplots import make_subplots

from gradlab.plots.theme import BLUE, GREY, VERMILLION, apply_theme, fade

MOST_POINTS = 3000
"""More rows than this are sampled, so that the page stays small."""

ROWS_A_BIN = 20


def residual_figure(
    y: Num[np.ndarray, " rows"],
    prediction: Num[np.ndarray, " rows"],
    *,
    unit: str = "",
    seed: int = 0,
    title: str = "Predictions and what is left",
) -> go.Figure:
    """Draw truth over prediction, and below it the residuals y - ŷ over the prediction.

    Good residuals scatter evenly about 0. A running median off 0 is a lean or a missed curve; a
    band of the middle 80 % that widens says that large predictions are less sure.

    Args:
        y: Truth.
        prediction: Predictions.
        unit: Of both, for the axes.
        seed: Of the sample that is drawn, beyond 3,000 rows.
        title: Title.
    """
    y, prediction = y.astype(np.float64), prediction.astype(np.float64)
    shown = np.arange(len(y))
    if len(y) > MOST_POINTS:
        shown = np.sort(np.random.default_rng(seed).choice(len(y), MOST_POINTS, replace=False))
    dot = {"color": fade(BLUE, 0.5), "size": 5}
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.07, row_heights=[0.55, 0.45]
    )
    ends = [float(prediction.min()), float(prediction.max())]
    figure.add_trace(
        go.Scatter(x=prediction[shown], y=y[shown], mode="markers", marker=dot, name="rows"),
        row=1,
        col=1,
    )
    figure.add_trace(
        go.Scatter(
            x=ends, y=ends, mode="lines", line={"color": GREY, "dash": "dot"}, name="perfect"
        ),
        row=1,
        col=1,
    )
    residual = y - prediction
    figure.add_trace(
        go.Scatter(
            x=prediction[shown], y=residual[shown], mode="markers", marker=dot, showlegend=False
        ),
        row=2,
        col=1,
    )
    figure.add_trace(
        go.Scatter(
            x=ends,
            y=[0, 0],
            mode="lines",
            line={"color": GREY, "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
        ),
        row=2,
        col=1,
    )
    _add_running_quantiles(figure, prediction, residual)
    named = f" ({unit})" if unit else ""
    figure.update_layout(title=title, height=620)
    figure.update_xaxes(title=f"prediction{named}", row=2, col=1)
    figure.update_yaxes(title=f"truth{named}", row=1, col=1)
    figure.update_yaxes(title="truth − prediction", row=2, col=1)
    return apply_theme(figure)


def _add_running_quantiles(
    figure: go.Figure, prediction: Num[np.ndarray, " rows"], residual: Num[np.ndarray, " rows"]
) -> None:
    """Add median and middle 80 % of the residuals in bins of as many rows each."""
    n_bins = min(len(prediction) // ROWS_A_BIN, 20)
    if n_bins < 3:
        return
    bins = np.array_split(np.argsort(prediction, kind="stable"), n_bins)
    middle = [float(prediction[rows].mean()) for rows in bins]
    low, median, high = np.array([np.quantile(residual[rows], (0.1, 0.5, 0.9)) for rows in bins]).T
    figure.add_trace(
        go.Scatter(
            x=[*middle, *middle[::-1]],
            y=[*high, *low[::-1]],
            fill="toself",
            fillcolor=fade(VERMILLION, 0.15),
            line={"width": 0},
            hoverinfo="skip",
            name="middle 80 %",
        ),
        row=2,
        col=1,
    )
    figure.add_trace(
        go.Scatter(
            x=middle,
            y=median,
            mode="lines",
            line={"color": VERMILLION, "width": 2.5},
            name="running median",
        ),
        row=2,
        col=1,
    )
