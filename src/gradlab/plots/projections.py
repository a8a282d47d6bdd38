"""Rows of several classes along an axis or two: which projection keeps the classes apart."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Shaped
from plotly.subplots import make_subplots

from gradlab.plots.theme import DASHES, GREY, PALETTE, apply_theme, fade

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
AXIS_COLOURS = (PALETTE[2], PALETTE[3], PALETTE[4], GREY)


def projection_axes_figure(
    x: Float[np.ndarray, "rows 2"],
    labels: Shaped[np.ndarray, " rows"],
    axes: Mapping[str, Float[np.ndarray, " 2"]],
    *,
    notes: Mapping[str, str] | None = None,
    bins: int = 30,
) -> go.Figure:
    """Draw points of two features with axes through their mean, and below a histogram an axis.

    Args:
        x: Rows of two features.
        labels: Class of each row.
        axes: By name, such as "PCA", the direction of an axis; its length does not matter.
        notes: By the same names, a remark for the histogram's title, such as its overlap.
        bins: Bars of a histogram.
    """
    notes = notes or {}
    titles = [f"{name}: {notes[name]}" if name in notes else name for name in axes]
    n = len(axes)
    figure = make_subplots(
        rows=n + 1,
        cols=1,
        row_heights=[n + 0.5, *[1.0] * n],
        subplot_titles=["", *titles],
        vertical_spacing=0.36 / (n + 1),
    )
    classes = np.unique(labels)
    colours = [PALETTE[i % len(PALETTE)] for i in range(len(classes))]
    for number, name in enumerate(classes):
        of_class = x[labels == name]
        figure.add_trace(
            go.Scatter(
                x=of_class[:, 0],
                y=of_class[:, 1],
                mode="markers",
                name=str(name),
                legendgroup=str(name),
                marker={
                    "color": fade(colours[number], 0.65),
                    "symbol": SYMBOLS[number % len(SYMBOLS)],
                    "size": 6,
                },
            ),
            row=1,
            col=1,
        )
    middle = x.mean(axis=0)
    reach = 0.4 * np.ptp(x, axis=0).max()
    for number, (name, direction) in enumerate(axes.items()):
        unit = direction / np.linalg.norm(direction)
        along = (x - middle[None, :]) @ unit
        ends = middle[None, :] + np.array([[-reach], [reach]]) * unit[None, :]
        figure.add_trace(
            go.Scatter(
                x=ends[:, 0],
                y=ends[:, 1],
                mode="lines",
                name=f"{name} axis",
                line={
                    "color": AXIS_COLOURS[number % len(AXIS_COLOURS)],
                    "width": 4,
                    "dash": DASHES[number % len(DASHES)],
                },
            ),
            row=1,
            col=1,
        )
        edges = np.linspace(along.min(), along.max(), bins + 1)
        for k, of_class in enumerate(classes):
            counts, _ = np.histogram(along[labels == of_class], bins=edges)
            figure.add_trace(
                go.Bar(
                    x=(edges[1:] + edges[:-1]) / 2,
                    y=counts / max(1, counts.sum()),
                    name=f"{of_class} on {name}",
                    legendgroup=str(of_class),
                    showlegend=False,
                    marker={"color": fade(colours[k], 0.6), "line": {"width": 0}},
                ),
                row=number + 2,
                col=1,
            )
    figure.update_layout(
        title="Axes and projections",
        height=350 + 180 * n,
        barmode="overlay",
        bargap=0,
    )
    figure.update_xaxes(constrain="domain", row=1, col=1)
    figure.update_yaxes(scaleanchor="x", scaleratio=1, row=1, col=1)
    for row in range(2, n + 2):
        figure.update_yaxes(title="share", nticks=4, row=row, col=1)
    apply_theme(figure)
    figure.update_layout(margin={"b": 90, "t": 52})
    return figure


def components_figure(
    projections: Mapping[str, Float[np.ndarray, "rows _"]],
    labels: Shaped[np.ndarray, " rows"],
    *,
    title: str = "First two components",
) -> go.Figure:
    """Draw the first two components of the same rows by several methods, two panels a row.

    Args:
        projections: By name of the method, components of the rows; of one component alone the
            second axis is the row's number.
        labels: Class of each row.
        title: Above all panels.
    """
    columns = min(2, len(projections))
    rows = -(-len(projections) // columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=list(projections),
        horizontal_spacing=0.12,
        vertical_spacing=0.28 / rows,
    )
    classes = np.unique(labels)
    for panel, components in enumerate(projections.values()):
        one = components.shape[1] == 1
        second = np.arange(len(components)) if one else components[:, 1]
        for number, name in enumerate(classes):
            of_class = labels == name
            figure.add_trace(
                go.Scatter(
                    x=components[of_class, 0],
                    y=second[of_class],
                    mode="markers",
                    name=str(name),
                    legendgroup=str(name),
                    showlegend=panel == 0,
                    marker={
                        "color": fade(PALETTE[number % len(PALETTE)], 0.7),
                        "symbol": SYMBOLS[number % len(SYMBOLS)],
                        "size": 5,
                    },
                ),
                row=panel // columns + 1,
                col=panel % columns + 1,
            )
    figure.update_layout(title=title, height=130 + 230 * rows, legend={"itemsizing": "constant"})
    figure.update_xaxes(nticks=5, constrain="domain")
    figure.update_yaxes(nticks=5)
    for panel in range(len(projections)):
        x_axis = f"x{panel + 1}" if panel else "x"
        if list(projections.values())[panel].shape[1] > 1:  # distances mean something
            figure.update_yaxes(
                scaleanchor=x_axis,
                scaleratio=1,
                constrain="domain",
                row=panel // columns + 1,
                col=panel % columns + 1,
            )
    apply_theme(figure)
    figure.update_layout(margin={"b": 70})
    return figure
