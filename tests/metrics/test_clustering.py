"""Measures of clusterings: scikit-learn's numbers, and what is refused."""

import numpy as np
import pytest
import sklearn.metrics as peer

from gradlab import metrics
from gradlab.errors import DataError

PEERS = {
    "adjusted_rand_index": peer.adjusted_rand_score,
    "normalized_mutual_information": peer.normalized_mutual_info_score,
    "homogeneity": peer.homogeneity_score,
    "completeness": peer.completeness_score,
    "v_measure": peer.v_measure_score,
}


@pytest.fixture
def labels(rng):
    y = rng.integers(0, 4, 60)
    return y, np.where(rng.random(60) < 0.3, rng.integers(0, 5, 60), y)


@pytest.mark.parametrize("name", PEERS)
def test_measures_against_truth_are_those_of_scikit_learn(name, labels):
    measure = metrics.CLUSTERING[name]
    assert measure(*labels) == pytest.approx(PEERS[name](*labels))
    y, clusters = labels
    renamed = np.array(list("edcba"))[clusters]
    assert measure(y, renamed) == pytest.approx(measure(y, clusters))  # names don't count
    assert measure(y, y) == pytest.approx(1)


def test_every_measure_against_truth_is_tested():
    assert set(PEERS) == set(metrics.CLUSTERING)


def test_chance_is_0_for_the_adjusted_index_only(rng):
    y, clusters = rng.integers(0, 3, 2000), rng.integers(0, 200, 2000)
    assert metrics.adjusted_rand_index(y, clusters) == pytest.approx(0, abs=0.01)
    assert metrics.normalized_mutual_information(y, clusters) > 0.02


def test_measures_of_distances_are_those_of_scikit_learn(rng, labels):
    _, clusters = labels
    x = rng.normal(size=(60, 3)) + clusters[:, None]
    assert metrics.silhouette(x, clusters) == pytest.approx(peer.silhouette_score(x, clusters))
    for ours, theirs in (
        (metrics.davies_bouldin, peer.davies_bouldin_score),
        (metrics.calinski_harabasz, peer.calinski_harabasz_score),
    ):
        assert ours(x, clusters) == pytest.approx(theirs(x, clusters))


def test_silhouette_of_many_rows_is_that_of_a_sample(rng):
    clusters = np.arange(1000) % 2
    x = rng.normal(size=(1000, 2)) + 5 * clusters[:, None]
    sampled = metrics.silhouette(x, clusters, n_rows=200)
    assert sampled == pytest.approx(metrics.silhouette(x, clusters), abs=0.05)
    assert sampled == metrics.silhouette(x, clusters, n_rows=200)


@pytest.mark.parametrize("clusters", [[0, 0, 0], [0, 1, 2]])
def test_one_cluster_or_one_a_row_has_no_distances(clusters):
    with pytest.raises(DataError, match="2 to 2 of them"):
        metrics.silhouette(np.eye(3), clusters)


def test_lengths_that_differ_are_refused():
    with pytest.raises(DataError, match="same rows"):
        metrics.adjusted_rand_index([0, 1], [0])
