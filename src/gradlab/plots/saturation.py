"""Why cross-entropy learns where the squared error stands still."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from scipy.special import expit

from gradlab.plots.theme import BLUE, TEXT, VERMILLION, apply_theme
from gradlab.scalars import Scalar


def saturation_figure(neurons: Mapping[str, Scalar]) -> go.Figure:
    """Draw the gradient by the bias against the sum z, for a sigmoid with target 0.

    Squared error e = ½ (o - 0)²: ∂e/∂z = o² (1 - o), which vanishes as o goes to 1, the worst
    answer. Cross-entropy: ∂e/∂z = o, greatest there.

    Args:
        neurons: Sums z to mark, by name.
    """
    z = np.linspace(-8, 8, 321)
    figure = go.Figure()
    for name, gradient, colour, dash in (
        ("squared error", _squared, VERMILLION, "solid"),
        ("cross-entropy", expit, BLUE, "dash"),
    ):
        figure.add_trace(
            go.Scatter(
                x=z,
                y=gradient(z),
                mode="lines",
                name=name,
                line={"color": colour, "width": 2.5, "dash": dash},
            )
        )
        places = np.array(list(neurons.values()))
        figure.add_trace(
            go.Scatter(
                x=places,
                y=gradient(places),
                mode="markers+text",
                text=list(neurons),
                textposition="top center",
                textfont={"color": TEXT},
                marker={"color": colour, "size": 10},
                name=f"{name}: neurons",
                showlegend=False,
            )
        )
    figure.update_layout(
        title="Gradient of a neuron with target 0",
        height=400,
        xaxis_title="sum z",
        yaxis={"title": "gradient by the bias", "range": [-0.05, 1.15]},
    )
    return apply_theme(figure)


def gradient_bars_figure(neurons: Mapping[str, Scalar]) -> go.Figure:
    """Draw the gradients by the bias of several neurons, target 0, as pairs of bars."""
    z = np.array(list(neurons.values()))
    figure = go.Figure()
    for name, values, colour in (
        ("squared error", _squared(z), VERMILLION),
        ("cross-entropy", expit(z), BLUE),
    ):
        figure.add_trace(
            go.Bar(
                x=[f"{neuron}<br>o = {o:.4f}" for neuron, o in zip(neurons, expit(z), strict=True)],
                y=values,
                text=[f"{value:.4f}" for value in values],
                textposition="outside",
                cliponaxis=False,
                marker={"color": colour},
                name=name,
            )
        )
    figure.update_layout(
        title="Gradients, target 0",
        height=380,
        barmode="group",
        yaxis={"title": "gradient by the bias", "range": [0, 1.15]},
    )
    return apply_theme(figure)


def _squared(z: np.ndarray) -> np.ndarray:
    o = expit(z)
    return o**2 * (1 - o)
