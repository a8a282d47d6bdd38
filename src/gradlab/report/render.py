"""The report of a comparison: one HTML file that says the answer first, the evidence below."""

from collections.abc import Sequence
from pathlib import Path

from gradlab.files import write_whole
from gradlab.report import shell
from gradlab.report.contents import AxisSection, ReportContents, Winner
from gradlab.report.drawing import figure_html
from gradlab.report.figures import Figure, Levels, axis_figures, overview
from gradlab.report.numbers import ScoreFormat, count, duration, finite, fixed, p_value
from gradlab.report.ranking import half_widths, interval_html, ranking, swatch, tag
from gradlab.report.tables import Table, data_table, facts, text

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
    axes = [
        _axis(f"axis-{number}", section, score, contents.interval)
        for number, section in enumerate(contents.axes, start=1)
    ]
    return shell.shell(
        [
            _answer(contents, score),
            *axes,
            shell.block("diverged", "Diverged runs", _diverged(contents)),
            shell.method(_method(contents), contents.notes),
            shell.repeat(
                contents.command,
                machine=contents.machine,
                versions=contents.versions,
                heading="Repeat this study",
            ),
        ],
        title=contents.title,
        kicker=f"Comparison study{f', {contents.created}' if contents.created else ''}",
        question=contents.question.text,
        pairs=_facts(contents),
    )


# ---- Question and answer ---------------------------------------------------------------------


def _facts(contents: ReportContents) -> Sequence[tuple[str, str]]:
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
    return [(name, value) for name, value in pairs if value]


def _answer(contents: ReportContents, score: ScoreFormat) -> shell.Block:
    sentences = contents.answer or ("No level finished: there is nothing to compare.",)
    card = _winner(contents.winner, score) if contents.winner else ""
    shares = overview(contents.axes)
    if shares is None:
        return shell.answer(sentences, card)
    below = f'<div class="shares">{_figure("answer", shares)}</div>'
    return shell.answer(sentences, card, below, n_figures=1)


def _winner(winner: Winner, score: ScoreFormat) -> str:
    recipe = facts(winner.recipe, css="recipe")
    test = winner.test_score
    lines: list[str] = []
    if test and score.value(test.mean) is not None:
        decimals = score.decimals(half_widths([test]))
        rows = f"on {count(winner.n_test, 'test row')}, " if winner.n_test else "on test data, "
        interval = interval_html(test.low, test.high, score, decimals)
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
        decimals = score.decimals(half_widths([validation]))
        lines.append(
            f'<p class="note">Validation: {text(score.text(validation.mean, decimals))} '
            f"{interval_html(validation.low, validation.high, score, decimals)}</p>"
        )
    return f'<div class="card">{"".join(lines)}{recipe}</div>'


# ---- One axis ----------------------------------------------------------------------------------


def _axis(name: str, section: AxisSection, score: ScoreFormat, interval: str) -> shell.Block:
    levels = Levels(section)
    figures = axis_figures(section, score)
    sentences = "".join(f"<p>{text(sentence)}</p>" for sentence in section.sentences)
    tests = _tests(section)
    html = [
        f'<div class="sentences">{sentences}</div>' if sentences else "",
        f'<p class="tests">{tests}</p>' if tests else "",
        f"<section><h3>Ranking</h3>{ranking(name, section, score, levels, interval)}</section>",
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
        html.append(f'<div class="figures">{_legend(levels)}{"".join(parts)}</div>')
    leader = levels.place.get(section.leader or "", -1)
    base = levels.place.get(section.base or "", -1)
    more = (
        f' class="axis" data-leader="{leader}" data-base="{base}" data-levels="{len(levels.place)}"'
    )
    n_figures = sum(map(len, figures.values()))
    return shell.block(name, section.label, "".join(html), n_figures=n_figures, more=more)


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
        f"{swatch(place)}<span>{text(label)}</span>{tag(level, levels)}</button>"
        for (level, place), label in zip(levels.place.items(), levels.labels.values(), strict=True)
    )
    return f'<div class="legend" role="group" aria-label="Highlight levels">{chips}</div>'


def _figure(section: str, figure: Figure) -> str:
    return figure_html(
        f"{section}-{figure.name}",
        {"height": figure.height, "data": figure.data, "layout": figure.layout},
        title=figure.title,
        description=figure.description,
        height=figure.height,
        notes=f'\n<p class="note">{text(figure.note)}</p>' if figure.note else "",
        table=figure.table,
    )


# ---- Diverged runs, method -------------------------------------------------------------------


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


def _method(contents: ReportContents) -> list[tuple[str, str]]:
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
    return items
