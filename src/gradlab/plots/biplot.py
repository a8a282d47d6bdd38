"""The biplot: rows as points and features as arrows, in the plane of two components."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Shaped

from gradlab.errors import DataError
from gradlab.plots.theme import BLUE, PALETTE, TEXT, VERMILLION, apply_theme, fade

LONGEST = 14
"""Letters of a name that is written out; the pointer tells the rest."""
LETTER, LINE = (7 / 320, 15 / 390)
"""Width of a letter and height of a line, as shares of a narrow page's plot."""


def biplot_figure(
    scores: Float[np.ndarray, "rows components"],
    loadings: Float[np.ndarray, "components features"],
    names: Sequence[str],
    *,
    labels: Shaped[np.ndarray, " rows"] | None = None,
    contribution: Float[np.ndarray, " components"] | None = None,
    components: tuple[int, int] = (1, 2),
    most_arrows: int = 10,
    title: str = "Biplot",
) -> go.Figure:
    """Draw scores as points and an arrow a feature, along which the feature grows.

    Arrows are stretched together until the longest reaches into the cloud. Only the longest are
    drawn, and a name is left out where it would cover another; all are told by the pointer.

    Args:
        scores: Rows in terms of components, as `PCA.transform` gives them.
        loadings: `PCA.components_`.
        names: Of the features.
        labels: Class of each row, for colours; None for one colour.
        contribution: Share of each component, for the axes.
        components: The two that are drawn, counted from 1.
        most_arrows: Arrows at most.
        title: Of the figure.

    Raises:
        DataError: If there are not that many components or as many names as features.
    """
    first, second = components
    if not min(components) >= 1 or max(components) > min(scores.shape[1], len(loadings)):
        raise DataError(
            f"a biplot of components {first} and {second} needs both; got "
            f"{min(scores.shape[1], len(loadings))} components."
        )
    if len(names) != loadings.shape[1]:
        raise DataError(f"expected {loadings.shape[1]} names of features; got {len(names)}.")
    points = scores[:, [first - 1, second - 1]]
    figure = go.Figure(_points(points, labels))
    ends = loadings[[first - 1, second - 1]].T
    length = np.hypot(*ends.T)
    reach = np.quantile(np.hypot(*points.T), 0.9) if len(points) else 1.0
    ends = ends * (0.95 * reach / (length.max() or 1))
    order = np.argsort(-length, kind="stable")[:most_arrows]
    shown = [_shortened(name) for name in names]
    named = _with_room(ends, order, shown, np.ptp(np.concatenate([points, ends]), axis=0))
    for i in order:
        figure.add_annotation(
            x=ends[i, 0],
            y=ends[i, 1],
            ax=0,
            ay=0,
            xref="x",
            yref="y",
            axref="x",
            ayref="y",
            text="",
            showarrow=True,
            arrowhead=2,
            arrowwidth=2,
            arrowcolor=VERMILLION if labels is None else TEXT,
        )
    figure.add_trace(
        go.Scatter(
            x=ends[order, 0],
            y=ends[order, 1],
            mode="markers",
            marker={"size": 12, "color": "rgba(0, 0, 0, 0)"},
            customdata=[[names[i], *loadings[[first - 1, second - 1], i]] for i in order],
            hovertemplate="%{customdata[0]}: %{customdata[1]:.3f}, %{customdata[2]:.3f}"
            "<extra></extra>",
            showlegend=False,
            name="features",
        )
    )
    shares = ["", ""]
    if contribution is not None:
        shares = [f" ({contribution[i - 1]:.1%})" for i in components]
    figure.update_xaxes(title=f"component {first}{shares[0]}")
    figure.update_yaxes(title=f"component {second}{shares[1]}")
    hidden = loadings.shape[1] - len(order)
    note = f": the {len(order)} longest of {len(names)} arrows" if hidden else ""
    figure.update_layout(title=f"{title}{note}", height=520)
    apply_theme(figure)
    for i in named:
        figure.add_annotation(
            x=ends[i, 0],
            y=ends[i, 1],
            text=shown[i],
            showarrow=False,
            xanchor="center",
            yanchor="bottom" if ends[i, 1] >= 0 else "top",
            yshift=2 if ends[i, 1] >= 0 else -2,
            bgcolor="rgba(255, 255, 255, 0.75)",
            borderpad=0,
            font={"color": "#333333", "size": 11},
        )
    figure.update_layout(margin={"t": 52})
    return figure


def _points(points: np.ndarray, labels: np.ndarray | None) -> list[go.Scattergl]:
    classes = [None] if labels is None else list(np.unique(labels))
    size = 7 if len(points) <= 500 else 4
    traces = []
    for i, name in enumerate(classes):
        own = points if labels is None else points[labels == name]
        colour = PALETTE[i % len(PALETTE)] if labels is not None else BLUE
        traces.append(
            go.Scattergl(
                x=own[:, 0],
                y=own[:, 1],
                mode="markers",
                name="rows" if name is None else str(name),
                showlegend=name is not None,
                marker={
                    "size": size,
                    "color": fade(colour, 0.55),
                    "symbol": ("circle", "square", "diamond", "cross", "x")[i // len(PALETTE) % 5],
                },
                hovertemplate="%{x:.3g}, %{y:.3g}<extra></extra>",
            )
        )
    return traces


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _with_room(
    ends: np.ndarray, order: np.ndarray, names: Sequence[str], span: np.ndarray
) -> list[int]:
    """Return the arrows, longest first, whose names don't cover one that is there already."""
    places = ends / np.where(span > 0, span, 1)
    places[:, 1] += np.where(places[:, 1] >= 0, LINE / 2, -LINE / 2)  # above or below its tip
    named: list[int] = []
    for i in order:
        apart = np.abs(places[named] - places[i])
        widths = np.array([(len(names[i]) + len(names[j])) / 2 * LETTER for j in named])
        if not (len(named) and ((apart[:, 0] < widths) & (apart[:, 1] < LINE)).any()):
            named.append(int(i))
    return named
