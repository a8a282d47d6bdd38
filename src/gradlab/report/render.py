"""The report: one HTML file that says the answer first and shows the evidence below."""

import base64
import hashlib
import importlib.util
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from string import Template

from gradlab.errors import StudyError
from gradlab.files import write_whole
from gradlab.report.contents import (
    AxisSection,
    Difference,
    Estimate,
    LevelRow,
    ReportContents,
    Winner,
)
from gradlab.report.figures import (
    Figure,
    Levels,
    axis_figures,
    overview,
    ranking_table,
    window,
)
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
from gradlab.report.tables import Table, data_table, facts, text

N_COLOURS = 8
# SVG dashes; eight hues times eight dashes tell 64 levels apart. page.js reads them off the legend.
DASHES = ("", "6 3", "2 2", "8 2 2 2", "12 3", "4 6", "10 2 2 2 2 2", "1 4")
FEW_DIVERGED = 12


def write_report(contents: ReportContents, path: str | Path) -> Path:
    """Write the page of a study whole or not at all, and return its path.

    Raises:
        StudyError: If the file can't be written, or Plotly's JavaScript is missing.
    """
    return write_whole(path, render_report(contents))


def render_report(contents: ReportContents) -> str:
    """Return the whole page as HTML: styles, scripts, figures and tables, nothing from elsewhere.

    Raises:
        StudyError: If Plotly's JavaScript is missing from its package.
    """
    score = ScoreFormat(contents.score)
    sections: list[str] = []
    n_figures = 0
    for number, section in enumerate(contents.axes, start=1):
        html, drawn = _axis(f"axis-{number}", section, score, contents.interval)
        sections.append(html)
        n_figures += drawn
    shares = overview(contents.axes)
    n_figures += shares is not None
    links = [
        ("answer", "Answer"),
        *((f"axis-{i}", section.label) for i, section in enumerate(contents.axes, start=1)),
        ("diverged", "Diverged runs"),
        ("method", "Method"),
        ("repeat", "Repeat"),
    ]
    return _template().substitute(
        n_figures=n_figures,
        policy=_policy(),
        style=_file("page.css"),
        script=_file("page.js"),
        plotly=_plotly(),
        title=text(contents.title),
        created=f", {text(contents.created)}" if contents.created else "",
        question=text(contents.question.text),
        facts=_facts(contents),
        contents="\n".join(
            f'<li><a href="#{name}">{text(label)}</a></li>' for name, label in links
        ),
        answer=_answer(contents, score, shares),
        axes="\n".join(sections),
        diverged=_diverged(contents),
        method=_method(contents),
        repeat=_repeat(contents),
    )


# ---- Question and answer ---------------------------------------------------------------------


def _facts(contents: ReportContents) -> str:
    question = contents.question
    pairs = [
        ("Data", question.data),
        ("Size", f"{count(question.n_rows, 'row')}, {count(question.n_columns, 'column')}"),
        ("Task", question.task),
        ("Target", question.target),
        ("Varied", ", ".join(question.varied)),
        ("Judged on", f"{count(question.seeds, 'seed')} a level"),
        ("Epochs", str(question.epochs)),
    ]
    if contents.n_runs:
        pairs.append(("Runs", count(contents.n_runs, "run")))
    if question.base_recipe:
        recipe = ", ".join(f"{name}\u00a0{value}" for name, value in question.base_recipe)
        pairs.append(("Base recipe", recipe))
    return facts([(name, value) for name, value in pairs if value])


def _answer(contents: ReportContents, score: ScoreFormat, shares: Figure | None) -> str:
    sentences = contents.answer or ("No level finished: there is nothing to compare.",)
    words = "".join(f"<p>{text(sentence)}</p>" for sentence in sentences)
    card = _winner(contents.winner, score) if contents.winner else ""
    html = (
        f'<div class="answer{" two" if card else ""}"><div class="words">{words}</div>{card}</div>'
    )
    if shares:
        html += f'<div class="shares">{_figure("answer", shares)}</div>'
    return html


def _winner(winner: Winner, score: ScoreFormat) -> str:
    recipe = facts(winner.recipe, css="recipe")
    test = winner.test_score
    lines: list[str] = []
    if test and score.value(test.mean) is not None:
        decimals = score.decimals(_half_widths([test]))
        rows = f"on {count(winner.n_test, 'test row')}, " if winner.n_test else "on test data, "
        interval = _interval(test.low, test.high, score, decimals)
        lines += [
            f"<h3>Test {text(score.name)} of the winner</h3>",
            f'<p class="big">{text(score.text(test.mean, decimals))}</p>',
            (
                f'<p class="note">{interval + " " if interval else ""}{rows}'
                "computed once, after the choice.</p>"
            ),
        ]
    else:
        lines.append("<h3>Winner</h3>")
    validation = winner.validation_score
    if validation and score.value(validation.mean) is not None:
        decimals = score.decimals(_half_widths([validation]))
        lines.append(
            f'<p class="note">Validation: {text(score.text(validation.mean, decimals))} '
            f"{_interval(validation.low, validation.high, score, decimals)}</p>"
        )
    return f'<div class="winner">{"".join(lines)}{recipe}</div>'


