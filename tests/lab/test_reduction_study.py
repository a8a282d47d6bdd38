"""A reduction study: how many columns are enough, what they mean, and what is written."""

import json

import numpy as np
import polars as pl
import pytest
from threadpoolctl import ThreadpoolController

from gradlab.errors import DataError, RecipeError
from gradlab.lab.photos.compression import compression_study
from gradlab.lab.photos.segmentation import segmentation_study
from gradlab.lab.reduction.page import _labels, page_of
from gradlab.lab.reduction.separation import threads_for
from gradlab.lab.reduction.study import METHODS, reduction_study


@pytest.fixture(scope="module")
def iris():
    return reduction_study("iris", n_components=2)


def test_components_for_a_share_agree_with_their_contributions(iris):
    cumulative = iris.spectrum["cumulative"].to_numpy()
    for share, n in iris.enough.items():
        assert cumulative[n - 1] >= share
        assert n == 1 or cumulative[n - 2] < share
    assert iris.sentences[0] == (
        "2 components keep 95.8% of the variance of the 4 columns of iris."
    )


def test_scores_and_loadings_give_the_rows_back():
    study = reduction_study("iris", n_components="none")
    back = study.scores @ study.loadings.T + study.model.mean_
    np.testing.assert_allclose(back, study.inputs.x, atol=1e-9)


def test_lda_separates_better_than_pca_where_it_can():
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b"], 60)
    x = np.stack([rng.normal(size=120) * 10, rng.normal(size=120)], axis=1)
    x[60:, 1] += 6
    study = reduction_study((x, labels), "lda", scaling="none")
    assert study.separation.shares["LDA"] > 0.95
    assert study.separation.shares["PCA"] < 0.7
    assert any("LDA separates them better" in said for said in study.sentences)


@pytest.mark.parametrize("method", [m for m in METHODS if m != "eigenfaces"])
def test_every_method_saves_a_page_tables_and_results(method, tmp_path):
    study = reduction_study("wine", method)
    study.save(tmp_path)
    table = pl.read_csv(tmp_path / "components.csv")
    assert table.columns == ["row", *study.names, "label grower"]
    assert table.height == 178
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["n_components"] == study.n_components
    assert results["sentences"] == list(study.sentences)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "How to read it" in html
    if study.loadings is not None:
        loadings = pl.read_csv(tmp_path / "loadings.csv")
        assert loadings["column"].to_list() == list(study.loading_names)


def test_eigenfaces_have_pictures(tmp_path):
    study = reduction_study("digits", "eigenfaces", n_components=5)
    html = study.report(tmp_path / "r.html").read_text(encoding="utf-8")
    assert html.count("Eigenface 1") >= 1
    assert html.count("<img ") > 20
    assert "PSNR" in html


def test_joined_columns_are_named():
    rng = np.random.default_rng(0)
    a = rng.normal(size=50)
    frame = pl.DataFrame({"a": a, "copy": a + 0.01 * rng.normal(size=50), "b": rng.normal(size=50)})
    study = reduction_study(frame, "merge")
    assert study.n_components == 2
    assert "Joined: a and copy." in study.sentences


def _colours(classes: list[str | None]) -> set[str]:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"x": rng.normal(size=40), "y": rng.normal(size=40)})
    kinds = [classes[i % len(classes)] for i in range(40)]
    study = reduction_study(frame.with_columns(kind=pl.Series(kinds)), target="kind")
    return set(_labels(study, np.arange(40)).tolist())


def test_classes_whose_names_begin_alike_keep_their_own_colours():
    same = "a very long name of a class, number "
    assert len(_colours([same + "one", same + "two", "b"])) == 3


def test_a_class_called_unknown_is_not_the_rows_without_a_class():
    assert _colours(["unknown", None, "b"]) == {"unknown", "unknown (1)", "b"}


def test_numbers_written_in_two_ways_are_two_classes():
    x = np.random.default_rng(0).normal(size=(30, 2))
    study = reduction_study((x, np.array(["1", "01", "2"] * 10)))
    assert set(study.inputs.classes) == {"1", "01", "2"}
    assert len(set(_labels(study, np.arange(30)).tolist())) == 3


