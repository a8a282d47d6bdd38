"""Measures of samples, against closed forms and plain versions of themselves."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist, pdist
from sklearn.datasets import load_digits

from gradlab.errors import DataError, RecipeError
from gradlab.generative.measures import (
    FeatureNetwork,
    diversity,
    frechet_distance,
    mode_centres,
    mode_coverage,
    nearest_neighbours,
)


def test_frechet_distance_is_the_formula(rng):
    a, b = rng.normal(size=(300, 5)), rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5)) + 1
    c_a, c_b = np.cov(a.T), np.cov(b.T)
    shift = a.mean(axis=0) - b.mean(axis=0)
    plain = shift @ shift + np.trace(c_a + c_b - 2 * np.real(sqrtm(c_a @ c_b)))
    assert frechet_distance(a, b) == pytest.approx(plain, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(plain, rel=1e-9)


def test_frechet_distance_of_singular_covariances(rng):
    """Fewer rows than features and constant features: d² of lines is known, (σ_a − σ_b)²."""
    line = rng.normal(size=50)
    line = (line - line.mean()) / line.std(ddof=1)
    direction = np.eye(200)[3]
    a, b = 2.0 * line[:, None] * direction, 5.0 * line[::-1, None] * direction + 7.0
    assert frechet_distance(a, b) == pytest.approx(9 + 200 * 49, rel=1e-12)
    assert frechet_distance(a, a) < 1e-12
    assert frechet_distance(np.ones((3, 2)), np.ones((9, 2))) == 0


@pytest.mark.parametrize("scale", [1e-150, 1e160])
def test_frechet_distance_of_extreme_numbers(rng, scale):
    """Squares of such numbers leave float64, or all but leave it, on the way."""
    a = rng.normal(size=(20, 3))
    found = frechet_distance(a * scale, (a + 1) * scale)
    assert found == (np.inf if scale > 1 else pytest.approx(3 * scale * scale, rel=1e-9, abs=0))


def test_frechet_distance_in_blocks(rng, monkeypatch):
    a, b = rng.normal(size=(100, 4)), rng.normal(size=(90, 4))
    whole = frechet_distance(a, b)
    monkeypatch.setattr("gradlab.generative.measures.frechet.BLOCK", 7)
    assert frechet_distance(a, b) == pytest.approx(whole, rel=1e-12)


def test_diversity_is_the_ratio_of_mean_distances(rng):
    a, b = rng.normal(size=(40, 3)) + 1e6, 2 * rng.normal(size=(50, 3))
    assert diversity(a, b) == pytest.approx(pdist(a).mean() / pdist(b).mean(), rel=1e-6)
    assert diversity(np.tile(a[:1], (9, 1)), b) == 0
    large = rng.normal(size=(5000, 3))
    assert diversity(large, large) == pytest.approx(1, abs=0.05)


def test_coverage_of_modes(rng):
    angle = np.arange(8) * np.pi / 4
    centres = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    every = np.repeat(centres, 10, axis=0) + 0.01 * rng.normal(size=(80, 2))
    full = mode_coverage(every, centres)
    assert (full.hit, full.share, full.near) == (8, 1.0, 1.0)
    assert full.entropy == pytest.approx(1)
    collapsed = mode_coverage(every[:10], centres, radius=0.1)
    assert (collapsed.hit, collapsed.entropy) == (1, 0.0)
    assert collapsed.counts.tolist() == [10, 0, 0, 0, 0, 0, 0, 0]
    nowhere = mode_coverage(np.zeros((5, 2)), centres, radius=0.1)
    assert (nowhere.hit, nowhere.near, nowhere.entropy) == (0, 0.0, 0.0)
    assert mode_coverage(every, centres[:1]).entropy == 1
    assert mode_centres(centres, np.arange(8) // 4).shape == (2, 2)


@pytest.mark.catalogue("GEN-10")
def test_nearest_training_row_of_each_sample(rng):
    """Index and distance of each sample's nearest row; none of fresh samples is a copy."""
    data, samples = rng.normal(size=(500, 20)), rng.normal(size=(60, 20))
    found = nearest_neighbours(samples, data)
    plain = cdist(samples, data)
    assert found.index.tolist() == plain.argmin(axis=1).tolist()
    assert found.distance == pytest.approx(plain.min(axis=1))
    assert not found.is_copy.any()
    assert np.median(found.ratio) == pytest.approx(1, abs=0.1)
    copied = nearest_neighbours(np.concatenate([samples, data[[7]] + 1e-3]), data)
    assert copied.is_copy.tolist() == [False] * 60 + [True]
    assert copied.index[-1] == 7


