"""What an agent thinks of each place, and what it would do there."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int

from gradlab.plots.grid_map import grid_figure
from gradlab.plots.theme import BLUE, GREY, apply_theme

ARROWS = {(-1, 0): "↑", (1, 0): "↓", (0, -1): "←", (0, 1): "→"}
STAY = "•"


def value_map_figure(
    rows: Sequence[str],
    values: Float[np.ndarray, "rows columns"],
    actions: Int[np.ndarray, "rows columns"] | None = None,
    steps: Sequence[tuple[int, int] | None] = (),
    *,
    title: str = "Values and policy",
    unit: str = "value",
    limits: tuple[float, float] | None = None,
) -> go.Figure:
    """Colour each cell by its value, and draw the action taken there as an arrow.

    Args:
        rows: The map, one string a row; # is a wall.
        values: V of each cell; NaN where there is none.
        actions: Action taken in each cell; -1 for none.
        steps: Rows and columns that each action moves by; None for one that stays, drawn as a dot.
        title: Title.
        unit: What the numbers are.
        limits: Lowest and highest value of the colours; by default those of the map.
    """
    words = None
    if actions is not None:
        signs = [STAY if step is None else ARROWS.get(_direction(step), STAY) for step in steps]
        words = [[signs[a] if a >= 0 else "" for a in row] for row in actions]
    return grid_figure(rows, values, title=title, unit=unit, words=words, limits=limits)


def _direction(step: tuple[int, int]) -> tuple[int, int]:
    """Return where a step leads, however far."""
    return int(np.sign(step[0])), int(np.sign(step[1]))


def action_values_figure(
    names: Sequence[str],
    values: Float[np.ndarray, " actions"],
    truth: Float[np.ndarray, " actions"] | None = None,
    *,
    title: str = "Value of each action",
) -> go.Figure:
    """Draw the values of the actions in one state as bars, beside the true ones as marks."""
    figure = go.Figure(go.Bar(x=list(names), y=values, name="learnt", marker={"color": BLUE}))
    if truth is not None:
        figure.add_trace(
            go.Scatter(
                x=list(names),
                y=truth,
                mode="markers",
                name="true",
                marker={"symbol": "line-ew-open", "size": 22, "color": GREY, "line": {"width": 3}},
            )
        )
    figure.update_layout(title=title, height=360, yaxis_title="value")
    return apply_theme(figure)
