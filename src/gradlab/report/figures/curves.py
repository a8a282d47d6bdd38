"""How the levels of an axis learn, by epoch."""

from collections.abc import Callable, Sequence

from gradlab.report.contents import AxisSection, Band, Curve
from gradlab.report.figures.base import Figure, Json, Levels, drawn, log_axis, window
from gradlab.report.numbers import ScoreFormat, finite
from gradlab.report.tables import Cell, Table


def curves_by_epoch(
    section: AxisSection, levels: Levels, name: str, title: str, score: ScoreFormat | None
) -> Figure | None:
    """Draw one quantity by epoch; `score` gives the factor, None for a loss."""
    scale: Callable[[float | None], float | None] = score.value if score else finite
    field = name.replace("-", "_")
    bands: list[tuple[Curve, Band]] = []
    for curve in section.curves:
        band: Band | None = getattr(curve, field)
        if band and any(scale(v) is not None for v in band.mean):
            bands.append((curve, band))
    if not bands:
        return None
    # The leader and the base are drawn last, on top.
    bands.sort(key=lambda pair: (pair[0].level in (levels.leader, levels.base), 0))
    unit = f" {drawn(score.unit)}" if score and score.unit else ""
    number = "%{y:.2f}" if score and score.percent else "%{y:.4g}"
    data: list[Json] = []
    means: dict[str, list[float | None]] = {}
    rows: list[tuple[Cell, ...]] = []
    for curve, band in bands:
        mean = [scale(v) for v in band.mean]
        low = [scale(v) for v in band.low] or [None] * len(mean)
        high = [scale(v) for v in band.high] or [None] * len(mean)
        means[curve.level] = mean
        points = list(zip(curve.epochs, mean, low, high, strict=True))
        rows += [(levels.labels[curve.level], *point) for point in points]
        inside = [(e, lo, hi) for e, _, lo, hi in points if lo is not None and hi is not None]
        if inside:
            x = [e for e, _, _ in inside]
            data.append(
                levels.trace(
                    curve.level,
                    "band",
                    x=x + x[::-1],
                    y=[hi for _, _, hi in inside] + [lo for _, lo, _ in inside[::-1]],
                    mode="lines",
                    fill="toself",
                    hoverinfo="skip",
                )
            )
        data.append(
            levels.trace(
                curve.level,
                "line",
                x=list(curve.epochs),
                y=mean,
                mode="lines" if len(mean) > 1 else "markers",
                hovertemplate=f"<b>%{{fullData.name}}</b><br>epoch %{{x}}: {number}{unit}"
                "<extra></extra>",
            )
        )
    yaxis, note = _score_axis(means, levels, score) if score else (_loss_axis(means), "")
    quantity = title.split(" (", 1)[0]
    return Figure(
        name=name,
        title=title,
        description=f"Line chart of {quantity.lower()} by epoch, a line for each of "
        f"{len(bands)} levels with its interval as a band. {_ends(means, levels)}",
        note=note,
        height=300,
        data=data,
        layout={
            "xaxis": {"title": {"text": "epoch"}, "rangemode": "tozero", "nticks": 7},
            "yaxis": {"automargin": True, "nticks": 7, **yaxis},
        },
        table=Table(
            f"{section.label}: {quantity.lower()} by epoch",
            ("Level", "Epoch", title, "Low", "High"),
            rows,
        ),
    )


def _last(values: Sequence[float | None]) -> float | None:
    return next((v for v in reversed(values) if v is not None), None)


def _ends(means: dict[str, list[float | None]], levels: Levels) -> str:
    """Say where the leader's line ends, for a reader who hears the page."""
    end = _last(means.get(levels.leader or "", []))
    return "" if end is None else f"{levels.labels[levels.leader or '']} ends at {end:g}."


def _score_axis(
    means: dict[str, list[float | None]], levels: Levels, score: ScoreFormat
) -> tuple[Json, str]:
    """Return the vertical axis that shows the levels worth telling apart, and a note."""
    axis: Json = {"ticksuffix": " %" if score.percent else ""}
    ends = {level: end for level, values in means.items() if (end := _last(values)) is not None}
    best = (max if score.higher_is_better else min)(ends.values())
    limit = window(ends.values(), best)
    near = [level for level, end in ends.items() if abs(end - best) <= limit]
    values = sorted(v for level in near for v in means[level] if v is not None)
    # Without the worst tenth: the first steps of a slow level matter less than the ends.
    cut = len(values) // 10
    shown = values[cut:] if score.higher_is_better else values[: len(values) - cut]
    everything = [v for line in means.values() for v in line if v is not None]
    low, high = shown[0], shown[-1]
    pad = 0.06 * (high - low) or 0.01 * (abs(high) or 1.0)
    axis["range"] = [finite(low - pad), finite(high + pad)]
    if low - pad <= min(everything) and max(everything) <= high + pad:
        return axis, ""
    outside = [levels.labels[level] for level in ends if level not in near]
    where = "below" if score.higher_is_better else "above"
    if outside:
        names = ", ".join(outside[:4]) + (" and others" if len(outside) > 4 else "")
        return axis, f"Outside the frame, {where}: {names}. Double-click to see all."
    return axis, "First epochs run out of the frame. Double-click to see all."


def _loss_axis(means: dict[str, list[float | None]]) -> Json:
    values = [v for line in means.values() for v in line if v is not None]
    if min(values) > 0 and max(values) > 5 * min(values):
        return log_axis(min(values), max(values))
    return {}
