"""The confusion matrix as a heat map."""

import html

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float64, Int64

from gradlab.metrics.confusion import ConfusionMatrix
from gradlab.plots.theme import BLUE, VERMILLION, apply_theme

PALE_BLUE, PALE_ORANGE = "#EAF3F9", "#FCEEE5"

WITH_SHARES = 8
"""With more classes than this a cell has room for its count only."""


def confusion_figure(matrix: ConfusionMatrix, *, title: str = "Confusion matrix") -> go.Figure:
    """Draw the model's answers (rows) against the actual classes (columns).

    Right answers are blue and mistakes orange, each darker the larger its share of the actual
    class: a column sums to 1, so rare classes are seen as well as frequent ones. The darkest
    orange is the commonest mistake, however rare it is; empty cells stay blank.

    Args:
        matrix: From `gradlab.metrics.confusion_matrix`.
        title: Title.
    """
    counts = matrix.counts
    # Plotly takes what looks like a tag for one.
    names = [html.escape(str(label), quote=False) for label in matrix.classes]
    shares = counts / np.maximum(counts.sum(axis=0, keepdims=True), 1)
    diagonal = np.eye(len(names), dtype=bool)
    right = np.where(diagonal & (counts > 0), shares, np.nan)
    wrong = np.where(~diagonal & (counts > 0), shares, np.nan)
    largest = float(np.max(np.where(diagonal, 0.0, shares)))
    figure = go.Figure(
        [
            _cells("right", names, counts, right, 1.0, (PALE_BLUE, BLUE)),
            _cells("wrong", names, counts, wrong, largest or 1.0, (PALE_ORANGE, VERMILLION)),
        ]
    )
    few = len(names) <= WITH_SHARES
    figure.update_layout(
        title={
            "text": title,
            "subtitle": {"text": "blue: right, orange: mistakes, each darker with its share"},
        },
        height=(190 + 70 * len(names)) if few else (190 + 26 * len(names)),
    )
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(
            type="category",
            categoryorder="array",
            categoryarray=names,
            tickmode="linear",
            tickfont={"size": 12 if few else 10},
            showgrid=False,
        )
    figure.update_xaxes(title="actual class")
    figure.update_yaxes(title="model's answer", autorange="reversed")
    apply_theme(figure)
    return figure.update_layout(margin_t=84)  # room for the second line


def _cells(
    name: str,
    names: list[str],
    counts: Int64[np.ndarray, "model actual"],
    shares: Float64[np.ndarray, "model actual"],
    largest: float,
    colours: tuple[str, str],
) -> go.Heatmap:
    """Return the cells that have a share; the text shrinks with them and goes where it can't."""
    few = len(names) <= WITH_SHARES
    pairs = np.stack([counts, 100 * np.nan_to_num(shares)], axis=-1)
    text = [
        [
            "" if np.isnan(share) else f"{count:,.0f}<br>{share_:.1f} %" if few else f"{count:,.0f}"
            for share, (count, share_) in zip(*row, strict=True)
        ]
        for row in zip(shares, pairs, strict=True)
    ]
    return go.Heatmap(
        x=names,
        y=names,
        z=shares,
        zmin=0,
        zmax=largest,
        customdata=counts,
        text=text,
        texttemplate="%{text}",
        colorscale=[[0, colours[0]], [1, colours[1]]],
        showscale=False,
        xgap=1,
        ygap=1,
        hoverongaps=False,
        name=name,
        hovertemplate="actual %{x}, model %{y}<br>%{customdata:,} rows, %{z:.2%}<extra></extra>",
    )
