"""Probabilities against what happened."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gradlab.metrics.calibration import Calibration
from gradlab.plots.theme import BLUE, GREY, SKY, apply_theme


def calibration_figure(
    found: Calibration,
    *,
    of: str = "of the positive class",
    title: str = "Calibration",
) -> go.Figure:
    """Draw the share that happened over the probability that was said, and rows per bin below.

    On the diagonal probabilities can be taken at their word. Points below it promise too much,
    points above too little; bars are intervals of the share, so a point is off only where its bar
    misses the diagonal.

    Args:
        found: From `gradlab.metrics.calibration`.
        of: What the probability is of.
        title: Title.
    """
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.75, 0.25], vertical_spacing=0.06
    )
    figure.add_trace(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": GREY, "dash": "dot"},
            name="calibrated",
        ),
        row=1,
        col=1,
    )
    figure.add_trace(
        go.Scatter(
            x=found.probability,
            y=found.observed,
            error_y={
                "type": "data",
                "symmetric": False,
                "array": found.high - found.observed,
                "arrayminus": found.observed - found.low,
                "color": BLUE,
                "thickness": 1.5,
                "width": 3,
            },
            mode="lines+markers",
            line={"color": BLUE, "width": 2},
            marker={"size": 8},
            name=f"model (error {found.error:.3f}, by chance ≤ {found.error_by_chance:.3f})",
        ),
        row=1,
        col=1,
    )
    figure.add_trace(
        go.Bar(
            x=found.probability,
            y=found.counts,
            marker={"color": SKY},
            width=0.05,
            name="rows",
            showlegend=False,
        ),
        row=2,
        col=1,
    )
    figure.update_layout(title=title, height=500)
    figure.update_xaxes(range=(-0.03, 1.03))
    figure.update_xaxes(title=f"probability {of}", row=2, col=1)
    figure.update_yaxes(title="share that happened", range=(-0.03, 1.03), row=1, col=1)
    figure.update_yaxes(title="rows", row=2, col=1)
    return apply_theme(figure)
