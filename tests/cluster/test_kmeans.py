"""K-means against the worked example, scikit-learn, and the laws of the method."""

import itertools

import numpy as np
import pytest
import sklearn.cluster
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import adjusted_rand_score

from gradlab.cluster import FuzzyKMeans, KMeans, elbow
from gradlab.errors import DataError, RecipeError

FOUR = np.array([[1.0], [2.0], [10.0], [11.0]])


def blobs(n=600, d=4, k=5, spread=2.0, dtype=np.float64, seed=0):
    x = make_blobs(n, d, centers=k, cluster_std=spread, random_state=seed)[0]
    return x.astype(dtype)


def some_rows(x, k, seed=1):
    return x[np.random.default_rng(seed).choice(len(x), k, replace=False)]


def never_rises(values):
    return all(later <= before for before, later in itertools.pairwise(values))


@pytest.mark.catalogue("CLU-02", "CLU-03", "WE-34")
def test_the_worked_example_step_by_step():
    fitted = KMeans(2, init=np.array([[1.0], [2.0]])).fit(FOUR)
    np.testing.assert_allclose(fitted.history_, [36.25, 12.166667, 4.388889, 0.25], rtol=1e-6)
    np.testing.assert_allclose(fitted.cluster_centers_, [[1.5], [10.5]])
    np.testing.assert_array_equal(fitted.labels_, [0, 0, 1, 1])
    assert (fitted.inertia_, fitted.distortion_, fitted.n_iter_) == (1.0, 0.25, 3)
    # Fixed: labels and centroids reproduce each other, and J never rose on the way.
    again = KMeans(2, init=fitted.cluster_centers_).fit(FOUR)
    np.testing.assert_array_equal(again.labels_, fitted.labels_)
    assert never_rises(fitted.history_)
    # Half a step of it: the first assignment and update alone.
    half = KMeans(2, init=np.array([[1.0], [2.0]]), max_iter=1).fit(FOUR)
    np.testing.assert_allclose(half.cluster_centers_, [[1], [23 / 3]])
    # The fuzzy half: the share of the nearer of two centroids.
    for beta, share in ((1.0, 0.731059), (4.0, 0.982014)):
        ends = np.array([[0.0], [1.0]])
        fuzzy = FuzzyKMeans(2, beta=beta, init=ends, max_iter=1).fit(ends)
        fuzzy.cluster_centers_ = ends
        assert fuzzy.memberships(ends)[0, 0] == pytest.approx(share, abs=5e-7)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-5), (np.float64, 1e-9)])
@pytest.mark.parametrize("shape", [(600, 4, 5), (3000, 16, 26), (400, 60, 3), (500, 3, 80)])
@pytest.mark.parametrize("weighted", [False, True])
def test_from_the_same_start_it_ends_where_scikit_learn_does(dtype, rtol, shape, weighted, rng):
    n, d, k = shape
    x = blobs(n, d, k, 3.0, dtype)
    start = some_rows(x, k)
    weights = rng.integers(1, 4, n).astype(float) if weighted else None
    tight = {"init": start, "tol": 0, "max_iter": 1000}
    ours = KMeans(k, **tight).fit(x, sample_weight=weights)
    theirs = sklearn.cluster.KMeans(k, n_init=1, **tight).fit(x, sample_weight=weights)
    assert adjusted_rand_score(ours.labels_, theirs.labels_) == 1
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=rtol)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.cluster_centers_.dtype == dtype
    assert ours.transform(x).dtype == dtype
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=0, atol=1e-4)
    np.testing.assert_allclose(ours.transform(x), theirs.transform(x), rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(ours.predict(x), ours.labels_)
    score = ours.score(x, sample_weight=weights)
    assert score == pytest.approx(theirs.score(x, sample_weight=weights), rel=rtol)


@pytest.mark.parametrize("tol", [1e-2, 1e-4])
def test_the_tolerance_is_scikit_learns(tol):
    x = blobs(3000, 6, 8, 6.0)
    start = some_rows(x, 8)
    ours = KMeans(8, init=start, tol=tol).fit(x)
    theirs = sklearn.cluster.KMeans(8, init=start, n_init=1, tol=tol).fit(x)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-9)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)


