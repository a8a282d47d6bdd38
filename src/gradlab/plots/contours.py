"""Paths of optimizers on the contours of a function of two variables."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Real
from plotly.subplots import make_subplots

from gradlab.plots.theme import DASHES, GREY, PALETTE, TEXT, apply_theme
from gradlab.scalars import Scalar

Window = tuple[Scalar, Scalar, Scalar, Scalar]
"""x from, x to, y from, y to."""

Surface = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""f(x, y), elementwise on arrays."""

Path = Real[np.ndarray, "_ 2"]


def paths_figure(
    function: Surface, paths: Mapping[str, Path], window: Window, *, title: str, log: bool = False
) -> go.Figure:
    """Draw every path on the contours of one function.

    Args:
        function: f(x, y) of two arrays.
        paths: Points of each path in order, by name.
        window: The part of the plane to show; a path may leave it.
        title: Title.
        log: Space the contours by the logarithm of f - min f, for narrow ravines.
    """
    figure = go.Figure(contour_trace(*_heights(function, window, log=log)))
    for i, (name, path) in enumerate(paths.items()):
        figure.add_trace(path_trace(path, name, PALETTE[i], dash=DASHES[i % len(DASHES)]))
    figure.update_layout(
        title=title,
        height=420,
        xaxis={"range": window[:2], "title": "x"},
        yaxis={"range": window[2:], "title": "y"},
    )
    return apply_theme(figure)


def path_panels_figure(
    function: Surface,
    paths: Mapping[str, Path],
    window: Window,
    *,
    title: str,
    log: bool = False,
    columns: int = 2,
) -> go.Figure:
    """Draw a panel a path, all with the same contours and axes."""
    rows = -(-len(paths) // columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=list(paths),
        vertical_spacing=0.25 / rows,
        horizontal_spacing=0.06,
    )
    contours = contour_trace(*_heights(function, window, log=log))
    for i, (name, path) in enumerate(paths.items()):
        row, column = i // columns + 1, i % columns + 1
        figure.add_trace(contours, row=row, col=column)
        figure.add_trace(path_trace(path, name, PALETTE[i], show_legend=False), row=row, col=column)
    figure.update_xaxes(range=window[:2], matches="x")
    figure.update_yaxes(range=window[2:], matches="y")
    figure.update_layout(title=title, height=100 + 220 * rows)
    return apply_theme(figure)


def race_figure(
    function: Surface,
    paths: Mapping[str, Path],
    window: Window,
    *,
    title: str,
    frames: int = 30,
    log: bool = False,
) -> go.Figure:
    """Draw the paths as a race: a play button, and a slider over the steps.

    Args:
        function: f(x, y) of two arrays.
        paths: Paths of equal length, by name.
        window: The part of the plane to show.
        title: Title.
        frames: Most pictures; the steps are spread evenly over them.
        log: As in `paths_figure`.
    """
    figure = paths_figure(function, paths, window, title=title, log=log)
    steps = min(len(path) for path in paths.values()) - 1
    shown = np.unique(np.linspace(0, steps, min(frames, steps + 1)).round().astype(int))
    figure.frames = [
        go.Frame(
            name=str(step),
            data=[_head(path[: step + 1]) for path in paths.values()],
            traces=list(range(1, len(paths) + 1)),
        )
        for step in shown
    ]
    figure.update_layout(height=540, margin_b=150, **animation_controls([str(s) for s in shown]))
    # The legend would lie under the slider.
    figure.update_layout(
        legend={"yref": "paper", "y": 1.0, "yanchor": "bottom"}, margin_t=100, title_y=0.97
    )
    return figure


def animation_controls(names: Sequence[str], label: str = "step ") -> dict:
    """Return the layout's play button and slider for frames of the given names."""
    play = {
        "frame": {"duration": 120, "redraw": True},
        "transition": {"duration": 0},
        "fromcurrent": True,
    }
    jump = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}}
    return {
        "updatemenus": [
            {
                "type": "buttons",
                "showactive": False,
                "x": 0,
                "y": -0.22,
                "xanchor": "left",
                "yanchor": "top",
                "pad": {"t": 18},
                "font": {"color": TEXT},
                "bgcolor": "rgba(0, 0, 0, 0)",
                "bordercolor": GREY,
                "buttons": [{"label": "▶", "method": "animate", "args": [None, play]}],
            }
        ],
        "sliders": [
            {
                "active": len(names) - 1,
                "x": 0.18,
                "len": 0.82,
                "y": -0.22,
                "yanchor": "top",
                "pad": {"t": 8},
                "currentvalue": {"prefix": label, "font": {"color": TEXT}},
                "font": {"color": "rgba(0, 0, 0, 0)"},  # the names of 30 steps would overlap
                "bordercolor": GREY,
                "steps": [
                    {"label": name, "method": "animate", "args": [[name], jump]} for name in names
                ],
            }
        ],
    }


def contour_trace(
    x: Float[np.ndarray, " columns"],
    y: Float[np.ndarray, " rows"],
    heights: Float[np.ndarray, "rows columns"],
) -> go.Contour:
    """Return thin grey contours, so that the paths stand out on any page."""
    return go.Contour(
        x=x,
        y=y,
        z=heights,
        contours={"coloring": "none"},
        line={"color": "rgba(128, 128, 128, 0.5)", "width": 1},
        ncontours=16,
        showscale=False,
        showlegend=False,
        hoverinfo="skip",
        name="contours",
    )


def path_trace(
    path: Path, name: str, colour: str, *, dash: str = "solid", show_legend: bool = True
) -> go.Scatter:
    """Return a path with its steps as dots, a ring where it starts and a cross where it ends."""
    return go.Scatter(
        x=path[:, 0],
        y=path[:, 1],
        mode="lines+markers",
        name=name,
        showlegend=show_legend,
        line={"color": colour, "width": 2, "dash": dash},
        marker={"color": colour, **path_marks(len(path))},
    )


def path_marks(points: int, *, size: int = 4) -> dict:
    """Return the marker of a path: a ring at the start, dots, a cross at the end.

    >>> path_marks(3)
    {'symbol': ['circle-open', 'circle', 'x'], 'size': [11, 4, 11]}
    """
    between = max(0, points - 2)
    return {
        "symbol": ["circle-open", *["circle"] * between, "x"][:points],
        "size": [11, *[size] * between, 11][:points],
    }


def _head(path: np.ndarray) -> go.Scatter:
    """Return the part of a path that a frame changes: its points, the last one marked."""
    return go.Scatter(x=path[:, 0], y=path[:, 1], marker=path_marks(len(path)))


def _heights(
    function: Surface, window: Window, *, log: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y = np.linspace(*window[:2], 100), np.linspace(*window[2:], 100)
    z = np.asarray(function(*np.meshgrid(x, y)), dtype=float)
    return x, y, np.log10(z - z.min() + 1e-3 * np.ptp(z)) if log else z
