"""The normal density in one and in two dimensions."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.theme import BLUE, SEQUENTIAL, TEXT, apply_theme, fade
from gradlab.scalars import Positive, Scalar


def normal_curve_figure(mean: Scalar = 0.0, deviation: Positive = 1.0) -> go.Figure:
    """Draw N(x | μ, σ²) with μ, ±1σ and ±2σ marked and shaded."""
    mean, deviation = float(mean), float(deviation)
    x = np.linspace(mean - 4 * deviation, mean + 4 * deviation, 321)
    density = _density(x, mean, deviation)
    figure = go.Figure(go.Scatter(x=x, y=density, name="density", line={"color": BLUE, "width": 3}))
    for sigmas, share in ((2, "95.4 %"), (1, "68.3 %")):
        inside = np.abs(x - mean) <= sigmas * deviation * (1 + 1e-9)
        figure.add_trace(
            go.Scatter(
                x=x[inside],
                y=density[inside],
                fill="tozeroy",
                fillcolor=fade(BLUE, 0.15),
                line={"width": 0},
                name=f"±{sigmas}σ: {share}",
            )
        )
    marks = np.arange(-2, 3)
    places = mean + marks * deviation
    names = [f"{'−' if m < 0 else '+'}{abs(m)}σ" if m else "μ" for m in marks]
    heights = _density(places, mean, deviation)
    figure.add_trace(
        go.Scatter(
            x=places,
            y=heights,
            mode="markers+text",
            text=names,
            textposition=["top left", "top left", "top center", "top right", "top right"],
            marker={"color": TEXT, "size": 7},
            showlegend=False,
            name="marks",
        )
    )
    figure.update_layout(
        title="Normal density",
        height=380,
        xaxis_title="x",
        yaxis={"title": "density", "range": [0, 1.15 * float(heights.max())]},
    )
    return apply_theme(figure)


def bivariate_normal_figure(
    mean: Float[np.ndarray, " 2"], covariance: Float[np.ndarray, "2 2"]
) -> go.Figure:
    """Draw the contours of a two-dimensional normal density, and its 1σ and 2σ ellipses."""
    deviations = np.sqrt(np.diag(covariance))
    x, y = (mean[i] + deviations[i] * np.linspace(-3.2, 3.2, 81) for i in range(2))
    offset = np.stack(np.meshgrid(x, y), axis=-1) - mean[None, None, :]
    exponent = np.einsum("ijk,kl,ijl->ij", offset, np.linalg.inv(covariance), offset)
    density = np.exp(-exponent / 2) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
    figure = go.Figure(
        go.Contour(
            x=x,
            y=y,
            z=density,
            colorscale=SEQUENTIAL,
            ncontours=10,
            colorbar={"title": "density", "thickness": 12},
            name="density",
        )
    )
    turn = np.linspace(0, 2 * np.pi, 121)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    for sigmas, dash in ((1, "solid"), (2, "dash")):
        ellipse = mean[:, None] + sigmas * np.linalg.cholesky(covariance) @ circle
        figure.add_trace(
            go.Scatter(
                x=ellipse[0],
                y=ellipse[1],
                mode="lines",
                line={"color": "white", "dash": dash, "width": 2},
                showlegend=False,
                name=f"{sigmas}σ",
            )
        )
    correlation = covariance[0, 1] / deviations.prod()
    figure.update_layout(
        title=f"Two normal features, correlation {correlation:.2g}",
        height=420,
        xaxis_title="x₁",
        yaxis_title="x₂",
    )
    return apply_theme(figure)


def _density(x: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    return np.exp(-((x - mean) ** 2) / (2 * deviation**2)) / (deviation * np.sqrt(2 * np.pi))