@pytest.mark.parametrize("init", ["k-means++", "random_data", "random_points"])
@pytest.mark.parametrize("empty", ["reinitialize", "remove"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distortion_never_rises_and_ends_as_what_it_is(init, empty, dtype):
    x = blobs(500, 3, 6, 3.0, dtype)
    for seed in range(5):
        fitted = KMeans(12, init=init, n_init=1, empty=empty, random_state=seed, tol=0).fit(x)
        assert never_rises(fitted.history_)
        centres = fitted.cluster_centers_.astype(float)
        squared = ((x.astype(float)[:, None] - centres[None]) ** 2).sum(2)
        assert fitted.inertia_ == pytest.approx(squared.min(1).sum(), rel=1e-5)
        assert fitted.history_[-1] == fitted.distortion_ == pytest.approx(fitted.inertia_ / 500)
        # Fixed: every centroid is the mean of its rows.
        for number, centre in enumerate(centres):
            np.testing.assert_allclose(centre, x[fitted.labels_ == number].mean(0), atol=1e-4)


def test_history_is_what_a_plain_iteration_would_list():
    x = blobs(300, 2, 4, 4.0)
    centres = some_rows(x, 4)
    fitted = KMeans(4, init=centres, tol=0).fit(x)
    expected = []
    while len(expected) < len(fitted.history_):
        labels = ((x[:, None] - centres[None]) ** 2).sum(2).argmin(1)
        expected.append(((x - centres[labels]) ** 2).sum(1).mean())
        centres = np.stack([x[labels == k].mean(0) for k in range(4)])
        expected.append(((x - centres[labels]) ** 2).sum(1).mean())
    np.testing.assert_allclose(fitted.history_, expected, rtol=1e-12)


def test_history_keeps_its_digits_over_many_magnitudes():
    tight = np.repeat([[0.0], [1000.0], [3000.0]], 50, axis=0)
    x = tight + np.random.default_rng(0).normal(0, 1e-4, tight.shape)
    fitted = KMeans(3, init=np.array([[0.0], [400.0], [500.0]])).fit(x)
    assert fitted.history_[0] > 1e5
    assert fitted.history_[-1] == pytest.approx(x.reshape(3, 50).var(1).mean(), rel=1e-9)


@pytest.mark.catalogue("CLU-01")
def test_the_same_data_admits_several_groupings_and_j_judges_them():
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    by_column = KMeans(2, init=corners[[0, 2]]).fit(corners)
    by_row = KMeans(2, init=corners[[0, 1]]).fit(corners)
    assert adjusted_rand_score(by_column.labels_, by_row.labels_) < 0
    assert by_column.distortion_ == by_row.distortion_ == 0.25
    worse = KMeans(2, init=np.array([[0.5, 0.5], [9.0, 9.0]]), empty="remove").fit(corners)
    assert worse.distortion_ == 0.5


# Empty clusters


@pytest.mark.catalogue("CLU-04")
def test_both_policies_for_a_cluster_without_rows():
    x = blobs(200, 2, 3, 0.5)
    start = np.concatenate([x[:2], [[1e3, 1e3]]])  # nothing is nearest to the third
    moved = KMeans(3, init=start).fit(x)
    theirs = sklearn.cluster.KMeans(3, init=start, n_init=1).fit(x)
    assert (moved.n_clusters_, moved.empty_clusters_) == (3, 1)
    np.testing.assert_array_equal(moved.labels_, theirs.labels_)
    assert moved.inertia_ == pytest.approx(theirs.inertia_)

    fewer = KMeans(3, init=start, empty="remove").fit(x)
    assert (fewer.n_clusters_, fewer.empty_clusters_) == (2, 1)
    assert fewer.cluster_centers_.shape == (2, 2)
    assert fewer.transform(x).shape == (200, 2)
    assert list(fewer.get_feature_names_out()) == ["kmeans0", "kmeans1"]
    np.testing.assert_allclose(fewer.inertia_, KMeans(2, init=start[:2]).fit(x).inertia_)
    for fitted in (moved, fewer):
        assert np.isfinite(fitted.cluster_centers_).all()
        assert set(fitted.labels_) == set(range(fitted.n_clusters_))
        assert never_rises(fitted.history_)


def test_several_empty_clusters_at_once_get_rows_of_their_own():
    x = blobs(300, 5, 4, 1.0)
    start = np.concatenate([x[:1], 1e3 + np.arange(20.0).reshape(4, 5)])
    fitted = KMeans(5, init=start, tol=0).fit(x)
    theirs = sklearn.cluster.KMeans(5, init=start, n_init=1, tol=0).fit(x)
    assert fitted.empty_clusters_ >= 4
    assert fitted.inertia_ == pytest.approx(theirs.inertia_)
    assert np.bincount(fitted.labels_).min() > 0


def test_a_row_that_does_not_count_is_nobodys_new_centroid():
    x = np.array([[0.0], [1.0], [2.0], [1e6]])
    start = np.array([[1.0], [-1e7]])
    fitted = KMeans(2, init=start).fit(x, sample_weight=[1, 1, 1, 0])
    assert fitted.cluster_centers_.max() <= 2


@pytest.mark.parametrize("algorithm", ["lloyd", "minibatch"])
def test_more_clusters_than_distinct_rows(algorithm):
    x = np.repeat([[0.0, 1.0], [5.0, 5.0], [-4.0, 2.0]], 10, axis=0)
    settings = {"algorithm": algorithm, "random_state": 0}
    with pytest.warns(ConvergenceWarning, match="Only 3 of 5 clusters have rows"):
        fitted = KMeans(5, **settings).fit(x)
    assert fitted.inertia_ == pytest.approx(0, abs=1e-20)
    assert np.isfinite(fitted.cluster_centers_).all()
    removed = KMeans(5, empty="remove", **settings).fit(x)
    assert len(set(removed.labels_)) == 3
    if algorithm == "lloyd":
        assert removed.n_clusters_ == 3


def test_all_rows_equal():
    with pytest.warns(ConvergenceWarning):
        fitted = KMeans(2).fit(np.full((7, 3), 1e30, np.float32))
    assert fitted.inertia_ == 0
    np.testing.assert_array_equal(fitted.cluster_centers_, np.full((2, 3), 1e30, np.float32))


# Restarts


@pytest.mark.catalogue("CLU-12", "ERR-65")
def test_the_start_decides_and_the_best_restart_is_kept():
    x = blobs(400, 2, 8, 1.0)
    single = [KMeans(8, init="random_data", n_init=1, random_state=s).fit(x) for s in range(6)]
    assert len({round(one.distortion_, 6) for one in single}) > 1
    ten = KMeans(8, init="random_data", random_state=0).fit(x)
    assert len(ten.restarts_) == 10
    assert ten.inertia_ == ten.restarts_.min()
    assert ten.restarts_.max() > 1.01 * ten.inertia_


@pytest.mark.parametrize("init", ["k-means++", "random_data", "random_points"])
@pytest.mark.parametrize("n", [400, 40_000])
def test_a_restart_is_the_same_alone_and_among_others(init, n):
    x = blobs(n, 30, 6, 5.0, np.float32)
    settings = {"init": init, "random_state": 3, "max_iter": 12}
    seven, three = (KMeans(6, n_init=r, **settings).fit(x) for r in (7, 3))
    one = KMeans(6, n_init=1, **settings).fit(x)
    np.testing.assert_array_equal(seven.restarts_[:3], three.restarts_)
    assert one.inertia_ == seven.restarts_[0]


def test_restarts_from_given_starts():
    x = blobs()
    starts = np.stack([some_rows(x, 5, seed) for seed in range(4)])
    together = KMeans(5, init=starts).fit(x)
    alone = [KMeans(5, init=start).fit(x) for start in starts]
    np.testing.assert_array_equal(together.restarts_, [one.inertia_ for one in alone])
    best = min(alone, key=lambda one: one.inertia_)
    np.testing.assert_array_equal(together.cluster_centers_, best.cluster_centers_)
    assert together.history_ == best.history_


def test_restarts_that_do_not_fit_into_memory_together(monkeypatch):
    x = blobs(500, 3, 6, 3.0)
    whole = KMeans(6, n_init=5, random_state=0).fit(x)
    monkeypatch.setattr("gradlab.cluster.lloyd.STATE", 16 * 500 * 2)
    parts = KMeans(6, n_init=5, random_state=0).fit(x)
    np.testing.assert_array_equal(parts.restarts_, whole.restarts_)


@pytest.mark.parametrize("algorithm", ["lloyd", "minibatch"])
def test_the_same_bits_every_time_on_any_number_of_cores(algorithm, monkeypatch):
    x = blobs(60_000, 24, 9, 4.0, np.float32)
    settings = {"algorithm": algorithm, "random_state": 5, "max_iter": 10}
    first = KMeans(9, **settings).fit(x)
    for cores in (1, 3):
        monkeypatch.setattr("gradlab.cluster.team.cores", lambda cores=cores: cores)
        again = KMeans(9, **settings).fit(x)
        np.testing.assert_array_equal(again.cluster_centers_, first.cluster_centers_)
        np.testing.assert_array_equal(again.labels_, first.labels_)
        assert again.history_ == first.history_


# Laws

tables = st.integers(0, 2**31).map(lambda seed: np.random.default_rng(seed).normal(size=(40, 3)))


@settings(max_examples=25)
@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(x, random):
    order = list(range(len(x)))
    random.shuffle(order)
    plain, shuffled = (KMeans(4, init=x[:4]).fit(rows) for rows in (x, x[order]))
    np.testing.assert_array_equal(plain.labels_[order], shuffled.labels_)
    assert shuffled.inertia_ == pytest.approx(plain.inertia_, rel=1e-12)


@settings(max_examples=25)
@given(tables, st.lists(st.integers(0, 3), min_size=40, max_size=40))
def test_a_weight_is_a_number_of_copies(x, copies):
    if sum(copies) < 4:
        return
    start = x[:4]
    settings = {"init": start, "tol": 0, "empty": "remove"}
    weighted = KMeans(4, **settings).fit(x, sample_weight=copies)
    repeated = KMeans(4, **settings).fit(np.repeat(x, copies, axis=0))
    np.testing.assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_, atol=1e-12)
    assert weighted.inertia_ == pytest.approx(repeated.inertia_, rel=1e-12)
    assert weighted.distortion_ == pytest.approx(repeated.distortion_, rel=1e-12)


@settings(max_examples=25)
@given(tables, st.integers(-(10**4), 10**4), st.integers(-90, 90))
def test_moving_and_scaling_the_data_moves_and_scales_the_result(x, shift, exponent):
    start = x[:4]
    plain = KMeans(4, init=start).fit(x)
    moved = KMeans(4, init=start + shift).fit(x + shift)
    np.testing.assert_array_equal(moved.labels_, plain.labels_)
    assert moved.inertia_ == pytest.approx(plain.inertia_, rel=1e-9)
    scale = 10.0**exponent
    scaled = KMeans(4, init=start * scale).fit(x * scale)
    np.testing.assert_array_equal(scaled.labels_, plain.labels_)
    np.testing.assert_allclose(scaled.cluster_centers_ / scale, plain.cluster_centers_, atol=1e-12)
    assert scaled.distortion_ == pytest.approx(plain.distortion_ * scale**2, rel=1e-9)


@settings(max_examples=25)
@given(tables)
def test_float32_finds_what_float64_finds(x):
    start = x[:4]
    wide, narrow = (KMeans(4, init=start).fit(x.astype(t)) for t in (np.float64, np.float32))
    assert narrow.cluster_centers_.dtype == np.float32
    assert narrow.inertia_ == pytest.approx(wide.inertia_, rel=1e-5)


# Numbers at the edges


@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e15, 1e30])
def test_float32_neither_overflows_nor_vanishes(scale):
    x = blobs(200, 3, 3, 1.0, np.float32)
    start = x[:3]
    plain = KMeans(3, init=start).fit(x)
    scaled = KMeans(3, init=start * np.float32(scale)).fit(x * np.float32(scale))
    assert adjusted_rand_score(scaled.labels_, plain.labels_) == 1
    assert scaled.inertia_ == pytest.approx(plain.inertia_ * scale**2, rel=1e-4)
    assert scaled.score(x * np.float32(scale)) == pytest.approx(-scaled.inertia_, rel=1e-5)
    np.testing.assert_allclose(
        scaled.transform(x * np.float32(scale)) / scale, plain.transform(x), 1e-4
    )


