"""gradlab cluster: tables and photos into a folder, with words and JSON."""

import numpy as np
import polars as pl
import pytest


@pytest.fixture
def blobs(tmp_path):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(20, 2)) + c for c in ([0, 0], [9, 0], [0, 9])])
    frame = pl.DataFrame({"a": x[:, 0], "b [cm]": x[:, 1], "kind": np.repeat(["p", "q", "r"], 20)})
    path = tmp_path / "blobs.csv"
    frame.write_csv(path)
    return path


def test_chooses_and_says_what_to_conclude(gradlab, blobs):
    said = gradlab("cluster", blobs, "--target", "kind", "--k", "2-4", "--restarts", "2")
    assert said.code == 0
    out = " ".join(said.out.split())
    assert "blobs falls into 3 clusters, chosen of 2 to 4, of 20, 20 and 20 rows." in out
    assert "adjusted Rand index 1.00" in out
    assert out.endswith("Results: gradlab-cluster Report: gradlab-cluster/report.html")
    assert "scaled to mean 0" in said.err


def test_the_next_folder_has_the_next_number(gradlab, blobs, tmp_path):
    for _ in range(2):
        assert gradlab("cluster", blobs, "--k", "2", "--drop", "kind").code == 0
    assert (tmp_path / "gradlab-cluster-2" / "labels.csv").exists()


def test_the_report_tells_the_command_that_does_it_again(gradlab, blobs, tmp_path):
    gradlab("cluster", blobs, "--k", "2", "--out", "here", "--json", "--drop=kind")
    html = (tmp_path / "here" / "report.html").read_text(encoding="utf-8")
    assert f"gradlab cluster {blobs}</span> <span>--k 2</span> <span>--drop=kind" in html


def test_writes_only_json_if_asked(gradlab, blobs):
    said = gradlab("cluster", blobs, "--k", "3", "--method", "fuzzy", "--m", "2", "--json")
    assert (said.code, said.err) == (0, "")
    assert said.json["n_clusters"] == 3
    assert said.json["folder"] == "gradlab-cluster"


def test_a_photo_becomes_pictures(gradlab, tmp_path):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    said = gradlab("cluster", "noise.png", "--k", "2,3", "--out", "seg")
    assert said.code == 0
    names = sorted(path.name for path in (tmp_path / "seg").iterdir())
    assert names == [
        "noise-k2.png", "noise-k3.png", "noise-segments.png", "report.html", "results.json",
    ]  # fmt: skip
    said = gradlab("cluster", "noise.png", "--target", "kind")
    assert (said.code, said.err) == (
        2, "gradlab: --target is for tables; noise.png is a photo. Leave it out.\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--k", "2-"], "--k takes whole numbers"),
        (["--k", "0"], "--k takes whole numbers"),
        (["--k", "99"], "99 clusters can't be made"),
        (["--method", "kmeens"], "Did you mean 'kmeans'"),
        (["--target", "kint"], "Did you mean 'kind'"),
        (["--beta", "1"], "beta is a setting of fuzzy k-means"),
        (["--restarts", "0"], "restarts must be at least 1"),
        (["--restarts", "1000000"], "restarts must be at most 1,000"),
        (["--k", "2-40"], "k takes at most 30 numbers at a time"),
        (["--k", "1,3"], "k takes at least two above 1, as 1-3 or 2,3; got 1,3"),
    ],
)
def test_mistakes_are_told_without_a_traceback(options, words, gradlab, blobs, tmp_path):
    said = gradlab("cluster", blobs, *options)
    assert (said.code, said.out) == (2, "")
    assert words in said.err
    assert not (tmp_path / "gradlab-cluster").exists()


@pytest.mark.parametrize("content", ["", "just words\nand more, of them\n", "a,b\n1,2\n"])
def test_files_that_are_no_table(content, gradlab, tmp_path):
    (tmp_path / "bad.csv").write_text(content)
    assert gradlab("cluster", "bad.csv").code == 2


def test_results_are_not_written_over(gradlab, blobs):
    assert gradlab("cluster", blobs, "--k", "2", "--out", "x").code == 0
    said = gradlab("cluster", blobs, "--k", "2", "--out", "x")
    assert said.code == 2
    assert "x already holds results" in said.err


@pytest.fixture
def no_work(monkeypatch):
    """Fail as soon as data is clustered."""

    def work(*_, **__):
        raise AssertionError("the folder is checked before any work")

    monkeypatch.setattr("gradlab.lab.clustering.study.cluster_study", work)


@pytest.mark.usefixtures("no_work")
class TestRefusesBeforeAnyWork:
    def test_a_folder_that_holds_files(self, gradlab, blobs, tmp_path):
        mine = tmp_path / "mine"
        mine.mkdir()
        (mine / "labels.csv").write_text("my own")
        said = gradlab("cluster", mine / "labels.csv", "--k", "2", "--out", "mine")
        assert said.code == 2
        assert "takes a new or empty folder" in said.err
        assert "mine holds labels.csv. Give another --out." in said.err
        assert (mine / "labels.csv").read_text() == "my own"

    @pytest.mark.parametrize("out", ["afile", "afile/x", "afile/x/y"])
    def test_a_folder_in_a_file(self, out, gradlab, blobs, tmp_path):
        (tmp_path / "afile").write_text("")
        said = gradlab("cluster", blobs, "--k", "2", "--out", out)
        assert said.code == 2
        assert "afile is a file; --out names a folder" in said.err

    @pytest.mark.parametrize("options", [[], ["--out", "new/folder"]])
    def test_a_folder_that_may_not_be_written_into(self, options, gradlab, blobs, monkeypatch):
        monkeypatch.setattr("os.access", lambda *_: False)
        said = gradlab("cluster", blobs, "--k", "2", *options)
        assert said.code == 2
        assert "permission denied. Give --out in a folder that may be written into." in said.err

    def test_a_name_that_is_too_long(self, gradlab, blobs):
        said = gradlab("cluster", blobs, "--k", "2", "--out", "x" * 300)
        assert said.code == 2
        assert "Choose another --out." in said.err


def test_an_empty_folder_takes_results(gradlab, blobs, tmp_path):
    (tmp_path / "empty").mkdir()
    assert gradlab("cluster", blobs, "--k", "2", "--out", "empty").code == 0
    assert (tmp_path / "empty" / "report.html").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--scaling", "minmax"], "--scaling is for tables"),
        (["--header"], "--header is for tables"),
        (["--no-header"], "--no-header is for tables"),
        (["--image-size", "8x8"], "--image-size is for sets of pictures"),
    ],
)
def test_options_of_tables_are_refused_for_photos(options, words, gradlab, tmp_path):
    (tmp_path / "photo.png").write_bytes(b"")
    said = gradlab("cluster", "photo.png", *options)
    assert (said.code, said.out) == (2, "")
    assert f"{words}; photo.png is a photo. Leave it out." in said.err
