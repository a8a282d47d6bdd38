"""Scores and the probabilities that softmax makes of them."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from gradlab.plots.theme import BLUE, VERMILLION, apply_theme


def softmax_figure(
    scores: Float[np.ndarray, " classes"], names: Sequence[str] | None = None
) -> go.Figure:
    """Draw the scores of one row and their softmax, whose bars sum to 1."""
    shifted = np.exp(scores - scores.max())
    probabilities = shifted / shifted.sum()
    names = list(names or [f"class {i}" for i in range(len(scores))])
    figure = make_subplots(rows=1, cols=2, subplot_titles=("scores", "softmax"))
    for column, (values, colour, form) in enumerate(
        ((scores, VERMILLION, ".2f"), (probabilities, BLUE, ".3f")), start=1
    ):
        figure.add_trace(
            go.Bar(
                x=names,
                y=values,
                text=[format(value, form) for value in values],
                textposition="outside",
                cliponaxis=False,
                marker={"color": colour},
                showlegend=False,
                name=("scores", "softmax")[column - 1],
            ),
            row=1,
            col=column,
        )
    figure.update_yaxes(range=(0, 1.05), row=1, col=2)
    figure.update_layout(title="Softmax", height=380)
    return apply_theme(figure)