def test_a_huge_constant_column_hides_nothing():
    x = blobs(200, 2, 3, 0.5, np.float32) * np.float32(1e-30)
    wide = np.column_stack([np.full(200, 1e30, np.float32), x])
    fitted = KMeans(3, random_state=0).fit(wide)
    assert adjusted_rand_score(fitted.labels_, KMeans(3, random_state=0).fit(x).labels_) == 1
    np.testing.assert_array_equal(fitted.cluster_centers_[:, 0], wide[:3, 0])
    np.testing.assert_array_equal(fitted.predict(wide), fitted.labels_)


def test_data_far_from_the_origin_keeps_its_digits():
    x = blobs(300, 2, 3, 0.5, np.float64)
    far = (x + 20_000).astype(np.float32)
    near = (far.astype(np.float64) - 20_000).astype(np.float32)  # exactly the same differences
    start = near[:3].astype(np.float64)
    one, other = KMeans(3, init=start).fit(near), KMeans(3, init=start + 20_000).fit(far)
    np.testing.assert_array_equal(one.labels_, other.labels_)
    assert other.inertia_ == pytest.approx(one.inertia_, rel=1e-4)
    near_zero = other.transform(other.cluster_centers_)
    assert np.abs(np.diag(near_zero)).max() < 1e-2


