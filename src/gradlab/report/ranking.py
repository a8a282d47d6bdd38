"""The ranking of an axis: a table on paper and wide screens, a list of cards on a phone."""

from collections.abc import Sequence

from gradlab.report.contents import AxisSection, Difference, Estimate, LevelRow
from gradlab.report.figures import Levels, window
from gradlab.report.numbers import (
    MISSING,
    ScoreFormat,
    count,
    duration,
    finite,
    fixed,
    p_value,
    short,
)
from gradlab.report.tables import Cell, Table, data_table, text

N_COLOURS = 8
# SVG dashes; eight hues times eight dashes tell 64 levels apart. page.js reads them off the legend.
DASHES = ("", "6 3", "2 2", "8 2 2 2", "12 3", "4 6", "10 2 2 2 2 2", "1 4")


def ranking(
    name: str, section: AxisSection, score: ScoreFormat, levels: Levels, interval: str
) -> str:
    """Return the table of an axis, best level first, and all its numbers folded away."""
    rows = section.rows
    estimates = [row.score for row in rows if row.score]
    decimals = score.decimals(half_widths(estimates))
    differences = [d for row in rows for d in (row.to_leader, row.to_base) if d]
    fine = score.decimals(half_widths(differences), digits=2)
    scale = _Scale(section, score)
    unit = f", {text(score.difference_unit)}" if score.difference_unit else ""
    show_leader = any(row.to_leader for row in rows)
    # The base as leader would only repeat the column before.
    show_base = any(row.to_base for row in rows) and section.base != section.leader
    show_rank = any(finite(row.average_rank) is not None for row in rows)
    show_rate = any(finite(row.learning_rate) is not None for row in rows)
    show_time = any(finite(row.seconds) is not None for row in rows)
    score_name = text(score.titled("Validation"))
    head = [
        '<th scope="col">Level</th>',
        f'<th scope="col"><span class="scale" aria-hidden="true">{scale.ends()}</span></th>',
        f'<th scope="col">{score_name}</th>',
        f'<th scope="col">To leader{unit}</th>' if show_leader else "",
        f'<th scope="col">To base{unit}</th>' if show_base else "",
        '<th scope="col" class="n">Rank</th>' if show_rank else "",
        '<th scope="col" class="n">Learning<br>rate</th>' if show_rate else "",
        '<th scope="col" class="n">Time<br>a run</th>' if show_time else "",
        '<th scope="col" class="n">Runs</th>',
    ]
    body = []
    for row in rows:
        place = levels.place[row.level]
        more = f"{count(row.seeds_needed, 'seed')} would separate" if row.seeds_needed else ""
        verdict = text("; ".join(part for part in (row.verdict, more) if part))
        verdict = f'<span class="verdict">{verdict}</span>' if verdict else ""
        diverged = (
            f'<span class="below warn">{row.n_diverged} diverged</span>' if row.n_diverged else ""
        )
        cells = [
            (
                f'<th scope="row" role="rowheader">{swatch(place)}<span class="name">'
                f"{text(row.label)}</span>{tag(row.level, levels)}{verdict}</th>"
            ),
            f'<td role="cell" class="bar">{scale.bar(row, place)}</td>',
            _td(score_name, _estimate(row.score, score, decimals)),
            _td("To leader", _difference(row.to_leader, score, fine)) if show_leader else "",
            _td("To base", _difference(row.to_base, score, fine)) if show_base else "",
            _td("Average rank", fixed(row.average_rank, 2), css="n") if show_rank else "",
            _td("Learning rate", short(row.learning_rate), css="n") if show_rate else "",
            _td("Time a run", duration(row.seconds), css="n") if show_time else "",
            _td("Runs", f"{row.n}{diverged}", css="n"),
        ]
        body.append(f'<tr role="row">{"".join(cells)}</tr>')
    note = f"{interval[0].upper()}{interval[1:]}. " if interval else ""
    caption = text(f"{note}Best level first.{scale.note}")
    return f"""<table class="ranking" role="table"><caption>{caption}</caption>
<thead><tr role="row">{"".join(head)}</tr></thead>
<tbody>{"".join(body)}</tbody></table>
{data_table(ranking_table(section, score), file_name=f"{name}-ranking.csv")}"""


def _td(label: str, html: str, *, css: str = "") -> str:
    kind = f' class="{css}"' if css else ""
    return f'<td role="cell"{kind} data-label="{label}">{html}</td>'


def half_widths(estimates: Sequence[Estimate | Difference]) -> list[float]:
    """Return half the width of every interval there is."""
    return [
        (e.high - e.low) / 2
        for e in estimates
        if finite(e.low) is not None and finite(e.high) is not None
        and e.low is not None and e.high is not None
    ]  # fmt: skip


