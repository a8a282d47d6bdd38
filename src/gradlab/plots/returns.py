"""Learning curves of agents: the return of an episode as learning goes on, over many seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.theme import BLUE, DASHES, GREY, PALETTE, apply_theme, fade

Curves = Mapping[str, Float[np.ndarray, "seeds points"]]


def returns_figure(
    x: Float[np.ndarray, " points"],
    curves: Curves,
    *,
    optimum: float | None = None,
    title: str = "Return of an episode",
    x_title: str = "episode",
    y_title: str = "return",
) -> go.Figure:
    """Draw the mean over seeds of each setting as a line, with the 95 % interval of the mean.

    Args:
        x: Episodes or steps.
        curves: By setting: one row a seed; NaN where a seed has no number.
        optimum: Best mean return that there is, as a line.
        title, x_title, y_title: Titles.
    """
    figure = go.Figure()
    for i, (name, curve) in enumerate(curves.items()):
        colour = PALETTE[i % len(PALETTE)]
        mean, half = mean_and_half(curve)
        if np.any(half > 0):
            known = np.isfinite(mean)
            figure.add_trace(
                go.Scatter(
                    x=np.concatenate([x[known], x[known][::-1]]),
                    y=np.concatenate([(mean + half)[known], (mean - half)[known][::-1]]),
                    fill="toself",
                    fillcolor=fade(colour, 0.16),
                    line={"width": 0},
                    hoverinfo="skip",
                    showlegend=False,
                    legendgroup=name,
                    name=f"{name}, 95 %",
                )
            )
        figure.add_trace(
            go.Scatter(
                x=x,
                y=mean,
                mode="lines",
                name=name,
                legendgroup=name,
                line={"color": colour, "width": 2, "dash": DASHES[i % len(DASHES)]},
                hovertemplate=f"{name}<br>{x_title} %{{x}}: %{{y:.4g}}<extra></extra>",
            )
        )
    if optimum is not None:
        figure.add_hline(
            y=optimum,
            line={"color": GREY, "width": 1.5, "dash": "dash"},
            annotation_text=f"best possible, {optimum:.3g}",
            annotation_position="top left",
        )
    figure.update_layout(title=title, height=420, xaxis_title=x_title, yaxis_title=y_title)
    return apply_theme(figure).update_layout(
        margin={"t": 52, "b": 56 + 22 * (len(curves) // 3 + 1)}
    )


def mean_and_half(
    curve: Float[np.ndarray, "seeds points"],
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    """Return the mean over seeds and half the width of its 95 % interval; 0 for a single seed.

    >>> mean, half = mean_and_half(np.array([[1.0, 2.0], [3.0, 2.0]]))
    >>> mean.tolist(), half.round(1).tolist()
    ([2.0, 2.0], [12.7, 0.0])
    """
    from scipy.special import stdtrit

    n = np.isfinite(curve).sum(axis=0)
    total = np.nansum(curve, axis=0)
    mean = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    spread = np.nansum(np.square(curve - mean[None, :]), axis=0)
    variance = np.where(n > 1, spread / np.maximum(n - 1, 1), 0.0)
    half = -stdtrit(np.maximum(n - 1, 1), 0.025) * np.sqrt(variance / np.maximum(n, 1))
    return mean, half


def smoothed(
    returns: Float[np.ndarray, "seeds episodes"], window: int
) -> Float[np.ndarray, "seeds episodes"]:
    """Return the mean of the last `window` episodes at each, of fewer at the start.

    >>> smoothed(np.array([[0.0, 2.0, 4.0]]), 2).tolist()
    [[0.0, 1.0, 3.0]]
    """
    sums = np.cumsum(returns, axis=1)
    before = np.zeros_like(sums)
    before[:, window:] = sums[:, :-window] if window < returns.shape[1] else 0.0
    n = np.minimum(np.arange(1, returns.shape[1] + 1), window)
    return (sums - before) / n[None, :]


def intervals_figure(
    names: Sequence[str],
    means: Float[np.ndarray, " levels"],
    lows: Float[np.ndarray, " levels"],
    highs: Float[np.ndarray, " levels"],
    *,
    optimum: float | None = None,
    title: str = "Return after training",
    x_title: str = "return",
) -> go.Figure:
    """Draw the mean of each level as a dot with its interval, the first on top.

    Args:
        names: Of the levels.
        means, lows, highs: Mean and the ends of its interval.
        optimum: Best mean return that there is, as a line.
        title, x_title: Titles.
    """
    figure = go.Figure(
        go.Scatter(
            x=means,
            y=list(names),
            mode="markers",
            marker={"color": BLUE, "size": 11},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": highs - means,
                "arrayminus": means - lows,
                "thickness": 2,
                "width": 0,
                "color": BLUE,
            },
            showlegend=False,
            hovertemplate="%{y}: %{x:.4g}<extra></extra>",
        )
    )
    if optimum is not None:
        figure.add_vline(
            x=optimum,
            line={"color": GREY, "width": 1.5, "dash": "dash"},
            annotation_text=f"best possible, {optimum:.3g}",
            annotation_position="top",
        )
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(title=title, height=150 + 34 * len(names), xaxis_title=x_title)
    return apply_theme(figure)
