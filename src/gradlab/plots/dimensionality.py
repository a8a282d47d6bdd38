"""What more dimensions do: the edge of a hypercube, and error over the number of features."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int

from gradlab.plots.theme import DASHES, GREY, PALETTE, apply_theme


def hypercube_figure(
    shares: Sequence[float] = (0.01, 0.1, 0.5), *, dimensions: int = 20
) -> go.Figure:
    """Draw the edge share^(1/d) of a cube that holds a share of a unit hypercube, over d."""
    d = np.arange(1, dimensions + 1)
    figure = go.Figure()
    for number, share in enumerate(shares):
        edge = share ** (1 / d)
        figure.add_trace(
            go.Scatter(
                x=d,
                y=edge,
                mode="lines+markers",
                name=f"{100 * share:g} % of the data",
                line={"color": PALETTE[number % len(PALETTE)], "width": 2},
                marker={"size": 5},
                hovertemplate="d = %{x}: edge %{y:.3f}",
            )
        )
        if dimensions >= 10:
            figure.add_annotation(
                x=10, y=edge[9], text=f"{edge[9]:.2f}", showarrow=False, yshift=-12, xshift=10
            )
    figure.update_layout(
        title="Edge that holds a share of a hypercube",
        height=400,
        xaxis={"title": "dimensions d", "range": [0.5, dimensions + 0.5]},
        yaxis={"title": "edge, as a share of the range", "range": [0, 1.05]},
    )
    apply_theme(figure)
    figure.update_layout(margin={"b": 90})
    return figure


def dimension_error_figure(
    dimensions: Int[np.ndarray, " dimensions"],
    errors: Mapping[str, Float[np.ndarray, " dimensions"]],
    optimal: Float[np.ndarray, " dimensions"],
) -> go.Figure:
    """Draw test error over the number of features, theory beside practice.

    Args:
        dimensions: Numbers of features, rising.
        errors: By name, such as "10 training rows", shares of test rows mistaken.
        optimal: Error of the rule that knows the distributions, which only falls.
    """
    figure = go.Figure()
    for number, (name, values) in enumerate(errors.items()):
        colour = PALETTE[number % len(PALETTE)]
        best = int(values.argmin())
        line = {"color": colour, "width": 2.5, "dash": DASHES[number % len(DASHES)]}
        figure.add_trace(
            go.Scatter(x=dimensions, y=100 * values, mode="lines", name=name, line=line)
        )
        figure.add_trace(
            go.Scatter(
                x=dimensions[[best]],
                y=100 * values[[best]],
                mode="markers",
                name=f"least, {name}",
                showlegend=False,
                marker={"color": colour, "size": 13, "symbol": "star"},
            )
        )
    figure.add_trace(
        go.Scatter(
            x=dimensions,
            y=100 * optimal,
            mode="lines",
            name="theory: optimal rule",
            line={"color": GREY, "width": 2, "dash": "dot"},
        )
    )
    sides = np.log10([0.9 * dimensions[0], 1.1 * dimensions[-1]])
    figure.update_layout(
        title="Error against dimension",
        height=420,
        xaxis={"title": "features", "type": "log", "dtick": 1, "range": sides},
        yaxis={"title": "test error, %", "range": [0, 105 * max(map(np.max, errors.values()))]},
    )
    apply_theme(figure)
    figure.update_layout(margin={"b": 90})
    return figure
