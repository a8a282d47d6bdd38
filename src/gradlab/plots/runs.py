"""Several runs of one setting: their losses or scores by epoch."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.theme import AXIS, BLUE, VERMILLION, apply_theme, fade
from gradlab.scalars import Scalar

COLOURS = (BLUE, VERMILLION)
WIDTHS = (("dash", 2.0), ("solid", 2.5))


def runs_figure(
    curves: Mapping[str, Float[np.ndarray, "runs epochs"]],
    *,
    what: str,
    levels: Mapping[str, Scalar] | None = None,
    percent: bool = False,
    logarithmic: bool = False,
    title: str = "",
) -> go.Figure:
    """Draw every run thinly and the median of the runs, one colour a name (two at most).

    Args:
        curves: Name, as "training", to one row a run; NaN where a run had ended.
        what: Of the vertical axis.
        levels: Names of horizontal lines, such as the score of a constant answer.
        percent: Show shares as percent.
        logarithmic: Use a logarithmic scale if the values span two decades and are above 0.
        title: Of the figure.
    """
    figure = go.Figure()
    known = np.concatenate([values[np.isfinite(values)] for values in curves.values()])
    wide = len(known) > 0 and known.min() > 0 and known.max() > 100 * known.min()
    for (name, values), colour, (dash, width) in zip(curves.items(), COLOURS, WIDTHS, strict=False):
        values = np.where(np.isfinite(values), values, np.nan)
        kept = np.isfinite(values).any(axis=0)
        if not kept.any():
            continue
        epochs = np.arange(1, values.shape[1] + 1)
        for run in values if len(values) > 1 else ():
            figure.add_trace(
                go.Scatter(
                    x=epochs,
                    y=run,
                    mode="lines",
                    line={"color": fade(colour, 0.35), "width": 1},
                    showlegend=False,
                    hoverinfo="skip",
                    legendgroup=name,
                )
            )
        middle = np.full(values.shape[1], np.nan)
        middle[kept] = np.nanmedian(values[:, kept], axis=0)
        figure.add_trace(
            go.Scatter(
                x=epochs,
                y=middle,
                mode="lines+markers" if len(epochs) < 3 else "lines",
                name=name,
                legendgroup=name,
                line={"color": colour, "width": width, "dash": dash},
            )
        )
    for name, level in (levels or {}).items():
        figure.add_hline(y=float(level), line={"color": AXIS, "dash": "dot"})
        figure.add_annotation(
            x=1, xref="paper", y=float(level), text=name, showarrow=False,
            xanchor="right", yanchor="bottom",
        )  # fmt: skip
    axis: dict = {"title": what}
    if percent:
        axis["tickformat"] = ".0%"
    if logarithmic and wide:
        axis |= {"type": "log", "exponentformat": "power", "dtick": 1}
    figure.update_yaxes(axis)
    figure.update_xaxes(title="epoch")
    figure.update_layout(title=title or what, height=340)
    return apply_theme(figure)
