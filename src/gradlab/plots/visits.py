"""Where an agent has been."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.grid_map import grid_figure

POWERS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)


def visits_figure(
    rows: Sequence[str],
    visits: Float[np.ndarray, "rows columns"],
    *,
    title: str = "Visited places",
) -> go.Figure:
    """Colour each cell by the share of all steps spent there, on a scale of powers of ten.

    Cells never visited stay empty, so what was never explored is seen at once.

    Args:
        rows: The map, one string a row; # is a wall.
        visits: How often each cell was visited.
        title: Title.
    """
    total = max(float(np.nansum(visits)), 1.0)
    share = np.where(visits > 0, 100.0 * visits / total, np.nan)
    figure = grid_figure(rows, np.log10(share), title=title, unit="% of steps", show_numbers=False)
    ticks = [tick for tick in POWERS if _within(tick, share)]
    if len(ticks) < 2:
        ticks = [m * tick for tick in POWERS for m in (1, 2, 5) if _within(m * tick, share)]
    figure.update_traces(
        customdata=share,
        hovertemplate="row %{y}, column %{x}: %{customdata:.3g} % of steps<extra></extra>",
        selector={"type": "heatmap"},
    )
    if ticks:
        figure.update_traces(
            colorbar={
                "tickvals": [float(np.log10(t)) for t in ticks],
                "ticktext": [f"{tick:g}" for tick in ticks],
            },
            selector={"type": "heatmap"},
        )
    return figure


def _within(tick: float, share: Float[np.ndarray, "rows columns"]) -> bool:
    finite = share[np.isfinite(share)]
    return len(finite) > 0 and bool(0.9 * finite.min() <= tick <= 1.1 * finite.max())
