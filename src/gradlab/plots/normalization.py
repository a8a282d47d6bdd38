"""What batch and layer normalisation take their statistics over, and what they do to values."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from gradlab.plots.tables import table_trace
from gradlab.plots.theme import PALETTE, apply_theme


def normalization_figure(values: Float[np.ndarray, "features batch"]) -> go.Figure:
    """Write a table of features by samples with the statistics of both normalisations.

    Batch normalisation takes mean and deviation along a row (one feature, all samples), layer
    normalisation down a column (one sample, all features). Deviations divide by n, as the layers
    do.
    """
    features, batch = values.shape
    lines = [
        (f"feature {i + 1}", *(f"{v:g}" for v in row), f"{row.mean():.3f}", f"{row.std():.3f}")
        for i, row in enumerate(values)
    ]
    for name, statistic in (("layer mean", np.mean), ("layer std", np.std)):
        lines.append((name, *(f"{v:.3f}" for v in statistic(values, axis=0)), "", ""))
    header = ("", *(f"x{j + 1}" for j in range(batch)), "batch mean", "batch std")
    table = table_trace(
        header,
        lines,
        widths=(1.5, *[0.9] * batch, 1, 1),
        marked_columns=(batch + 1, batch + 2),
    )
    figure = go.Figure(table)
    figure.update_layout(title="Batch and layer statistics", height=180 + 26 * (features + 3))
    return apply_theme(figure)


def layer_histograms_figure(
    layers: Mapping[str, Mapping[str, Float[np.ndarray, "..."]]], *, title: str
) -> go.Figure:
    """Draw histograms: one row a layer, one colour a variant, on a common axis.

    Args:
        layers: For each layer its values by variant, such as "before" and "after".
        title: Title.
    """
    figure = make_subplots(
        rows=len(layers),
        cols=1,
        shared_xaxes=True,
        subplot_titles=list(layers),
        vertical_spacing=0.2 / len(layers),
    )
    pooled = np.concatenate([v.ravel() for variants in layers.values() for v in variants.values()])
    low, high = np.quantile(pooled, [0.002, 0.998])
    edges = np.linspace(low, high, 51)
    for row, variants in enumerate(layers.values(), start=1):
        for i, (name, values) in enumerate(variants.items()):
            density, _ = np.histogram(values.ravel(), bins=edges)
            figure.add_trace(
                go.Scatter(
                    x=(edges[1:] + edges[:-1]) / 2,
                    y=density / values.size,
                    mode="lines",
                    fill="tozeroy",
                    line={"color": PALETTE[i], "shape": "hvh", "width": 1.5},
                    name=name,
                    legendgroup=name,
                    showlegend=row == 1,
                ),
                row=row,
                col=1,
            )
    figure.update_yaxes(showticklabels=False, rangemode="tozero")
    figure.update_xaxes(title="value", row=len(layers), col=1)
    figure.update_layout(title=title, height=130 + 130 * len(layers))
    return apply_theme(figure)
