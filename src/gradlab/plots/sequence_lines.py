"""Sequences drawn as lines: some of the data above, some made ones below."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from gradlab.plots.theme import BLUE, GREEN, apply_theme

MOST = 6
"""Sequences of each kind: more lines hide each other."""


def sequence_lines_figure(
    real: Float[np.ndarray, "n time"], made: Float[np.ndarray, "m time"]
) -> go.Figure:
    """Return the first sequences of both on the same axes, in two panels.

    Args:
        real: Of the data, a row a sequence.
        made: Of a model.

    >>> waves = np.sin(np.arange(20) / 3 + np.arange(8)[:, None])
    >>> len(sequence_lines_figure(waves, waves).data)
    12
    """
    figure = make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=True,
        shared_yaxes=True,
        vertical_spacing=0.1,
        subplot_titles=("data", "generated"),
    )
    for row, (sequences, colour) in enumerate(((real, BLUE), (made, GREEN)), 1):
        for i, sequence in enumerate(sequences[:MOST]):
            figure.add_scatter(
                x=np.arange(len(sequence)),
                y=sequence,
                mode="lines",
                line={"color": colour, "width": 1.2},
                opacity=0.75,
                name=f"sequence {i + 1}",
                showlegend=False,
                row=row,
                col=1,
            )
    low, high = (
        float(f([real[:MOST].min(), made[:MOST].min(), real[:MOST].max(), made[:MOST].max()]))
        for f in (min, max)
    )
    margin = 0.05 * (high - low or 1.0)
    figure.update_yaxes(range=[low - margin, high + margin])
    figure.update_xaxes(title="step", row=2, col=1)
    return apply_theme(figure)
