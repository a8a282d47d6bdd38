"""A clustering study: what it finds, says and writes."""

import json

import numpy as np
import polars as pl
import pytest
from PIL import Image

from gradlab.errors import DataError, RecipeError
from gradlab.lab.clustering.page import page_of
from gradlab.lab.clustering.profiles import cluster_sentence, profiles
from gradlab.lab.clustering.study import cluster_study
from gradlab.lab.photos.compression import compression_study
from gradlab.lab.photos.segmentation import segmentation_study


def blobs(n=40, *, seed=0, apart=9.0):
    """Return three round clouds and which each row is of."""
    rng = np.random.default_rng(seed)
    centers = np.array([[0.0, 0.0], [apart, 0.0], [0.0, apart]])
    return np.concatenate([rng.normal(size=(n, 2)) + c for c in centers]), np.repeat([0, 1, 2], n)


@pytest.fixture(scope="module")
def study():
    x, labels = blobs()
    names = np.array(["left", "right", "top"])[labels]
    return cluster_study((x, names), (2, 3, 4, 5), restarts=3)


def test_separate_clouds_are_found_and_counted(study):
    assert study.n_clusters == 3
    assert study.sizes.tolist() == [40, 40, 40]
    assert study.sentences[0] == (
        "arrays falls into 3 clusters, chosen of 2 to 5, of 40, 40 and 40 rows."
    )
    assert study.agreement.adjusted_rand_index == 1
    assert study.agreement.counts.max(axis=1).tolist() == [40, 40, 40]
    assert study.silhouette > 0.7


def test_the_target_is_not_used_in_the_fit():
    x, labels = blobs()
    told = cluster_study((x, labels), 3)
    shuffled = cluster_study((x, np.roll(labels, 50)), 3)
    np.testing.assert_array_equal(told.labels, shuffled.labels)
    assert shuffled.agreement is not None
    assert shuffled.agreement.adjusted_rand_index < 0.5


def test_a_cloud_without_groups_is_said_to_have_none():
    x = np.random.default_rng(1).uniform(size=(120, 2))
    study = cluster_study(x, (2, 3, 4), restarts=2)
    assert study.choice.best == 1
    assert study.headline.startswith("array does not fall into groups; the 4 clusters shown, of ")
    assert study.certainty[0].startswith("No groups stand out")
    judged = cluster_study(x, (1, 2, 3, 4), restarts=2)
    assert judged.n_clusters == 1
    assert judged.headline == "array does not fall into groups."


def test_centroids_come_back_in_the_units_of_the_columns(study):
    x, labels = blobs()
    table = study.centers_table()
    found = np.sort(table["x0"].to_numpy())
    np.testing.assert_allclose(found, np.sort([x[labels == c, 0].mean() for c in range(3)]), 1e-6)
    assert table["rows"].to_list() == [40, 40, 40]


def test_the_same_seed_gives_the_same_numbers():
    x, _ = blobs(apart=2.0)
    first, second = (cluster_study(x, 4, seed=3).to_dict() for _ in range(2))
    for content in (first, second):
        content.pop("seconds")
    assert json.dumps(first, default=str) == json.dumps(second, default=str)


def test_clusters_are_numbered_by_size():
    x, _ = blobs(apart=9.0)
    study = cluster_study(np.concatenate([x[:70], x[80:90]]), 3)
    assert study.sizes.tolist() == sorted(study.sizes.tolist(), reverse=True)


@pytest.mark.parametrize("settings", [{"beta": 2.0}, {"m": 1.5}, {}])
def test_fuzzy_clusters_have_memberships_that_sum_to_one(settings):
    x, _ = blobs()
    study = cluster_study(x, 3, method="fuzzy", restarts=2, **settings)
    table = study.labels_table()
    shares = table.select(pl.col("^membership .*$"))
    assert shares.width == 3
    np.testing.assert_allclose(shares.sum_horizontal().to_numpy(), 1, rtol=1e-6)


def test_names_and_missing_cells_are_said_aloud():
    frame = pl.DataFrame(
        {
            "age": [1.0, None, 30.0, 31.0, 2.0, 29.0] * 5,
            "shop": ["a", "a", "b", "b", None, "b"] * 5,
        }
    )
    study = cluster_study(frame, 2)
    said = " ".join(study.inputs.notes)
    assert "Missing numbers (1 column: age)" in said
    assert "Columns of names (shop) become 2 columns" in said
    best = study.profiles[0]
    assert best.told_apart > 0.8
    ages = next(profile for profile in study.profiles if profile.column == "age")
    assert ages.overall == pytest.approx(np.mean([1, 30, 31, 2, 29]))


def test_a_mark_is_said_once_for_a_column_of_two_names():
    frame = pl.DataFrame({"x": [0.0, 0.1] * 8, "sex": ["m", "f"] * 8})
    study = cluster_study(frame, 2)
    found = profiles(study.inputs, study.labels, 2)
    assert cluster_sentence(found, 0, 8, 16).count("sex") == 1


def test_pictures_have_mean_pictures(tmp_path):
    study = cluster_study("digits", 4, restarts=1)
    assert study.inputs.image_shape == (8, 8, 1)
    html = study.report(tmp_path / "r.html").read_text(encoding="utf-8")
    assert html.count("Mean picture of cluster") == 4


