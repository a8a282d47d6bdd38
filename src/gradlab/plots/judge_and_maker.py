"""A discriminative and a generative model of the same two classes, side by side."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int
from plotly.subplots import make_subplots

from gradlab.plots.theme import BLUE, GREY, VERMILLION, apply_theme


def judge_and_maker_figure(
    data: Float[np.ndarray, "rows 2"],
    labels: Int[np.ndarray, " rows"],
    axes: tuple[Float[np.ndarray, " columns"], Float[np.ndarray, " lines"]],
    probability: Float[np.ndarray, "lines columns"],
    made: Float[np.ndarray, "samples 2"],
    made_labels: Int[np.ndarray, " samples"],
    *,
    names: tuple[str, str] = ("class 0", "class 1"),
    title: str = "One analyses data to judge, the other to make",
) -> go.Figure:
    """Draw the data with a classifier's border on the left, a generator's samples on the right.

    Args:
        data, labels: Real rows and their class, 0 or 1.
        axes: x and y of the grid that the classifier was asked about.
        probability: P(class 1) there; the border is at one half.
        made, made_labels: Samples and their class.
        names: Of the classes.
        title: Of the figure.
    """
    words = ["discriminative", "generative"]
    figure = make_subplots(rows=1, cols=2, subplot_titles=words, horizontal_spacing=0.08)
    x, y = axes
    figure.add_trace(
        go.Heatmap(
            x=x,
            y=y,
            z=probability,
            zmin=0,
            zmax=1,
            zsmooth="best",
            colorscale=[[0, BLUE], [0.5, "rgb(200, 200, 200)"], [1, VERMILLION]],
            opacity=0.22,
            showscale=False,
            hovertemplate=f"P({names[1]}) = %{{z:.2f}}<extra></extra>",
        ),
        row=1,
        col=1,
    )
    figure.add_trace(
        go.Contour(
            x=x,
            y=y,
            z=probability,
            showlegend=False,
            contours={"coloring": "none", "start": 0.5, "end": 0.5, "size": 1},
            line={"color": GREY, "width": 2.5},
            showscale=False,
            hoverinfo="skip",
        ),
        row=1,
        col=1,
    )
    for rows, kinds, column, symbols, size in (
        (data, labels, 1, ("circle", "diamond"), 5),
        (made, made_labels, 2, ("circle-open", "diamond-open"), 6),
    ):
        for kind, colour in ((0, BLUE), (1, VERMILLION)):
            own = rows[kinds == kind]
            marker = {"color": colour, "symbol": symbols[kind], "size": size}
            figure.add_trace(
                go.Scatter(
                    x=own[:, 0],
                    y=own[:, 1],
                    mode="markers",
                    marker=marker,
                    name=names[kind] + (", made" if column == 2 else ""),
                    hoverinfo="skip",
                ),
                row=1,
                col=column,
            )
    figure.update_layout(title=title, height=430)
    apply_theme(figure)
    figure.update_xaxes(range=[x[0], x[-1]], title="x₁")
    figure.update_yaxes(range=[y[0], y[-1]])
    figure.update_yaxes(title="x₂", col=1)
    return figure
