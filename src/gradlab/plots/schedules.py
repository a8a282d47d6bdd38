"""Learning rates over the steps of training."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.theme import DASHES, PALETTE, apply_theme


def schedules_figure(
    rates: Mapping[str, Float[np.ndarray, "epochs steps_per_epoch"]], *, log: bool = False
) -> go.Figure:
    """Draw the learning rate of each schedule against the epoch."""
    figure = go.Figure()
    for i, (name, rate) in enumerate(rates.items()):
        epochs = np.arange(rate.size) / rate.shape[1]
        figure.add_trace(
            go.Scatter(
                x=epochs,
                y=rate.reshape(-1),
                mode="lines",
                name=name,
                line={
                    "color": PALETTE[i % len(PALETTE)],
                    "dash": DASHES[i % len(DASHES)],
                    "width": 2.5,
                },
            )
        )
    figure.update_layout(title="Learning-rate schedules", height=400, xaxis_title="epoch")
    figure.update_yaxes(title="learning rate", type="log" if log else "linear")
    return apply_theme(figure)
