"""An episode as an animation: an agent on its map, or a cart with its pole."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.contours import animation_controls
from gradlab.plots.grid_map import FREE, WALL, draw_walls, fit_map
from gradlab.plots.theme import AXIS, BLUE, GREEN, GREY, TEXT, VERMILLION, apply_theme, fade

AGENT = "@"
MOST_FRAMES = 120


def episode_figure(
    rows: Sequence[str], frames: Sequence[str], *, title: str = "An episode"
) -> go.Figure:
    """Animate an agent on a map.

    Args:
        rows: The map, one string a row; # is a wall.
        frames: The map at each step as text, @ where the agent is; letters that differ from the
            map (a cleaned room) are coloured. What stands below the map is the caption.
        title: Title.
    """
    shown = _frames_shown(len(frames))
    places = np.array([_place(text, len(rows)) for text in frames], float)
    traces = [_traces(rows, frames[i], places[: i + 1], f"step {i}") for i in shown]
    figure = go.Figure(traces[-1])
    draw_walls(figure, rows)
    letters = [(r, c, x) for r, row in enumerate(rows) for c, x in enumerate(row)]
    marks = [(r, c, x) for r, c, x in letters if x not in FREE + WALL]
    figure.add_trace(
        go.Scatter(
            x=[c - 0.34 for _, c, _ in marks],
            y=[r - 0.32 for r, _, _ in marks],
            text=[x for _, _, x in marks],
            mode="text",
            textfont={"size": 11, "color": TEXT},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    figure.frames = [
        go.Frame(name=str(i), data=one, traces=list(range(len(one))))
        for i, one in zip(shown, traces, strict=True)
    ]
    figure.update_layout(title=title, showlegend=False)
    figure = fit_map(apply_theme(figure), rows, above=0.9)
    return _controls(figure, [str(i) for i in shown])


def cart_pole_figure(
    observations: Float[np.ndarray, "steps 4"], *, title: str = "An episode"
) -> go.Figure:
    """Animate a cart and its pole, from position (m), speed, angle (rad) and angular speed."""
    shown = _frames_shown(len(observations))
    traces = [_cart(observations[i], i) for i in shown]
    figure = go.Figure(traces[-1])
    figure.add_shape(type="line", x0=-2.4, x1=2.4, y0=0, y1=0, line={"color": AXIS, "width": 2})
    for edge in (-2.4, 2.4):
        figure.add_shape(
            type="line", x0=edge, x1=edge, y0=-0.1, y1=0.3, line={"color": VERMILLION, "width": 2}
        )
    figure.frames = [
        go.Frame(name=str(i), data=one, traces=list(range(len(one))))
        for i, one in zip(shown, traces, strict=True)
    ]
    figure.update_layout(title=title, showlegend=False, height=330)
    figure.update_xaxes(visible=False, range=(-2.9, 2.9))
    figure.update_yaxes(visible=False, range=(-0.25, 1.7), scaleanchor="x", constrain="domain")
    figure = apply_theme(figure).update_layout(margin={"t": 52, "b": 12, "l": 12, "r": 12})
    return _controls(figure, [str(i) for i in shown])


def _controls(figure: go.Figure, names: list[str]) -> go.Figure:
    controls = animation_controls(names)
    for part in (*controls["updatemenus"], *controls["sliders"]):
        part["y"] = -0.02
    bottom = 84
    return figure.update_layout(
        **controls, height=(figure.layout["height"] or 400) + bottom, margin_b=bottom + 12
    )


def _frames_shown(n: int) -> list[int]:
    return np.unique(np.linspace(0, n - 1, min(MOST_FRAMES, n)).round().astype(int)).tolist()


def _place(text: str, n_rows: int) -> tuple[int, int]:
    """Return row and column of the agent; off the map if it is not on it."""
    for r, row in enumerate(text.split("\n")[:n_rows]):
        if AGENT in row:
            return r, row.index(AGENT)
    return -9, -9


def _traces(
    rows: Sequence[str], text: str, places: Float[np.ndarray, "steps 2"], step: str
) -> list[go.Scatter]:
    lines = text.split("\n")
    changed = [
        (r, c)
        for r, (row, now) in enumerate(zip(rows, lines, strict=False))
        for c, (before, after) in enumerate(zip(row, now, strict=False))
        if after not in (before, AGENT)
    ]
    jumps = np.flatnonzero(np.abs(np.diff(places, axis=0)).sum(axis=1) > 1) + 1
    walked = np.insert(places, jumps, np.nan, axis=0)  # a drive home crosses no walls
    caption = ", ".join(line.strip() for line in lines[len(rows) :] if line.strip()) or step
    return [
        go.Scatter(
            x=[c for _, c in changed],
            y=[r for r, _ in changed],
            mode="markers",
            marker={"symbol": "square", "size": 30, "color": fade(GREEN, 0.45)},
            hoverinfo="skip",
        ),
        go.Scatter(
            x=walked[:, 1],
            y=walked[:, 0],
            mode="lines",
            line={"color": fade(BLUE, 0.5), "width": 3},
            hoverinfo="skip",
        ),
        go.Scatter(
            x=places[-1:, 1],
            y=places[-1:, 0],
            mode="markers",
            marker={"size": 20, "color": BLUE, "line": {"color": "#ffffff", "width": 2}},
            hoverinfo="skip",
        ),
        go.Scatter(
            x=[-0.5],
            y=[-0.95],
            text=[caption],
            mode="text",
            textposition="middle right",
            textfont={"color": TEXT, "size": 13},
            hoverinfo="skip",
        ),
    ]


def _cart(state: Float[np.ndarray, " 4"], step: int) -> list[go.Scatter]:
    x, angle = float(state[0]), float(state[2])
    box_x = [x - 0.3, x + 0.3, x + 0.3, x - 0.3, x - 0.3]
    tip = (x + np.sin(angle), 0.2 + np.cos(angle))
    return [
        go.Scatter(
            x=box_x,
            y=[0.0, 0.0, 0.2, 0.2, 0.0],
            mode="lines",
            fill="toself",
            fillcolor=fade(GREY, 0.6),
            line={"color": GREY, "width": 1},
            hoverinfo="skip",
        ),
        go.Scatter(
            x=[x, tip[0]],
            y=[0.2, tip[1]],
            mode="lines",
            line={"color": BLUE, "width": 8},
            hoverinfo="skip",
        ),
        go.Scatter(
            x=[-2.8],
            y=[1.55],
            text=[f"step {step}, cart {x:+.2f} m, pole {np.degrees(angle):+.1f}°"],
            mode="text",
            textposition="middle right",
            textfont={"color": TEXT, "size": 13},
            hoverinfo="skip",
        ),
    ]
