"""How the rows are shared out, and the loop that the parts serve."""

from collections.abc import Mapping

import plotly.graph_objects as go
from jaxtyping import Int
from numpy import ndarray

from gradlab.plots.flow import Arrow, Box, flow_figure
from gradlab.plots.theme import BLUE, GREEN, GREY, ORANGE, VERMILLION, apply_theme

PART_COLOURS = {"training": BLUE, "validation": ORANGE, "test": VERMILLION}
Parts = Mapping[str, Int[ndarray, " _"]]


def split_bars_figure(splits: Mapping[str, Parts], *, title: str = "Splits") -> go.Figure:
    """Draw a bar a split, with the rows and the share of each part written in it.

    Args:
        splits: By name, the rows of each part: "training", "validation", "test".
        title: Title.
    """
    figure = go.Figure()
    totals = {name: sum(map(len, parts.values())) for name, parts in splits.items()}
    for part, colour in PART_COLOURS.items():
        sizes = [len(parts.get(part, ())) for parts in splits.values()]
        shares = [100 * size / total for size, total in zip(sizes, totals.values(), strict=True)]
        figure.add_trace(
            go.Bar(
                y=list(splits),
                x=shares,
                orientation="h",
                text=[
                    f"{size:,}<br>{share:.3g} %" if size else ""
                    for size, share in zip(sizes, shares, strict=True)
                ],
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                textfont={"color": "white" if part != "validation" else "black"},
                marker={"color": colour},
                name=part,
            )
        )
    figure.update_layout(title=title, barmode="stack", height=150 + 70 * len(splits))
    figure.update_layout(legend_traceorder="normal")
    figure.update_xaxes(title="share of the rows, %", range=(0, 100))
    figure.update_yaxes(autorange="reversed")
    return apply_theme(figure)


def model_selection_figure() -> go.Figure:
    """Draw the loop of model selection, and which part of the rows serves which step."""
    boxes = {
        "idea": Box("idea: model and settings", 0, 0, GREY),
        "train": Box("experiment: learn weights<br>on <b>training</b> rows", 0, -1, BLUE),
        "judge": Box("judge settings<br>on <b>validation</b> rows", 0, -2, ORANGE),
        "best": Box("keep the best", 0, -3, GREEN),
        "test": Box("measure it once<br>on <b>test</b> rows", 0, -4, VERMILLION),
    }
    arrows = [
        Arrow("idea", "train"),
        Arrow("train", "judge"),
        Arrow("judge", "idea", "next idea", around=True),
        Arrow("judge", "best"),
        Arrow("best", "test"),
    ]
    return flow_figure(boxes, arrows, title="Model selection")
