"""The ROC curve of a score, with its band and the threshold that was chosen."""

import numpy as np
import plotly.graph_objects as go

from gradlab.metrics.curves import Band, RocCurve
from gradlab.plots.theme import BLUE, GREY, VERMILLION, apply_theme, fade
from gradlab.scalars import Scalar


def roc_figure(
    curve: RocCurve,
    *,
    band: Band | None = None,
    chosen: Scalar | None = None,
    title: str = "ROC curve",
) -> go.Figure:
    """Draw true over false positive rate, the diagonal of chance, and the chosen threshold.

    The higher above the diagonal, the better the score orders the rows. How it looks does not
    depend on how rare positives are; what a threshold costs does.

    Args:
        curve: From `gradlab.metrics.roc`.
        band: From `gradlab.metrics.roc_band`.
        chosen: Threshold to mark; inf for never, -inf for always.
        title: Title.
    """
    figure = go.Figure()
    if band is not None:
        add_band(figure, band, BLUE)
    figure.add_trace(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": GREY, "dash": "dot"},
            name="chance (AUC 0.5)",
        )
    )
    shown = curve.thinned()
    figure.add_trace(
        go.Scatter(
            x=shown.false_positive_rate,
            y=shown.true_positive_rate,
            customdata=np.where(np.isfinite(shown.thresholds), shown.thresholds, np.nan),
            mode="lines",
            line={"color": BLUE, "width": 2.5},
            name=f"score (AUC {curve.auc:.3f})",
            hovertemplate="FPR %{x:.3f}, TPR %{y:.3f}<br>threshold %{customdata:.4g}",
        )
    )
    if chosen is not None:
        place = place_of(curve.thresholds, chosen)
        add_chosen(
            figure,
            float(curve.false_positive_rate[place]),
            float(curve.true_positive_rate[place]),
            chosen,
        )
    figure.update_layout(title=title, height=460)
    figure.update_xaxes(title="false positive rate (1 − specificity)", range=(-0.02, 1.02))
    figure.update_yaxes(title="true positive rate (sensitivity)", range=(-0.02, 1.02))
    return apply_theme(figure)


def add_band(figure: go.Figure, band: Band, colour: str) -> None:
    """Add the interval of a curve's height."""
    figure.add_trace(
        go.Scatter(
            x=np.concatenate([band.x, band.x[::-1]]),
            y=np.concatenate([band.high, band.low[::-1]]),
            fill="toself",
            fillcolor=fade(colour, 0.15),
            line={"width": 0},
            hoverinfo="skip",
            name=f"{100 * band.level:g} % interval",
        )
    )


def place_of(thresholds: np.ndarray, chosen: Scalar) -> int:
    """Return the point of a curve that a threshold gives: the last that it does not exceed.

    >>> place_of(np.array([np.inf, 0.9, 0.4]), 0.5)
    1
    """
    return max(int(np.searchsorted(-thresholds, -float(chosen), side="right")) - 1, 0)


def add_chosen(figure: go.Figure, x: float, y: float, chosen: Scalar) -> None:
    """Mark the point of the chosen threshold."""
    figure.add_trace(
        go.Scatter(
            x=[x],
            y=[y],
            mode="markers",
            marker={"color": VERMILLION, "size": 12, "symbol": "star"},
            name=f"chosen: {threshold_text(chosen)}",
        )
    )


def threshold_text(threshold: Scalar) -> str:
    """Return a threshold in words.

    >>> threshold_text(0.25), threshold_text(np.inf)
    ('threshold 0.25', 'never positive')
    """
    if np.isinf(threshold):
        return "never positive" if threshold > 0 else "always positive"
    return f"threshold {float(threshold):.3g}"