def test_saves_a_page_tables_and_results(study, tmp_path):
    study.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "centers.csv", "labels.csv", "report.html", "results.json",
    ]  # fmt: skip
    labels = pl.read_csv(tmp_path / "labels.csv")
    assert labels.columns == ["row", "cluster", "distance", "silhouette"]
    assert labels["cluster"].value_counts()["count"].to_list() == [40, 40, 40]
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["n_clusters"] == 3
    assert results["choice"]["elbow"]["k"] == [1, 2, 3, 4, 5]
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    for words in ("Elbow", "Gap statistic", "adjusted Rand index", "no command reads it again"):
        assert words in html


class TestRefuses:
    def test_more_clusters_than_different_rows(self):
        x = np.array([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]])
        with pytest.raises(DataError, match="2 different rows, so 3 clusters can't be made"):
            cluster_study(x, 3)

    def test_one_row(self):
        with pytest.raises(DataError, match="holds 1 row"):
            cluster_study(pl.DataFrame({"a": [1.0], "b": ["x"]}), 1, target="b")

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"k": 0}, "k counts clusters"),
            ({"method": "kmean"}, "Did you mean 'kmeans'"),
            ({"beta": 1.0}, "beta is a setting of fuzzy"),
            ({"method": "fuzzy", "beta": 1.0, "m": 2.0}, "give one of them"),
            ({"restarts": 0}, "restarts must be at least 1"),
            ({"restarts": 1001}, "restarts must be at most 1,000; got 1,001"),
            ({"k": range(1, 32)}, "at most 30 numbers at a time; got 31, from 1 to 31"),
            ({"k": (1, 2)}, "at least two above 1, as 1-3 or 2,3; got 1,2"),
            ({"k": (3, 1)}, "at least two above 1, as 1-3 or 2,3; got 1,3"),
            ({"scaling": "standart"}, "Did you mean 'standard'"),
        ],
    )
    def test_settings_that_make_no_sense(self, settings, words):
        with pytest.raises(RecipeError, match=words):
            cluster_study("iris", **{"k": 2, **settings})

    def test_infinite_cells(self):
        with pytest.raises(DataError, match="row 2 is inf"):
            cluster_study(np.array([[1.0], [np.inf], [2.0]]))


def test_two_rows_are_clustered_without_a_silhouette():
    study = cluster_study(np.array([[1.0], [2.0]]))
    assert study.n_clusters == 2
    assert study.headline == "array in 2 clusters, the only number its rows allow, of 1 and 1 rows."
    assert " as asked for, " in cluster_study(np.array([[1.0], [2.0]]), 2).headline
    assert len(study.silhouettes) == 0
    assert "silhouette" not in study.labels_table().columns


def test_numbers_of_every_size():
    x = np.array([[1e30, 1e-30], [1.1e30, 1.2e-30], [9e30, 8e-30], [9.1e30, 8.1e-30]])
    study = cluster_study(x, 2)
    assert study.sizes.tolist() == [2, 2]
    assert np.isfinite(study.distances).all()


def test_a_fuzzy_cluster_without_rows_is_not_described():
    x = np.random.default_rng(0).normal(size=(60, 2))
    study = cluster_study(x, 5, method="fuzzy", beta=0.05)
    assert study.sizes[-1] == 0
    assert study.marks[-1] == (
        "Cluster 5 holds no row: it coincides with others; ask for fewer clusters or a larger beta."
    )
    for profile in study.profiles:
        assert profile.away[-1] == 0
        assert np.isnan(profile.means[-1])
        assert profile.away[0] != 0


def test_a_column_s_name_puts_no_sentence_in_the_wrong_section():
    x, labels = blobs()
    frame = pl.DataFrame(
        {"a": x[:, 0], "b": x[:, 1], "start time": np.array(["p", "q", "r"])[labels]}
    )
    study = cluster_study(frame, 3, target="start time", restarts=2)
    starts = next(s for s in page_of(study).sections if s.title == "Other starts")
    assert starts.sentences == study.about_starts
    assert len(starts.sentences) == 1
    assert study.sentences == (study.headline, *study.certainty, *study.about_starts, *study.marks)


class TestExactPictures:
    @pytest.fixture
    def flat(self, tmp_path):
        path = tmp_path / "flat.png"
        Image.fromarray(np.full((16, 24, 3), 90, np.uint8)).save(path)
        return path

    def test_of_few_colours_have_no_error(self, flat, tmp_path):
        study = segmentation_study(flat, 1)
        assert study.sentences[0] == (
            "Against the original, flat in few colours reaches no error with 1 colour (1 colour in "
            "all)."
        )
        html = study.report(tmp_path / "r.html").read_text(encoding="utf-8")
        assert "1 colour, no error" in html
        assert "PSNR –: no error." in html
        for words in ("inf dB", "1 colours"):
            assert words not in html

    def test_of_few_components_have_no_error(self, flat, tmp_path):
        study = compression_study(flat, 1)
        assert study.sentences[0].startswith(
            "By lines, flat reaches no error with 1 component, in 0 kB"
        )
        html = study.report(tmp_path / "r.html").read_text(encoding="utf-8")
        assert "PSNR –: no error." in html
        for words in ("inf dB", "1 components"):
            assert words not in html

    def test_photos_have_the_same_bounds_as_tables(self, flat):
        with pytest.raises(RecipeError, match="at most 30 numbers"):
            segmentation_study(flat, range(1, 32))
        with pytest.raises(RecipeError, match="restarts must be at most"):
            segmentation_study(flat, 2, restarts=10**6)