# ---- One axis ----------------------------------------------------------------------------------


def _axis(name: str, section: AxisSection, score: ScoreFormat, interval: str) -> tuple[str, int]:
    """Return the HTML of an axis and how many figures it holds."""
    levels = Levels(section)
    figures = axis_figures(section, score)
    sentences = "".join(f"<p>{text(sentence)}</p>" for sentence in section.sentences)
    tests = _tests(section)
    blocks = [
        f'<div class="sentences">{sentences}</div>' if sentences else "",
        f'<p class="tests">{tests}</p>' if tests else "",
        f"<section><h3>Ranking</h3>{_ranking(name, section, score, levels, interval)}</section>",
    ]
    parts: list[str] = []
    if figures["curves"]:
        curves = "".join(_figure(name, figure) for figure in figures["curves"])
        parts.append(f'<section><h3>Learning curves</h3><div class="grid">{curves}</div></section>')
    pair = "".join(
        f"<section><h3>{heading}</h3>{_figure(name, figure)}</section>"
        for key, heading in (
            ("time", f"Time against {text(score.name)}"),
            ("ranks", "Ranks"),
            ("tuning", "Tuning"),
        )
        for figure in figures[key]
    )
    if pair:
        parts.append(f'<div class="grid pair">{pair}</div>')
    if parts:
        blocks.append(f'<div class="figures">{_legend(levels)}{"".join(parts)}</div>')
    leader = levels.place.get(section.leader or "", -1)
    base = levels.place.get(section.base or "", -1)
    html = f"""<section id="{name}" class="axis" aria-labelledby="{name}-title" \
data-leader="{leader}" data-base="{base}" data-levels="{len(levels.place)}">
<h2 id="{name}-title">{text(section.label)}</h2>
{"".join(blocks)}
</section>"""
    return html, sum(map(len, figures.values()))


def _tests(section: AxisSection) -> str:
    parts = []
    share = finite(section.variance_share, 100)
    if share is not None:
        parts.append(f"Its levels explain {fixed(share, 0)} % of the variance of these scores.")
    if section.friedman and finite(section.friedman.statistic) is not None:
        parts.append(
            f"Friedman test of equal ranks: χ² = {fixed(section.friedman.statistic, 1)}, "
            f"{p_value(section.friedman.p)}."
        )
    return text(" ".join(parts))


def _legend(levels: Levels) -> str:
    chips = "".join(
        f'<button type="button" aria-pressed="false" data-level="{place}" title="{text(label)}">'
        f"{_swatch(place)}<span>{text(label)}</span>{_tag(level, levels)}</button>"
        for (level, place), label in zip(levels.place.items(), levels.labels.values(), strict=True)
    )
    return f'<div class="legend" role="group" aria-label="Highlight levels">{chips}</div>'


def _swatch(place: int) -> str:
    dash = DASHES[place // N_COLOURS % len(DASHES)]
    style = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<svg class="swatch k{place % N_COLOURS}" width="22" height="8" aria-hidden="true">'
        f'<line x1="0" x2="22" y1="4" y2="4"{style}/></svg>'
    )


def _tag(level: str, levels: Levels) -> str:
    leader = '<span class="tag leader">leader</span>' if level == levels.leader else ""
    return leader + ('<span class="tag">base</span>' if level == levels.base else "")


def _ranking(
    name: str, section: AxisSection, score: ScoreFormat, levels: Levels, interval: str
) -> str:
    rows = section.rows
    estimates = [row.score for row in rows if row.score]
    decimals = score.decimals(_half_widths(estimates))
    differences = [d for row in rows for d in (row.to_leader, row.to_base) if d]
    fine = score.decimals(_half_widths(differences), digits=2)
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
                f'<th scope="row" role="rowheader">{_swatch(place)}<span class="name">'
                f"{text(row.label)}</span>{_tag(row.level, levels)}{verdict}</th>"
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


def _half_widths(estimates: Sequence[Estimate | Difference]) -> list[float]:
    return [
        (e.high - e.low) / 2
        for e in estimates
        if finite(e.low) is not None and finite(e.high) is not None
        and e.low is not None and e.high is not None
    ]  # fmt: skip


