"""What the levels of an axis score, and what time they take for it."""

from gradlab.report.contents import AxisSection
from gradlab.report.figures.base import Figure, Json, Levels, drawn, log_axis, window
from gradlab.report.numbers import ScoreFormat, finite
from gradlab.report.tables import Cell, Table


def score_by_time(section: AxisSection, levels: Levels, score: ScoreFormat) -> Figure | None:
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
        xaxis |= log_axis(min(times), max(times))
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
