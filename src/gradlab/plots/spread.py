"""How far activations spread in each layer, for several ways to draw the weights."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from gradlab.nn.perceptron.boundary import Interval
from gradlab.plots.theme import PALETTE, apply_theme


def activation_spread_figure(
    activations: Mapping[str, Sequence[Float[np.ndarray, "..."]]],
    *,
    window: Interval = (-1.0, 1.0),
    bins: int = 30,
) -> go.Figure:
    """Draw a histogram a layer (rows) and initialiser (columns), all on one axis.

    Each panel says the standard deviation. Values outside the window are counted at its ends.

    Args:
        activations: For each initialiser the activations of every layer.
        window: Range of values to show.
        bins: Bars a histogram.
    """
    n_layers = max(len(layers) for layers in activations.values())
    figure = make_subplots(
        rows=n_layers,
        cols=len(activations),
        column_titles=list(activations),
        row_titles=[f"layer {i + 1}" for i in range(n_layers)],
        shared_xaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=0.3 / n_layers,
    )
    figure.update_annotations(yshift=14, selector={"textangle": None})  # room for σ under titles
    edges = np.linspace(*window, bins + 1)
    for column, (name, layers) in enumerate(activations.items(), start=1):
        for row, values in enumerate(layers, start=1):
            counts, _ = np.histogram(np.clip(values.ravel(), *window), bins=edges)
            figure.add_trace(
                go.Bar(
                    x=(edges[1:] + edges[:-1]) / 2,
                    y=counts / values.size,
                    marker={"color": PALETTE[column - 1], "line": {"width": 0}},
                    name=f"{name}, layer {row}",
                    showlegend=False,
                ),
                row=row,
                col=column,
            )
            figure.add_annotation(
                text=f"σ {values.std():.2g}",
                xref="x domain",
                yref="y domain",
                x=0.5,
                y=1,
                xanchor="center",
                yanchor="bottom",
                showarrow=False,
                row=row,
                col=column,
            )
    figure.update_layout(title="Activations by initialiser", height=120 + 110 * n_layers, bargap=0)
    figure.update_yaxes(showticklabels=False)
    figure.update_xaxes(tickvals=[window[0] / 2, window[1] / 2], range=window)
    return apply_theme(figure)
