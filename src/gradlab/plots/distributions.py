"""A generator's distribution on its way to the data's, with what the discriminator says of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from gradlab.errors import DataError
from gradlab.plots.theme import BLUE, GREEN, TEXT, apply_theme, fade

Rows = Float[np.ndarray, " _"] | Float[np.ndarray, "_ _"]

MOST_POINTS = 400
"""Real samples drawn as points in the plane."""

MARKS = 45
"""Dots of the data's density on a line."""


@dataclass(frozen=True)
class DistributionSnapshot:
    """One moment of a training on numbers (1-D) or points of the plane (2-D).

    Attributes:
        title: What it shows, such as "step 200".
        data: Real samples, (m,) or (m, 1) or (m, 2).
        generated: Samples of the generator, of the same kind.
        places: Where the discriminator was asked: (n,) rising numbers; in the plane, (n, 2), all
            points of a grid, in any order.
        discriminator: D there, (n,), from 0 to 1.
        data_density: The density of the data there, where it is known; else it is estimated from
            the samples.
        generator_density: The same of the generator.
    """

    title: str
    data: Rows
    generated: Rows
    places: Rows
    discriminator: Float[np.ndarray, " places"]
    data_density: Float[np.ndarray, " places"] | None = None
    generator_density: Float[np.ndarray, " places"] | None = None


