"""A measurement of every layer as training goes on."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.theme import DASHES, PALETTE, SEQUENTIAL, apply_theme

MOST_LINES = 8
"""More layers than this are drawn as rows of colour."""


def layers_over_time_figure(
    time: Float[np.ndarray, " points"],
    values: Float[np.ndarray, "points layers"],
    layers: Sequence[str],
    *,
    what: str,
    percent: bool = False,
    logarithmic: bool = False,
    title: str = "",
) -> go.Figure:
    """Draw one line a layer, or with many layers one row of colour a layer.

    Args:
        time: In epochs, 0 is before training.
        values: NaN where nothing is known.
        layers: Names, from the input to the output.
        what: Name of the measurement, for the axis.
        percent: Show shares as percent.
        logarithmic: Use a logarithmic scale; values at 0 are then left out.
        title: Of the figure; `what` by default.
    """
    shown = np.where(np.isfinite(values), values, np.nan)
    if logarithmic:
        shown = np.where(shown > 0, shown, np.nan)
    figure = go.Figure()
    if len(layers) <= MOST_LINES:
        for j, name in enumerate(layers):
            figure.add_trace(
                go.Scatter(
                    x=time,
                    y=shown[:, j],
                    mode="lines+markers" if len(time) < 40 else "lines",
                    name=name,
                    line={
                        "color": PALETTE[j % len(PALETTE)],
                        "dash": DASHES[j % len(DASHES)],
                        "width": 2,
                    },
                    marker={"size": 5},
                )
            )
        axis: dict = {"title": what}
        if percent:
            axis |= {"tickformat": ".0%", "range": (-0.03, 1.03)}
        elif logarithmic:
            axis |= {"type": "log", "exponentformat": "power", "dtick": _decades(shown)}
        else:
            axis |= {"rangemode": "tozero"}
        figure.update_yaxes(axis)
        height = 340
    else:
        drawn = np.log10(shown) if logarithmic else shown
        figure.add_trace(
            go.Heatmap(
                x=np.arange(len(time)),
                y=list(layers),
                z=drawn.T,
                colorscale=SEQUENTIAL,
                zmin=0 if percent else None,
                zmax=1 if percent else None,
                customdata=shown.T,
                hovertemplate="%{y}: %{customdata:.3g}<extra></extra>",
                colorbar={
                    "title": {"text": f"log₁₀ {what}" if logarithmic else what, "side": "right"},
                    "tickformat": ".0%" if percent else None,
                    "thickness": 12,
                },
            )
        )
        marks = np.unique(np.linspace(0, len(time) - 1, 6).round().astype(int))
        figure.update_xaxes(
            tickmode="array", tickvals=marks, ticktext=[f"{float(time[i]):.3g}" for i in marks]
        )
        figure.update_yaxes(autorange="reversed")
        height = 120 + 22 * len(layers)
    figure.update_xaxes(title="epoch")
    figure.update_layout(title=title or what, height=height, showlegend=len(layers) > 1)
    return apply_theme(figure)


def _decades(values: np.ndarray) -> int:
    """Return how many decades lie between two marks, so that there are at most six."""
    known = values[np.isfinite(values) & (values > 0)]
    if len(known) == 0:
        return 1
    return max(1, int(np.ceil(np.log10(known.max() / known.min()) / 6)))
