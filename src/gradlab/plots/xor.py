"""XOR by two lines: the plane, the space of the two answers, and the network."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gradlab.nn.perceptron.graph import Edge, NodeNetwork
from gradlab.nn.perceptron.multilayer import XOR_HIDDEN, XOR_OUTPUT, parallel_perceptrons
from gradlab.nn.perceptron.tables import XOR
from gradlab.plots.network import network_traces
from gradlab.plots.points import boundary_line, class_points
from gradlab.plots.theme import GREEN, ORANGE, PURPLE, apply_theme


def xor_figure() -> go.Figure:
    """Draw x-space with perceptrons ① and ②, z-space with ③, and all three as a network."""
    figure = make_subplots(
        rows=2,
        cols=2,
        specs=[[{}, {}], [{"colspan": 2}, None]],
        subplot_titles=("x-space", "z-space", "network"),
        vertical_spacing=0.2,
        horizontal_spacing=0.18,
    )
    (weights, biases), (output_weights, output_bias) = XOR_HIDDEN, XOR_OUTPUT
    plane, cube = (-0.5, 1.5), (-1.6, 1.6)
    looks = (("①", GREEN, "solid"), ("②", ORANGE, "dash"))
    for column, (name, colour, dash) in enumerate(looks):
        line = boundary_line(
            weights[:, column], biases[column], plane, plane, name=name, colour=colour, dash=dash
        )
        figure.add_trace(line, row=1, col=1)
    for trace in class_points(XOR.inputs, XOR.labels, ("XOR = 0", "XOR = 1")):
        figure.add_trace(trace, row=1, col=1)
    z = parallel_perceptrons(XOR.inputs, *XOR_HIDDEN)
    figure.add_trace(
        boundary_line(output_weights, output_bias, cube, cube, name="③", colour=PURPLE, dash="dot"),
        row=1,
        col=2,
    )
    for trace in class_points(z, XOR.labels, ("XOR = 0", "XOR = 1"), show_legend=False):
        figure.add_trace(trace, row=1, col=2)
    for trace in network_traces(_as_graph(weights, output_weights)):
        figure.add_trace(trace, row=2, col=1)
    figure.update_xaxes(title="x₁", range=plane, row=1, col=1)
    figure.update_yaxes(title="x₂", range=plane, row=1, col=1)
    figure.update_xaxes(title="z₁", range=cube, tickvals=[-1, 1], row=1, col=2)
    figure.update_yaxes(title="z₂", range=cube, tickvals=[-1, 1], row=1, col=2)
    figure.update_xaxes(visible=False, row=2, col=1)
    figure.update_yaxes(visible=False, row=2, col=1)
    figure.update_layout(title="XOR by three perceptrons", height=640)
    return apply_theme(figure)


def _as_graph(hidden: np.ndarray, output: np.ndarray) -> NodeNetwork:
    parallel = [
        Edge(f"x{i + 1}", name, float(hidden[i, j]))
        for i in range(2)
        for j, name in enumerate("①②")
    ]
    after = [Edge(name, "③", float(output[j])) for j, name in enumerate("①②")]
    return NodeNetwork(("x1", "x2"), ("③",), (*parallel, *after))
