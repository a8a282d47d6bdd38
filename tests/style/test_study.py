"""Sweeps into a contact sheet and a page."""

import json

import numpy as np
import pytest

from gradlab.errors import RecipeError
from gradlab.lab.styling.study import style_study
from gradlab.plots.style_history import style_history_figure
from gradlab.plots.style_sheet import style_sheet_figure

QUICK = {"steps": 4, "optimizer": "adam", "levels": 1, "size": 32}


def test_weights_by_layers(photo, painting, network, tmp_path):
    study = style_study(
        photo,
        painting,
        {"content_weight": [1.0, 1e-3], "content_layers": ["relu1", "relu2+relu3"]},
        network=network,
        **QUICK,
    )
    assert study.labels[1] == "α 1, content layers relu2+relu3"
    assert study.results[3].settings["content_layers"] == ["relu2", "relu3"]
    height, width = study.results[0].image.shape[:2]
    assert study.sheet().shape == (2 * height + 8, 2 * width + 8, 3)
    study.save(tmp_path)
    assert len(list(tmp_path.glob("0*.png"))) == 4
    found = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [one["file"] for one in found["pictures"]] == [
        path.name for path in sorted(tmp_path.glob("0*.png"))
    ]
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("data:image/png") == 6  # four results, content and style
    pictures = [[one.image for one in study.results[i : i + 2]] for i in (0, 2)]
    words = [list(study.labels[i : i + 2]) for i in (0, 2)]
    assert len(style_sheet_figure(pictures, words).layout.annotations) == 4
    assert len(style_history_figure(study.results[0].history).data) == 3


def test_one_picture_for_each_style(photo, painting, dabs, network):
    study = style_study(photo, [painting], {"style": []}, network=network, **QUICK)
    assert len(study.results) == 1
    assert np.isfinite(study.results[0].style_loss)


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
