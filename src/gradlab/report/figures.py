"""The figures of a report as plain Plotly JSON, each with the table behind it.

Building `plotly.graph_objects` would validate every number and cost more than the rest of the
page. Figures carry no colours: each trace says in `meta` which level it draws and in what role,
and page.js paints it for the light or dark theme and for what is highlighted.
"""

import html
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gradlab.report.contents import AxisSection, Band, Curve, LevelRow
from gradlab.report.numbers import ScoreFormat, finite, fixed, short
from gradlab.report.tables import Cell, Table, clean

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


def axis_figures(section: AxisSection, score: ScoreFormat) -> dict[str, list[Figure]]:
    """Return the figures of an axis by subsection; a subsection without data is empty."""
    levels = Levels(section)
    curves = (
        _curves(section, levels, "validation-score", score.titled("Validation"), score),
        _curves(section, levels, "validation-loss", "Validation loss", None),
        _curves(section, levels, "train-loss", "Training loss", None),
    )
    return {
        "curves": [figure for figure in curves if figure],
        "time": [figure for figure in (_time(section, levels, score),) if figure],
        "ranks": [figure for figure in (_ranks(section, levels),) if figure],
        "tuning": [figure for figure in (_tuning(section, levels, score),) if figure],
    }


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


def ranking_table(section: AxisSection, score: ScoreFormat) -> Table:
    """Return every number of a ranking, a row for each level."""
    unit = f" ({score.difference_unit})" if score.difference_unit else ""
    columns = (
        "Level",
        score.titled("Validation"),
        "Low",
        "High",
        "Seeds",
        "Average rank",
        *(
            f"{name}{part}"
            for name in (f"To leader{unit}", f"To base{unit}")
            for part in ("", " low", " high", " p")
        ),
        "Learning rate",
        "Seconds a run",
        "Diverged",
        "Seeds needed",
        "Verdict",
    )
    return Table(
        f"{section.label}: ranking",
        columns,
        [_ranking_row(row, score) for row in section.rows],
    )


def _ranking_row(row: LevelRow, score: ScoreFormat) -> tuple[Cell, ...]:
    estimate = row.score
    differences: list[Cell] = []
    for d in (row.to_leader, row.to_base):
        differences += (
            [score.value(d.mean), score.value(d.low), score.value(d.high), finite(d.p)]
            if d
            else [None] * 4
        )
    return (
        row.label,
        *(
            [score.value(v) for v in (estimate.mean, estimate.low, estimate.high)]
            if estimate
            else [None] * 3
        ),
        row.n,
        finite(row.average_rank),
        *differences,
        finite(row.learning_rate),
        finite(row.seconds),
        row.n_diverged,
        row.seeds_needed,
        row.verdict,
    )


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


def _curves(
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
        return _log_axis(min(values), max(values))
    return {}


def _time(section: AxisSection, levels: Levels, score: ScoreFormat) -> Figure | None:
    """Draw the score of every run over its time, and the mean of each level."""
    by_level: dict[str, list[tuple[int, float, float]]] = {}
    for run in section.runs:
        seconds, value = finite(run.seconds), score.value(run.score)
        if seconds is not None and value is not None:
            by_level.setdefault(run.level, []).append((run.seed, seconds, value))
    if not by_level:
        return None
    number = "%{y:.2f}" if score.percent else "%{y:.4g}"
    unit = f" {drawn(score.unit)}" if score.unit else ""
    hover = f"<b>%{{fullData.name}}</b>, %{{text}}<br>{number}{unit} in %{{x:.3g}} s<extra></extra>"
    clouds: list[Json] = []
    centres: list[Json] = []
    rows: list[tuple[Cell, ...]] = []
    means: dict[str, tuple[float, float]] = {}
    for level in sorted(by_level, key=levels.place.__getitem__, reverse=True):
        runs = by_level[level]
        n = len(runs)
        x = finite(sum(s for _, s, _ in runs) / n) or 0.0
        y = finite(sum(v for _, _, v in runs) / n) or 0.0
        means[level] = (x, y)
        clouds.append(
            levels.trace(
                level,
                "runs",
                mode="markers",
                x=[s for _, s, _ in runs],
                y=[v for _, _, v in runs],
                text=[f"seed {seed}" for seed, _, _ in runs],
                hovertemplate=hover,
            )
        )
        centres.append(
            levels.trace(
                level,
                "mean",
                mode="markers",
                x=[x],
                y=[y],
                text=[f"mean of {n}"],
                hovertemplate=hover,
            )
        )
    for level in levels.place:
        if level in means:
            rows.append((levels.labels[level], "mean", *means[level]))
            rows += [(levels.labels[level], *run) for run in by_level[level]]
    best = (max if score.higher_is_better else min)(y for _, y in means.values())
    limit = window((y for _, y in means.values()), best)
    near = [v for level, runs in by_level.items() if abs(means[level][1] - best) <= limit
            for _, _, v in runs]  # fmt: skip
    everything = [v for runs in by_level.values() for _, _, v in runs]
    yaxis: Json = {"ticksuffix": " %" if score.percent else "", "automargin": True, "nticks": 7}
    note = ""
    if len(near) < len(everything):
        pad = 0.08 * (max(near) - min(near)) or 0.01 * (abs(max(near)) or 1.0)
        yaxis["range"] = [finite(min(near) - pad), finite(max(near) + pad)]
        far = [levels.labels[v] for v in means if abs(means[v][1] - best) > limit][::-1]
        names = ", ".join(far[:4]) + (" and others" if len(far) > 4 else "")
        note = f"Outside the frame: {names}. Double-click to see all."
    times = [s for runs in by_level.values() for _, s, _ in runs]
    xaxis: Json = {"title": {"text": "seconds a run"}, "nticks": 7}
    if min(times) > 0 and max(times) > 12 * min(times):
        xaxis |= _log_axis(min(times), max(times))
    return Figure(
        name="time",
        title=f"{score.titled('Validation')} over the time of a run",
        description=f"Scatter chart of {len(everything)} runs: score over seconds, a large mark "
        "for the mean of each level. Upper left is better."
        if score.higher_is_better
        else f"Scatter chart of {len(everything)} runs: score over seconds, a large mark for the "
        "mean of each level. Lower left is better.",
        note=note,
        height=360,
        data=clouds + centres,
        layout={"xaxis": xaxis, "yaxis": yaxis},
        table=Table(
            f"{section.label}: score and time of every run",
            ("Level", "Seed", "Seconds", score.titled("Validation")),
            rows,
        ),
    )


def _ranks(section: AxisSection, levels: Levels) -> Figure | None:
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


def _tuning(section: AxisSection, levels: Levels, score: ScoreFormat) -> Figure | None:
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
        xaxis |= _log_axis(min(rates), max(rates))
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


def _log_axis(low: float, high: float) -> Json:
    """Return a logarithmic axis with whole numbers for ticks; Plotly writes 0.5 as a bare 5."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if high > 300 * low else (1, 3) if high > 30 * low else (1, 2, 5)
    every = max(1, len(decades) // 8)
    ticks = [float(f"{step}e{decade}") for decade in decades[::every] for step in steps]
    return {"type": "log", "tickvals": ticks, "ticktext": [short(tick) for tick in ticks]}


def _distinct(labels: Iterable[str]) -> list[str]:
    """Keep equal labels apart: Plotly would stack bars of one category."""
    seen: dict[str, int] = {}
    out = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        out.append(label + "\u200b" * (seen[label] - 1))
    return out
