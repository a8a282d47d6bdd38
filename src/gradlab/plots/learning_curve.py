"""Training and validation loss over the epochs, and the epoch to stop at."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from gradlab.plots.theme import BLUE, GREEN, VERMILLION, apply_theme, fade

Losses = Float[np.ndarray, " _"]


def learning_curve_figure(
    train_loss: Losses, validation_loss: Losses, *, title: str = "Learning curve"
) -> go.Figure:
    """Draw both curves, mark t_opt, the epoch of least validation loss, and the zones beside it.

    To its left the network is under-fitted: both curves still fall. To its right it over-fits:
    only the training loss falls.
    """
    figure = go.Figure(_curves(train_loss, validation_loss, show_legend=True))
    best = int(np.argmin(validation_loss)) + 1
    last = len(validation_loss)
    if best > 1:
        figure.add_vrect(
            x0=1,
            x1=best,
            fillcolor=fade(GREEN, 0.07),
            line_width=0,
            annotation_text="under-fit",
            annotation_position="top left",
        )
    if best < last:
        figure.add_vrect(
            x0=best,
            x1=last,
            fillcolor=fade(VERMILLION, 0.07),
            line_width=0,
            annotation_text="over-fit",
            annotation_position="top right",
        )
    both = np.concatenate([train_loss, validation_loss])
    low, high = float(np.nanmin(both)), float(np.nanmax(both))
    space = 0.15 * (high - low)  # for the names of the zones and of t_opt
    figure.update_layout(title=title, height=380, xaxis_title="epoch", yaxis_title="loss")
    figure.update_yaxes(range=(low - space, high + space))
    return apply_theme(figure)


def learning_curves_figure(
    panels: Mapping[str, tuple[Losses, Losses]], *, title: str = "Early stopping"
) -> go.Figure:
    """Draw a panel a training, one below the other: by name, training and validation loss."""
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        subplot_titles=list(panels),
        shared_xaxes=True,
        vertical_spacing=0.25 / len(panels),
    )
    for row, curves in enumerate(panels.values(), start=1):
        for trace in _curves(*curves, show_legend=row == 1):
            figure.add_trace(trace, row=row, col=1)
        figure.update_yaxes(title="loss", row=row, col=1)
    figure.update_xaxes(title="epoch", row=len(panels), col=1)
    figure.update_layout(title=title, height=120 + 240 * len(panels))
    return apply_theme(figure)


def _curves(train_loss: Losses, validation_loss: Losses, *, show_legend: bool) -> list[go.Scatter]:
    epochs = np.arange(1, len(train_loss) + 1)
    best = int(np.argmin(validation_loss))
    return [
        go.Scatter(
            x=epochs,
            y=train_loss,
            mode="lines",
            name="training",
            showlegend=show_legend,
            line={"color": BLUE, "width": 2, "dash": "dash"},
        ),
        go.Scatter(
            x=epochs,
            y=validation_loss,
            mode="lines",
            name="validation",
            showlegend=show_legend,
            line={"color": VERMILLION, "width": 2.5},
        ),
        go.Scatter(
            x=[epochs[best]],
            y=[validation_loss[best]],
            mode="markers+text",
            text=[f"t_opt = {epochs[best]}"],
            textposition="bottom center",
            name="t_opt",
            showlegend=show_legend,
            marker={"color": VERMILLION, "size": 12, "symbol": "star"},
        ),
    ]
