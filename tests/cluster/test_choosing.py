"""What is said about K: bends, silhouettes, gaps, and customary numbers of groups."""

import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples as scikit_silhouettes

from gradlab.cluster.candidates import train_candidates
from gradlab.cluster.choice import choose_n_clusters
from gradlab.cluster.elbow import elbow
from gradlab.cluster.frames import kmeans_frames
from gradlab.cluster.gap import gap_statistic
from gradlab.cluster.kmeans import KMeans
from gradlab.cluster.market import market_groups
from gradlab.cluster.silhouette import silhouette, silhouette_samples
from gradlab.errors import DataError, RecipeError


def blobs(rng, corners=((0, 0), (8, 1), (3, 8)), n=60):
    corners = np.asarray(corners, float)
    return np.concatenate([rng.normal(size=(n, corners.shape[1])) + c for c in corners])


class TestElbow:
    @pytest.mark.catalogue("CLU-06", "CLU-11", "CMP-32")
    def test_separate_blobs_bend_and_clouds_do_not(self, rng):
        x = blobs(rng)
        found = elbow(x, range(1, 8), n_init=4, random_state=0)
        assert (found.best, found.clear, found.confidence) == (3, True, 1.0)
        falls = found.distortions[:-1] / found.distortions[1:]
        assert found.ks[1 + falls.argmax()] == 3  # the largest relative drop ends there
        assert "clear bend at K = 3, also in 20 of 20" in found.sentence
        with pytest.raises(TypeError, match="n_clusters"):
            KMeans()  # K is a person's choice, with this for help
        for cloud in (rng.uniform(size=(200, 2)), rng.normal(size=(200, 2))):
            found = elbow(cloud, range(1, 8), n_init=4, random_state=0)
            assert not found.clear
            assert found.confidence > 0.5
            assert found.sentence.startswith("No clear bend")

    @pytest.mark.slow
    @pytest.mark.parametrize("n_features", [1, 2, 10])
    def test_of_twenty_clouds_hardly_one_is_taken_for_groups(self, n_features):
        """At a rate of 5 %, more than 3 of 20 come up once in 63 times."""
        wrong = 0
        for seed in range(10):
            rng = np.random.default_rng(seed)
            for cloud in (rng.normal(size=(80, n_features)), rng.uniform(size=(80, n_features))):
                wrong += elbow(cloud, range(1, 7), n_init=4, random_state=seed).clear
        assert wrong <= 3

    @pytest.mark.parametrize("k", [2, 4, 5])
    def test_it_finds_the_number_of_groups_six_deviations_apart(self, k, rng):
        corners = [(6 * i, 6 * (i % 2)) for i in range(k)]
        found = elbow(blobs(rng, corners, 30), range(1, k + 3), n_init=4, random_state=0)
        assert (found.best, found.clear) == (k, True)

    @given(seed=st.integers(0, 1000), n=st.integers(8, 30))
    @settings(max_examples=15)
    def test_more_groups_never_raise_j(self, seed, n):
        rng = np.random.default_rng(seed)
        x = rng.integers(0, 4, size=(n, 2)).astype(float)  # many equal rows
        found = train_candidates(x, range(1, 8), n_init=1, random=np.random.RandomState(seed))
        assert (np.diff(found.distortions) <= 0).all()
        assert found.distortions[0] == pytest.approx(np.var(x, axis=0).sum())

    def test_as_many_groups_as_different_rows_is_no_nan(self):
        x = np.repeat([[0.0], [1.0], [5.0]], 4, axis=0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = elbow(x, range(1, 5), n_init=2, random_state=0)
        assert (found.best, found.distortions[2]) == (3, 0)
        assert "to 0" in found.sentence

    def test_a_sample_is_said(self, rng):
        found = elbow(blobs(rng, n=100), range(1, 5), n_init=3, max_rows=150, random_state=0)
        assert found.sentence.endswith("(from 150 of 300 rows).")
        assert found.best == 3


class TestSilhouettes:
    @given(seed=st.integers(0, 1000))
    def test_they_are_scikit_learns(self, seed):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(60, 3)) * 10.0 ** rng.integers(-3, 3)
        labels = np.stack([rng.integers(0, k, 60) for k in (2, 3, 9)]).astype(np.int32)
        ours = silhouette_samples(x, labels)
        for own, row in zip(ours, labels, strict=True):
            np.testing.assert_allclose(own, scikit_silhouettes(x, row), atol=1e-7)

    def test_empty_and_single_groups_and_equal_rows_are_no_nan(self):
        x = np.array([[0.0], [0.0], [3.0], [4.0]])
        labels = np.array([[0, 0, 2, 3], [0, 0, 0, 0], [0, 1, 0, 1]])
        found = silhouette_samples(x, labels)
        assert np.isfinite(found).all()
        assert found[0].tolist() == [1, 1, 0, 0]
        assert found[1].tolist() == [0, 0, 0, 0]

    def test_best_and_reading(self, rng):
        found = silhouette(blobs(rng), range(1, 6), n_init=3, random_state=0)
        assert (found.best, found.reading, found.ks) == (3, "strong groups", (2, 3, 4, 5))
        assert found.scores[1] == pytest.approx(
            scikit_silhouettes(blobs_again(), found.labels[1]).mean()
        )
        none = silhouette(rng.normal(size=(300, 10)), (2, 3, 4), n_init=3, random_state=0)
        assert none.reading == "no groups found"

    def test_a_sample_is_said(self, rng):
        found = silhouette(blobs(rng), (2, 3), max_rows=50, random_state=0)
        assert found.samples.shape == (2, 50)
        assert "(from 50 of 180 rows)" in found.sentence


