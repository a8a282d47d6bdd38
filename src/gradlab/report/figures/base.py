"""What all figures of a report are made of.

Figures are plain Plotly JSON: building `plotly.graph_objects` would validate every number and cost
more than the rest of the page. They carry no colours: each trace says in `meta` which level it
draws and in what role, and page.js paints it for the light or dark theme and for what is
highlighted.
"""

import html
import math
from collections.abc import Iterable
from dataclasses import dataclass

from gradlab.report.contents import AxisSection
from gradlab.report.numbers import short
from gradlab.report.tables import Table, clean

# Plain JSON objects, as Plotly.newPlot takes them.
Json = dict[str, object]

LONGEST_LABEL = 24


@dataclass(frozen=True, slots=True)
class Figure:
    """One picture.

    Args:
        name: Short name, unique within its section; part of IDs and file names.
        title: Caption.
        description: What it shows, for those who can't see it.
        note: A remark under the caption, or "".
        height: Pixels.
        data: Plotly traces.
        layout: Plotly layout without colours.
        table: The same numbers.
    """

    name: str
    title: str
    description: str
    note: str
    height: int
    data: list[Json]
    layout: Json
    table: Table


class Levels:
    """Place and label of each level of an axis; the place decides colour and dash."""

    def __init__(self, section: AxisSection):
        """Number the ranked levels, best first, then any that appear only in curves or runs."""
        self.labels = {row.level: row.label for row in section.rows}
        for other in (*section.curves, *section.runs, *section.tuning):
            self.labels.setdefault(other.level, other.level)
        self.place = {level: i for i, level in enumerate(self.labels)}
        self.leader = section.leader
        self.base = section.base

    def trace(self, level: str, role: str, **more: object) -> Json:
        """Start a trace of a level."""
        meta = {"level": self.place[level], "role": role}
        return {"type": "scatter", "name": drawn(self.labels[level]), "meta": meta, **more}


def drawn(label: str) -> str:
    """Escape and shorten a label for Plotly, whose texts are a small HTML of their own.

    >>> drawn("<b>x</b>")
    '&lt;b&gt;x&lt;/b&gt;'
    """
    label = " ".join(clean(label).split())
    if len(label) > LONGEST_LABEL:
        label = label[: LONGEST_LABEL - 1] + "…"
    return html.escape(label, quote=False)


def window(values: Iterable[float], best: float) -> float:
    """Return the distance from the best beyond which a value would only squeeze the rest.

    One level that learns nothing must not press all others into a line. Infinite where the
    values lie together.

    >>> window([97.0, 96.8, 96.5, 10.0], best=97.0)
    4.0
    """
    distances = sorted(abs(v - best) for v in values)
    if not distances:
        return math.inf
    limit = 8 * distances[3 * (len(distances) - 1) // 4]
    return limit if 0 < limit < distances[-1] else math.inf


def log_axis(low: float, high: float) -> Json:
    """Return a logarithmic axis with whole numbers for ticks; Plotly writes 0.5 as a bare 5."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if high > 300 * low else (1, 3) if high > 30 * low else (1, 2, 5)
    every = max(1, len(decades) // 8)
    ticks = [float(f"{step}e{decade}") for decade in decades[::every] for step in steps]
    return {"type": "log", "tickvals": ticks, "ticktext": [short(tick) for tick in ticks]}
