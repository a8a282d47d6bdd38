"""Networks as circles and arrows, drawn from their description."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float
from plotly.subplots import make_subplots

from gradlab.nn.perceptron.graph import NodeNetwork, hidden_layers, is_feed_forward
from gradlab.plots.theme import BLUE, GREEN, GREY, TEXT, VERMILLION, apply_theme, fade

MOST_NODES = 7  # of a layer; a bigger one is drawn as its first and last nodes and dots between


def network_figure(network: NodeNetwork, title: str | None = None) -> go.Figure:
    """Draw every node and connection; dashed connections carry the value of the step before.

    The title says what the graph shows: feed-forward or recurrent, and how deep.
    """
    depth = hidden_layers(network)
    kind = "feed-forward" if is_feed_forward(network) else "recurrent"
    size = {0: "no hidden layer", 1: "shallow: 1 hidden layer"}.get(
        depth, f"deep: {depth} hidden layers"
    )
    figure = go.Figure(network_traces(network))
    figure.update_layout(title=title or f"{kind.capitalize()}, {size}", height=360)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return apply_theme(figure)


def network_traces(network: NodeNetwork) -> list[go.Scatter]:
    """Return the connections (one trace, and one for the delayed) and the nodes."""
    place = _places(network)
    now = [edge for edge in network.edges if not edge.delayed]
    delayed = [edge for edge in network.edges if edge.delayed]
    traces = [
        _arrows(
            [(place[edge.source], place[edge.target]) for edge in now],
            [edge.weight for edge in now],
            "connection",
        )
    ]
    if delayed:
        x, y = [], []
        for edge in delayed:
            path = _bow(place[edge.source], place[edge.target])
            x += [*path[:, 0], None]
            y += [*path[:, 1], None]
        traces.append(
            go.Scatter(
                x=x,
                y=y,
                mode="lines",
                name="delayed",
                line={"color": VERMILLION, "dash": "dash", "width": 1.5},
                hoverinfo="skip",
            )
        )
    colours = [
        GREEN if name in network.inputs else VERMILLION if name in network.outputs else BLUE
        for name in place
    ]
    traces.append(
        go.Scatter(
            x=[x for x, _ in place.values()],
            y=[y for _, y in place.values()],
            mode="markers+text",
            text=[name.split("_")[-1] if name.startswith("h") else name for name in place],
            hovertext=list(place),
            hoverinfo="text",
            textfont={"color": "white", "size": 14},
            marker={"size": 30, "color": colours},
            name="node",
            showlegend=False,
        )
    )
    return traces


def layers_figure(widths: Sequence[int], names: Sequence[str] | None = None) -> go.Figure:
    """Draw a fully connected network of any size by its layer widths.

    Args:
        widths: Nodes of each layer, inputs first.
        names: One name a layer, written below it; the default numbers the hidden layers.
    """
    names = names or ["input", *(f"hidden {i}" for i in range(1, len(widths) - 1)), "output"]
    figure = go.Figure()
    for trace in layer_traces(widths):
        figure.add_trace(trace)
    for i, (name, width) in enumerate(zip(names, widths, strict=True)):
        figure.add_annotation(
            x=i, y=-0.62, text=f"{name}<br>{width:,}", showarrow=False, yanchor="top"
        )
    figure.update_layout(title=" – ".join(f"{width:,}" for width in widths), height=400)
    figure.update_xaxes(visible=False, range=(-0.4, len(widths) - 0.6))
    figure.update_yaxes(visible=False, range=(-0.85, 0.6))
    return apply_theme(figure)


def layer_traces(
    widths: Sequence[int], kept: Sequence[Bool[np.ndarray, " _"]] | None = None
) -> list[go.Scatter]:
    """Return connections and nodes of a fully connected network; removed nodes are hollow.

    Args:
        widths: Nodes of each layer.
        kept: For each layer, which nodes take part; connections of the others are left out.
    """
    columns, dots = [], []
    for i, width in enumerate(widths):
        shown = range(width) if width <= MOST_NODES else (0, 1, 2, width - 3, width - 2, width - 1)
        y = np.linspace(0.5, -0.5, 7)[[0, 1, 2, 4, 5, 6]] if width > MOST_NODES else _spread(width)
        columns.append({node: (float(i), float(at)) for node, at in zip(shown, y, strict=True)})
        if width > MOST_NODES:
            dots.append((i, 0.0))

    def stays(layer: int, node: int) -> bool:
        return kept is None or bool(kept[layer][node])

    ends = [
        (columns[i][a], columns[i + 1][b])
        for i in range(len(widths) - 1)
        for a in columns[i]
        for b in columns[i + 1]
        if stays(i, a) and stays(i + 1, b)
    ]
    traces = [_arrows(ends, None, "connection", show_legend=False)]
    last = len(widths) - 1
    for there in (True, False):
        nodes = [
            (place, i)
            for i, column in enumerate(columns)
            for n, place in column.items()
            if stays(i, n) == there
        ]
        if not nodes:
            continue
        colours = [GREEN if i == 0 else VERMILLION if i == last else BLUE for _, i in nodes]
        traces.append(
            go.Scatter(
                x=[place[0] for place, _ in nodes],
                y=[place[1] for place, _ in nodes],
                mode="markers",
                name="kept" if there else "removed",
                showlegend=kept is not None,
                hoverinfo="skip",
                marker={
                    "size": 20,
                    "symbol": "circle" if there else "circle-x-open",
                    "color": colours if there else GREY,
                    "line": {"width": 1.5},
                },
            )
        )
    if dots:
        traces.append(
            go.Scatter(
                x=[x for x, _ in dots],
                y=[y for _, y in dots],
                mode="text",
                text=["⋮"] * len(dots),
                textfont={"size": 22, "color": TEXT},
                hoverinfo="skip",
                showlegend=False,
                name="more nodes",
            )
        )
    return traces


def dropout_figure(widths: Sequence[int], masks: Sequence[Bool[np.ndarray, " _"]]) -> go.Figure:
    """Draw the full network and the one that a dropout mask leaves.

    Args:
        widths: Nodes of each layer.
        masks: For each layer the nodes that are kept, as the layer drew them.
    """
    figure = make_subplots(rows=1, cols=2, subplot_titles=("full network", "with dropout"))
    for column, kept in ((1, None), (2, masks)):
        for trace in layer_traces(widths, kept):
            figure.add_trace(trace, row=1, col=column)
    figure.update_xaxes(visible=False, range=(-0.25, len(widths) - 0.75))
    figure.update_yaxes(visible=False, range=(-0.6, 0.6))
    figure.update_layout(title="Dropout", height=400)
    return apply_theme(figure)


def symmetry_figure(
    weights: Float[np.ndarray, "hidden inputs"], gradients: Float[np.ndarray, "hidden inputs"]
) -> go.Figure:
    """Draw the weights and gradients of a hidden layer as tables: equal rows stay equal."""
    figure = make_subplots(rows=1, cols=2, subplot_titles=("weights U¹", "gradients"))
    hidden, inputs = weights.shape
    for column, table in ((1, weights), (2, gradients)):
        figure.add_trace(
            go.Heatmap(
                z=table,
                x=[f"x{i + 1}" for i in range(inputs)],
                y=[f"h{j + 1}" for j in range(hidden)],
                text=[[f"{value:.4g}" for value in row] for row in table],
                texttemplate="%{text}",
                textfont={"color": TEXT},
                colorscale=[[0, fade(BLUE, 0.05)], [1, fade(BLUE, 0.05)]],
                showscale=False,
                xgap=2,
                ygap=2,
            ),
            row=1,
            col=column,
        )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False, side="bottom")
    figure.update_layout(title="Equal weights get equal gradients", height=300)
    return apply_theme(figure)


def _places(network: NodeNetwork) -> dict[str, tuple[float, float]]:
    """Put every node in the column of its longest way from the inputs."""
    column = dict.fromkeys(network.inputs, 0)
    edges = [edge for edge in network.edges if not edge.delayed]
    for _ in range(len(edges)):
        for edge in edges:
            if edge.source in column:
                column[edge.target] = max(column.get(edge.target, 0), column[edge.source] + 1)
    places: dict[str, tuple[float, float]] = {}
    for i in sorted(set(column.values())):
        nodes = [name for name, at in column.items() if at == i]
        for name, y in zip(nodes, _spread(len(nodes)), strict=True):
            places[name] = (float(i), float(y))
    return places


def _spread(width: int) -> np.ndarray:
    """Return `width` heights, evenly spaced around 0."""
    step = 1 / max(MOST_NODES - 1, width - 1) if width > 4 else 0.25
    return -step * (np.arange(width) - (width - 1) / 2)


def _arrows(
    ends: list, weights: list[float] | None, name: str, *, show_legend: bool = False
) -> go.Scatter:
    """Return all lines as one trace; a weight is told at the middle of its line."""
    x, y, text = [], [], []
    for i, ((x0, y0), (x1, y1)) in enumerate(ends):
        x += [x0, (x0 + x1) / 2, x1, None]
        y += [y0, (y0 + y1) / 2, y1, None]
        text += ["", "" if weights is None else f"weight {weights[i]:.4g}", "", ""]
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        hovertext=text,
        hoverinfo="skip" if weights is None else "text",
        line={"color": fade(GREY, 0.55), "width": 1.2},
        name=name,
        showlegend=show_legend,
    )


def _bow(start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    """Return a curve between two nodes of one layer, a loop above a node that feeds itself."""
    turn = np.linspace(0, 1, 25)
    if start == end:
        angle = 2 * np.pi * turn
        return np.column_stack(
            [start[0] + 0.10 * np.sin(angle), start[1] + 0.07 * (1 - np.cos(angle))]
        )
    line = np.outer(1 - turn, start) + np.outer(turn, end)
    side = 0.3 if start[1] > end[1] else -0.22
    line[:, 0] += side * np.sin(np.pi * turn)
    return line
