"""Bias and variance of models as distances, and what to do about each."""

from collections.abc import Mapping
from textwrap import wrap

import plotly.graph_objects as go

from gradlab.metrics.bias_variance import ACTIONS, Fit
from gradlab.plots.flow import Arrow, Box, flow_figure
from gradlab.plots.theme import BLUE, GREEN, GREY, ORANGE, VERMILLION, apply_theme

MARKS = {
    "wanted error": (GREEN, "star"),
    "training error": (BLUE, "circle"),
    "validation error": (VERMILLION, "diamond"),
}


def bias_variance_figure(fits: Mapping[str, Fit], *, title: str = "Bias and variance") -> go.Figure:
    """Draw a line a model: from the wanted error to training (bias), to validation (variance).

    Args:
        fits: By name of the model.
        title: Title.
    """
    figure = go.Figure()
    names = [f"{name}<br>{fit.label}" for name, fit in fits.items()]
    wanted = [None if f.bias is None else f.train_error - f.bias for f in fits.values()]
    train = [f.train_error for f in fits.values()]
    validation = [f.validation_error for f in fits.values()]
    for part, colour, starts, ends in (
        ("bias", GREEN, wanted, train),
        ("variance", ORANGE, train, validation),
    ):
        known = [i for i, start in enumerate(starts) if start is not None]
        figure.add_trace(
            go.Scatter(
                # None lifts the pen between models.
                x=[x for i in known for x in (starts[i], ends[i], None)],
                y=[y for i in known for y in (names[i], names[i], None)],
                mode="lines",
                line={"color": colour, "width": 7},
                opacity=0.55,
                name=part,
            )
        )
    for (mark, (colour, symbol)), errors in zip(
        MARKS.items(), (wanted, train, validation), strict=True
    ):
        figure.add_trace(
            go.Scatter(
                x=errors,
                y=names,
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": 12},
                name=mark,
            )
        )
    figure.update_layout(title=title, height=220 + 62 * len(fits))
    figure.update_xaxes(title="error (1 − score)", rangemode="tozero")
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=names, range=(len(fits) - 0.5, -0.5)
    )
    return apply_theme(figure)


def action_figure() -> go.Figure:
    """Draw what to ask in turn, and what to do at each yes."""

    def listed(name: str) -> str:
        return "<br>".join(line for text in ACTIONS[name] for line in wrap(f"• {text}", 22))

    boxes = {
        "train": Box("train", 0, 0, GREY),
        "bias": Box("high bias?<br>wanted error<br>≪ training error", 0, -1, BLUE),
        "less bias": Box(listed("bias"), 1.15, -1, GREY),
        "variance": Box(
            "high variance?<br>training error<br>≪ validation error", 0, -2, VERMILLION
        ),
        "less variance": Box(listed("variance"), 1.15, -2, GREY),
        "done": Box("good fit:<br>test once", 0, -3, GREEN),
    }
    arrows = [
        Arrow("train", "bias"),
        Arrow("bias", "less bias", "yes"),
        Arrow("bias", "variance", "no"),
        Arrow("variance", "less variance", "yes"),
        Arrow("variance", "done", "no"),
    ]
    return flow_figure(boxes, arrows, title="Bias, variance, action", row_pixels=180)
