"""Features before and after scaling, and what it does to the way down."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from gradlab.plots.contours import contour_trace, path_trace
from gradlab.plots.tables import table_trace
from gradlab.plots.theme import BLUE, VERMILLION, apply_theme
from gradlab.scalars import Scalar


def scaling_tables_figure(
    before: Float[np.ndarray, "rows features"],
    after: Float[np.ndarray, "rows features"],
    names: Sequence[str],
    *,
    method: str,
    column: int = -1,
) -> go.Figure:
    """Write the table before and after scaling, and draw one column's values in both.

    Args:
        before: Raw features.
        after: The same rows, scaled.
        names: Names of the features.
        method: Name of the scaling.
        column: The column that is drawn.
    """
    table, chart, gap = 40 + 25 * len(before), 200, 50  # pixels; a table is cut where it ends
    figure = make_subplots(
        rows=3,
        cols=1,
        specs=[[{"type": "table"}], [{"type": "table"}], [{"type": "xy"}]],
        subplot_titles=("before", f"after: {method}", f"{names[column]} in both units"),
        row_heights=[table, table, chart],
        vertical_spacing=gap / (2 * table + chart + 2 * gap),
    )
    for row, rows in ((1, before), (2, after)):
        lines = [(str(i), *(f"{value:.6g}" for value in values)) for i, values in enumerate(rows)]
        widths = (0.5, *[1] * len(names))
        marked = (1 + column % len(names),)
        figure.add_trace(
            table_trace(("row", *names), lines, widths=widths, marked_columns=marked),
            row=row,
            col=1,
        )
    figure.add_trace(
        go.Scatter(
            x=before[:, column],
            y=after[:, column],
            mode="markers",
            marker={"color": BLUE, "size": 9},
            name=names[column],
            showlegend=False,
        ),
        row=3,
        col=1,
    )
    figure.update_xaxes(title="before", row=3, col=1)
    figure.update_yaxes(title="after", row=3, col=1)
    figure.update_layout(title=f"Scaling: {method}", height=2 * table + chart + 2 * gap + 130)
    return apply_theme(figure)


def scale_contours_figure(
    spreads: tuple[Scalar, Scalar], *, start: tuple[Scalar, Scalar] = (1.0, 1.0), steps: int = 20
) -> go.Figure:
    """Draw the loss over two weights, raw and scaled, with gradient descent on both.

    A linear model with independent features of standard deviations a and b has the loss
    ½ (a² w₁² + b² w₂²) around its minimum. Both paths take the learning rate 0.9 · 2 / (steepest
    curvature), just below divergence for the raw features.

    Args:
        spreads: Standard deviations a, b of the raw features.
        start: Weights to start from.
        steps: Steps of each path.
    """
    figure = make_subplots(rows=1, cols=2, subplot_titles=("raw: elongated", "scaled: round"))
    axis = np.linspace(-1.3, 1.3, 80)
    for column, (a, b) in enumerate((spreads, (1.0, 1.0)), start=1):
        curvature = np.array([a**2, b**2])
        # A round valley needs no oscillation: the step of Newton's method, halved.
        rate = 1.8 / curvature.max() if a != b else 0.5
        path = (
            np.array(start)[None, :]
            * (1 - rate * curvature[None, :]) ** np.arange(steps + 1)[:, None]
        )
        loss = (curvature[0] * axis[None, :] ** 2 + curvature[1] * axis[:, None] ** 2) / 2
        figure.add_trace(contour_trace(axis, axis, loss), row=1, col=column)
        figure.add_trace(
            path_trace(path, "gradient descent", VERMILLION, show_legend=column == 1),
            row=1,
            col=column,
        )
    figure.update_xaxes(title="w₁", range=(-1.3, 1.3), constrain="domain")
    figure.update_yaxes(range=(-1.3, 1.3), constrain="domain")
    for column in (1, 2):  # round must look round
        anchor = f"x{column}" if column > 1 else "x"
        figure.update_yaxes(scaleanchor=anchor, row=1, col=column)
    figure.update_yaxes(title="w₂", row=1, col=1)
    figure.update_layout(title="Scale of the features", height=380)
    return apply_theme(figure)
