"""Who is connected with whom in a layer, and which connections share a weight."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Int
from plotly.subplots import make_subplots

from gradlab.plots.theme import AXIS, BLUE, GREEN, GREY, PALETTE, apply_theme

NONE = -1
"""No connection."""
MOST_COLOURS = 3
"""Weights with colours of their own; where there are more, each connection has its own weight."""


def connections_figure(
    panels: Mapping[str, Int[np.ndarray, "hidden inputs"]], *, title: str = "Connections"
) -> go.Figure:
    """Draw the connections from inputs to hidden units, a panel a layer, with its weights counted.

    Connections of one colour share a weight; where every connection has its own, all are grey.

    Args:
        panels: Name -> number of the weight of each connection, from 0; `NONE` where there is
            none.
        title: Of the figure.

    Source: catalogue WE-26, CNN-14 and CNN-15.
    """
    names = [
        f"{name}: {connections} connections, {weights} weights"
        for name, (connections, weights) in (
            (name, counts(table)) for name, table in panels.items()
        )
    ]
    figure = make_subplots(rows=len(panels), cols=1, subplot_titles=names, vertical_spacing=0.12)
    for row, table in enumerate(panels.values(), start=1):
        n_connections, n_weights = counts(table)
        shared = n_weights < n_connections and n_weights <= MOST_COLOURS
        if shared:
            for number in range(n_weights):
                _draw(figure, table == number, PALETTE[number], f"weight {number + 1}", row)
        else:
            _draw(figure, table != NONE, AXIS, "", row)
        hidden, inputs = table.shape
        for n, y, colour, word in ((inputs, 0.0, BLUE, "x"), (hidden, 1.0, GREEN, "h")):
            figure.add_trace(
                go.Scatter(
                    x=_places(n),
                    y=np.full(n, y),
                    mode="markers+text",
                    marker={"size": 26, "color": colour},
                    text=[f"{word}<sub>{i + 1}</sub>" for i in range(n)],
                    textfont={"color": "white", "size": 12},
                    hoverinfo="skip",
                    showlegend=False,
                ),
                row=row,
                col=1,
            )
    apply_theme(figure.update_layout(title=title, height=190 * len(panels) + 90))
    figure.update_annotations(font={"size": 13, "color": GREY})
    figure.update_xaxes(visible=False, range=(-0.07, 1.07))
    return figure.update_yaxes(visible=False, range=(-0.35, 1.35))


def counts(table: Int[np.ndarray, "hidden inputs"]) -> tuple[int, int]:
    """Return how many connections and how many weights there are.

    >>> counts(np.array([[0, 1, -1], [-1, 0, 1]]))
    (4, 2)
    """
    there = table[table != NONE]
    return len(there), len(np.unique(there))


def _draw(figure: go.Figure, chosen: np.ndarray, colour: str, name: str, row: int) -> None:
    hidden, inputs = chosen.shape
    x, y = [], []
    for h, i in np.argwhere(chosen):
        x += [_places(inputs)[i], _places(hidden)[h], None]
        y += [0.0, 1.0, None]
    figure.add_trace(
        go.Scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": colour, "width": 2},
            name=name,
            hoverinfo="skip",
            showlegend=bool(name),
        ),
        row=row,
        col=1,
    )


def _places(n: int) -> np.ndarray:
    """Return where n units of a row lie, from 0 to 1."""
    return (np.arange(n) + 0.5) / n
