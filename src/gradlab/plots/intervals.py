"""Measures side by side, each with its interval."""

from collections.abc import Sequence

import plotly.graph_objects as go

from gradlab.plots.theme import BLUE, VERMILLION, apply_theme
from gradlab.scalars import Scalar


def intervals_figure(
    names: Sequence[str],
    values: Sequence[Scalar],
    lows: Sequence[Scalar | None],
    highs: Sequence[Scalar | None],
    *,
    no_skill: Sequence[Scalar | None] = (),
    level: Scalar = 0.95,
    range_: tuple[Scalar, Scalar] | None = None,
    title: str = "Scores with their intervals",
) -> go.Figure:
    """Draw a dot a measure, its interval, and what predictions that know nothing would score.

    Args:
        names: Measures, the first on top.
        values: Of each.
        lows, highs: Ends of each interval; None where there is none.
        no_skill: Score without skill; None where there is none.
        level: Of the intervals.
        range_: Of the axis, such as (0, 1); by default what the numbers need.
        title: Title.
    """
    above = [0 if high is None else high - v for v, high in zip(values, highs, strict=True)]
    below = [0 if low is None else v - low for v, low in zip(values, lows, strict=True)]
    figure = go.Figure(
        go.Scatter(
            x=list(values),
            y=list(names),
            error_x={
                "type": "data",
                "symmetric": False,
                "array": above,
                "arrayminus": below,
                "color": BLUE,
                "thickness": 2,
                "width": 5,
            },
            mode="markers",
            marker={"color": BLUE, "size": 10},
            name=f"score, {100 * float(level):g} % interval",
            customdata=[
                "no interval" if low is None else f"[{low:.4g}, {high:.4g}]"
                for low, high in zip(lows, highs, strict=True)
            ],
            hovertemplate="%{y}: %{x:.4g} %{customdata}<extra></extra>",
        )
    )
    known = [
        (name, value) for name, value in zip(names, no_skill, strict=False) if value is not None
    ]
    if known:
        figure.add_trace(
            go.Scatter(
                x=[value for _, value in known],
                y=[name for name, _ in known],
                mode="markers",
                marker={
                    "color": VERMILLION,
                    "size": 14,
                    "symbol": "line-ns",
                    "line": {"width": 3, "color": VERMILLION},
                },
                name="without skill",
                hovertemplate="%{y} without skill: %{x:.4g}<extra></extra>",
            )
        )
    figure.update_layout(title=title, height=170 + 30 * len(names))
    if range_ is not None:
        space = 0.03 * (range_[1] - range_[0])  # a dot at the end is seen whole
        figure.update_xaxes(range=(range_[0] - space, range_[1] + space))
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=list(names),
        range=(len(names) - 0.5, -0.5),
    )
    return apply_theme(figure)
