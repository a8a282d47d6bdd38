"""What the page promises: it is whole, it is safe, and its numbers are the ones it was given."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gradlab.errors import StudyError
from gradlab.report import (
    AxisSection,
    Curve,
    DivergedRun,
    Estimate,
    LevelRow,
    MethodItem,
    Question,
    ReportContents,
    RunPoint,
    Score,
    TuningPoint,
    Winner,
    render_report,
    write_report,
)
from gradlab.report.contents import Band
from gradlab.report.figures import Figure, axis_figures, overview
from gradlab.report.numbers import ScoreFormat
from gradlab.report.ranking import ranking_table

from .example import BASE, axis_section, example

VOID = {"meta", "br", "input", "img", "link", "hr"}
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&<b>$title\x00\ud800"


class Page(HTMLParser):
    """Read a page: its tags, the text and attributes, the JSON of figures and cells of tables."""

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.specs: list[dict] = []
        self.tables: list[list[list[str]]] = []
        self.words: list[str] = []
        self._json = False
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> repeats an attribute: {names}"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "script":
            self._json = dict(attrs).get("type") == "application/json"
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> is out of order"

    def handle_data(self, data):
        if "script" in self.open:
            if self._json:
                self.specs.append(json.loads(data))
            return
        if "style" in self.open:
            return
        self.words.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_report(example()))


def one_level(**changes) -> ReportContents:
    """The least that a study can be: one axis, one level, one seed."""
    section = AxisSection(
        "optimizer",
        "Optimizer",
        (LevelRow("adam", "adam", Estimate(0.9), 1),),
        leader="adam",
        curves=(Curve("adam", (1,), Band((0.9,)), Band((0.4,)), Band((0.3,))),),
        runs=(RunPoint("adam", 0, 0.1, 0.9),),
    )
    contents = ReportContents(
        title="Least",
        question=Question("Which?", "digits", 10, 2, "binary", "y", (), 1, 1),
        answer=("Adam.",),
        score=Score(),
        axes=(section,),
        command="gradlab compare digits",
    )
    return replace(contents, **changes)


def all_diverged() -> ReportContents:
    rows = tuple(LevelRow(f"v{i}", f"v{i}", None, 0, n_diverged=3) for i in range(3))
    section = AxisSection(
        "optimizer",
        "Optimizer",
        rows,
        curves=tuple(
            Curve(row.level, (1, 2), Band((None, float("nan"))), Band((float("inf"), None)))
            for row in rows
        ),
        runs=tuple(RunPoint(row.level, seed, 0.1, None) for row in rows for seed in range(3)),
        tuning=tuple(TuningPoint(row.level, 0.1, None) for row in rows),
    )
    diverged = tuple(DivergedRun(f"r{i}", f"optimizer=v{i % 3}", i, 1) for i in range(40))
    return one_level(axes=(section,), answer=(), diverged=diverged, n_runs=40)


def many_levels(n: int = 60) -> ReportContents:
    levels = {f"level_{i}": (0.97 - 0.002 * i, 3.0, 0.06, 0.01) for i in range(n)}
    return one_level(axes=(axis_section("many", levels, seeds=4, epochs=5),))


def errors_not_percent() -> ReportContents:
    levels = {"a": (0.9, 3.0, 0.06, 0.01), "b": (0.8, 3.0, 2.0, 0.01), "c": (0.7, 3.0, 0.5, 0.1)}
    section = axis_section("loss", levels, seeds=5, epochs=5)
    score = Score("RMSE", percent=False, unit="100 k$", higher_is_better=False)
    return one_level(axes=(section,), score=score)


def hostile() -> ReportContents:
    contents = example(seeds=3, epochs=3)
    section = axis_section(
        "optimizer", {HOSTILE: (0.97, 3.0, 0.06, 0.01), "b": (0.9, 3.0, 0.06, 0.01),
                      "c": (0.8, 3.0, 0.06, 0.01)}, seeds=3, epochs=3)  # fmt: skip
    row = replace(section.rows[0], label=HOSTILE, verdict=HOSTILE)
    section = replace(section, label=HOSTILE, sentences=(HOSTILE,), rows=(row, *section.rows[1:]))
    return replace(
        contents,
        title=HOSTILE,
        question=replace(
            contents.question, text=HOSTILE, data=HOSTILE, target=HOSTILE, task=HOSTILE,
            varied=(HOSTILE,), base_recipe=((HOSTILE, HOSTILE),),
        ),
        answer=(HOSTILE,),
        axes=(section, *contents.axes[1:]),
        score=Score(HOSTILE, percent=False, unit=HOSTILE),
        interval=HOSTILE,
        winner=Winner(((HOSTILE, HOSTILE),), Estimate(0.9), Estimate(0.9)),
        diverged=(DivergedRun(HOSTILE, HOSTILE, 0, 1),),
        method=(MethodItem(HOSTILE, HOSTILE),),
        notes=(HOSTILE,),
        versions=((HOSTILE, HOSTILE),),
        machine=HOSTILE,
        created=HOSTILE,
        command=HOSTILE,
    )  # fmt: skip


SHAPES = {
    "default": example,
    "one level": one_level,
    "no axis": lambda: one_level(axes=()),
    "one seed": lambda: example(seeds=1, epochs=2),
    "no base": lambda: one_level(axes=(replace(example(seeds=3, epochs=3).axes[0], base=None),)),
    "all diverged": all_diverged,
    "60 levels": many_levels,
    "errors": errors_not_percent,
    "hostile": hostile,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_any_study_gives_a_sound_page(shape):
    contents = SHAPES[shape]()
    page = Page(render_report(contents))
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    steps = [b - a for a, b in zip(page.headings, page.headings[1:], strict=False)]
    assert max(steps) <= 1, "a heading skips a rank"
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    names = {"aria-labelledby", "data-copy"}
    pointed = {v for _, attrs in page.tags for k, v in attrs.items() if k in names}
    pointed |= {a["href"][1:] for tag, a in page.tags if tag == "a"}
    assert pointed <= set(ids)
    figures = [attrs for tag, attrs in page.tags if tag == "figure"]
    plots = [attrs for _, attrs in page.tags if attrs.get("class") == "plot"]
    assert len(figures) == len(plots) == len(page.specs)
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in plots)
    assert page.tags[0][1]["data-figures"] == f"0/{len(plots)}"
    n_captions = sum(tag == "caption" for tag, _ in page.tags)
    assert n_captions == len(page.tables)


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_comes_from_elsewhere(shape):
    page = Page(render_report(SHAPES[shape]()))
    for tag, attrs in page.tags:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form"}
        assert "src" not in attrs
        assert not any(name.startswith("on") for name in attrs)
        if "href" in attrs:
            assert attrs["href"].startswith("#")
    metas = [attrs for tag, attrs in page.tags if tag == "meta"]
    policy = next(m["content"] for m in metas if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.split("style-src", 1)[0]


def test_hostile_names_stay_text():
    html = render_report(hostile())
    page = Page(html)
    scripts = [attrs for tag, attrs in page.tags if tag == "script"]
    assert [a for a in scripts if not a] == [{}, {}], "two scripts of ours and none of theirs"
    assert all(a == {"type": "application/json"} for a in scripts if a)
    assert "<script>alert(1)" not in html
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&<b>$title" in page.text
    html.encode("utf-8")
    for spec in page.specs:
        for trace in spec["data"]:
            # Plotly reads names and texts as HTML of its own.
            assert "<" not in str(trace.get("name", ""))
            assert not any("<" in str(label) for label in trace.get("text", []))
            assert "<img" not in trace.get("hovertemplate", "")


def same_numbers(figure: Figure) -> None:
    """Compare what a figure draws with its table, number for number."""
    table = {
        cell
        for row in figure.table.rows
        for column, cell in zip(figure.table.columns, row, strict=True)
        if isinstance(cell, int | float) and column != "Seed"
    }
    drawn = {
        v
        for trace in figure.data
        if trace["meta"]["role"] not in ("ink", "label", "clique", "rank")
        for axis in ("x", "y")
        for v in trace[axis]
        if isinstance(v, int | float)
    }
    if figure.name == "ranks":
        ranks = {t["x"][0] for t in figure.data if t["meta"]["role"] == "rank"}
        assert ranks == table
    else:
        assert drawn == table


@pytest.mark.parametrize("shape", ["default", "one seed", "one level", "60 levels", "errors"])
def test_every_figure_has_a_table_with_its_numbers(shape):
    contents = SHAPES[shape]()
    score = ScoreFormat(contents.score)
    figures = [
        figure
        for section in contents.axes
        for group in axis_figures(section, score).values()
        for figure in group
    ]
    if shares := overview(contents.axes):
        figures.append(shares)
    assert figures
    for figure in figures:
        same_numbers(figure)
    # And the page holds exactly these tables, to six digits.
    page = Page(render_report(contents))
    written = [table[1:] for table in page.tables]
    for figure in figures:
        cells = [
            ["" if v is None else v if isinstance(v, str) else f"{v:g}" for v in row]
            for row in figure.table.rows
        ]
        assert cells in written, f"the table of {figure.name} is missing"


def test_colours_of_levels_agree_between_figures_legend_and_ranking(page):
    section = example().axes[0]
    place = {row.label: i for i, row in enumerate(section.rows)}
    score = ScoreFormat(example().score)
    for group in axis_figures(section, score).values():
        for figure in group:
            for trace in figure.data:
                if trace["meta"]["level"] >= 0:
                    assert trace["meta"]["level"] == place[trace["name"]]
    chips = [a for tag, a in page.tags if tag == "button" and "data-level" in a]
    assert {a["title"]: int(a["data-level"] or 0) for a in chips[: len(place)]} == place


def test_ranking_says_the_numbers_it_was_given():
    row = LevelRow(
        "sgd", "SGD", Estimate(0.9541, 0.9506, 0.9576), 10, 8.9,
        None, None, "worse than adam", 12, 0.3, 0.0512, 1,
    )  # fmt: skip
    section = AxisSection("optimizer", "Optimizer", (row,))
    contents = one_level(axes=(section,), interval="95 % t interval over 10 seeds")
    text = Page(render_report(contents)).text
    for words in ("95.4", "[95.1, 95.8]", "worse than adam; 12\u00a0seeds would separate", "8.90",
                  "0.3", "51.2 ms", "1 diverged", "95 % t interval over 10 seeds"):  # fmt: skip
        assert " ".join(words.split()) in text
    table = ranking_table(section, ScoreFormat(Score()))
    assert table.rows[0][1:4] == (95.41, 95.06, 95.76)


def test_one_seed_shows_no_interval():
    page = Page(render_report(one_level()))
    roles = {trace["meta"]["role"] for spec in page.specs for trace in spec["data"]}
    assert "band" not in roles
    assert "[" not in page.text


def test_a_level_that_learns_nothing_does_not_flatten_the_others():
    section = next(s for s in example().axes if s.axis == "init")
    figures = axis_figures(section, ScoreFormat(Score()))
    accuracy = figures["curves"][0]
    low, high = accuracy.layout["yaxis"]["range"]  # type: ignore[index]
    assert low > 20, "the constant start ends at 11 %"
    assert 97 < high < 105
    assert "constant" in accuracy.note
    assert "constant" in figures["time"][0].note


def test_the_answer_comes_before_the_evidence(page):
    contents = example()
    order = [contents.question.text, contents.answer[0], "Ranking", "Learning curves",
             "Time against accuracy", "Ranks", "Tuning", "3 of 704", "Method",
             contents.command]  # fmt: skip
    body = page.text.split("Theme: auto", 1)[1]
    at = [body.index(" ".join(words.split())) for words in order]
    assert at == sorted(at)


def test_forecast_is_set_against_what_it_took(page):
    assert "704 runs in 23 programs; forecast 41.0 s, took 38.2 s (−7 %)." in page.text


def test_all_diverged_says_so():
    page = Page(render_report(all_diverged()))
    assert page.text.count("every run diverged") == 3
    assert "40 of 40 runs diverged" in page.text
    assert [a for t, a in page.tags if t == "details" and "open" in a] == []


def test_rendering_is_fast():
    # In a process of its own, without the type checks of the tests, which cost more than the page.
    # Processor time, so that a busy machine changes little.
    script = (
        "import time; from example import example; from gradlab.report import render_report;"
        "contents = example(); start = time.process_time(); render_report(contents);"
        "print(time.process_time() - start)"
    )
    command = [sys.executable, "-c", script]
    ran = subprocess.run(
        command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    assert float(ran.stdout) < 0.5  # 5 axes, 32 levels, 30 epochs, nothing cached


def test_the_same_contents_give_the_same_page():
    assert render_report(example()) == render_report(example())


def test_write_report_writes_the_page(tmp_path):
    path = write_report(one_level(), tmp_path / "report.html")
    assert path.read_text(encoding="utf-8") == render_report(one_level())


def test_write_report_names_the_path_that_fails(tmp_path):
    path = tmp_path / "absent" / "report.html"
    with pytest.raises(StudyError, match=re.escape(str(path))):
        write_report(one_level(), path)


def test_the_example_knows_every_axis():
    assert set(BASE) == {section.axis for section in example().axes}
