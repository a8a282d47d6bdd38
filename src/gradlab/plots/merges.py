"""The tree of variables that were merged, one pair after another."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from gradlab.plots.theme import BLUE, VERMILLION, apply_theme

SHORT = 18
"""Letters of a variable's name that are shown."""


def merge_tree_figure(
    names: Sequence[str], merges: Sequence[tuple[int, int]], correlations: Sequence[float]
) -> go.Figure:
    """Draw variables as leaves at the left, and each merge at 1 − |correlation| to the right.

    Args:
        names: Of the variables at the start, n of them.
        merges: What was merged, in order: numbers below n are variables of the start, n + i the
            variable that merge i made.
        correlations: Of each merged pair, with its sign; negative ones are drawn dashed.
    """
    n = len(names)
    children = {n + i: pair for i, pair in enumerate(merges)}
    merged = {child for pair in merges for child in pair}
    order: list[int] = []
    waiting = [node for node in reversed(range(n + len(merges))) if node not in merged]
    while waiting:
        node = waiting.pop()
        if node < n:
            order.append(node)
        else:
            waiting.extend(reversed(children[node]))
    height = {leaf: float(place) for place, leaf in enumerate(order)}
    reach = dict.fromkeys(range(n), 0.0)
    figure = go.Figure()
    lines: dict[bool, list[list[float | None]]] = {True: [[], []], False: [[], []]}
    dots: list[list] = [[], [], []]
    for i, (pair, correlation) in enumerate(zip(merges, correlations, strict=True)):
        # A later merge may be of a larger correlation; its line still begins where its parts end.
        x = max(1 - abs(correlation), *(reach[child] for child in pair))
        top, bottom = (height[child] for child in pair)
        positive = correlation >= 0
        lines[positive][0] += [reach[pair[0]], x, x, reach[pair[1]], None]
        lines[positive][1] += [top, top, bottom, bottom, None]
        height[n + i], reach[n + i] = (top + bottom) / 2, x
        for column, value in zip(dots, (x, (top + bottom) / 2, correlation), strict=True):
            column.append(value)
    for positive, (x, y) in lines.items():
        if x:
            figure.add_trace(
                go.Scatter(
                    x=x,
                    y=y,
                    mode="lines",
                    name="positive correlation" if positive else "negative, one is turned",
                    line={
                        "color": BLUE if positive else VERMILLION,
                        "width": 2,
                        "dash": "solid" if positive else "dash",
                    },
                    hoverinfo="skip",
                )
            )
    figure.add_trace(
        go.Scatter(
            x=dots[0],
            y=dots[1],
            mode="markers",
            name="merges",
            showlegend=False,
            marker={"color": np.where(np.array(dots[2]) >= 0, BLUE, VERMILLION), "size": 7},
            customdata=dots[2],
            text=[f"step {i + 1}" for i in range(len(merges))],
            hovertemplate="%{text}: correlation %{customdata:.3f}<extra></extra>",
        )
    )
    short = [name if len(name) <= SHORT else name[: SHORT - 1] + "…" for name in names]
    figure.update_layout(
        title="Merged variables",
        height=160 + 24 * n,
        xaxis={"title": "1 − |correlation|", "rangemode": "tozero"},
        yaxis={
            "tickvals": list(range(n)),
            "ticktext": [short[leaf] for leaf in order],
            "range": [n - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        },
    )
    apply_theme(figure)
    figure.update_layout(margin={"b": 90})
    return figure
