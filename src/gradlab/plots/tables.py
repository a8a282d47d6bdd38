"""Tables that read on light and dark pages."""

from collections.abc import Sequence

import plotly.graph_objects as go

from gradlab.plots.theme import AXIS, BLUE, TEXT, fade
from gradlab.scalars import Scalar


def table_trace(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    widths: Sequence[Scalar] | None = None,
    marked_columns: Sequence[int] = (),
) -> go.Table:
    """Return a table of ready-made texts.

    Args:
        header: One title a column.
        rows: Lines of texts.
        widths: Relative widths of the columns.
        marked_columns: Columns with a shade behind them, such as results.
    """
    columns = [[row[i] for row in rows] for i in range(len(header))]
    shade = [
        fade(BLUE, 0.12) if i in marked_columns else "rgba(0, 0, 0, 0)" for i in range(len(header))
    ]
    return go.Table(
        columnwidth=[float(width) for width in widths] if widths else None,
        header={
            "values": [f"<b>{title}</b>" for title in header],
            "fill": {"color": fade(BLUE, 0.2)},
            "font": {"color": TEXT, "size": 12},
            "line": {"color": AXIS},
            "height": 26,
        },
        cells={
            "values": columns,
            "fill": {"color": [[colour] * len(rows) for colour in shade]},
            "font": {"color": TEXT, "size": 12},
            "line": {"color": AXIS},
            "height": 25,
        },
    )
