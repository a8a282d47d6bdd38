"""Average ranks of the levels of an axis, and which can't be told apart (Demšar 2006, fig. 1)."""

import html
import math

from gradlab.report.contents import AxisSection
from gradlab.report.figures.base import Figure, Json, Levels, drawn
from gradlab.report.numbers import finite, fixed
from gradlab.report.tables import Table


def rank_diagram(section: AxisSection, levels: Levels) -> Figure | None:
    """Draw the critical-difference diagram; vertical positions are pixels from the top."""
    ranked = sorted(
        (rank, row.level) for row in section.rows if (rank := finite(row.average_rank)) is not None
    )
    difference = finite(section.critical_difference)
    if len(ranked) < 3 or difference is None:
        return None
    rank_of = {level: rank for rank, level in ranked}
    n = len(ranked)
    cliques = [[v for v in clique if v in rank_of] for clique in section.cliques]
    cliques = [clique for clique in cliques if len(clique) > 1]
    ink: Json = {"level": -1, "role": "ink"}
    thick: Json = {"level": -1, "role": "clique"}
    quiet: Json = {"type": "scatter", "hoverinfo": "skip"}
    top, axis_y = 12, 52
    step = max(1, math.ceil((n - 1) / 10))
    ticks = list(range(1, n + 1, step))
    data: list[Json] = [
        quiet | {"meta": ink, "mode": "lines", "x": [1, n], "y": [axis_y, axis_y]},
        quiet
        | {
            "meta": ink,
            "mode": "lines",
            "x": [v for tick in ticks for v in (tick, tick, None)],
            "y": [axis_y, axis_y - 5, None] * len(ticks),
        },
        quiet
        | {
            "meta": {"level": -1, "role": "label"},
            "mode": "text",
            "x": ticks,
            "y": [axis_y - 8] * len(ticks),
            "text": [str(tick) for tick in ticks],
            "textposition": "top center",
            "cliponaxis": False,
        },
        quiet
        | {
            "meta": ink,
            "mode": "lines",
            "x": [1, 1, 1, 1 + difference, 1 + difference, 1 + difference],
            "y": [top - 5, top + 5, top, top, top - 5, top + 5],
            "cliponaxis": False,
        },
        quiet
        | {
            "meta": {"level": -1, "role": "label"},
            "mode": "text",
            "x": [1 + difference],
            "y": [top],
            "text": [f"  critical difference {fixed(difference, 2)}"],
            "textposition": "middle right",
            "cliponaxis": False,
        },
    ]
    first = axis_y + 16
    for i, clique in enumerate(cliques):
        ends = [rank_of[v] for v in clique]
        data.append(
            quiet
            | {
                "meta": thick,
                "mode": "lines",
                "x": [min(ends) - 0.03, max(ends) + 0.03],
                "y": [first + 9 * i] * 2,
            }
        )
    first += 9 * len(cliques) + 12
    half = math.ceil(n / 2)
    longest = {True: 0, False: 0}
    for i, (rank, level) in enumerate(ranked):
        left = i < half
        y = first + 22 * (i if left else n - 1 - i)
        edge = 1 - 0.02 * (n - 1) if left else n + 0.02 * (n - 1)
        label, value = drawn(levels.labels[level]), fixed(rank, 2)
        longest[left] = max(longest[left], len(html.unescape(label)) + len(value) + 2)
        data.append(
            levels.trace(
                level,
                "rank",
                mode="lines+markers+text",
                x=[rank, rank, edge],
                y=[axis_y, y, y],
                text=["", "", f"{label}  {value} " if left else f" {value}  {label}"],
                textposition=["top center", "top center", f"middle {'left' if left else 'right'}"],
                cliponaxis=False,
                hovertemplate=f"<b>%{{fullData.name}}</b><br>average rank {value}<extra></extra>",
            )
        )
    height = first + 22 * (half - 1) + 18
    together = {level: [] for level in rank_of}
    for i, clique in enumerate(cliques, start=1):
        for level in clique:
            together[level].append(str(i))
    return Figure(
        name="ranks",
        title="Average ranks and critical difference",
        description=f"Critical-difference diagram of {n} levels, best on the left. "
        "Thick bars join levels whose ranks can't be told apart.",
        note="Rank 1 is best. Levels joined by a thick bar can't be told apart by their ranks.",
        height=height,
        data=data,
        layout={
            "showlegend": False,
            "margin": {
                "l": min(210, 14 + 7 * longest[True]),
                "r": min(210, 14 + 7 * longest[False]),
                "t": 0,
                "b": 0,
            },
            "xaxis": {"visible": False, "range": [1 - 0.02 * n, n + 0.02 * n], "fixedrange": True},
            "yaxis": {"visible": False, "range": [height, 0], "fixedrange": True},
        },
        table=Table(
            f"{section.label}: average ranks; critical difference {difference:g}",
            ("Level", "Average rank", "Cliques"),
            [(levels.labels[v], rank, ", ".join(together[v])) for rank, v in ranked],
        ),
    )
