"""Loadings as a table of colours: which columns make up which component."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.errors import DataError
from gradlab.plots.theme import BLUE, TEXT, VERMILLION, apply_theme

DIVERGING = ((0.0, VERMILLION), (0.5, "rgba(128, 128, 128, 0.08)"), (1.0, BLUE))
"""Negative, none, positive: hues that every kind of colour vision tells apart."""

WITH_NUMBERS = 8
"""Components up to which numbers are written into the cells."""

STRONG = 0.45
"""Share of the largest weight from which a field is too dark for grey words."""


def loadings_figure(
    loadings: Float[np.ndarray, "columns components"],
    columns: Sequence[str],
    components: Sequence[str],
    *,
    most: int = 25,
    title: str = "Loadings",
) -> go.Figure:
    """Draw a line for each column and a field for each component, the heaviest columns on top.

    Args:
        loadings: Weight of each column in each component.
        columns: Their names.
        components: Names of the components.
        most: Columns drawn at most: those with the largest weight in any component.
        title: Of the figure.

    Raises:
        DataError: If names and loadings don't match, or there are none.
    """
    if loadings.shape != (len(columns), len(components)) or not loadings.size:
        raise DataError(
            f"loadings of shape {loadings.shape} need as many names, and at least one of each; "
            f"got {len(columns)} columns and {len(components)} components."
        )
    order = np.argsort(-np.abs(loadings).max(axis=1), kind="stable")[:most]
    shown = loadings[order].astype(np.float64)
    reach = float(np.abs(shown).max()) or 1.0
    numbers = len(components) <= WITH_NUMBERS
    names = [str(columns[i]) for i in order]
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            # A place each: equal names would fall on one line.
            x=np.arange(len(components)),
            y=np.arange(len(names)),
            customdata=[[f"{name} in {component}" for component in components] for name in names],
            zmin=-reach,
            zmax=reach,
            colorscale=[list(stop) for stop in DIVERGING],
            xgap=2,
            ygap=2,
            showscale=not numbers,
            hovertemplate="%{customdata}: %{z:.3f}<extra></extra>",
        )
    )
    if numbers:
        figure.add_trace(_numbers(shown, reach))
    figure.update_xaxes(
        tickvals=list(range(len(components))),
        ticktext=[_short(str(name)) for name in components],
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(
        autorange="reversed",
        tickvals=list(range(len(names))),
        ticktext=[_short(name) for name in names],
        showgrid=False,
        zeroline=False,
    )
    figure.update_layout(title=title, height=110 + 26 * len(names))
    return apply_theme(figure)


def _numbers(shown: Float[np.ndarray, "columns components"], reach: float) -> go.Scatter:
    """Return the weights as texts, white where the field behind is strong."""
    rows, columns = np.indices(shown.shape).reshape(2, -1)
    values = shown.ravel()
    return go.Scatter(
        x=columns,
        y=rows,
        mode="text",
        text=[f"{value:.2f}".replace("-", "−") for value in values],
        textfont={"color": ["white" if abs(v) > STRONG * reach else TEXT for v in values]},
        hoverinfo="skip",
        showlegend=False,
    )


def _short(name: str) -> str:
    return name if len(name) <= 26 else f"{name[:25]}…"
