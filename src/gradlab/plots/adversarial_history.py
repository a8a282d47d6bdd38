"""How two networks that play against each other train: losses, verdicts, diversity, distance."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Num
from plotly.subplots import make_subplots

from gradlab.errors import DataError
from gradlab.plots.theme import BLUE, GREEN, GREY, PURPLE, VERMILLION, apply_theme

Column = Num[np.ndarray, " points"]

MOST_TICKS = 10
"""Points that get a tick each."""


def adversarial_history(
    history: Mapping[str, Column], *, time: str | None = None, title: str = "Two players' training"
) -> go.Figure:
    """Draw a panel each for losses, verdicts, diversity and the Fréchet distance.

    How to read it: at the equilibrium D(x) and D(G(z)) meet at ½ and the discriminator's loss is
    2 ln 2. D(x) near 1 with D(G(z)) near 0 for long: the discriminator has won, and the generator
    learns no more. Diversity that falls towards 0: the generator has collapsed on few examples.

    Args:
        history: Columns of equal length: `discriminator_loss`, `generator_loss`, `d_real`,
            `d_fake`, and, where measured, `diversity` and `frechet` (NaN where they were not);
            columns of other names are left out.
        time: Column for the x axis; None takes "step", "epoch", or numbers the points from 1.
        title: Of the figure.

    Raises:
        DataError: If a loss or a verdict is missing.
    """
    missing = [
        name
        for name in ("discriminator_loss", "generator_loss", "d_real", "d_fake")
        if name not in history
    ]
    if missing:
        raise DataError(
            f"history: expected columns for both losses and verdicts; missing: {', '.join(missing)}"
            f", got: {', '.join(history)}."
        )
    if time is None:
        time = next((name for name in ("step", "epoch") if name in history), None)
    n = len(history["d_real"])
    x = np.arange(1, n + 1) if time is None else np.asarray(history[time])
    panels = ["Losses", "Verdicts"]
    panels += ["Diversity of the samples"] if _measured(history, "diversity") else []
    panels += ["Fréchet distance to the data"] if _measured(history, "frechet") else []
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        shared_xaxes=True,
        subplot_titles=panels,
        vertical_spacing=0.26 / len(panels),
    )
    for words, name, colour, dash in (
        ("loss of D", "discriminator_loss", BLUE, "solid"),
        ("loss of G", "generator_loss", GREEN, "dash"),
    ):
        figure.add_trace(_line(x, history[name], words, colour, dash), row=1, col=1)
    for words, name, colour, dash in (
        ("D(x), real", "d_real", BLUE, "dot"),
        ("D(G(z)), made", "d_fake", GREEN, "longdash"),
    ):
        figure.add_trace(_line(x, history[name], words, colour, dash), row=2, col=1)
    figure.add_hline(y=0.5, row=2, col=1, line={"color": GREY, "width": 1})  # type: ignore[arg-type]
    figure.update_yaxes(range=[-0.03, 1.03], row=2, col=1)
    row = 3
    for words, name, colour, level in (
        ("diversity", "diversity", PURPLE, 1.0),
        ("Fréchet distance", "frechet", VERMILLION, None),
    ):
        if not _measured(history, name):
            continue
        known = np.isfinite(np.asarray(history[name], np.float64))
        shown = _line(x[known], np.asarray(history[name])[known], words, colour, "solid")
        shown.update(mode="lines+markers", marker={"size": 4}, showlegend=False)
        figure.add_trace(shown, row=row, col=1)
        if level is not None:
            figure.add_hline(y=level, row=row, col=1, line={"color": GREY, "width": 1})  # type: ignore[arg-type]
            top = max(level, float(np.asarray(history[name])[known].max()))
            figure.update_yaxes(range=[0, 1.1 * top], row=row, col=1)
        else:
            figure.update_yaxes(rangemode="tozero", row=row, col=1)
        row += 1
    figure.update_xaxes(title=time or "measurement", row=len(panels), col=1)
    if n <= MOST_TICKS:  # no ticks between two epochs
        figure.update_xaxes(tickvals=x)
    figure.update_layout(title=title, height=130 + 180 * len(panels))
    apply_theme(figure)
    figure.update_annotations(font={"size": 13}, x=0, xanchor="left")
    return figure


def _measured(history: Mapping[str, Column], name: str) -> bool:
    return name in history and bool(np.isfinite(np.asarray(history[name], np.float64)).any())


def _line(
    x: np.ndarray, y: Sequence[float] | np.ndarray, name: str, colour: str, dash: str
) -> go.Scatter:
    return go.Scatter(
        x=x, y=np.asarray(y), mode="lines", name=name, line={"color": colour, "dash": dash}
    )
