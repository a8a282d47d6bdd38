"""Polynomials that fit too little, well and too much."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from numpy.polynomial import Polynomial
from plotly.subplots import make_subplots

from gradlab.plots.theme import BLUE, GREEN, TEXT, VERMILLION, apply_theme


class Sample(NamedTuple):
    """Noisy points of a curve."""

    x: Float[np.ndarray, " points"]
    y: Float[np.ndarray, " points"]


def overfitting_figure(
    train: Sample, test: Sample, degrees: Sequence[int] = (1, 4, 12)
) -> go.Figure:
    """Fit polynomials to the training points, one below the other, with both mean errors."""
    errors = [fit_errors(train, test, degree) for degree in degrees]
    return _fits(
        [(train, degree) for degree in degrees],
        [
            f"degree {d}: train {a:.3g}, test {b:.3g}"
            for d, (a, b) in zip(degrees, errors, strict=True)
        ],
        "Under-fitted, good, over-fitted",
    )


def more_data_figure(samples: Sequence[Sample], test: Sample, degree: int = 12) -> go.Figure:
    """Fit one rich polynomial to samples of growing size: over-fitting goes away."""
    titles = [
        f"{len(s.x)} points: test error {fit_errors(s, test, degree)[1]:.3g}" for s in samples
    ]
    return _fits([(s, degree) for s in samples], titles, f"Degree {degree} with more data")


def capacity_figure(train: Sample, test: Sample, degrees: Sequence[int]) -> go.Figure:
    """Draw training and test error over the degree, with the least test error marked."""
    errors = np.array([fit_errors(train, test, degree) for degree in degrees])
    best = int(errors[:, 1].argmin())
    figure = go.Figure()
    for column, (name, colour, dash) in enumerate(
        (("training error", BLUE, "dash"), ("test error", VERMILLION, "solid"))
    ):
        figure.add_trace(
            go.Scatter(
                x=list(degrees),
                y=errors[:, column],
                mode="lines+markers",
                name=name,
                line={"color": colour, "dash": dash, "width": 2.5},
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[degrees[best]],
            y=[errors[best, 1]],
            mode="markers+text",
            text=[f"best: {degrees[best]}"],
            textposition="top center",
            marker={"color": GREEN, "size": 14, "symbol": "star"},
            name="least test error",
            showlegend=False,
        )
    )
    figure.update_layout(title="Error over capacity", height=380, xaxis_title="degree")
    figure.update_yaxes(title="mean squared error", type="log", dtick=1)
    return apply_theme(figure)


def fit_errors(train: Sample, test: Sample, degree: int) -> tuple[float, float]:
    """Return the mean squared errors on both samples of the least-squares polynomial.

    >>> line = Sample(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]))
    >>> max(fit_errors(line, line, 1)) < 1e-20
    True
    """
    fitted = Polynomial.fit(train.x, train.y, degree)
    train_error, test_error = (float(np.mean((fitted(s.x) - s.y) ** 2)) for s in (train, test))
    return train_error, test_error


def _fits(fits: Sequence[tuple[Sample, int]], titles: Sequence[str], title: str) -> go.Figure:
    figure = make_subplots(
        rows=len(fits),
        cols=1,
        shared_xaxes=True,
        subplot_titles=titles,
        vertical_spacing=0.25 / len(fits),
    )
    for row, (sample, degree) in enumerate(fits, start=1):
        x = np.linspace(sample.x.min(), sample.x.max(), 200)
        figure.add_trace(
            go.Scatter(
                x=sample.x,
                y=sample.y,
                mode="markers",
                marker={"color": TEXT, "size": 6},
                name="training points",
                showlegend=row == 1,
            ),
            row=row,
            col=1,
        )
        figure.add_trace(
            go.Scatter(
                x=x,
                y=Polynomial.fit(sample.x, sample.y, degree)(x),
                mode="lines",
                line={"color": VERMILLION, "width": 2.5},
                name="fitted polynomial",
                showlegend=row == 1,
            ),
            row=row,
            col=1,
        )
        space = 0.3 * float(np.ptp(sample.y))
        limits = (float(sample.y.min()) - space, float(sample.y.max()) + space)
        figure.update_yaxes(range=limits, row=row, col=1)
    figure.update_layout(title=title, height=120 + 200 * len(fits))
    return apply_theme(figure)