@pytest.mark.parametrize(
    ("dtype", "top", "words"),
    [(np.float64, 1e200, "squared distances"), (np.float32, 3e38, "range")],
)
def test_what_can_not_be_computed_is_refused(dtype, top, words):
    x = np.array([[-top], [-top / 2], [top / 2], [top]], dtype)
    with pytest.raises(DataError, match=words):
        KMeans(2, init=x[[0, 3]]).fit(x)


def test_one_row_more_features_than_rows_and_constant_columns():
    one = KMeans(1).fit([[3.0, 4.0]])
    np.testing.assert_array_equal(one.cluster_centers_, [[3, 4]])
    assert (one.inertia_, one.history_) == (0, [0.0, 0.0])
    wide = np.random.default_rng(0).normal(size=(6, 50))
    wide[:, 7] = 3
    fitted = KMeans(6, random_state=0).fit(wide)
    assert fitted.inertia_ == pytest.approx(0, abs=1e-20)
    assert sorted(fitted.labels_) == list(range(6))


# Mini-batches


def test_mini_batches_come_near_the_whole():
    x = blobs(20_000, 8, 6, 1.0, np.float32)
    whole = KMeans(6, random_state=0).fit(x)
    part = KMeans(6, algorithm="minibatch", random_state=0).fit(x)
    assert part.inertia_ < 1.02 * whole.inertia_
    assert adjusted_rand_score(part.labels_, whole.labels_) > 0.98
    assert part.history_[0] > part.history_[-1]
    assert 1 <= part.n_iter_ <= 300
    np.testing.assert_array_equal(part.predict(x), part.labels_)


