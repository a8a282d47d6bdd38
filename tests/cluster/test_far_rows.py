"""Rows far from all others, weights of unlike size, single columns: no other row pays for them."""

import numpy as np
import pytest

from gradlab.cluster import FuzzyKMeans, KMeans, critical_beta, market_groups

FOUR = np.array([[0.0], [10.0], [1.0], [11.0]])


@pytest.mark.parametrize(
    ("dtype", "far"), [(np.float32, 1e7), (np.float32, 1e30), (np.float64, 1e200)]
)
def test_the_nearest_centroid_does_not_depend_on_the_other_rows(dtype, far):
    fitted = KMeans(2, init=FOUR[:2]).fit(FOUR.astype(dtype))
    asked = np.array([[10.0], [0.0], [far]], dtype)
    kept = asked.copy()
    assert fitted.predict(asked).tolist() == [1, 0, 1]
    np.testing.assert_array_equal(asked, kept)  # the caller's table is not written to
    assert fitted.predict(np.array([[-far], [10.0]], dtype)).tolist() == [0, 1]
    apart = fitted.transform(np.array([[10.0], [far]], dtype))
    np.testing.assert_allclose(apart[0], [9.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(apart[1], far, rtol=1e-5)


def test_a_start_beyond_the_range_wins_no_row():
    fitted = KMeans(2, init=np.array([[0.0], [1e30]]), empty="remove").fit(FOUR.astype(np.float32))
    assert fitted.n_clusters_ == 1
    np.testing.assert_allclose(fitted.cluster_centers_, 5.5)


def test_labels_are_what_predict_gives_for_the_same_rows():
    for seed in range(20):
        rows = np.round(np.random.default_rng(seed).normal(size=(200, 2)), 1) + 1e6
        for dtype in (np.float32, np.float64):
            x = rows.astype(dtype)
            fitted = KMeans(4, random_state=seed).fit(x)
            np.testing.assert_array_equal(fitted.labels_, fitted.predict(x))


def test_heavy_rows_leave_no_rounding_in_the_means_of_light_ones():
    for seed in range(30):
        generator = np.random.default_rng(seed)
        x, weight = generator.normal(size=(40, 2)), 10.0 ** generator.choice([-16, 0], 40)
        fitted = KMeans(5, random_state=seed).fit(x, sample_weight=weight)
        for cluster in np.unique(fitted.labels_):
            own = fitted.labels_ == cluster
            mean = np.average(x[own], axis=0, weights=weight[own])
            np.testing.assert_allclose(fitted.cluster_centers_[cluster], mean, atol=1e-12)


def test_rows_without_weight_begin_no_cluster():
    x = np.concatenate([np.random.default_rng(0).normal(size=(100, 2)), np.full((100, 2), 1e6)])
    weight = np.repeat([1.0, 0.0], 100)
    for seed in range(20):
        fitted = KMeans(8, random_state=seed).partial_fit(x, sample_weight=weight)
        assert np.abs(fitted.cluster_centers_).max() < 10


def test_a_fit_forgets_the_draws_of_an_earlier_partial_fit():
    x = np.random.default_rng(0).normal(size=(200, 2))
    model = KMeans(3, random_state=0)
    first = model.fit(x).partial_fit(x).cluster_centers_
    np.testing.assert_array_equal(model.fit(x).partial_fit(x).cluster_centers_, first)


@pytest.mark.parametrize(
    ("dtype", "spread"), [(np.float32, 1e4), (np.float32, 1e6), (np.float64, 1e9)]
)
def test_memberships_of_a_single_wide_column_add_up_to_1(dtype, spread):
    x = (np.random.default_rng(0).normal(size=(500, 1)) * spread).astype(dtype)
    fitted = FuzzyKMeans(3, random_state=0).fit(x)
    np.testing.assert_allclose(fitted.memberships(x).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(fitted.memberships(x[:1] * 1e9).sum(), 1, rtol=1e-5)


def test_a_far_row_leaves_the_memberships_of_the_others():
    fitted = FuzzyKMeans(2, random_state=0).fit(FOUR.astype(np.float32))
    alone = fitted.memberships(FOUR.astype(np.float32))
    beside = fitted.memberships(np.append(FOUR, [[1e25]], axis=0).astype(np.float32))
    np.testing.assert_allclose(beside[:4], alone, atol=1e-5)
    assert beside.dtype == np.float32


def test_measures_of_any_size_make_groups():
    sizes = np.array([[1e30], [1.1e30], [5e30], [5.1e30], [9e30], [9.1e30]], np.float32)
    assert market_groups(sizes, random_state=0).counts.tolist() == [2, 2, 2]


def test_critical_stiffness_refuses_what_is_no_number():
    with pytest.raises(ValueError, match="NaN"):
        critical_beta(np.array([[np.nan], [1.0]]))