def test_neighbours_in_blocks(rng, monkeypatch):
    data, samples = rng.normal(size=(700, 4)) + 100, rng.normal(size=(33, 4)) + 100
    whole = nearest_neighbours(samples, data)
    monkeypatch.setattr("gradlab.generative.neighbours.BLOCK_NUMBERS", 2560)
    parts = nearest_neighbours(samples, data)
    assert (parts.index == whole.index).all()
    assert parts.typical == pytest.approx(whole.typical, rel=1e-9)


def test_samples_of_dense_data_are_no_copies(rng):
    """On a line a thousand rows lie so near each other that a small distance proves nothing."""
    data, samples = rng.normal(size=(2000, 1)), rng.normal(size=(500, 1))
    assert nearest_neighbours(samples, data).is_copy.mean() < 0.02


def test_neighbours_among_equal_rows():
    found = nearest_neighbours(np.array([[1.0], [2.0]]), np.ones((4, 1)))
    assert found.typical == 0
    assert found.is_copy.tolist() == [True, False]
    assert found.ratio.tolist() == [0.0, np.inf]
    assert nearest_neighbours([[1.0]], [[3.0]]).distance.tolist() == [2.0]


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return (data.images[..., None] / 16).astype(np.float32), data.target


@pytest.mark.parametrize("labelled", [True, False])
def test_features_know_the_classes(digits, labelled, tmp_path):
    """A lone class is farther from the data than other rows of it, in pixels' own measure too."""
    images, labels = digits
    network = FeatureNetwork.fit(images[:600], labels[:600] if labelled else None)
    data = network.features(images[600:1000])
    others = network.features(images[1000:1400])
    one = network.features(images[1000:1797][labels[1000:1797] == 3])
    assert frechet_distance(data, one) > 3 * frechet_distance(data, others)
    loaded = FeatureNetwork.load(network.save(tmp_path / "features.safetensors"))
    assert (loaded.features(images[:9]) == network.features(images[:9])).all()
    again = FeatureNetwork.fit(images[:600], labels[:600] if labelled else None)
    assert (again.features(images[:9]) == network.features(images[:9])).all()


def test_features_of_rectangles(rng):
    images = rng.uniform(size=(12, 5, 9, 3))
    assert FeatureNetwork.fit(images).features(images[:4]).shape == (4, 128)


def test_features_of_bytes_are_those_of_shares(digits):
    images, labels = digits
    as_bytes = np.round(images[:200] * 255).astype(np.uint8)
    network = FeatureNetwork.fit(as_bytes, labels[:200])
    found = network.features(as_bytes / np.float32(255))
    np.testing.assert_array_equal(found, network.features(as_bytes))
    assert found.std(axis=0).max() > 0.1
    with pytest.raises(DataError, match="got 0 to 255 as float64"):
        network.features(as_bytes * 1.0)


def test_what_measures_refuse(digits):
    images, labels = digits
    with pytest.raises(DataError, match="at least 2 examples"):
        frechet_distance(np.ones((1, 2)), np.ones((5, 2)))
    with pytest.raises(DataError, match=r"row 1, column 0 \(from 0\) is nan"):
        diversity([[0.0], [np.nan]], [[0.0], [1.0]])
    with pytest.raises(DataError, match="expected numbers"):
        nearest_neighbours([["a"], ["b"]], [[0.0]])
    with pytest.raises(DataError, match="got 1 and 2 numbers each"):
        nearest_neighbours([[0.0]], [[0.0, 1.0]])
    with pytest.raises(DataError, match="all are equal"):
        diversity([[0.0], [1.0]], np.ones((4, 1)))
    with pytest.raises(RecipeError, match="radius: expected a number above 0"):
        mode_coverage([[0.0]], [[0.0]], radius=0)
    with pytest.raises(RecipeError, match="copy: expected a number of at least 0"):
        nearest_neighbours([[0.0]], [[0.0]], copy=-1)
    with pytest.raises(DataError, match="one for each of 2 rows"):
        mode_centres([[0.0], [1.0]], [1])
    with pytest.raises(DataError, match="Grey images have one channel"):
        FeatureNetwork.fit(images[..., 0])
    with pytest.raises(DataError, match="of at least two kinds"):
        FeatureNetwork.fit(images, np.zeros(len(images)))
    broken = images[:20].copy()
    broken[7] = np.nan
    with pytest.raises(DataError, match="image 7"):
        FeatureNetwork.fit(broken, labels[:20])