def _interval(
    low: float | None, high: float | None, score: ScoreFormat, decimals: int, *, sign: bool = False
) -> str:
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
    return mean + _below(_interval(estimate.low, estimate.high, score, decimals))


def _difference(difference: Difference | None, score: ScoreFormat, decimals: int) -> str:
    if difference is None or score.value(difference.mean) is None:
        return f'<span class="quiet">{MISSING}</span>'
    mean = fixed(score.value(difference.mean), decimals, sign=True)
    interval = _interval(difference.low, difference.high, score, decimals, sign=True)
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


# ---- Figures -----------------------------------------------------------------------------------


def _figure(section: str, figure: Figure) -> str:
    name = f"{section}-{figure.name}"
    note = f'\n<p class="note">{text(figure.note)}</p>' if figure.note else ""
    spec = {"height": figure.height, "data": figure.data, "layout": figure.layout}
    return f"""<figure aria-labelledby="{name}-title">
<figcaption id="{name}-title">{text(figure.title)}</figcaption>
<div class="plot" id="{name}" style="height:{figure.height}px" role="img" \
aria-label="{text(figure.description)}"></div>
<script type="application/json">{_json(spec)}</script>{note}
{data_table(figure.table, file_name=f"{name}.csv")}
</figure>"""


def _json(value: object) -> str:
    """Write JSON that can stand inside a script element: no `<`, so nothing ends it."""
    raw = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return raw.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


# ---- Diverged runs, method, repeat -----------------------------------------------------------


def _diverged(contents: ReportContents) -> str:
    runs = contents.diverged
    of = f" of {count(contents.n_runs, 'run')}" if contents.n_runs else ""
    if not runs:
        return f"<p>None{of} diverged.</p>"
    table = Table(
        "Runs whose numbers left the finite",
        ("Run", "Setting", "Seed", "Epoch"),
        [(run.run, run.setting, run.seed, run.epoch) for run in runs],
    )
    folded = data_table(table, file_name="diverged.csv")
    if len(runs) <= FEW_DIVERGED:
        folded = folded.replace("<details ", "<details open ", 1)
    number = f"{len(runs)}{of}" if of else count(len(runs), "run")
    return f"""<p>{number} diverged: their numbers left the finite. They count as results, \
and disturbed no other run.</p>{folded}"""


def _method(contents: ReportContents) -> str:
    items = [(item.name, item.text) for item in contents.method]
    if contents.interval:
        items.append(("Intervals", contents.interval))
    if contents.forecast:
        f = contents.forecast
        foreseen, met = finite(f.forecast_seconds), finite(f.actual_seconds)
        off = (
            f" ({fixed(100 * (met / foreseen - 1), 0, sign=True)} %)"
            if foreseen and met is not None
            else ""
        )
        items.append(
            (
                "Cost",
                (
                    f"{count(f.n_runs, 'run')} in {count(f.n_programs, 'program')}; forecast "
                    f"{duration(foreseen)}, took {duration(met)}{off}."
                ),
            )
        )
    html = facts(items, css="facts wide") if items else ""
    if contents.notes:
        notes = "".join(f"<li>{text(note)}</li>" for note in contents.notes)
        html += f'<h3 class="spaced">What the data reader did</h3><ul class="notes">{notes}</ul>'
    return html or '<p class="quiet">Not recorded.</p>'


def _repeat(contents: ReportContents) -> str:
    # Lines break before an option, not inside "--".
    command = " ".join(
        f"<span>{text(part)}</span>" for part in contents.command.replace(" --", "\n--").split("\n")
    )
    html = f"""<div class="command"><pre><code id="command">{command}</code></pre>
<button type="button" data-copy="command">Copy command</button></div>"""
    pairs = [("Machine", contents.machine)] if contents.machine else []
    if contents.versions:
        pairs.append(("Software", ", ".join(f"{name} {v}" for name, v in contents.versions)))
    return html + (facts(pairs, css="facts wide") if pairs else "")


# ---- Files of the page -------------------------------------------------------------------------


@cache
def _file(name: str) -> str:
    return resources.files("gradlab.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    return Template(_file("page.html"))


@cache
def _plotly() -> str:
    """Return Plotly's JavaScript, found without importing Plotly."""
    found = importlib.util.find_spec("plotly")
    folders = (found and found.submodule_search_locations) or []
    for folder in folders:
        path = Path(folder, "package_data", "plotly.min.js")
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise StudyError(
        "The report needs plotly.min.js from the plotly package; it was not found. "
        "Install it again: pip install --force-reinstall plotly."
    )


@cache
def _policy() -> str:
    """Allow exactly the scripts of this page, by their hashes, and no connection at all."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in (_file("page.js"), _plotly())
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
