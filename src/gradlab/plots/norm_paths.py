"""The L1 and the L2 norm as ways through a city."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Int

from gradlab.plots.theme import BLUE, GREEN, ORANGE, VERMILLION, apply_theme

PATHS = {
    "along then up": np.array([[0, 0], [6, 0], [6, 6]]),
    "up then along": np.array([[0, 0], [0, 6], [6, 6]]),
    "stairs": np.array([[0, 0], [2, 0], [2, 1], [3, 1], [3, 4], [5, 4], [5, 6], [6, 6]]),
}
"""Three ways over the lattice; all as long as the L1 norm of the way from end to end."""


def norm_paths_figure() -> go.Figure:
    """Draw equally short ways along the streets (L1) and the one shortest way (L2)."""
    figure = go.Figure()
    for (name, path), colour, dash in zip(
        PATHS.items(), (VERMILLION, BLUE, ORANGE), ("solid", "dash", "dot"), strict=True
    ):
        figure.add_trace(
            go.Scatter(
                x=path[:, 0],
                y=path[:, 1],
                mode="lines",
                name=f"{name}: {lattice_length(path)}",
                line={"color": colour, "width": 4, "dash": dash},
            )
        )
    end = PATHS["stairs"][-1]
    figure.add_trace(
        go.Scatter(
            x=[0, end[0]],
            y=[0, end[1]],
            mode="lines",
            name=f"L2, straight: {np.linalg.norm(end):.3f}",
            line={"color": GREEN, "width": 4},
        )
    )
    axis = {"dtick": 1, "range": [-0.4, 6.4]}
    figure.update_layout(
        title="L1: many shortest ways, L2: one", height=480, xaxis=axis, yaxis=axis
    )
    figure.update_yaxes(scaleanchor="x", constrain="domain")
    figure.update_xaxes(constrain="domain")
    return apply_theme(figure)


def lattice_length(path: Int[np.ndarray, "corners 2"]) -> int:
    """Return the length of a way along the streets, Σ |Δx| + |Δy|.

    >>> lattice_length(np.array([[0, 0], [2, 0], [2, 3]]))
    5
    """
    return int(np.abs(np.diff(path, axis=0)).sum())
