"""The search for the two nearest centroids in machine code, against sorting all scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.cluster import nearest, search
from gradlab.cluster.kmeans import KMeans
from gradlab.cluster.search import Search
from gradlab.native.machine import Registers, registers

has_search = pytest.mark.skipif(registers() is None, reason="no loops for this processor")


def scores(rows, centroids):
    wide, c = rows.astype(np.float64), centroids.astype(np.float64)
    return np.vecdot(c, c) - 2 * wide @ c.T


def made(n, d, k, dtype, seed=0):
    rng = np.random.default_rng(seed)
    rows, centroids = rng.normal(size=(n, d)).astype(dtype), rng.normal(size=(k, d)).astype(dtype)
    return rows, centroids, Search((-2 * centroids).T, np.vecdot(centroids, centroids))


@has_search
@settings(max_examples=60)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 70),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 10**6),
)
def test_it_finds_the_two_smallest_scores_and_whose_the_first_is(n, d, k, dtype, seed):
    rows, centroids, find = made(n, d, k, dtype, seed)
    near, far, first = find(rows)
    right = scores(rows, centroids)
    ordered = np.sort(right, axis=1)
    tolerance = 40 * np.finfo(dtype).eps * (np.abs(right).max() + d)
    np.testing.assert_allclose(near, ordered[:, 0], atol=tolerance)
    np.testing.assert_allclose(right[np.arange(n), first.astype(int)], near, atol=tolerance)
    if k > 1:
        np.testing.assert_allclose(far, ordered[:, 1], atol=tolerance)
    else:
        assert np.isinf(far).all()


@has_search
@pytest.mark.parametrize("k", [3, 8, 21])
def test_the_first_of_equals_is_found_and_the_second_is_as_near(k):
    centroids = np.ones((k, 4), np.float32)
    find = Search((-2 * centroids).T, np.vecdot(centroids, centroids))
    near, far, first = find(np.eye(4, dtype=np.float32))
    assert (first == 0).all()
    np.testing.assert_array_equal(near, far)


@has_search
def test_rows_have_the_same_bits_alone_and_among_others():
    rows, _, find = made(203, 9, 20, np.float32)
    whole = find(rows)
    which = np.random.default_rng(1).permutation(203)[:77]
    np.testing.assert_array_equal(find(rows[which]), whole[:, which])
    np.testing.assert_array_equal(find(rows[100:150]), whole[:, 100:150])
    np.testing.assert_array_equal(find(rows[31:32]), whole[:, [31]])
    assert find(rows[:0]).shape == (3, 0)


@has_search
def test_a_centroid_out_of_the_game_is_never_found():
    rows, centroids, _ = made(50, 3, 12, np.float64)
    squares = np.vecdot(centroids, centroids)
    squares[[0, 5]] = np.inf
    _, _, first = Search((-2 * centroids).T, squares)(rows)
    assert not np.isin(first, [0, 5]).any()


@has_search
@pytest.mark.parametrize("known", [Registers(16, 8), Registers(64, 8)])
def test_every_width_of_register_gives_the_same_scores(known, monkeypatch):
    rows, centroids, find = made(45, 7, 37, np.float32)
    expected = find(rows)
    monkeypatch.setattr(search, "registers", lambda: known)
    monkeypatch.setattr(search, "_code", search._code.__wrapped__)
    again = Search((-2 * centroids).T, np.vecdot(centroids, centroids))
    np.testing.assert_array_equal(again(rows), expected)


@has_search
def test_kmeans_finds_the_same_groups_with_it_and_without(monkeypatch):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(12, 8)) * 4)[rng.integers(0, 12, 6000)] + rng.normal(size=(6000, 8))
    monkeypatch.setattr(nearest, "SEARCHED", 1)
    ours = KMeans(12, random_state=0).fit(x)
    monkeypatch.setattr(nearest, "can_search", lambda dtype: False)
    plain = KMeans(12, random_state=0).fit(x)
    np.testing.assert_array_equal(ours.labels_, plain.labels_)
    np.testing.assert_allclose(ours.cluster_centers_, plain.cluster_centers_, rtol=1e-9)
    assert ours.n_iter_ == plain.n_iter_
    np.testing.assert_array_equal(ours.predict(x[:100]), plain.predict(x[:100]))