def interval_html(
    low: float | None, high: float | None, score: ScoreFormat, decimals: int, *, sign: bool = False
) -> str:
    """Write an interval in brackets; "" if there is none."""
    low, high = score.value(low), score.value(high)
    if low is None or high is None:
        return ""
    return (
        f'<span class="quiet">[{fixed(low, decimals, sign=sign)}, '
        f"{fixed(high, decimals, sign=sign)}]</span>"
    )


def _estimate(estimate: Estimate | None, score: ScoreFormat, decimals: int) -> str:
    if estimate is None or score.value(estimate.mean) is None:
        return '<span class="warn">every run diverged</span>'
    mean = fixed(score.value(estimate.mean), decimals)
    return mean + _below(interval_html(estimate.low, estimate.high, score, decimals))


def _difference(difference: Difference | None, score: ScoreFormat, decimals: int) -> str:
    if difference is None or score.value(difference.mean) is None:
        return f'<span class="quiet">{MISSING}</span>'
    mean = fixed(score.value(difference.mean), decimals, sign=True)
    interval = interval_html(difference.low, difference.high, score, decimals, sign=True)
    p = p_value(difference.p)
    return mean + (f' <span class="quiet">{text(p)}</span>' if p else "") + _below(interval)


def _below(html: str) -> str:
    return f'<span class="below">{html}</span>' if html else ""


class _Scale:
    """The common scale of the interval bars of a ranking, left to right in per cent of the cell."""

    def __init__(self, section: AxisSection, score: ScoreFormat):
        self.score = score
        self.note = ""
        self.spans = {
            row.level: (mean, low if low is not None else mean, high if high is not None else mean)
            for row in section.rows
            if row.score and (mean := score.value(row.score.mean)) is not None
            for low, high in [(score.value(row.score.low), score.value(row.score.high))]
        }
        self.low, self.high, self.leader = 0.0, 1.0, None
        if not self.spans:
            return
        means = [mean for mean, _, _ in self.spans.values()]
        best = (max if score.higher_is_better else min)(means)
        self.leader = self.spans.get(section.leader or "", (best,))[0]
        limit = window(means, best)
        near = [span for span in self.spans.values() if abs(span[0] - best) <= limit]
        low, high = min(span[1] for span in near), max(span[2] for span in near)
        pad = 0.04 * (high - low) or 0.01 * (abs(high) or 1.0)
        self.low, self.high = low - pad, high + pad
        if len(near) < len(means):
            self.note = " An arrow marks a level too far off for the scale."

    def at(self, value: float) -> float:
        return 100 * (value - self.low) / (self.high - self.low)

    def ends(self) -> str:
        if not self.spans:
            return ""
        width = self.high - self.low
        decimals = self.score.decimals([width / 10 / self.score.factor])
        unit = f" {self.score.unit}" if self.score.unit else ""
        return "".join(
            f"<span>{text(fixed(value, decimals) + unit)}</span>" for value in (self.low, self.high)
        )

    def bar(self, row: LevelRow, place: int) -> str:
        span = self.spans.get(row.level)
        if span is None:
            return ""
        mean, low, high = span
        parts = []
        if self.leader is not None:
            x = f"{self.at(self.leader):.2f}%"
            parts.append(f'<line class="at" x1="{x}" x2="{x}" y1="-30%" y2="130%"/>')
        if not self.low <= mean <= self.high:
            left = mean < self.low
            # A chevron at the edge; nested, so that its points are pixels.
            points = "8,5 2,11 8,17" if left else "-8,5 -2,11 -8,17"
            parts.append(
                f'<svg x="{0 if left else 100}%" overflow="visible">'
                f'<polyline class="off" points="{points}"/></svg>'
            )
        else:
            a, b = max(0.0, self.at(low)), min(100.0, self.at(high))
            parts.append(
                f'<rect class="span" x="{a:.2f}%" width="{b - a:.2f}%" y="7" height="8" rx="2"/>'
                f'<circle class="mean" cx="{self.at(mean):.2f}%" cy="11" r="4"/>'
            )
        return f'<svg class="k{place % N_COLOURS}" aria-hidden="true">{"".join(parts)}</svg>'


def swatch(place: int) -> str:
    """Return the line that stands for a level in legends and tables."""
    dash = DASHES[place // N_COLOURS % len(DASHES)]
    style = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<svg class="swatch k{place % N_COLOURS}" width="22" height="8" aria-hidden="true">'
        f'<line x1="0" x2="22" y1="4" y2="4"{style}/></svg>'
    )


def tag(level: str, levels: Levels) -> str:
    """Return the marks of the leader and of the base."""
    leader = '<span class="tag leader">leader</span>' if level == levels.leader else ""
    return leader + ('<span class="tag">base</span>' if level == levels.base else "")


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
