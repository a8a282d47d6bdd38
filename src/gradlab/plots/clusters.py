"""Groups of points in a plane: k-means at work, its restarts, and fuzzy memberships."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int, Real
from plotly.subplots import make_subplots

from gradlab.plots.theme import AXIS, GREY, PALETTE, TEXT, apply_theme, fade

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "pentagon")
"""Second sign of a group beside its colour."""


KMeansFrame = tuple[str, Float[np.ndarray, "k 2"] | None, Int[np.ndarray, " n"] | None]
"""What was done, centroids or None, labels or None, as `cluster.frames.kmeans_frames` gives it."""


def kmeans_frames_figure(
    x: Real[np.ndarray, "n 2"],
    frames: Sequence[KMeansFrame],
    *,
    title: str = "k-means step by step",
) -> go.Figure:
    """Draw a panel a frame, lettered a, b, c …: points by group, crosses for centroids.

    Args:
        x: The points.
        frames: What was done, centroids or None, labels or None.
        title: Title.
    """
    names = [f"{chr(ord('a') + i)}: {words}" for i, (words, _, _) in enumerate(frames)]
    figure = _panels(names)
    for i, (_, centroids, labels) in enumerate(frames):
        for trace in _grouped(x, labels, centroids):
            figure.add_trace(trace, row=i // 2 + 1, col=i % 2 + 1)
    return _finish(figure, [x] * len(frames), title)


def clusters_figure(
    x: Real[np.ndarray, "n 2"],
    labels: Int[np.ndarray, " n"],
    centroids: Float[np.ndarray, "k 2"],
    *,
    names: tuple[str, str] = ("x₁", "x₂"),
    title: str = "Groups",
) -> go.Figure:
    """Draw points in the colour and sign of their group, and the centroids."""
    figure = go.Figure(_grouped(x, labels, centroids))
    figure.update_xaxes(title=names[0])
    figure.update_yaxes(title=names[1])
    figure.update_layout(title=title, height=440)
    return apply_theme(figure)


def restarts_figure(
    sets: Mapping[str, Real[np.ndarray, "_ 2"]],
    centroids: Mapping[str, Sequence[Float[np.ndarray, "k 2"]]],
    *,
    title: str = "Where k-means ends from different starts",
) -> go.Figure:
    """Draw data sets side by side with the final centroids of every start.

    Separate groups pull every start to the same places; where groups touch, the places scatter.

    Args:
        sets: Name and points of each data set.
        centroids: By the same names: the final centroids of each start.
        title: Title.
    """
    figure = _panels(list(sets))
    for i, (name, x) in enumerate(sets.items()):
        row, column = i // 2 + 1, i % 2 + 1
        figure.add_trace(_points(x), row=row, col=column)
        for j, ends in enumerate(centroids[name]):
            line = {"width": 3, "color": PALETTE[j % len(PALETTE)]}
            marker = {"size": 13, "symbol": "x-thin", "line": line}
            figure.add_trace(
                go.Scatter(
                    x=ends[:, 0],
                    y=ends[:, 1],
                    mode="markers",
                    marker=marker,
                    name=f"start {j + 1}",
                    legendgroup=f"start {j + 1}",
                    showlegend=i == 0,
                ),
                row=row,
                col=column,
            )
    return _finish(figure, list(sets.values()), title)


def restart_histogram(
    inertias: Mapping[str, Float[np.ndarray, " _"]],
    *,
    title: str = "Objective at the end of each start",
) -> go.Figure:
    """Draw how often starts ended at which objective: only a search, not all partitions.

    Args:
        inertias: By name of the method or data set: the final objective of each start.
        title: Title.
    """
    every = np.concatenate(list(inertias.values()))
    size = float(np.ptp(every)) / 30
    size = size if size > 0 else max(1e-9, abs(float(every[0])) / 100)
    figure = go.Figure()
    for i, (name, values) in enumerate(inertias.items()):
        figure.add_trace(
            go.Histogram(
                x=values,
                name=name,
                marker={"color": fade(PALETTE[i], 0.65), "line": {"color": PALETTE[i], "width": 1}},
                xbins={"start": float(every.min()), "size": size},
                hovertemplate="%{y} starts<extra>%{x}</extra>",
            )
        )
    figure.update_layout(title=title, barmode="overlay", height=380)
    figure.update_xaxes(title="objective (lower is better)")
    figure.update_yaxes(title="starts", tickformat="d")
    return apply_theme(figure)


def memberships_figure(
    x: Real[np.ndarray, "n 2"],
    memberships: Float[np.ndarray, "n k"],
    centroids: Float[np.ndarray, "k 2"],
    *,
    names: tuple[str, str] = ("x₁", "x₂"),
    title: str = "Fuzzy memberships",
) -> go.Figure:
    """Draw points in the colour of their group, the paler the less they belong to it.

    A row that belongs to all groups alike is grey.
    """
    k = memberships.shape[1]
    sure = (memberships.max(axis=1) - 1 / k) / (1 - 1 / k) if k > 1 else np.ones(len(x))
    labels = memberships.argmax(axis=1)
    grey = np.array([int(GREY[i : i + 2], 16) for i in (1, 3, 5)])
    figure = go.Figure()
    for group in range(k):
        rows = labels == group
        own = np.array([int(PALETTE[group % len(PALETTE)][i : i + 2], 16) for i in (1, 3, 5)])
        mixed = (grey + sure[rows, None] * (own - grey)).round().astype(int)
        figure.add_trace(
            go.Scatter(
                x=x[rows, 0],
                y=x[rows, 1],
                mode="markers",
                name=f"group {group + 1}",
                customdata=memberships[rows, group],
                hovertemplate="membership %{customdata:.3f}<extra></extra>",
                marker={
                    "size": 8,
                    "symbol": SYMBOLS[group % len(SYMBOLS)],
                    "color": [f"rgb({r}, {g}, {b})" for r, g, b in mixed],
                    "opacity": 0.35 + 0.65 * sure[rows],
                },
            )
        )
    figure.add_trace(_crosses(centroids, show_legend=True))
    figure.update_xaxes(title=names[0])
    figure.update_yaxes(title=names[1])
    figure.update_layout(title=title, height=440)
    return apply_theme(figure)


def _points(x: np.ndarray) -> go.Scatter:
    marker = {"size": 6, "color": fade(GREY, 0.4)}
    return go.Scatter(
        x=x[:, 0], y=x[:, 1], mode="markers", marker=marker, name="data", showlegend=False
    )


def _grouped(
    x: np.ndarray, labels: np.ndarray | None, centroids: np.ndarray | None
) -> list[go.Scatter]:
    traces = []
    if labels is None:
        traces.append(_points(x))
    else:
        for group in np.unique(labels):
            rows = labels == group
            colour = PALETTE[group % len(PALETTE)]
            traces.append(
                go.Scatter(
                    x=x[rows, 0],
                    y=x[rows, 1],
                    mode="markers",
                    name=f"group {group + 1}",
                    showlegend=False,
                    marker={
                        "size": 7,
                        "color": fade(colour, 0.75),
                        "symbol": SYMBOLS[group % len(SYMBOLS)],
                    },
                )
            )
    if centroids is not None:
        traces.append(_crosses(centroids, show_legend=False))
    return traces


def _crosses(centroids: np.ndarray, *, show_legend: bool) -> go.Scatter:
    colours = [PALETTE[i % len(PALETTE)] for i in range(len(centroids))]
    return go.Scatter(
        x=centroids[:, 0],
        y=centroids[:, 1],
        mode="markers",
        name="centroid",
        showlegend=show_legend,
        marker={"size": 15, "symbol": "x", "color": colours, "line": {"width": 2, "color": TEXT}},
    )


def _panels(names: Sequence[str]) -> go.Figure:
    n_rows, n_columns = -(-len(names) // 2), min(2, len(names))
    return make_subplots(
        rows=n_rows,
        cols=n_columns,
        subplot_titles=names,
        horizontal_spacing=0.06,
        vertical_spacing=0.25 / max(2, n_rows),
    )


def _finish(figure: go.Figure, sets: Sequence[np.ndarray], title: str) -> go.Figure:
    """Let each panel hold all points of its set, without numbers, which tell nothing here."""
    figure.update_layout(title=title, height=130 + 250 * -(-len(sets) // 2))
    apply_theme(figure)
    frame = {"showticklabels": False, "showline": True, "mirror": True, "linecolor": AXIS}
    for i, x in enumerate(sets):
        low, high = x.min(axis=0), x.max(axis=0)
        room = 0.08 * np.where(high > low, high - low, 1)
        cell = {"row": i // 2 + 1, "col": i % 2 + 1, "zeroline": False}
        figure.update_xaxes(frame, range=[low[0] - room[0], high[0] + room[0]], **cell)
        figure.update_yaxes(frame, range=[low[1] - room[1], high[1] + room[1]], **cell)
    return figure
