"""The loss of a picture that is being made, step by step, size by size."""

import numpy as np
import plotly.graph_objects as go
import polars as pl

from gradlab.plots.theme import AXIS, DASHES, PALETTE, apply_theme


def style_history_figure(history: pl.DataFrame, *, title: str = "Loss by step") -> go.Figure:
    """Draw the total at every step, and content and style where they were measured.

    Args:
        history: Of a `StyledPicture`: size, step, total, content, style.
        title: Title.
    """
    numbered = history.with_columns(pl.int_range(1, pl.len() + 1).alias("at"))
    lines = {"total": "total", "content": "content (before its weight)", "style": "style"}
    figure = go.Figure()
    drawn: list[float] = []
    for i, (column, name) in enumerate(lines.items()):
        seen = numbered.filter(pl.col(column).is_not_null() & (pl.col(column) > 0))
        drawn += seen[column].to_list()
        figure.add_scatter(
            x=seen["at"].to_numpy(),
            y=seen[column].to_numpy(),
            name=name,
            mode="lines" if column == "total" else "lines+markers",
            marker={"size": 5},
            line={"color": PALETTE[i], "dash": DASHES[i], "width": 2},
        )
    sizes = numbered["size"].to_numpy()
    for at in np.flatnonzero(np.diff(sizes)) + 1.5:
        figure.add_vline(x=float(at), line={"color": AXIS, "dash": "dot", "width": 1})
    figure.update_layout(title=title)
    figure.update_xaxes(title="step")
    decades = float(np.ptp(np.log10(drawn))) if drawn else 0.0
    figure.update_yaxes(title="loss", type="log", dtick=1 if decades > 2 else "D2")
    return apply_theme(figure)
