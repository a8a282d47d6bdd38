"""Points of two classes and the lines that part them, for the pictures of perceptrons."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int, Real

from gradlab.nn.perceptron.boundary import Interval, decision_boundary
from gradlab.plots.theme import BLUE, TEXT, VERMILLION, fade
from gradlab.scalars import Scalar

CLASS_NAMES = ("class 0", "class 1")


def class_points(
    x: Real[np.ndarray, "rows 2"],
    labels: Int[np.ndarray, " rows"],
    names: tuple[str, str] = CLASS_NAMES,
    *,
    show_legend: bool = True,
) -> list[go.Scatter]:
    """Return one trace a class: open squares for 0 (or -1), filled circles for 1."""
    looks = ((VERMILLION, "square-open"), (BLUE, "circle"))
    return [
        go.Scatter(
            x=x[(labels > 0) == upper, 0],
            y=x[(labels > 0) == upper, 1],
            mode="markers",
            name=names[upper],
            legendgroup=names[upper],
            showlegend=show_legend,
            marker={"color": looks[upper][0], "symbol": looks[upper][1], "size": 13}
            | {"line": {"width": 3 if not upper else 0, "color": looks[upper][0]}},
        )
        for upper in (False, True)
    ]


def boundary_line(
    weights: Real[np.ndarray, " 2"],
    bias: Scalar,
    x_range: Interval,
    y_range: Interval,
    *,
    name: str = "boundary",
    colour: str = TEXT,
    dash: str = "solid",
    show_legend: bool = True,
) -> go.Scatter:
    """Return the line w · x + w_0 = 0 inside a rectangle."""
    ends = decision_boundary(weights, bias).segment(x_range, y_range)
    return go.Scatter(
        x=ends[:, 0],
        y=ends[:, 1],
        mode="lines",
        name=name,
        showlegend=show_legend,
        line={"color": colour, "width": 2, "dash": dash},
    )


def upper_side(
    weights: Real[np.ndarray, " 2"], bias: Scalar, x_range: Interval, y_range: Interval
) -> go.Scatter:
    """Return a pale shade over the side where the perceptron answers with its upper value."""
    (left, right), (low, high) = x_range, y_range
    around = ((left, low), (right, low), (right, high), (left, high))
    frame = [np.array(corner, dtype=float) for corner in around]
    corners = []
    for here, there in zip(frame, [*frame[1:], frame[0]], strict=True):
        s, s_there = float(here @ weights + bias), float(there @ weights + bias)
        if s >= 0:
            corners.append(here)
        if (s >= 0) != (s_there >= 0):
            corners.append(here + (there - here) * s / (s - s_there))
    polygon: Float[np.ndarray, "corners 2"] = np.array(corners, dtype=float).reshape(-1, 2)
    return go.Scatter(
        x=polygon[:, 0],
        y=polygon[:, 1],
        mode="lines",
        fill="toself",
        fillcolor=fade(BLUE, 0.12),
        line={"width": 0},
        name="upper answer",
        showlegend=False,
        hoverinfo="skip",
    )


def formula(weights: Real[np.ndarray, " 2"], bias: Scalar, letter: str = "x") -> str:
    """Write the boundary's equation.

    >>> formula(np.array([1.0, -2.0]), -0.5)
    'x₁ − 2x₂ − 0.5 = 0'
    """
    text = ""
    for number, unit in ((weights[0], f"{letter}₁"), (weights[1], f"{letter}₂"), (bias, "")):
        if number == 0:
            continue
        size = f"{abs(float(number)):g}"
        sign = ("− " if text else "−") if number < 0 else ("+ " if text else "")
        text += f"{sign}{'' if unit and size == '1' else size}{unit} "
    return f"{text}= 0"