def test_data_that_comes_in_parts():
    x = blobs(12_000, 5, 4, 1.0)
    model = KMeans(4, random_state=0)
    for part in np.split(x, 24):
        model.partial_fit(part)
    assert model.n_iter_ == len(model.history_) == 24
    assert model.counts_.sum() == 12_000
    assert -model.score(x) < 1.02 * KMeans(4, random_state=0).fit(x).inertia_


def test_a_part_moves_centroids_to_the_mean_of_all_rows_so_far():
    model = KMeans(2, init=np.array([[0.0], [10.0]]))
    model.partial_fit([[1.0], [3.0], [9.0]])
    np.testing.assert_allclose(model.cluster_centers_, [[2], [9]])
    model.partial_fit([[2.0], [5.0], [12.0]], sample_weight=[1, 1, 3])
    np.testing.assert_allclose(model.cluster_centers_, [[11 / 4], [45 / 4]])
    np.testing.assert_allclose(model.counts_, [4, 4])


def test_parts_go_on_after_a_fit():
    x = blobs(500, 2, 3, 0.5)
    model = KMeans(3, random_state=0).fit(x)
    before = model.cluster_centers_.copy()
    model.partial_fit(x[:100])
    assert model.counts_.sum() == 600
    assert 0 < np.abs(model.cluster_centers_ - before).max() < 0.5


