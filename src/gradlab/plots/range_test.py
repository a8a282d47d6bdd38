"""The learning rate range test."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.theme import AXIS, BLUE, VERMILLION, apply_theme, fade
from gradlab.scalars import Scalar


def range_test_figure(
    rates: Float[np.ndarray, " rates"],
    loss: Float[np.ndarray, " rates"],
    *,
    start: Scalar,
    used: Scalar,
    title: str = "Learning rate range test",
) -> go.Figure:
    """Draw the loss after short runs that differ in the learning rate alone.

    Rates at which the loss was not finite are shaded; a dotted line is the loss before training,
    and the rate in use is marked.

    Args:
        rates: Ascending, above 0.
        loss: After the run with each; inf or NaN where it diverged.
        start: Loss before.
        used: The rate under examination.
    """
    finite = np.isfinite(loss)
    shown = np.where(finite, loss, np.nan)
    # A rate that is far too high can end millions above the start, and would flatten the rest.
    top = 1.6 * max(float(start), 1e-12)
    high = finite & (loss > top)
    figure = go.Figure(
        go.Scatter(
            x=rates,
            y=np.minimum(shown, top),
            mode="lines+markers",
            name="loss after the run",
            customdata=shown,
            hovertemplate="rate %{x:.3g}: loss %{customdata:.4g}<extra></extra>",
            line={"color": BLUE, "width": 2},
            marker={"size": 6, "symbol": np.where(high, "triangle-up", "circle")},
        )
    )
    figure.add_hline(y=float(start), line={"color": AXIS, "dash": "dot"})
    figure.add_annotation(
        x=0, xref="paper", y=float(start), text="before training", showarrow=False,
        xanchor="left", yanchor="bottom",
    )  # fmt: skip
    if not finite.all():
        first = float(rates[np.argmin(finite)])
        low, high_end = first / 10**0.25, float(rates[-1]) * 10**0.25
        figure.add_vrect(x0=low, x1=high_end, fillcolor=fade(VERMILLION, 0.12), line_width=0)
        # Plotly places annotations on a logarithmic axis by the exponent, shapes by the number.
        figure.add_annotation(
            x=float(np.log10(low * high_end)) / 2,
            y=0,
            yref="paper",
            text="diverges",
            showarrow=False,
            yanchor="bottom",
        )
    figure.add_vline(x=float(used), line={"color": VERMILLION, "dash": "dash", "width": 2})
    left = float(np.log10(used)) < float(np.log10(rates).mean())
    figure.add_annotation(
        x=float(np.log10(used)),
        y=1,
        yref="paper",
        text=f"in use: {float(used):.3g}",
        showarrow=False,
        xanchor="left" if left else "right",
        yanchor="top",
        xshift=4 if left else -4,
    )
    ends = np.log10(rates[[0, -1]]) + np.array([-0.25, 0.25])
    figure.update_xaxes(range=ends.tolist())
    figure.update_xaxes(type="log", title="learning rate", dtick=1, exponentformat="power")
    figure.update_yaxes(title="loss", rangemode="tozero")
    figure.update_layout(title=title, height=360, showlegend=False)
    return apply_theme(figure)
