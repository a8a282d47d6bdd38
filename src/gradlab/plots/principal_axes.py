"""Principal axes of points in the plane, and what is left of the points on the first of them."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.errors import DataError
from gradlab.plots.theme import BLUE, GREEN, TEXT, VERMILLION, apply_theme, fade

MOST_LINES = 150


def principal_axes_figure(
    points: Float[np.ndarray, "rows 2"],
    mean: Float[np.ndarray, " 2"],
    components: Float[np.ndarray, "2 2"],
    variances: Float[np.ndarray, " 2"],
    *,
    title: str = "Principal axes",
) -> go.Figure:
    """Draw points, the two axes two standard deviations long, and projections on the first.

    Args:
        points: Rows of two features.
        mean: Of them.
        components: `PCA.components_`, both.
        variances: `PCA.explained_variance_`.
        title: Of the figure.

    Raises:
        DataError: If there is no point.
    """
    if not len(points):
        raise DataError("a picture of principal axes needs points; got none.")
    along = (points - mean) @ components[0]
    feet = mean + along[:, None] * components[:1]
    shown = np.linspace(0, len(points) - 1, min(len(points), MOST_LINES)).astype(int)
    gap = np.full(len(shown), np.nan)
    lines = [np.stack([points[shown, i], feet[shown, i], gap], 1).ravel() for i in (0, 1)]
    figure = go.Figure(
        [
            go.Scatter(
                x=lines[0],
                y=lines[1],
                mode="lines",
                line={"color": fade("#767676", 0.45), "width": 1},
                hoverinfo="skip",
                showlegend=False,
                name="what is lost",
            ),
            go.Scatter(
                x=points[:, 0],
                y=points[:, 1],
                mode="markers",
                marker={"size": 6, "color": fade(BLUE, 0.6)},
                name="points",
            ),
            go.Scatter(
                x=feet[:, 0],
                y=feet[:, 1],
                mode="markers",
                marker={"size": 5, "color": GREEN, "symbol": "diamond"},
                name="projections on e₁",
            ),
        ]
    )
    share = variances / (variances.sum() or 1.0)
    for i, colour in ((0, VERMILLION), (1, TEXT)):
        end = mean + 2 * np.sqrt(variances[i]) * components[i]
        figure.add_trace(
            go.Scatter(
                x=[mean[0], end[0]],
                y=[mean[1], end[1]],
                mode="lines+markers",
                line={"color": colour, "width": 4},
                marker={"symbol": "arrow", "size": [0, 16], "angleref": "previous", "opacity": 1},
                name=f"e{'₁₂'[i]}, {share[i]:.0%}",
                hoverinfo="skip",
            )
        )
    figure.update_xaxes(title="x₁", constrain="domain")
    figure.update_yaxes(title="x₂", scaleanchor="x", constrain="domain")
    figure.update_layout(title=title, height=520)
    return apply_theme(figure)