# As a part of scikit-learn


def test_frames_in_and_out():
    polars = pytest.importorskip("polars")
    table = polars.DataFrame(blobs(50, 2, 2), schema=["a", "b"])
    model = KMeans(2, random_state=0).set_output(transform="polars").fit(table)
    assert list(model.feature_names_in_) == ["a", "b"]
    assert model.transform(table).columns == ["kmeans0", "kmeans1"]


def test_a_function_gives_the_start():
    def corners(x, n_clusters, random_state):
        assert isinstance(random_state, np.random.RandomState)
        return x[:n_clusters]

    x = blobs(100, 2, 3)
    ours = KMeans(3, init=corners, n_init=2).fit(x)
    np.testing.assert_array_equal(ours.restarts_, [KMeans(3, init=x[:3]).fit(x).inertia_] * 2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_clusters": 0}, "n_clusters: expected a whole number of at least 1, got 0"),
        ({"n_clusters": 2.0}, "n_clusters"),
        ({"n_clusters": True}, "n_clusters"),
        ({"init": "kmeans++"}, "Unknown init 'kmeans\\+\\+'. Did you mean 'k-means\\+\\+'"),
        ({"init": np.zeros((3, 1))}, "init: expected centroids of shape \\(2, 1\\)"),
        ({"init": FOUR[:2], "n_init": 3}, "n_init: expected 1"),
        ({"n_init": 0}, "n_init: expected a whole number of at least 1, or 'auto', got 0"),
        ({"n_init": "few"}, "n_init"),
        ({"max_iter": 0}, "max_iter"),
        ({"batch_size": -1}, "batch_size"),
        ({"tol": -1e-3}, "tol: expected a number of at least 0"),
        ({"tol": "small"}, "tol"),
        ({"empty": "keep"}, "Unknown empty 'keep'"),
        ({"algorithm": "loyd"}, "Did you mean 'lloyd'"),
    ],
)
def test_settings_that_make_no_sense(settings, words):
    with pytest.raises(RecipeError, match=words):
        KMeans(**{"n_clusters": 2, **settings}).fit(FOUR)


@pytest.mark.parametrize(
    ("x", "weights", "words"),
    [
        (FOUR[:1], None, "n_samples=1 and n_clusters=2"),
        ([[1.0], [np.nan]], None, "NaN"),
        ([[1.0], [np.inf]], None, "infinity"),
        ([["a"], ["b"]], None, "could not convert"),
        (FOUR, [1, 2], "sample_weight: expected 4 numbers"),
        (FOUR, [1, 1, 1, -1], "a negative one"),
        (FOUR, [0, 0, 0, 0], "only zeros"),
    ],
)
def test_data_that_can_not_be_clustered(x, weights, words):
    with pytest.raises(ValueError, match=words):
        KMeans(2).fit(x, sample_weight=weights)


@pytest.mark.catalogue("CLU-11")
def test_the_number_of_clusters_is_for_a_person_to_say():
    with pytest.raises(TypeError, match="n_clusters"):
        KMeans()  # pyright: ignore[reportCallIssue]
    found = elbow(blobs(60, 2, 3, 0.5), range(1, 5), random_state=0)
    assert never_rises(list(found.distortions))


def test_nothing_before_fit():
    for method in ("predict", "transform", "score"):
        with pytest.raises(NotFittedError):
            getattr(KMeans(2), method)(FOUR)
