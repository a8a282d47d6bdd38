"""Which samples enter which update."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Int
from plotly.subplots import make_subplots

from gradlab.plots.theme import GREY, PALETTE, apply_theme, fade

Updates = Sequence[Int[np.ndarray, " _"]]


def batches_figure(regimes: Mapping[str, Updates], n_samples: int) -> go.Figure:
    """Draw a panel a regime: a dot where a sample (across) enters an update (down).

    Args:
        regimes: By name, the samples of each update in turn.
        n_samples: Size of the data set.
    """
    sizes = [len(updates) for updates in regimes.values()]
    heights = [size + 1.5 for size in sizes]
    figure = make_subplots(
        rows=len(regimes),
        cols=1,
        shared_xaxes=True,
        subplot_titles=list(regimes),
        row_heights=[height / sum(heights) for height in heights],
        vertical_spacing=0.28 / max(2, len(regimes)),
    )
    for row, (name, updates) in enumerate(regimes.items(), start=1):
        everything = np.indices((len(updates), n_samples)).reshape(2, -1)
        figure.add_trace(
            go.Scatter(
                x=everything[1] + 1,
                y=everything[0] + 1,
                mode="markers",
                marker={"symbol": "square-open", "size": 12, "color": fade(GREY, 0.5)},
                hoverinfo="skip",
                showlegend=False,
                name="sample",
            ),
            row=row,
            col=1,
        )
        lengths = [len(samples) for samples in updates]
        figure.add_trace(
            go.Scatter(
                x=np.concatenate(list(updates)) + 1,
                y=np.repeat(np.arange(len(updates)), lengths) + 1,
                mode="markers",
                marker={"symbol": "square", "size": 12, "color": PALETTE[row - 1]},
                showlegend=False,
                name=name,
            ),
            row=row,
            col=1,
        )
        figure.update_yaxes(
            title="update",
            range=(len(updates) + 0.6, 0.4),
            tickvals=list(range(1, len(updates) + 1)),
            showgrid=False,
            zeroline=False,
            row=row,
            col=1,
        )
    figure.update_xaxes(range=(0.3, n_samples + 0.7), showgrid=False, zeroline=False)
    figure.update_xaxes(
        title="sample", dtick=1 if n_samples <= 16 else None, row=len(regimes), col=1
    )
    figure.update_layout(title="Samples of each update", height=110 + 34 * int(sum(heights)))
    return apply_theme(figure)
