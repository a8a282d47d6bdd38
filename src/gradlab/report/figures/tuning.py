"""The learning rates that were tried for each level of an axis."""

from gradlab.report.contents import AxisSection
from gradlab.report.figures.base import Figure, Json, Levels, drawn, log_axis
from gradlab.report.numbers import ScoreFormat, finite, short
from gradlab.report.tables import Cell, Table


def tuning_curves(section: AxisSection, levels: Levels, score: ScoreFormat) -> Figure | None:
    """Draw the tuning score of each level over the learning rates it tried."""
    by_level: dict[str, list[tuple[float, float | None, bool]]] = {}
    for point in section.tuning:
        rate = finite(point.learning_rate)
        if rate is not None:
            by_level.setdefault(point.level, []).append(
                (rate, score.value(point.score), point.chosen)
            )
    if not any(value is not None for points in by_level.values() for _, value, _ in points):
        return None
    number = "%{y:.2f}" if score.percent else "%{y:.4g}"
    unit = f" {drawn(score.unit)}" if score.unit else ""
    hover = f"<b>%{{fullData.name}}</b><br>rate %{{text}}: {number}{unit}<extra></extra>"
    lines: list[Json] = []
    marks: list[Json] = []
    rows: list[tuple[Cell, ...]] = []
    for level in sorted(by_level, key=levels.place.__getitem__):
        points = sorted(by_level[level], key=lambda point: point[0])
        rows += [
            (levels.labels[level], rate, value, "diverged" if value is None else
             "chosen" if chosen else "") for rate, value, chosen in points]  # fmt: skip
        lines.append(
            levels.trace(
                level,
                "line",
                mode="lines+markers",
                x=[rate for rate, _, _ in points],
                y=[value for _, value, _ in points],
                text=[short(rate) for rate, _, _ in points],
                hovertemplate=hover,
            )
        )
        picked = [(rate, value) for rate, value, chosen in points if chosen and value is not None]
        if picked:
            marks.append(
                levels.trace(
                    level,
                    "mean",
                    mode="markers",
                    x=[rate for rate, _ in picked],
                    y=[value for _, value in picked],
                    text=[short(rate) + ", chosen" for rate, _ in picked],
                    hovertemplate=hover,
                )
            )
    rates = [rate for points in by_level.values() for rate, _, _ in points]
    xaxis: Json = {"title": {"text": "learning rate"}}
    if min(rates) > 0:
        xaxis |= log_axis(min(rates), max(rates))
    return Figure(
        name="tuning",
        title=f"{score.titled('Tuning')} by learning rate",
        description=f"Line chart of the tuning score over learning rate for {len(by_level)} "
        "levels; a large mark shows the rate that was chosen.",
        note="A large mark is the rate chosen; a gap is a rate that diverged.",
        height=320,
        data=lines[::-1] + marks[::-1],
        layout={
            "xaxis": xaxis,
            "yaxis": {
                "ticksuffix": " %" if score.percent else "",
                "automargin": True,
                "nticks": 7,
            },
        },
        table=Table(
            f"{section.label}: tuning of the learning rate",
            ("Level", "Learning rate", score.titled("Tuning"), "Remark"),
            rows,
        ),
    )
