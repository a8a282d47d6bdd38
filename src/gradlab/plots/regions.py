"""How lines cut the plane into regions, and the corners of the cube that these map to."""

from itertools import product

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Real
from scipy.ndimage import distance_transform_edt

from gradlab.nn.perceptron.boundary import Interval
from gradlab.nn.perceptron.regions import grid, region_map
from gradlab.plots.points import boundary_line
from gradlab.plots.theme import BLUE, GREY, PALETTE, TEXT, apply_theme, fade


def regions_figure(
    weights: Real[np.ndarray, "2 perceptrons"],
    biases: Real[np.ndarray, " perceptrons"],
    x_range: Interval,
    y_range: Interval,
) -> go.Figure:
    """Colour the regions between the lines and write in each the answers that it gets."""
    points = grid(x_range, y_range, 240)
    regions, corners = region_map(weights, biases, points)
    n = len(corners)
    colours = [fade(PALETTE[i % len(PALETTE)], 0.35) for i in range(n)]
    scale = [[edge / n, colours[i]] for i in range(n) for edge in (i, i + 1)]
    figure = go.Figure(
        go.Heatmap(
            x=points[0, :, 0],
            y=points[:, 0, 1],
            z=regions,
            zmin=-0.5,
            zmax=n - 0.5,
            colorscale=scale,
            showscale=False,
            hoverinfo="skip",
            name="regions",
        )
    )
    for i in range(len(biases)):
        figure.add_trace(
            boundary_line(
                weights[:, i], biases[i], x_range, y_range, name=f"line {i + 1}", show_legend=False
            )
        )
    places = np.array([_middle(regions == region, points) for region in range(n)])
    figure.add_trace(
        go.Scatter(
            x=places[:, 0],
            y=places[:, 1],
            mode="text",
            text=["".join(map(str, corner)) for corner in corners],
            textfont={"size": 15, "color": TEXT},
            showlegend=False,
            hoverinfo="skip",
            name="answers",
        )
    )
    figure.update_layout(title=f"{len(biases)} lines, {n} regions", height=420)
    figure.update_xaxes(title="x₁", range=x_range, showgrid=False)
    figure.update_yaxes(title="x₂", range=y_range, showgrid=False)
    return apply_theme(figure)


def corners_figure(corners: Real[np.ndarray, "regions 3"]) -> go.Figure:
    """Draw the cube of three answers; corners that no region maps to are hollow."""
    used = {tuple(int(value) for value in corner) for corner in corners}
    x, y, z = [], [], []
    for start in product((0, 1), repeat=3):
        for axis in range(3):
            if start[axis] == 0:
                end = tuple(1 if i == axis else value for i, value in enumerate(start))
                for line, a, b in zip((x, y, z), start, end, strict=True):
                    line += [a, b, None]
    figure = go.Figure(
        go.Scatter3d(
            x=x, y=y, z=z, mode="lines", line={"color": GREY}, hoverinfo="skip", showlegend=False
        )
    )
    everywhere = list(product((0, 1), repeat=3))
    for name, symbol, colour, chosen in (
        ("region", "circle", BLUE, [c for c in everywhere if c in used]),
        ("no region", "circle-open", GREY, [c for c in everywhere if c not in used]),
    ):
        places = np.array(chosen).reshape(-1, 3)
        figure.add_trace(
            go.Scatter3d(
                x=places[:, 0],
                y=places[:, 1],
                z=places[:, 2],
                mode="markers+text",
                text=["".join(map(str, corner)) for corner in chosen],
                textfont={"color": TEXT},
                name=name,
                marker={"size": 8, "symbol": symbol, "color": colour},
            )
        )
    axis = {"tickvals": [0, 1], "range": [-0.25, 1.25]}
    figure.update_layout(
        title=f"{len(used)} of 8 corners",
        height=420,
        scene={
            "xaxis": axis | {"title": "z₁"},
            "yaxis": axis | {"title": "z₂"},
            "zaxis": axis | {"title": "z₃"},
            "camera": {"eye": {"x": 1.9, "y": -2.1, "z": 1.1}},
        },
    )
    return apply_theme(figure)


def _middle(
    inside: np.ndarray, points: Float[np.ndarray, "rows columns 2"]
) -> Float[np.ndarray, " 2"]:
    """Return the point of a region that is farthest from its border, to write in."""
    depth = np.asarray(distance_transform_edt(np.pad(inside, 1)))[1:-1, 1:-1]
    return points[np.unravel_index(int(depth.argmax()), depth.shape)]