def four_panels(
    snapshots: Sequence[DistributionSnapshot], *, title: str = "How the distribution is learnt"
) -> go.Figure:
    """Draw a panel a moment, two a line: D blue and dotted, the generator green, data as dots.

    On a line the dots follow the data's density (grey here, since black vanishes on a dark page);
    densities are drawn to one scale, D from 0 to 1. In the plane the dots are real samples, the
    green curves hold half, 80 % and 95 % of what is generated, and the blue dotted ones are those
    of D = 0.3, 0.5 and 0.7.

    Args:
        snapshots: Usually four; all of numbers or all of points.
        title: Of the figure.

    Raises:
        DataError: If there is none, or if they are neither numbers nor points of the plane.

    Source: Goodfellow et al. 2014, figure 1, https://arxiv.org/abs/1406.2661
    """
    kinds = {_columns(snapshot.places) for snapshot in snapshots}
    if len(kinds) != 1 or not kinds <= {1, 2}:
        raise DataError(
            "expected snapshots of numbers, or all of points of the plane; got "
            f"{len(snapshots)} snapshots of {sorted(kinds)} features."
        )
    plane = kinds == {2}
    n_rows, n_columns = -(-len(snapshots) // 2), min(2, len(snapshots))
    figure = make_subplots(
        rows=n_rows,
        cols=n_columns,
        subplot_titles=[snapshot.title for snapshot in snapshots],
        horizontal_spacing=0.09,
        vertical_spacing=0.25 / max(2, n_rows),
    )
    peak = 1.0
    if not plane:
        peak = max(_densities(snapshot)[0].max() for snapshot in snapshots)
        peak = max(peak, *(_densities(s)[1].max() / 1.6 for s in snapshots), 1e-300)
    for i, snapshot in enumerate(snapshots):
        traces = _plane(snapshot) if plane else _line(snapshot, peak)
        for trace in traces:
            trace.update(showlegend=i == 0 and trace.showlegend is not False)
            figure.add_trace(trace, row=i // 2 + 1, col=i % 2 + 1)
    figure.update_layout(title=title, height=150 + (290 if plane else 220) * n_rows)
    apply_theme(figure)
    if plane:
        figure.update_xaxes(showgrid=False, zeroline=False)
        figure.update_yaxes(showgrid=False, zeroline=False)
    else:
        figure.update_yaxes(range=[-0.04, 1.65], tickvals=[0, 0.5, 1])
        figure.update_yaxes(title="D(x)", col=1)
    return figure


def _line(snapshot: DistributionSnapshot, peak: float) -> list[go.Scatter]:
    places = np.ravel(snapshot.places)
    data, generated = _densities(snapshot)
    marks = np.unique(np.linspace(0, len(places) - 1, MARKS).round().astype(int))
    return [
        go.Scatter(
            x=places,
            y=snapshot.discriminator,
            mode="lines",
            line={"color": BLUE, "dash": "dot", "width": 2.5},
            name="D(x)",
            hovertemplate="D(%{x:.3g}) = %{y:.3f}<extra></extra>",
        ),
        go.Scatter(
            x=places[marks],
            y=data[marks] / peak,
            mode="markers",
            marker={"color": TEXT, "size": 4.5},
            name="real samples",
            customdata=data[marks],
            hovertemplate="p(%{x:.3g}) = %{customdata:.3g}<extra>data</extra>",
        ),
        go.Scatter(
            x=places,
            y=generated / peak,
            mode="lines",
            line={"color": GREEN, "width": 2.5},
            name="generator G",
            customdata=generated,
            hovertemplate="p(%{x:.3g}) = %{customdata:.3g}<extra>generator</extra>",
        ),
    ]


def _plane(snapshot: DistributionSnapshot) -> list:
    places = np.asarray(snapshot.places)
    x, column = np.unique(places[:, 0], return_inverse=True)
    y, row = np.unique(places[:, 1], return_inverse=True)
    if len(x) * len(y) != len(places):
        raise DataError(
            f"places: expected all points of a grid; got {len(places)} points of {len(x)} "
            f"different x and {len(y)} different y."
        )
    verdict, density = np.empty((2, len(y), len(x)))
    verdict[row, column] = snapshot.discriminator
    density[row, column] = _densities(snapshot)[1]
    points = np.asarray(snapshot.data)[:MOST_POINTS]
    curves: list[Any] = [
        go.Contour(
            x=x,
            y=y,
            z=verdict,
            contours={"coloring": "none", "start": 0.3, "end": 0.7, "size": 0.2},
            line={"color": BLUE, "dash": "dot", "width": 1.8},
            showscale=False,
            showlegend=False,
            name="D",
            hovertemplate="D = %{z:.3f}<extra></extra>",
        ),
        go.Scatter(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            marker={"color": fade(TEXT, 0.7), "size": 4},
            name="real samples",
            hoverinfo="skip",
        ),
    ]
    curves += [
        go.Contour(
            x=x,
            y=y,
            z=density,
            contours={"coloring": "none", "start": level, "end": level, "size": 1},
            line={"color": GREEN, "width": 2},
            showscale=False,
            showlegend=False,
            name="generator",
            hoverinfo="skip",
        )
        for level in _levels(density)
    ]
    # Contours have no key of their own in the legend.
    for name, colour, dash in (("D(x)", BLUE, "dot"), ("generator G", GREEN, "solid")):
        line = {"color": colour, "dash": dash, "width": 2}
        curves.append(go.Scatter(x=[None], y=[None], mode="lines", name=name, line=line))
    return curves


def _levels(density: Float[np.ndarray, "rows columns"]) -> list[float]:
    """Return the densities above which half, 80 % and 95 % of the mass on the grid lie."""
    falling = np.sort(density, axis=None)[::-1]
    mass = np.cumsum(falling)
    if not mass[-1] > 0:
        return []
    return [float(falling[np.searchsorted(mass, share * mass[-1])]) for share in (0.5, 0.8, 0.95)]


def _columns(places: np.ndarray) -> int:
    return 1 if places.ndim == 1 else places.shape[1]


def _densities(snapshot: DistributionSnapshot) -> tuple[np.ndarray, np.ndarray]:
    """Return the densities of data and generator at the places, estimated where not given."""
    places = np.asarray(snapshot.places, np.float64).reshape(len(snapshot.places), -1)
    given = (snapshot.data_density, snapshot.generator_density)
    sets = (snapshot.data, snapshot.generated)
    data, generated = (
        _estimate(np.asarray(rows, np.float64).reshape(len(rows), -1), places)
        if known is None
        else np.asarray(known, np.float64)
        for rows, known in zip(sets, given, strict=True)
    )
    return data, generated


def _estimate(
    rows: Float[np.ndarray, "m d"], places: Float[np.ndarray, "n d"]
) -> Float[np.ndarray, " n"]:
    """Return a kernel estimate; never finer than the places, so a lone value is a peak there."""
    rows = rows[:: max(1, len(rows) // 2000)]
    d = rows.shape[1]
    density = np.ones((len(places), len(rows)))
    for j in range(d):
        step = np.median(np.diff(np.unique(places[:, j]))) if len(places) > 1 else 1.0
        low, high = np.quantile(rows[:, j], [0.25, 0.75])
        spread = min(rows[:, j].std(), (high - low) / 1.34) or rows[:, j].std()
        width = max(float(0.9 * spread * len(rows) ** (-1 / (d + 4))), float(step))
        z = (places[:, j, None] - rows[None, :, j]) / width
        density *= np.exp(-0.5 * z**2) / (width * np.sqrt(2 * np.pi))
    return density.mean(axis=1)
