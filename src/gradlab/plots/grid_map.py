"""Cells of a text map in colours: what the pictures of agents in rooms and on ice share."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.theme import AXIS, GREY, SEQUENTIAL, TEXT, apply_theme, fade

WALL = "#"
FREE = ".F "
"""Letters of plain floor and ice, which a picture need not repeat in every cell."""


def grid_figure(
    rows: Sequence[str],
    values: Float[np.ndarray, "rows columns"],
    *,
    title: str,
    unit: str,
    words: Sequence[Sequence[str]] | None = None,
    show_numbers: bool = True,
    limits: tuple[float, float] | None = None,
) -> go.Figure:
    """Colour the cells of a map by their values, with walls, letters and words in them.

    Args:
        rows: The map, one string a row; # is a wall.
        values: One number a cell; NaN where there is none.
        title: Title.
        unit: What the numbers are, for the colour bar.
        words: What to write in the middle of each cell, e.g. an arrow.
        show_numbers: Write the numbers too, where cells are large enough.
        limits: Lowest and highest value of the colours, so that several maps can be compared; by
            default those of this one.
    """
    n_rows, n_columns = len(rows), len(rows[0])
    size = cell_pixels(rows)
    low, high = limits or _limits(values)
    figure = go.Figure(
        go.Heatmap(
            z=values,
            colorscale=SEQUENTIAL,
            zmin=low,
            zmax=high,
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": unit, "side": "right"}, "thickness": 14, "outlinewidth": 0},
            hovertemplate="row %{y}, column %{x}: %{z:.4g}<extra></extra>",
            name=unit,
        )
    )
    draw_walls(figure, rows)
    inks = _inks(values, low, high)
    for text, dy, font in _texts(rows, values, words, size, show_numbers):
        shown = [(r, c) for r in range(n_rows) for c in range(n_columns) if text[r][c]]
        if shown:
            figure.add_trace(
                go.Scatter(
                    x=[c for _, c in shown],
                    y=[r + dy for r, _ in shown],
                    text=[text[r][c] for r, c in shown],
                    mode="text",
                    textfont={"size": font, "color": [inks[r][c] for r, c in shown]},
                    hoverinfo="skip",
                    showlegend=False,
                )
            )
    figure.update_layout(title=title)
    return fit_map(apply_theme(figure), rows)


def draw_walls(figure: go.Figure, rows: Sequence[str]) -> None:
    """Draw the walls of a map as filled squares, and a frame around it."""
    for r, row in enumerate(rows):
        for c, letter in enumerate(row):
            if letter == WALL:
                figure.add_shape(
                    type="rect",
                    x0=c - 0.5,
                    x1=c + 0.5,
                    y0=r - 0.5,
                    y1=r + 0.5,
                    fillcolor=fade(GREY, 0.75),
                    line={"width": 0},
                )
    figure.add_shape(
        type="rect",
        x0=-0.55,
        x1=len(rows[0]) - 0.45,
        y0=-0.55,
        y1=len(rows) - 0.45,
        line={"color": AXIS, "width": 2},
    )


def fit_map(figure: go.Figure, rows: Sequence[str], *, above: float = 0.0) -> go.Figure:
    """Give a themed figure square cells, row 0 on top, and a height for them."""
    figure.update_xaxes(visible=False, range=(-0.6, len(rows[0]) - 0.4), constrain="domain")
    figure.update_yaxes(
        visible=False,
        range=(len(rows) - 0.4, -0.6 - above),
        scaleanchor="x",
        scaleratio=1,
        constrain="domain",
    )
    height = 80 + round(cell_pixels(rows) * (len(rows) + above))
    return figure.update_layout(
        height=max(170, height), margin={"t": 52, "b": 12, "l": 12, "r": 12}, dragmode=False
    )


def cell_pixels(rows: Sequence[str]) -> float:
    """Return the side of a cell in a figure of common width."""
    return min(72.0, 420.0 / max(len(rows), 1), 560.0 / len(rows[0]))


def _limits(values: Float[np.ndarray, "rows columns"]) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)


def _inks(values: Float[np.ndarray, "rows columns"], low: float, high: float) -> list[list[str]]:
    """Return white for dark cells and black for light ones; Cividis is light above the middle."""
    share = (values - low) / max(high - low, 1e-12)
    return [
        [TEXT if not np.isfinite(x) else "#ffffff" if x < 0.55 else "#000000" for x in row]
        for row in share
    ]


def _number(x: float) -> str:
    """Return two digits behind the point, or three in all of a larger number."""
    text = f"{x:.2f}" if abs(x) < 10 else f"{x:.3g}"
    return "0" if float(text) == 0 else text.replace("-", "−")


def _texts(
    rows: Sequence[str],
    values: Float[np.ndarray, "rows columns"],
    words: Sequence[Sequence[str]] | None,
    size: float,
    show_numbers: bool,
) -> list[tuple[list[list[str]], float, int]]:
    """Return layers of text: what in each cell, how far below its middle, in which size."""
    empty = [[not np.isfinite(x) for x in row] for row in values]
    marks = [["" if x in FREE + WALL else x for x in row] for row in rows]
    letters = [
        [x if not e else "" for x, e in zip(*pair, strict=True)]
        for pair in zip(marks, empty, strict=True)
    ]
    alone = [
        [x if e else "" for x, e in zip(*pair, strict=True)]
        for pair in zip(marks, empty, strict=True)
    ]
    numbers = [[_number(x) if np.isfinite(x) else "" for x in row] for row in values]
    layers: list[tuple[list[list[str]], float, int]] = [(alone, 0.0, max(11, round(size * 0.3)))]
    if words is not None:
        layers.append(([list(row) for row in words], 0.0, max(11, round(size * 0.36))))
    if size < 34:
        return layers
    layers.append((letters, -0.33 if words is not None else -0.2, max(9, round(size * 0.18))))
    if show_numbers and size >= 40:
        layers.append((numbers, 0.34 if words is not None else 0.1, max(9, round(size * 0.17))))
    return layers
