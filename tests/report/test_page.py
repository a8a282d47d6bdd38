"""The page that all analyses share: whole, safe, with its numbers and pictures in it."""

import base64
import json
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from gradlab.errors import StudyError
from gradlab.report import PageContents, grey_levels, picture, plot, render_page, write_page
from gradlab.report.pictures import LARGEST

from .page_example import heatmap, page_example, scatter
from .test_report import HOSTILE, Page

LEAST = PageContents("Least", "Clustering", "What?", (), ("Nothing.",), "gradlab cluster iris")


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_page(page_example()))


@pytest.mark.parametrize("contents", [page_example(), page_example(HOSTILE), LEAST],
                         ids=["example", "hostile", "least"])  # fmt: skip
def test_any_contents_give_a_sound_page(contents):
    page = Page(render_page(contents))
    steps = [b - a for a, b in zip(page.headings, page.headings[1:], strict=False)]
    assert page.headings[0] == 1
    assert max(steps) <= 1, "a heading skips a rank"
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    pointed = {
        v for _, a in page.tags for k, v in a.items() if k in ("aria-labelledby", "data-copy")
    }
    pointed |= {a["href"][1:] for tag, a in page.tags if tag == "a"}
    assert pointed <= set(ids)
    plots = [attrs for _, attrs in page.tags if attrs.get("class") == "plot"]
    assert len(plots) == len(page.specs)
    assert page.tags[0][1]["data-figures"] == f"0/{len(plots)}"
    assert all(attrs["aria-label"] for attrs in plots)
    assert all(attrs["alt"] for tag, attrs in page.tags if tag == "img")


@pytest.mark.parametrize("said", ["", HOSTILE])
def test_nothing_comes_from_elsewhere(said):
    page = Page(render_page(page_example(said)))
    for tag, attrs in page.tags:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        assert not any(name.startswith("on") for name in attrs)
        assert str(attrs.get("src", "data:image/png;base64,")).startswith("data:image/png;base64,")
        assert str(attrs.get("href", "#")).startswith("#")
    metas = [attrs for tag, attrs in page.tags if tag == "meta"]
    policy = next(m["content"] for m in metas if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "img-src data: blob:" in policy


def test_hostile_words_stay_text():
    html = render_page(page_example(HOSTILE))
    page = Page(html)
    scripts = [attrs for tag, attrs in page.tags if tag == "script"]
    assert [a for a in scripts if not a] == [{}, {}], "two scripts of ours and none of theirs"
    assert "<script>alert(1)" not in html
    images = [attrs for tag, attrs in page.tags if tag == "img"]
    assert len(images) == 6, "those of the galleries and none of theirs"
    html.encode("utf-8")


def test_the_answer_comes_before_the_evidence(page):
    order = ["Clustering, today", "Which rows of iris", "3 clusters.", "How many clusters",
             "The elbow is at 3.", "Photos", "Nothing to see.", "What the data reader did",
             "labels.csv", "gradlab cluster iris --k 3"]  # fmt: skip
    body = page.text.split("Theme: auto", 1)[1]
    at = [body.index(words) for words in order]
    assert at == sorted(at)


def test_a_figure_keeps_its_numbers_and_leaves_its_title_to_the_caption():
    figure = scatter()
    spec = plot("a", figure, title="t", description="d").spec
    assert spec["data"] == json.loads(figure.to_json())["data"]
    assert "title" not in spec["layout"]
    assert spec["layout"]["xaxis"]["title"]["text"] == "component 1"
    assert plot("a", heatmap(), title="t", description="d").spec["height"] == 300
    assert plot("a", heatmap(), title="t", description="d", height=500).spec["height"] == 500


def test_a_shown_table_writes_few_digits_and_keeps_all():
    page = Page(render_page(page_example()))
    shown = [
        table for table in page.tables if table[0] == ["Component", "Eigenvalue", "Share (%)", "n"]
    ]
    assert ["PC0", "4.200", "72.96", "0"] in shown[1]
    assert ["PC3", "0.263", "18.24", "3\u00a0000"] in shown[1]
    cells = [
        attrs["data-value"] for tag, attrs in page.tags if tag == "td" and "data-value" in attrs
    ]
    assert "72.9624472" in cells
    assert float(cells[-2]) == 72.9624472 / 4


def test_pictures_come_back_as_they_were(page):
    photo = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    images = [attrs for tag, attrs in page.tags if tag == "img"]
    content = base64.b64decode(images[0]["src"].split(",", 1)[1])
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(content))), photo)
    assert (images[0]["width"], images[0]["height"]) == ("60", "40")


def test_a_large_picture_is_shrunk_to_colours_that_it_has():
    pixels = np.zeros((100, 3 * LARGEST, 3), np.uint8)
    pixels[:, ::2] = 200
    shown = picture(pixels, "wide")
    assert shown.width <= LARGEST
    colours = np.unique(np.asarray(Image.open(BytesIO(shown.png))))
    assert set(colours.tolist()) <= {0, 200}


def test_grey_levels_of_a_constant_are_grey():
    assert grey_levels(np.full((2, 2), 3.0)).tolist() == [[128, 128], [128, 128]]


def test_write_page_names_the_path_that_fails(tmp_path):
    with pytest.raises(StudyError, match="absent"):
        write_page(LEAST, tmp_path / "absent" / "report.html")
    path = write_page(LEAST, tmp_path / "report.html")
    assert path.read_text(encoding="utf-8") == render_page(LEAST)


def test_two_sections_may_hold_figures_of_one_name():
    section = replace(page_example().sections[0])
    page = Page(render_page(replace(page_example(), sections=(section, section))))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