def test_no_column_is_lost_through_its_name(tmp_path):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(rng.normal(size=(30, 3)), schema=["row", "label c", "column"])
    frame = frame.with_columns(c=pl.Series(["x", "y"] * 15))
    reduction_study(frame, "merge", target="c", n_components=3).save(tmp_path)
    table = pl.read_csv(tmp_path / "components.csv")
    assert table.columns == ["row", "row (1)", "label c (1)", "column", "label c"]
    assert table["row"].to_list() == list(range(1, 31))
    assert table["label c"].to_list() == ["x", "y"] * 15
    loadings = pl.read_csv(tmp_path / "loadings.csv")
    assert loadings.columns == ["column", "row", "label c", "column (1)"]
    assert loadings["column"].to_list() == ["row", "label c", "column"]


def test_a_column_called_as_a_value_of_another():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"c": ["x", "y", "y"] * 10, "c = x": rng.normal(size=30)})
    assert reduction_study(frame).loading_names == ("c = x (1)", "c = x (2)", "c = y")


@pytest.mark.parametrize(
    ("cell", "scaling", "said"),
    [
        (None, "standard", "after scaling and filling missing cells on all rows both"),
        (0.0, "standard", "after scaling on all rows both"),
        (0.0, "none", "30 rows: both"),
    ],
)
def test_the_page_says_what_the_folds_have_seen(cell, scaling, said):
    rng = np.random.default_rng(0)
    x = [cell, *rng.normal(size=29).tolist()]
    frame = pl.DataFrame({"x": x, "y": rng.normal(size=30), "kind": ["a", "b"] * 15})
    study = reduction_study(frame, target="kind", scaling=scaling)
    found = [item for item in page_of(study).method if "PCA against LDA" in str(item)]
    assert said in str(found[0])


def test_small_decompositions_do_not_wait_for_threads():
    small, large = np.zeros((400, 4096)), np.zeros((1000, 4096))
    blas = ThreadpoolController().select(user_api="blas")
    allowed = [library.num_threads for library in blas.lib_controllers]
    with threads_for(small):
        assert {library.num_threads for library in blas.lib_controllers} == {1}
    with threads_for(large):
        assert [library.num_threads for library in blas.lib_controllers] == allowed
    assert [library.num_threads for library in blas.lib_controllers] == allowed


def test_a_column_that_says_the_class_in_other_words_is_mentioned():
    rng = np.random.default_rng(0)
    survived = [None if i % 20 == 0 else str(i % 2) for i in range(120)]
    table = pl.DataFrame(
        {
            "size": rng.normal(size=120),
            # Where the class is not known, it does not matter what the column says.
            "alive": ["yes" if i % 2 and i % 20 else "no" for i in range(120)],
            "cabin": [f"deck {i % 3}" for i in range(120)],
            "survived": survived,
        }
    )
    told = [n for n in reduction_study(table, target="survived").notes if "tells the target" in n]
    assert len(told) == 1
    assert "'alive'" in told[0]
    assert not any("tells the target" in n for n in reduction_study(table, drop=("alive",)).notes)


def test_rows_without_a_class_are_projected_not_learnt_from():
    frame = pl.DataFrame(
        {
            "x": np.random.default_rng(0).normal(size=30),
            "y": np.arange(30.0),
            "kind": [None if i % 10 == 0 else ("a", "b")[i % 2] for i in range(30)],
        }
    )
    study = reduction_study(frame, "lda", target="kind")
    assert study.scores.shape == (30, 1)
    assert "3 rows have no class: projected, not learnt from." in study.notes


