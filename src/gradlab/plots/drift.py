"""How far the inputs of each layer move while a network trains."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gradlab.metrics.drift import Drift
from gradlab.plots.theme import DASHES, PALETTE, apply_theme
from gradlab.scalars import Scalar


def drift_figure(
    drifts: Mapping[str, Drift],
    epochs: Sequence[Scalar],
    *,
    title: str = "Internal covariate shift",
) -> go.Figure:
    """Draw the drift of mean and deviation over the epochs: a colour a layer, a dash a variant.

    Args:
        drifts: By variant, such as "no norm" and "batch norm".
        epochs: When the snapshots were taken.
        title: Title.
    """
    figure = make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=True,
        subplot_titles=("drift of the mean", "drift of the standard deviation"),
        vertical_spacing=0.12,
    )
    for row, quantity in enumerate(("mean", "std"), start=1):
        for dash, (variant, drift) in zip(DASHES, drifts.items(), strict=False):
            for i, values in enumerate(getattr(drift, quantity)):
                name = f"{variant}, layer {i + 1}"
                figure.add_trace(
                    go.Scatter(
                        x=[float(epoch) for epoch in epochs],
                        y=values,
                        mode="lines",
                        line={"color": PALETTE[i % len(PALETTE)], "dash": dash, "width": 2.5},
                        name=name,
                        legendgroup=name,
                        showlegend=row == 1,
                    ),
                    row=row,
                    col=1,
                )
    figure.update_yaxes(title="starting deviations", rangemode="tozero")
    figure.update_xaxes(title="epoch", row=2, col=1)
    n_entries = sum(len(drift.mean) for drift in drifts.values())
    figure.update_layout(title=title, height=500 + 12 * n_entries)
    return apply_theme(figure)