def blobs_again():
    return blobs(np.random.default_rng(0))


class TestGap:
    @pytest.mark.parametrize("reference", ["components", "box"])
    def test_groups_and_none(self, reference, rng):
        found = gap_statistic(
            blobs(rng), range(1, 6), reference=reference, n_references=10, random_state=0
        )
        assert (found.best, found.clear) == (3, True)
        none = gap_statistic(
            rng.uniform(size=(150, 2)),
            range(1, 6),
            reference=reference,
            n_references=10,
            random_state=0,
        )
        assert none.best == 1

    def test_it_is_the_papers_rule_on_the_papers_definition(self, rng):
        x = blobs(rng, n=30)
        found = gap_statistic(
            x, range(1, 5), n_references=30, n_init=1, reference="box", random_state=0
        )
        # W_1 of uniform data in the box is known: n times the sum of the sides' squares / 12.
        expected = np.log(np.sum(np.ptp(x, axis=0) ** 2) / 12 / np.var(x, axis=0).sum())
        assert found.gaps[0] == pytest.approx(
            expected, abs=4 * found.errors[0] / np.sqrt(30) + 0.02
        )
        meets = found.gaps[:-1] >= found.gaps[1:] - found.errors[1:]
        assert found.best == found.ks[meets.argmax()]

    def test_a_gap_that_only_grows_is_said(self, rng):
        found = gap_statistic(blobs(rng), (2, 3), n_references=5, random_state=0)
        assert (found.best, found.clear) == (3, False)
        assert "try larger K" in found.sentence


class TestChoice:
    def test_three_views_agree_on_separate_blobs(self, rng):
        found = choose_n_clusters(blobs(rng), range(1, 6), n_init=4, n_references=5, random_state=0)
        assert found.best == 3
        assert found.sentences[0] == "Elbow, silhouette and gap statistic advise K = 3."
        assert len(found.sentences) == 4
        again = choose_n_clusters(
            blobs_again(), range(1, 6), n_init=4, n_references=5, random_state=0
        )
        assert again.sentences == found.sentences

    def test_a_cloud_is_not_divided(self, rng):
        found = choose_n_clusters(
            rng.normal(size=(100, 5)), range(1, 6), n_init=3, n_references=5, random_state=0
        )
        assert found.best in (1, None)
        assert "what the groups are for" in found.sentences[0]


