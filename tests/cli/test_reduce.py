"""gradlab reduce: tables, pictures and one photo into a folder."""

import numpy as np
import polars as pl
import pytest


def test_says_how_many_are_enough(gradlab, tmp_path):
    said = gradlab("reduce", "wine", "--components", "0.9")
    assert said.code == 0
    out = " ".join(said.out.split())
    assert out.startswith("8 components keep 92.0% of the variance of the 13 columns of wine.")
    assert out.endswith("Report: gradlab-reduce/report.html")
    table = pl.read_csv(tmp_path / "gradlab-reduce" / "components.csv")
    assert table.columns[:3] == ["row", "component 1", "component 2"]
    assert pl.read_csv(tmp_path / "gradlab-reduce" / "loadings.csv").height == 13


def test_lda_needs_a_target(gradlab, data_file):
    said = gradlab("reduce", data_file, "--method", "lda")
    assert (said.code, said.out) == (2, "")
    assert "--target …" in said.err
    said = gradlab("reduce", data_file, "--method", "lda", "--target", "kind", "--json")
    assert said.code == 0
    assert said.json["separation"]["shares"].keys() == {"PCA", "LDA"}


def test_a_folder_of_pictures_has_eigenfaces(gradlab, tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    (tmp_path / "faces").mkdir()
    for i in range(6):
        pixels = rng.integers(0, 256, (8, 8)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "faces" / f"{i}.png")
    said = gradlab("reduce", "faces", "--components", "3", "--json")
    assert said.code == 0
    assert (said.json["method"], said.json["n_components"]) == ("eigenfaces", 3)


def test_one_photo_is_compressed(gradlab, tmp_path):
    from PIL import Image

    ramp = np.outer(np.arange(32), np.arange(48)).astype(np.uint8)
    Image.fromarray(np.stack([ramp] * 3, axis=2)).save(tmp_path / "ramp.png")
    said = gradlab("reduce", "ramp.png", "--components", "1,8", "--out", "c")
    assert said.code == 0
    assert (tmp_path / "c" / "ramp-8.png").exists()
    assert pl.read_csv(tmp_path / "c" / "compression.csv")["components"].to_list() == [1, 8, 1, 8]


@pytest.mark.parametrize(
    "option",
    [
        ["--scaling", "none"],
        ["--image-size", "8x8"],
        ["--header"],
        ["--no-header"],
        ["--seed", "0"],
    ],
)
def test_what_one_photo_has_no_use_for_is_refused(option, gradlab, tmp_path):
    from PIL import Image

    Image.fromarray(np.eye(16, dtype=np.uint8) * 255).save(tmp_path / "eye.png")
    said = gradlab("reduce", "eye.png", *option)
    assert (said.code, said.out) == (2, "")
    name = option[0].replace("--no-", "--")
    assert f"{name} is for tables and sets of pictures; eye.png is one photo" in said.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--components", "many"], "--components takes a whole number"),
        (["--components", "99"], "n_components is at most"),
        (["--components", "0"], "n_components is a whole number of at least 1"),
        (["--components", "nan"], "n_components is a whole number of at least 1"),
        (["--components", "inf"], "n_components is a whole number of at least 1"),
        (["--components=-inf"], "n_components is a whole number of at least 1"),
        (["--components", "1e400"], "n_components is a whole number of at least 1"),
        (["--components", "1.0"], "say 1 for one component, 'none' for all"),
        (["--components", "0.5", "--method", "lda", "--target", "kind"], "is a share"),
        (["--components", "0.9", "--method", "factor"], "is a share"),
        (["--method", "pce"], "Did you mean 'pca'"),
        (["--method", "eigenfaces"], "no eigenfaces"),
        (["--target", "nothing"], "'nothing' for the target"),
    ],
)
def test_mistakes_are_told_without_a_traceback(options, words, gradlab, data_file):
    said = gradlab("reduce", data_file, *options)
    assert (said.code, said.out) == (2, "")
    assert words in said.err
