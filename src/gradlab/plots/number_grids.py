"""Grids of numbers: feature maps, windows, and how a convolution makes one of the other."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from gradlab.plots.theme import BLUE, GREY, VERMILLION, apply_theme, fade

Grid = Float[np.ndarray, "_ _"]
CELL = 34
"""Pixels of a number's cell."""
COLUMNS = 3


def number_grids_figure(grids: Mapping[str, Grid], *, title: str = "Grids") -> go.Figure:
    """Draw grids of numbers beside each other, three a line, darker where the number is larger.

    Args:
        grids: Name -> numbers; all share one scale of colour.
        title: Of the figure.
    """
    panels = {name: np.asarray(grid, float) for name, grid in grids.items()}
    least = min(float(grid.min()) for grid in panels.values())
    most = max(float(grid.max()) for grid in panels.values())
    figure = _panels(list(panels), max(len(grid) for grid in panels.values()), title)
    for place, grid in enumerate(panels.values()):
        trace = _grid(grid, (least, most if most > least else least + 1))
        figure.add_trace(trace, row=place // COLUMNS + 1, col=place % COLUMNS + 1)
    return figure


def convolution_steps_figure(
    image: Grid, kernel: Grid, *, stride: int = 1, title: str = "A kernel on its way"
) -> go.Figure:
    """Draw every place of a kernel on an image, and the sum that it gives there.

        s = Σ_ij image[r + i, c + j] · kernel[i, j]

    The window is framed; each of its cells tells image · kernel. The sums are the feature map of a
    convolution without padding ("cross-correlation": the kernel is not turned).

    Args:
        image: Of one channel.
        kernel: Not larger than the image.
        stride: Cells from one place to the next.
        title: Of the figure.

    Source: catalogue WE-22.
    """
    image, kernel = np.asarray(image, float), np.asarray(kernel, float)
    height, width = kernel.shape
    places = [
        (top, left)
        for top in range(0, image.shape[0] - height + 1, stride)
        for left in range(0, image.shape[1] - width + 1, stride)
    ]
    sums = [
        float((image[top : top + height, left : left + width] * kernel).sum())
        for top, left in places
    ]
    names = [f"step {i + 1}: {value:g}" for i, value in enumerate(sums)]
    figure = _panels(names, image.shape[0], title)
    for place, (top, left) in enumerate(places):
        row, column = place // COLUMNS + 1, place % COLUMNS + 1
        text = np.array([[f"{value:g}" for value in line] for line in image], dtype=object)
        for i, j in np.ndindex(height, width):
            text[top + i, left + j] += f"·{kernel[i, j]:g}"
        figure.add_trace(_grid(image, (0.0, float(image.max()) or 1.0), text), row=row, col=column)
        figure.add_shape(
            type="rect",
            x0=left - 0.5,
            x1=left + width - 0.5,
            y0=top - 0.5,
            y1=top + height - 0.5,
            line={"color": VERMILLION, "width": 3},
            row=row,
            col=column,
        )
    return figure


def _panels(names: list[str], height: int, title: str) -> go.Figure:
    rows, columns = -(-len(names) // COLUMNS), min(COLUMNS, len(names))
    pixels = rows * (height * CELL + 46) + 90
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=names,
        horizontal_spacing=0.06,
        vertical_spacing=46 / pixels,
    )
    apply_theme(figure.update_layout(title=title, height=pixels))
    figure.update_annotations(font={"size": 13, "color": GREY})
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", constrain="domain")
    for i in range(len(names)):
        figure.update_yaxes(
            scaleanchor=f"x{i + 1 if i else ''}", row=i // COLUMNS + 1, col=i % COLUMNS + 1
        )
    return figure


def _grid(grid: Grid, limits: tuple[float, float], text: np.ndarray | None = None) -> go.Heatmap:
    shown = [[f"{value:.3g}" for value in line] for line in grid] if text is None else text
    return go.Heatmap(
        z=grid,
        zmin=limits[0],
        zmax=limits[1],
        text=shown,
        texttemplate="%{text}",
        colorscale=[[0, fade(BLUE, 0.04)], [1, fade(BLUE, 0.45)]],
        showscale=False,
        xgap=1,
        ygap=1,
        hoverinfo="skip",
    )