class TestMarket:
    @pytest.mark.catalogue("CLU-07")
    @pytest.mark.parametrize("names", [("S", "M", "L"), ("XS", "S", "M", "L", "XL")])
    def test_height_and_weight_fall_into_ordered_sizes(self, names, rng):
        height = rng.normal(172, 10, 500)
        weight = 0.9 * (height - 100) + rng.normal(0, 7, 500)
        table = pl.DataFrame({"height": height, "weight": weight})
        groups = market_groups(table, names, random_state=0)
        assert groups.names == names
        assert (np.diff(groups.centroids, axis=0) > 0).all()  # taller and heavier, size by size
        assert groups.counts.sum() == 500
        assert set(groups.named()) == set(names)
        assert groups.columns == ("height", "weight")
        assert groups.sentences[0].startswith(f"{names[0]}: {groups.counts[0]} of 500 rows about h")
        scaled = market_groups(
            np.column_stack([height / 2.54, weight * 2.2]), names, random_state=0
        )
        np.testing.assert_array_equal(scaled.labels, groups.labels)  # units don't matter

    def test_names_and_rows_that_do_not_do(self):
        with pytest.raises(RecipeError, match="two or more different names"):
            market_groups([[1.0], [2.0]], ("S", "S"))
        with pytest.raises(DataError, match="3 groups need as many different rows; there are 2"):
            market_groups([[1.0], [2.0], [2.0]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: elbow(np.ones((9, 2))), DataError, "at least 3 different rows; 9 rows hold 1"),
        (lambda: elbow(np.eye(4), range(1, 9)), DataError, "8 groups of 4 rows"),
        (lambda: elbow(np.eye(4), (1, 2)), RecipeError, "two numbers of groups above 1"),
        (lambda: silhouette(np.eye(4), (1,)), RecipeError, "a number of groups >= 2"),
        (lambda: silhouette(np.eye(4), (0, 2)), RecipeError, r"got \[0, 2\]"),
        (lambda: silhouette(np.eye(4), (2, 3), max_rows=2), RecipeError, "max_rows"),
        (lambda: silhouette(np.eye(4), (2, 3), n_init=0), RecipeError, "n_init"),
        (lambda: gap_statistic(np.eye(4), (1, 2), n_references=1), RecipeError, "n_references"),
        (lambda: gap_statistic(np.eye(4), (1, 2), reference="bx"), RecipeError, "mean 'box'"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.catalogue("CLU-10", "CLU-12")
def test_starts_end_alike_on_separate_groups_and_apart_on_touching_ones(rng):
    from gradlab.plots.clusters import restarts_figure

    sets = {"separate": blobs(rng), "touching": rng.normal(size=(180, 2)) * [2, 1]}
    models = {
        name: [
            KMeans(4 if name == "touching" else 3, init="k-means++", n_init=1, random_state=s).fit(
                x
            )
            for s in range(12)
        ]
        for name, x in sets.items()
    }
    ends = {name: np.array([m.inertia_ for m in own]) for name, own in models.items()}
    assert np.ptp(ends["separate"]) < 1e-9 * ends["separate"][0]
    assert np.ptp(ends["touching"]) > 1e-3 * ends["touching"].min()  # seeds differ in J
    best = KMeans(4, n_init=12, random_state=0).fit(sets["touching"])
    assert (best.inertia_ <= best.restarts_ + 1e-9).all()
    figure = restarts_figure(
        sets, {name: [m.cluster_centers_ for m in own] for name, own in models.items()}
    )
    assert sum(t.name.startswith("start") for t in figure.data) == 24


def test_frames_are_the_worked_example():
    frames = kmeans_frames([[1.0], [2.0], [10.0], [11.0]], np.array([[1.0], [2.0]]), 9)
    x = np.array([1.0, 2.0, 10.0, 11.0])
    j = [np.mean((x - f.centroids[f.labels, 0]) ** 2) for f in frames if f.labels is not None]
    np.testing.assert_allclose(j, [36.25, 12.166667, 4.388889, 0.25], atol=1e-6)