class TestRefuses:
    def test_lda_without_a_target(self):
        frame = pl.DataFrame({"x": [1.0, 2.0, 4.0], "y": [1.0, 3.0, 2.0]})
        with pytest.raises(DataError, match="none were named"):
            reduction_study(frame, "lda")

    def test_lda_of_a_quantity(self):
        with pytest.raises(DataError, match="214 different values"):
            reduction_study("diabetes", "lda")

    def test_eigenfaces_of_a_table(self):
        with pytest.raises(DataError, match="no eigenfaces"):
            reduction_study("iris", "eigenfaces")

    @pytest.mark.parametrize("n", [0, -1, 2.5, 9, "some"])
    def test_numbers_of_components_that_make_no_sense(self, n):
        with pytest.raises(RecipeError, match="n_components"):
            reduction_study("iris", n_components=n)

    @pytest.mark.parametrize("n", [np.nan, np.inf, -np.inf, -(10**400)])
    def test_no_number_of_components(self, n):
        with pytest.raises(RecipeError, match="n_components is a whole number"):
            reduction_study("iris", n_components=n)

    @pytest.mark.parametrize("method", ["lda", "factor"])
    def test_a_share_where_no_variance_is_kept(self, method):
        with pytest.raises(RecipeError, match="is a share of the variance"):
            reduction_study("iris", method, n_components=0.5)

    def test_one_as_a_share(self):
        with pytest.raises(RecipeError, match="say 1 for one component, 'none' for all"):
            reduction_study("iris", n_components=1.0)

    def test_a_method_that_does_not_exist(self):
        with pytest.raises(RecipeError, match="Did you mean 'pca'"):
            reduction_study("iris", "pcaa")

    def test_rows_that_are_all_the_same(self):
        with pytest.raises(DataError, match="no feature is left"):
            reduction_study(np.ones((5, 3)))


def test_a_table_of_names_only():
    frame = pl.DataFrame({"a": ["x", "y", "z", "x"] * 5, "b": ["p", "q", "q", "q"] * 5})
    study = reduction_study(frame)
    assert study.loading_names == ("a = x", "a = y", "a = z", "b = p", "b = q")
    assert np.isfinite(study.scores).all()


@pytest.fixture
def photo(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    colours = np.array([[250, 20, 20], [20, 250, 20], [20, 20, 250]], np.uint8)
    pixels = np.repeat(np.repeat(colours[rng.integers(0, 3, (6, 8))], 4, axis=0), 4, axis=1)
    path = tmp_path / "flag.png"
    Image.fromarray(pixels).save(path)
    return path


def test_a_photo_of_three_colours_is_kept_by_three(photo, tmp_path):
    from PIL import Image

    study = segmentation_study(photo, (2, 3))
    found = study.segmentations[0]
    assert found.psnr[3] == np.inf
    folder = tmp_path / "out"
    folder.mkdir()
    study.save(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "flag-k2.png", "flag-k3.png", "flag-segments.png", "report.html", "results.json",
    ]  # fmt: skip
    same = np.asarray(Image.open(folder / "flag-k3.png"))
    np.testing.assert_array_equal(same, np.asarray(Image.open(photo)))
    row = np.asarray(Image.open(folder / "flag-segments.png"))
    assert row.shape == (24, 3 * 32 + 2 * 12, 3)
    results = json.loads((folder / "results.json").read_text())
    assert results["photos"][0]["segmentations"][1]["psnr"] is None, "infinite: nothing changed"


def test_a_folder_of_mixed_files(photo, tmp_path):
    (photo.parent / "notes.txt").write_text("hello")
    study = segmentation_study(photo.parent, 2)
    assert [found.name for found in study.photos] == ["flag"]
    assert "notes.txt" in study.notes[0]
    (photo.parent / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"broken\.png can't be read as a picture"):
        segmentation_study(photo.parent, 2)


def test_a_photo_compressed_by_more_components_is_nearer(photo, tmp_path):
    study = compression_study(photo, (1, 2, 8))
    for table in (study.lines.table, study.blocks.table):
        assert (np.diff(table["psnr"].to_numpy()) > 0).all()
        assert (np.diff(table["bytes"].to_numpy()) > 0).all()
    folder = tmp_path / "out"
    folder.mkdir()
    study.save(folder)
    assert (folder / "flag-8.png").exists()
    assert (folder / "compression.csv").exists()
    with pytest.raises(RecipeError, match="n_components is at most 24"):
        compression_study(photo, 25)


def test_hostile_names_stay_text(tmp_path):
    rng = np.random.default_rng(0)
    bad = "</script><img src=x onerror=alert(1)><b>"
    frame = pl.DataFrame(rng.normal(size=(40, 3)), schema=[bad, "b", "c"]).with_columns(
        kind=pl.Series([("x" + bad, "y")[i % 2] for i in range(40)])
    )
    for method in ("pca", "lda", "merge"):
        study = reduction_study(frame, method, target="kind")
        html = study.report(tmp_path / "r.html").read_text(encoding="utf-8")
        assert "<img src=x" not in html
        assert html.count("</script>") == html.count("<script")
