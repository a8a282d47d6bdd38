"""gradlab style: a picture, a sweep, and what is said when something is wrong."""

import json

import numpy as np
import pytest
from PIL import Image

import gradlab.cli.styling as styling

QUICK = ("--size", "32", "--steps", "3", "--optimizer", "adam", "--levels", "1")


@pytest.fixture
def pictures(tmp_path):
    """Two small pictures in the folder where the command works."""
    y, x = np.mgrid[:30, :40] / 40
    photo = np.stack([y, x > 0.5, 1 - x], axis=-1)
    paint = np.repeat((0.5 + 0.5 * np.sin(40 * x + 20 * y))[..., None], 3, axis=-1)
    for name, pixels in {"photo.png": photo, "paint.png": paint}.items():
        Image.fromarray((255 * pixels).astype(np.uint8)).save(tmp_path / name)
    return "photo.png", "paint.png"


def test_a_picture(gradlab, pictures, tmp_path):
    said = gradlab("style", *pictures, *QUICK, "--out", "night.png")
    assert said.code == 0
    assert "The picture of 32 x 24 pixels was made in 3 steps" in " ".join(said.out.split())
    assert said.out.endswith("Picture: night.png\n")
    with Image.open(tmp_path / "night.png") as image:
        assert image.size == (32, 24)
    assert sorted(p.name for p in tmp_path.glob("night*")) == ["night.png"]
    again = gradlab("style", *pictures, *QUICK, "--out", "again.jpg", "--json")
    assert (again.code, again.err) == (0, "")
    assert again.json["picture"] == "again.jpg"
    assert again.json["settings"]["network"] == "built-in network"
    assert len(again.json["history"]["total"]) == 3


def test_a_sweep(gradlab, pictures, tmp_path):
    said = gradlab("style", *pictures, *QUICK, "--vary", "content_weight=1,0.001", "--out", "sweep")
    assert said.code == 0
    assert "From α 1 to 0.001 the distance from the content picture" in " ".join(said.out.split())
    assert sorted(path.name for path in (tmp_path / "sweep").iterdir()) == [
        "01-alpha-1.png", "02-alpha-0.001.png", "report.html", "results.json", "sheet.png",
    ]  # fmt: skip
    found = json.loads((tmp_path / "sweep" / "results.json").read_text("utf-8"))
    assert found["axes"] == {"content_weight": [1.0, 0.001]}
    assert found["command"].startswith("gradlab style photo.png paint.png --size 32")
    assert gradlab("style", *pictures, "--vary", "steps=1,2", "--out", "sweep").code == 2


def test_goes_on_after_ctrl_c(gradlab, pictures, tmp_path, monkeypatch):
    options = ("--size", "32", "--steps", "20", "--optimizer", "adam", "--levels", "1")
    assert gradlab("style", *pictures, *options, "--out", "whole.png").code == 0
    monkeypatch.setattr(styling, "PREVIEW_EVERY", 0.0)

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:  # Ctrl-C while a preview is written
        patched.setattr("gradlab.style.result.write_picture", stop)
        said = gradlab("style", *pictures, *options, "--out", "two.png")
    assert said.code == 130
    assert "Kept in two.png.gradlab-style; the same command goes on from there." in said.err
    assert not (tmp_path / "two.png").exists()
    said = gradlab("style", *pictures, *options, "--out", "two.png")
    assert said.code == 0
    assert "Going on with two.png.gradlab-style." in said.err
    assert (tmp_path / "two.png").read_bytes() == (tmp_path / "whole.png").read_bytes()
    assert sorted(p.name for p in tmp_path.glob("two*")) == ["two.png"]


def test_an_unfinished_picture_of_other_settings(gradlab, pictures, tmp_path):
    unfinished = tmp_path / "styled.png.gradlab-style"
    unfinished.write_bytes(b"cut short")
    said = gradlab("style", *pictures, *QUICK)
    assert said.code == 2
    assert "styled.png.gradlab-style should hold an unfinished picture" in said.err
    assert gradlab("style", *pictures, *QUICK, "--fresh").code == 0
    assert not unfinished.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--network", "weights.safetensors"], "weights.safetensors"),
        (["--network", "none.safetensors"], "none.safetensors"),
        (["--style-layers", "relu9"], "Unknown layer of the built-in network 'relu9'"),
        (["--content-weight", "-1"], "content_weight is a number from 0"),
        (["--optimizer", "lbfg"], "Did you mean 'lbfgs'"),
        (["--shares", "a,b"], "--shares takes numbers such as 2,1; got 'a,b'"),
        (["--shares", "1,2"], "each of the 1 styles"),
        (["--vary", "content_weight"], "--vary takes NAME=VALUE,VALUE,…; got 'content_weight'"),
        (["--vary", "contents=1"], "Unknown setting to vary 'contents'"),
        (["--out", "picture.txt"], "name ends in .png"),
        (["--out", "no/picture.png"], "The folder of no/picture.png does not exist"),
        (["--mask", "none.png"], "The mask, none.png, can't be read: there is no such file"),
        (["--convention", "tensorflow"], "Unknown convention 'tensorflow'"),
    ],
)
def test_mistakes_are_told_without_a_traceback(gradlab, pictures, tmp_path, options, words):
    (tmp_path / "weights.safetensors").write_bytes(b"no weights")
    said = gradlab("style", *pictures, *QUICK, *options)
    assert said.code == 2
    assert words in " ".join(said.err.split())
    assert not (tmp_path / "styled.png").exists()


def test_pictures_that_cannot_be_read(gradlab, pictures, tmp_path):
    (tmp_path / "text.jpg").write_text("no picture", encoding="utf-8")
    said = gradlab("style", "text.jpg", pictures[1], *QUICK)
    assert (said.code, said.out) == (2, "")
    assert "The content picture, text.jpg, can't be read: not a picture" in said.err
    said = gradlab("style", pictures[0], "none.jpg", *QUICK)
    assert "The style picture, none.jpg, can't be read: there is no such file" in said.err
