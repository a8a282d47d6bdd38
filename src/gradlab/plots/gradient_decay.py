"""Gradient norms over the way back from the loss, through layers or through time."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.theme import DASHES, PALETTE, apply_theme


def gradient_decay_figure(
    norms: Mapping[str, Float[np.ndarray, " steps"]], *, steps: str = "lag in time steps"
) -> go.Figure:
    """Draw norms over the distance from the loss, on a logarithmic scale: geometric is straight.

    Args:
        norms: By name, such as "spectral radius 0.9"; the first entry next to the loss.
        steps: What the distance is counted in.

    >>> figure = gradient_decay_figure({"half": 0.5 ** np.arange(5.0)})
    >>> figure.data[0].name
    'half'
    """
    figure = go.Figure()
    for number, (name, values) in enumerate(norms.items()):
        figure.add_trace(
            go.Scatter(
                x=np.arange(len(values)),
                # A norm of 0 has no place on a logarithmic scale.
                y=np.where(values > 0, values, np.nan),
                mode="lines+markers",
                name=name,
                line={
                    "color": PALETTE[number % len(PALETTE)],
                    "dash": DASHES[number % len(DASHES)],
                    "width": 2,
                },
                marker={"size": 5},
                hovertemplate=f"{name}, {steps} %{{x}}: %{{y:.3g}}<extra></extra>",
            )
        )
    figure.update_layout(
        title="Gradient on its way back",
        height=400,
        xaxis={"title": steps},
        yaxis={"title": "gradient norm", "type": "log", "exponentformat": "power"},
    )
    return apply_theme(figure)
