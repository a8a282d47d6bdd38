"""The precision-recall curve of a score, with its band and the threshold that was chosen."""

import numpy as np
import plotly.graph_objects as go

from gradlab.metrics.curves import Band, PrecisionRecallCurve
from gradlab.plots.roc import add_band, add_chosen, place_of
from gradlab.plots.theme import GREEN, GREY, apply_theme
from gradlab.scalars import Scalar


def precision_recall_figure(
    curve: PrecisionRecallCurve,
    *,
    band: Band | None = None,
    chosen: Scalar | None = None,
    title: str = "Precision and recall",
) -> go.Figure:
    """Draw precision over recall, the prevalence as the level of chance, the chosen threshold.

    Unlike ROC it depends on how rare positives are, and shows what an answer "positive" is worth.

    Args:
        curve: From `gradlab.metrics.precision_recall`.
        band: From `gradlab.metrics.precision_recall_band`.
        chosen: Threshold to mark; inf for never, -inf for always.
        title: Title.
    """
    figure = go.Figure()
    if band is not None:
        add_band(figure, band, GREEN)
    figure.add_trace(
        go.Scatter(
            x=[0, 1],
            y=[curve.prevalence, curve.prevalence],
            mode="lines",
            line={"color": GREY, "dash": "dot"},
            name=f"chance ({curve.prevalence:.3f})",
        )
    )
    shown = curve.thinned()
    figure.add_trace(
        go.Scatter(
            x=shown.recall,
            y=shown.precision,
            customdata=np.where(np.isfinite(shown.thresholds), shown.thresholds, np.nan),
            mode="lines",
            line={"color": GREEN, "width": 2.5, "shape": "vh"},
            name=f"score (average precision {curve.average_precision:.3f})",
            hovertemplate="recall %{x:.3f}, precision %{y:.3f}<br>threshold %{customdata:.4g}",
        )
    )
    if chosen is not None:
        place = place_of(curve.thresholds, chosen)
        add_chosen(figure, float(curve.recall[place]), float(curve.precision[place]), chosen)
    figure.update_layout(title=title, height=460)
    figure.update_xaxes(title="recall (sensitivity)", range=(-0.02, 1.02))
    figure.update_yaxes(title="precision", range=(-0.02, 1.04))
    return apply_theme(figure)
