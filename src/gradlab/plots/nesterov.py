"""Momentum and Nesterov's momentum as vectors."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from gradlab.plots.theme import BLUE, GREEN, TEXT, VERMILLION, apply_theme


def nesterov_figure(
    point: Float[np.ndarray, " 2"],
    momentum_step: Float[np.ndarray, " 2"],
    gradient_step: Float[np.ndarray, " 2"],
    look_ahead_gradient_step: Float[np.ndarray, " 2"],
) -> go.Figure:
    """Draw one step of both from the same point and velocity.

    Args:
        point: w.
        momentum_step: momentum · v.
        gradient_step: -learning_rate · g(w), where momentum takes its gradient.
        look_ahead_gradient_step: -learning_rate · g(w + momentum · v), where Nesterov takes it.
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        subplot_titles=("momentum", "Nesterov"),
    )
    ahead = point + momentum_step
    for column, gradient in ((1, gradient_step), (2, look_ahead_gradient_step)):
        foot = point if column == 1 else ahead
        arrows = (
            ("momentum step", point, ahead, BLUE, "solid"),
            ("gradient step", foot, foot + gradient, VERMILLION, "dash"),
            ("actual step", point, ahead + gradient, GREEN, "solid"),
        )
        for name, start, end, colour, dash in arrows:
            figure.add_trace(
                go.Scatter(
                    x=[start[0], end[0]],
                    y=[start[1], end[1]],
                    mode="lines+markers",
                    name=name,
                    showlegend=column == 1,
                    line={"color": colour, "width": 3, "dash": dash},
                    marker={
                        "symbol": "arrow",
                        "angleref": "previous",
                        "size": [0, 15],
                        "color": colour,
                    },
                ),
                row=1,
                col=column,
            )
        figure.add_trace(
            go.Scatter(
                x=[point[0]],
                y=[point[1]],
                mode="markers",
                marker={"color": TEXT, "size": 10},
                name="w",
                showlegend=False,
            ),
            row=1,
            col=column,
        )
    figure.update_xaxes(matches="x")
    figure.update_yaxes(matches="y")
    figure.update_layout(title="Where the gradient is taken", height=400)
    return apply_theme(figure)
