"""Paths of descent on a function of one variable."""

from collections.abc import Callable, Mapping

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Real
from plotly.subplots import make_subplots

from gradlab.nn.perceptron.boundary import Interval
from gradlab.plots.contours import animation_controls, path_marks
from gradlab.plots.theme import BLUE, PALETTE, TEXT, VERMILLION, apply_theme, fade
from gradlab.scalars import Scalar

Curve = Callable[[np.ndarray], np.ndarray]
Points = Real[np.ndarray, " _"]


def descents_figure(
    function: Curve, paths: Mapping[str, Points], window: Interval, *, title: str
) -> go.Figure:
    """Draw paths on one curve, from a ring at the start to a cross at the end."""
    figure = go.Figure(_curve(function, window))
    for i, (name, path) in enumerate(paths.items()):
        figure.add_trace(_path(function, path, name, PALETTE[i]))
    figure.update_layout(title=title, height=380, xaxis_title="w", yaxis_title="loss")
    return apply_theme(figure)


def descent_panels_figure(
    panels: Mapping[str, tuple[Curve, Mapping[str, Points], Interval]], *, title: str
) -> go.Figure:
    """Draw one panel below the other, each a curve with its paths.

    Args:
        panels: By title: the function, its paths by name, and the range of w to show.
        title: Title.
    """
    figure = make_subplots(
        rows=len(panels), cols=1, subplot_titles=list(panels), vertical_spacing=0.3 / len(panels)
    )
    for row, (function, paths, window) in enumerate(panels.values(), start=1):
        figure.add_trace(_curve(function, window), row=row, col=1)
        for i, (name, path) in enumerate(paths.items()):
            trace = _path(function, path, name, PALETTE[i])
            trace.showlegend = False
            figure.add_trace(trace, row=row, col=1)
        low, high = (f(function(np.linspace(*window, 200))) for f in (np.min, np.max))
        space = 0.15 * (high - low)
        figure.update_xaxes(range=window, row=row, col=1)
        figure.update_yaxes(title="loss", range=(low - space, high + space), row=row, col=1)
    figure.update_xaxes(title="w", row=len(panels), col=1)
    figure.update_layout(title=title, height=120 + 220 * len(panels))
    return apply_theme(figure)


def ball_figure(
    function: Curve,
    positions: Float[np.ndarray, " steps"],
    velocities: Float[np.ndarray, " steps"],
    gradients: Float[np.ndarray, " steps"],
    window: Interval,
    *,
    learning_rate: Scalar,
    momentum: Scalar,
) -> go.Figure:
    """Draw momentum's ball, frame by frame: movement = momentum + negative gradient.

    v_t = momentum · v_{t-1} - learning_rate · g_t moves the ball from position t. Each frame
    shows the ball, what is left of the last velocity, the gradient's push and their sum.

    Args:
        function: The loss.
        positions: w before each step.
        velocities: v of each step, so positions[t + 1] = positions[t] + velocities[t].
        gradients: Slope at each position.
        window: Range of w to show.
        learning_rate: Of the steps.
        momentum: Share of the velocity that is kept.
    """
    before = np.concatenate([[0.0], velocities[:-1]])
    heights = np.asarray(function(positions), dtype=float)
    spread = np.ptp(function(np.linspace(*window, 200)))

    def pieces(t: int) -> list[go.Scatter]:
        parts = (
            ("momentum", momentum * before[t], BLUE, 0.10),
            ("negative gradient", -learning_rate * gradients[t], VERMILLION, 0.17),
            ("movement", velocities[t], PALETTE[2], 0.24),
        )
        arrows = [
            go.Scatter(
                x=[positions[t], positions[t] + length],
                y=[heights[t] + lift * spread] * 2,
                mode="lines+markers",
                name=name,
                line={"color": colour, "width": 4},
                marker={
                    "size": [0, 13],
                    "symbol": "triangle-right" if length >= 0 else "triangle-left",
                    "color": colour,
                },
            )
            for name, length, colour, lift in parts
        ]
        ball = go.Scatter(
            x=[positions[t]],
            y=[heights[t] + 0.035 * spread],
            mode="markers",
            name=f"ball: w = {positions[t]:.3f}, v = {velocities[t]:.3f}",
            marker={"size": 18, "color": TEXT},
        )
        return [*arrows, ball]

    figure = go.Figure([_curve(function, window), *pieces(0)])
    figure.frames = [
        go.Frame(name=str(t), data=pieces(t), traces=[1, 2, 3, 4]) for t in range(len(positions))
    ]
    figure.update_layout(
        title="Momentum carries the ball",
        height=520,
        xaxis={"range": window, "title": "w"},
        yaxis={"title": "loss"},
    )
    figure = apply_theme(figure)
    figure.update_layout(
        **animation_controls([str(t) for t in range(len(positions))]),
        legend={"yref": "paper", "y": 1.0, "yanchor": "bottom"},
        margin={"t": 130, "b": 150},
        title_y=0.97,
    )
    figure.update_layout(sliders=[{"active": 0}])
    return figure


def _curve(function: Curve, window: Interval) -> go.Scatter:
    w = np.linspace(*window, 200)
    return go.Scatter(
        x=w,
        y=function(w),
        mode="lines",
        line={"color": fade("#767676", 0.8), "width": 2},
        name="loss",
        showlegend=False,
        hoverinfo="skip",
    )


def _path(function: Curve, path: np.ndarray, name: str, colour: str) -> go.Scatter:
    return go.Scatter(
        x=path,
        y=function(path),
        mode="lines+markers",
        name=name,
        line={"color": colour, "width": 1.5},
        marker={"color": colour, **path_marks(len(path), size=6)},
    )
