"""Flow charts: boxes and arrows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from gradlab.plots.theme import AXIS, TEXT, apply_theme, fade
from gradlab.scalars import Scalar

HALF_WIDTH, HALF_HEIGHT = 0.44, 0.3
Point = tuple[Scalar, Scalar]


@dataclass(frozen=True)
class Box:
    """A step: its text, the middle of its box, and its colour, written #RRGGBB."""

    text: str
    x: Scalar
    y: Scalar
    colour: str


@dataclass(frozen=True)
class Arrow:
    """A way from one box to another, with a word beside it.

    `around` leads it along the right side, for a way back past other boxes.
    """

    source: str
    target: str
    text: str = ""
    around: bool = False


def flow_figure(
    boxes: Mapping[str, Box], arrows: Sequence[Arrow], *, title: str, row_pixels: int = 96
) -> go.Figure:
    """Draw boxes of width 0.88 and height 0.6 and the arrows between them.

    Arrows run down or across; one that goes around runs up on the right.

    Args:
        boxes: By name.
        arrows: Between names.
        title: Title.
        row_pixels: Height of 1 of `Box.y`; a line of text takes about 17.
    """
    figure = go.Figure(
        go.Scatter(  # a picture of shapes alone would have no axes
            x=[box.x for box in boxes.values()],
            y=[box.y for box in boxes.values()],
            mode="text",
            text=[box.text for box in boxes.values()],
            textfont={"color": TEXT},
            hoverinfo="skip",
            showlegend=False,
            name="steps",
        )
    )
    for box in boxes.values():
        figure.add_shape(
            type="rect",
            x0=box.x - HALF_WIDTH,
            x1=box.x + HALF_WIDTH,
            y0=box.y - HALF_HEIGHT,
            y1=box.y + HALF_HEIGHT,
            line={"color": box.colour, "width": 2},
            fillcolor=fade(box.colour, 0.12),
        )
    beside = 0.0
    for arrow in arrows:
        source, target = boxes[arrow.source], boxes[arrow.target]
        if arrow.around:
            beside = 0.5
            _around(figure, source, target, arrow.text)
        elif source.y == target.y:
            way = 1 if target.x > source.x else -1
            start, end = source.x + way * HALF_WIDTH, target.x - way * HALF_WIDTH
            _arrow(figure, (start, source.y), (end, target.y))
            _word(figure, (start + end) / 2, source.y, arrow.text, yanchor="bottom")
        else:
            way = 1 if target.y > source.y else -1
            start, end = source.y + way * HALF_HEIGHT, target.y - way * HALF_HEIGHT
            _arrow(figure, (source.x, start), (target.x, end))
            middle = (source.x + target.x) / 2 + 0.03
            _word(figure, middle, (start + end) / 2, arrow.text, xanchor="left")
    xs, ys = [box.x for box in boxes.values()], [box.y for box in boxes.values()]
    figure.update_xaxes(visible=False, range=(min(xs) - 0.5, max(xs) + 0.5 + beside))
    figure.update_yaxes(visible=False, range=(min(ys) - 0.4, max(ys) + 0.4))
    height = 60 + row_pixels * (max(ys) - min(ys) + 1)
    figure.update_layout(title=title, height=height)
    return apply_theme(figure).update_layout(margin={"t": 52, "b": 8, "l": 8, "r": 8})


def _around(figure: go.Figure, source: Box, target: Box, text: str) -> None:
    edge = max(source.x, target.x) + HALF_WIDTH
    side = edge + 0.12
    figure.add_shape(
        type="path",
        path=f"M {edge},{source.y} L {side},{source.y} L {side},{target.y}",
        line={"color": AXIS, "width": 2},
    )
    _arrow(figure, (side, target.y), (edge, target.y))
    _word(figure, side + 0.03, (source.y + target.y) / 2, text, xanchor="left")


def _arrow(figure: go.Figure, start: Point, end: Point) -> None:
    figure.add_annotation(
        x=end[0],
        y=end[1],
        ax=start[0],
        ay=start[1],
        xref="x",
        yref="y",
        axref="x",
        ayref="y",
        text="",
        showarrow=True,
        arrowhead=2,
        arrowsize=1.2,
        arrowwidth=2,
        arrowcolor=AXIS,
    )


def _word(
    figure: go.Figure,
    x: Scalar,
    y: Scalar,
    text: str,
    *,
    xanchor: str = "center",
    yanchor: str = "middle",
) -> None:
    if text:
        figure.add_annotation(
            x=x, y=y, text=text, showarrow=False, xanchor=xanchor, yanchor=yanchor
        )
