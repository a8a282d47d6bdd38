"""Which axes of a study mattered."""

from collections.abc import Iterable, Sequence

from gradlab.report.contents import AxisSection
from gradlab.report.figures.base import Figure, Json, drawn
from gradlab.report.numbers import finite, fixed
from gradlab.report.tables import Table


def overview(sections: Sequence[AxisSection]) -> Figure | None:
    """Compare the axes: which of them mattered; None for fewer than two."""
    shares = [
        (section.label, finite(section.variance_share, 100))
        for section in sections
        if finite(section.variance_share) is not None
    ]
    if len(shares) < 2:
        return None
    shares.sort(key=lambda pair: -(pair[1] or 0.0))
    labels = _distinct(drawn(label) for label, _ in shares)
    bars: Json = {
        "type": "bar",
        "orientation": "h",
        "x": [share for _, share in shares],
        "y": labels,
        "text": [f"{fixed(share, 0)} %" for _, share in shares],
        "textposition": "outside",
        "cliponaxis": False,
        "meta": {"level": -1, "role": "bar"},
        "hovertemplate": "%{y}: %{x:.1f} %<extra></extra>",
    }
    return Figure(
        name="overview",
        title="Share of the variance among the runs of an axis that its levels explain (%)",
        description="Bars: " + ", ".join(f"{label} {fixed(share, 0)} %" for label, share in shares),
        note="",
        height=16 + 28 * len(shares),
        data=[bars],
        layout={
            "bargap": 0.55,
            "margin": {"t": 0, "b": 0, "r": 50},
            "xaxis": {"visible": False, "range": [0, 100], "fixedrange": True},
            "yaxis": {
                "autorange": "reversed",
                "type": "category",
                "automargin": True,
                "fixedrange": True,
                "showgrid": False,
                "ticks": "",
                "showline": False,
            },
        },
        table=Table("Variance explained by each axis", ("Axis", "Share (%)"), shares),
    )


def _distinct(labels: Iterable[str]) -> list[str]:
    """Keep equal labels apart: Plotly would stack bars of one category."""
    seen: dict[str, int] = {}
    out = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        out.append(label + "\u200b" * (seen[label] - 1))
    return out
