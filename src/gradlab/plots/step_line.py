"""The loss along one step of training."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.theme import BLUE, GREY, VERMILLION, apply_theme


def step_line_figure(
    fractions: Float[np.ndarray, " points"],
    losses: Float[np.ndarray, " points"],
    *,
    slope: float,
) -> go.Figure:
    """Draw the loss over fractions of a step, and the straight line that its gradient promises.

    Args:
        fractions: Of the step; 0 is before it and 1 after it.
        losses: At these.
        slope: Of the loss at 0, by a fraction.
    """
    start, end = (float(np.interp(t, fractions, losses)) for t in (0.0, 1.0))
    finite = losses[np.isfinite(losses)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    reach = 0.08 * (high - low or 1.0)
    figure = go.Figure(
        [
            go.Scatter(
                x=fractions, y=losses, mode="lines", name="loss", line={"color": BLUE, "width": 2.5}
            ),
            go.Scatter(
                x=fractions[[0, -1]],
                y=start + slope * fractions[[0, -1]],
                mode="lines",
                name="as the gradient promises",
                line={"color": GREY, "dash": "dash"},
            ),
            go.Scatter(
                x=[0.0, 1.0],
                y=[start, end],
                mode="markers+text",
                text=["before", "after"],
                textposition="top center",
                name="the step",
                marker={"size": 11, "color": VERMILLION},
                showlegend=False,
            ),
        ]
    )
    figure.update_xaxes(title_text="fraction of the step")
    figure.update_yaxes(title_text="loss", range=[low - reach, high + 2 * reach])
    figure.update_layout(title="Loss along the step", height=340)
    return apply_theme(figure)
