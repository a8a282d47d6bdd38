"""Sweeps into a contact sheet and a page."""

import itertools
import json
import re

import numpy as np
import pytest
from PIL import Image

from gradlab.errors import RecipeError
from gradlab.lab.styling.contact_sheet import WORDS
from gradlab.lab.styling.page import page_of
from gradlab.lab.styling.study import style_study
from gradlab.plots.style_history import style_history_figure
from gradlab.plots.style_sheet import style_sheet_figure
from gradlab.report import render_page

QUICK = {"steps": 4, "optimizer": "adam", "levels": 1, "size": 32}


def cells(study, n_columns):
    """Return the pictures of a contact sheet, row by row; there are words above each."""
    height, width = study.results[0].image.shape[:2]
    sheet, words = study.sheet(), WORDS
    n_rows, cell = len(study.results) // n_columns, height + words + 8
    assert sheet.shape == (n_rows * cell - 8, n_columns * (width + 8) - 8, 3)
    corners = [(i * cell, j * (width + 8)) for i in range(n_rows) for j in range(n_columns)]
    assert all((sheet[t : t + words, left : left + width] < 128).any() for t, left in corners)
    return [sheet[t + words : t + cell - 8, left : left + width] for t, left in corners]


@pytest.mark.catalogue("CMP-20")
def test_weights_by_layers(photo, painting, network, tmp_path):
    study = style_study(
        photo,
        painting,
        {"content_weight": [1.0, 1e-3], "content_layers": ["relu2", "relu2+relu3"]},
        network=network,
        **QUICK,
    )
    assert study.labels[1] == "α 1, content layers relu2+relu3"
    assert study.results[3].settings["content_layers"] == ["relu2", "relu3"]
    study.save(tmp_path)
    found = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [one["file"] for one in found["pictures"]] == [
        path.name for path in sorted(tmp_path.glob("0*.png"))
    ]
    listing = next(s for s in page_of(study).sections if s.title == "Losses").parts[0]
    assert [row[:3] for row in listing.table.rows] == [
        (label, result.content_loss, result.style_loss)
        for label, result in zip(study.labels, study.results, strict=True)
    ]
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count('<img src="data:image/png') == 6  # four results, content and style
    assert all(f">{label}</" in page for label in study.labels)


@pytest.mark.catalogue("PIC-63")
def test_contact_sheets(photo, painting, dabs, network, tmp_path):
    """Pairs of content and style, layers, α/β, and one photograph in the light of another."""
    night = (photo[:, ::-1] ** 2 * [0.4, 0.5, 0.9]).astype(np.float32)
    files = []
    for name, pixels in {"stripes": painting, "dabs": dabs, "night": night}.items():
        files.append(tmp_path / f"{name}.png")
        Image.fromarray((255 * pixels).astype(np.uint8)).save(files[-1])
    weights, layers = [1.0, 1e-2, 1e-4], ["relu2", "relu3"]
    photographs = {"start": "content", "content_weight": 1e-2}
    for style, vary, options in (
        (files[:2], {"style": []}, {}),
        (files[0], {"content_layers": layers}, {}),
        (files[0], {"content_weight": weights}, {}),
        (files[2], {"style": []}, photographs),
    ):
        study = style_study(photo, style, vary, network=network, **options, **QUICK)
        shown = cells(study, len(study.results))
        for cell, result in zip(shown, study.results, strict=True):
            np.testing.assert_array_equal(cell, result.image)
        for one, two in itertools.combinations(shown, 2):
            assert (one != two).any()
        figure = style_sheet_figure([shown], [study.labels])
        assert [note.text for note in figure.layout.annotations] == list(study.labels)
        page = render_page(page_of(study))
        assert page.count('<img src="data:image/png') == len(shown) + len(study.styles) + 1


def test_the_page_needs_no_network(photo, painting, network, tmp_path):
    study = style_study(photo, painting, {"content_weight": [1.0]}, network=network, **QUICK)
    page = study.report(tmp_path / "report.html").read_text("utf-8")
    assert """http-equiv="Content-Security-Policy" content="default-src 'none';""" in page
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)  # the drawing library
    for target in re.findall(r'\b(?:src|href|action)="([^"]*)"', markup):
        assert target.startswith(("#", "data:image/png;base64,")), target[:80]
    assert not re.search(r"<(link|iframe|object|embed|base|form)\b|@import|url\(", markup)
    assert not re.search(r"<script[^>]*\bsrc", page)
    assert len(style_history_figure(study.results[0].history).data) == 3


def test_pictures_of_one_name_are_told_apart(photo, painting, dabs, network):
    study = style_study(photo, [painting, dabs], {"style": []}, network=network, **QUICK)
    assert study.axes["style"] == ("style picture", "style picture 2")
    assert (study.results[0].image != study.results[1].image).any()


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ({}, "one or two settings"),
        ({"contents": [1]}, "Unknown setting to vary 'contents'"),
        ({"content_weight": ["much"]}, "content_weight takes numbers"),
        ({"content_weight": []}, "no value to vary"),
        ({"steps": list(range(1, 80))}, "64 pictures at most; got 79"),
    ],
)
def test_sweeps_without_sense(photo, painting, network, vary, said):
    with pytest.raises(RecipeError, match=said):
        style_study(photo, painting, vary, network=network, **QUICK)
