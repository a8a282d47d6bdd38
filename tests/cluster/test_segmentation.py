"""Images in K colours, and scores against what people see."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import rand_score

from gradlab.cluster.segmentation import (
    connected_regions,
    score_segmentation,
    segment_colours,
)
from gradlab.errors import DataError, RecipeError

FOLDER = os.environ.get("GRADLAB_DATA")


@pytest.fixture
def photo(rng):
    """Return a noisy image of four fields."""
    fields = np.array([[[200, 30, 30], [30, 180, 40]], [[30, 40, 200], [230, 220, 60]]])
    image = fields.repeat(20, axis=0).repeat(30, axis=1) + rng.normal(0, 12, (40, 60, 3))
    return image.clip(0, 255).round().astype(np.uint8)


def colours_of(image):
    return len(np.unique(image.reshape(-1, image.shape[2]), axis=0))


@pytest.mark.catalogue("CLU-08", "CMP-08")
def test_images_have_exactly_k_colours_and_distortion_falls(photo):
    found = segment_colours(photo, (2, 3, 10))
    assert [colours_of(found.images[k]) for k in (2, 3, 10)] == [2, 3, 10]
    assert found.distortions[2] > found.distortions[3] > found.distortions[10]
    assert found.psnr[2] < found.psnr[3] < found.psnr[10]
    for k, image in found.images.items():
        np.testing.assert_array_equal(image, found.palettes[k][found.labels[k]])
        assert found.counts[k].sum() == 2400
        mse = np.mean((image.astype(float) - photo) ** 2)
        assert found.distortions[k] == pytest.approx(3 * mse)
        assert found.psnr[k] == pytest.approx(10 * math.log10(255**2 / mse))
    assert found.sentences[0].startswith("K = 2: 2 colours, distortion")


def test_the_palette_is_the_mean_of_its_pixels_and_each_pixel_has_the_nearest(photo):
    found = segment_colours(photo, (4,))
    pixels = photo.reshape(-1, 3).astype(float)
    groups = found.labels[4].ravel()
    means = np.stack([pixels[groups == g].mean(axis=0) for g in range(4)])
    assert np.abs(means - found.palettes[4]).max() <= 0.51  # rounded
    distances = ((pixels[:, None] - means[None]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(distances.argmin(axis=1), groups)
    assert (np.diff(found.palettes[4].sum(axis=1, dtype=int)) >= 0).all()  # darkest first


def test_grey_alpha_and_plain_images_keep_their_form(photo):
    grey = photo[:, :, 0]
    for image in (grey, grey[:, :, None]):
        found = segment_colours(image, (3,))
        assert found.images[3].shape == image.shape
        assert len(np.unique(found.images[3])) == 3
    alpha = np.where(np.arange(60) < 30, 255, 0).astype(np.uint8)
    rgba = np.dstack([photo, np.broadcast_to(alpha, (40, 60))])
    found = segment_colours(rgba, (2,))
    np.testing.assert_array_equal(found.images[2][:, :, 3], rgba[:, :, 3])
    seen = segment_colours(photo[:, :30], (2,))  # what is transparent does not count
    np.testing.assert_array_equal(found.palettes[2], seen.palettes[2])
    nothing = rgba.copy()
    nothing[:, :, 3] = 0
    assert colours_of(segment_colours(nothing, (2,)).images[2][:, :, :3]) == 2


def test_fewer_colours_than_k_leave_the_image_as_it_is():
    one = np.full((4, 5, 3), 77, np.uint8)
    found = segment_colours(one, (1, 3))
    np.testing.assert_array_equal(found.images[3], one)
    assert (found.n_different, found.distortions[3], found.psnr[3]) == (1, 0.0, math.inf)
    assert "1 colours (the image has no more than 1)" in found.sentences[1]
    two = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    np.testing.assert_array_equal(segment_colours(two, (10,)).images[10], two)


@given(seed=st.integers(0, 10_000), k=st.integers(2, 8))
@settings(max_examples=30)
def test_means_that_round_alike_are_still_k_colours(seed, k):
    rng = np.random.default_rng(seed)
    image = rng.integers(100, 103, size=(5, 6, 3)).astype(np.uint8)
    found = segment_colours(image, (k,))
    assert colours_of(found.images[k]) == min(k, found.n_different)


def test_position_holds_groups_together(photo):
    apart = segment_colours(photo, (4,))
    together = segment_colours(photo, (4,), position_weight=2.0)
    regions = [connected_regions(s.labels[4]).max() for s in (apart, together)]
    assert regions[1] <= regions[0]
    flat = np.full((30, 30, 3), 9, np.uint8)
    flat[0, 0] = 10
    flat[9, 9] = 12
    halves = segment_colours(flat, (2,), position_weight=1.0).labels[2]
    assert 300 < halves.sum() < 600  # by place, for there is no colour to go by


def test_the_fit_of_a_large_image_takes_a_sample_and_assigns_all(rng, monkeypatch):
    from gradlab.cluster import segmentation

    monkeypatch.setattr(segmentation, "MOST_PIXELS", 500)
    image = rng.integers(0, 256, size=(60, 60, 3)).astype(np.uint8)
    found = segment_colours(image, (3,))
    assert found.counts[3].sum() == 3600
    again = segment_colours(image, (3,))
    np.testing.assert_array_equal(again.images[3], found.images[3])


class TestScores:
    @given(seed=st.integers(0, 1000))
    def test_they_are_the_definitions(self, seed):
        rng = np.random.default_rng(seed)
        a, b = rng.integers(0, 4, (2, 6, 7))
        score = score_segmentation(a, [b])
        assert score.rand[0] == pytest.approx(rand_score(b.ravel(), a.ravel()))
        joint = np.array([[np.mean((a == i) & (b == j)) for j in range(4)] for i in range(4)])

        def entropy(p):
            return -np.sum(p[p > 0] * np.log2(p[p > 0]))

        vi = 2 * entropy(joint) - entropy(joint.sum(axis=0)) - entropy(joint.sum(axis=1))
        assert score.variation[0] == pytest.approx(vi, abs=1e-12)
        best = [
            max(np.sum((a == i) & (b == j)) / np.sum((a == i) | (b == j)) for i in np.unique(a))
            for j in range(4)
            if (b == j).any()
        ]
        sizes = [np.mean(b == j) for j in range(4) if (b == j).any()]
        assert score.covering[0] == pytest.approx(np.dot(best, sizes))

    @given(seed=st.integers(0, 1000))
    def test_names_of_labels_do_not_matter_and_the_same_map_is_perfect(self, seed):
        rng = np.random.default_rng(seed)
        a = rng.integers(0, 5, (8, 8))
        renamed = rng.permutation(5)[a] * 7 - 3
        score = score_segmentation(renamed, [a])
        found = (score.rand[0], score.variation[0], score.covering[0])
        assert found == pytest.approx((1, 0, 1))

    def test_regions_or_labels_are_said(self):
        a = np.array([[0, 1, 0], [0, 1, 0]])
        sides = np.array([[1, 2, 3], [1, 2, 3]])
        labels = score_segmentation(a, [sides])
        regions = score_segmentation(a, [sides], compare="regions")
        assert (labels.n_parts, regions.n_parts) == (2, 3)
        assert regions.rand[0] == 1 > labels.rand[0]
        assert labels.sentence.startswith("2 colour labels against the regions of 1 people")
        assert regions.sentence.startswith("3 connected regions of one colour")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: segment_colours(np.zeros((2, 2, 3))), DataError, r"uint8.*\(2, 2, 3\) of float64"),
        (lambda: segment_colours(np.zeros((2, 2, 2), np.uint8)), DataError, "1, 3 or 4"),
        (lambda: segment_colours(np.zeros((0, 2), np.uint8)), DataError, r"shape \(0, 2\)"),
        (lambda: segment_colours(np.zeros((2, 2), np.uint8), (0,)), RecipeError, r"ks=\[0\]"),
        (
            lambda: segment_colours(np.zeros((2, 2), np.uint8), position_weight=-1.0),
            RecipeError,
            "position_weight",
        ),
        (lambda: score_segmentation(np.zeros((2, 2), int), []), DataError, "human segmentations"),
        (
            lambda: score_segmentation(np.zeros((2, 2), int), [np.zeros((2, 3), int)]),
            DataError,
            r"shape \(2, 2\), got shapes \[\(2, 3\)\]",
        ),
        (
            lambda: score_segmentation(
                np.zeros((2, 2), int), [np.zeros((2, 2), int)], compare="region"
            ),
            RecipeError,
            "Did you mean 'regions'",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER, reason="needs GRADLAB_DATA")
def test_photos_against_people():
    """16 BSDS photos: colours tell more than one part for all, and than a part of chance."""
    from PIL import Image
    from scipy.io import loadmat

    root = Path(FOLDER or "") / "bsds500-subset"
    scores: dict[str, list[float]] = {"one part": [], "chance": [], "2": [], "3": [], "10": []}
    for path in sorted(root.glob("images/*/*.jpg")):
        truth = loadmat(root / "groundTruth" / path.parent.name / f"{path.stem}.mat")
        people = [cell["Segmentation"][0, 0].astype(int) for cell in truth["groundTruth"][0]]
        found = segment_colours(np.asarray(Image.open(path)), (2, 3, 10))
        assert [colours_of(found.images[k]) for k in (2, 3, 10)] == [2, 3, 10]
        assert found.distortions[2] > found.distortions[3] > found.distortions[10]
        shape = found.labels[3].shape
        maps = {
            "one part": np.zeros(shape, int),
            "chance": np.random.default_rng(0).permutation(found.labels[3].ravel()).reshape(shape),
        }
        for name, labels in (maps | {str(k): v for k, v in found.labels.items()}).items():
            scores[name].append(score_segmentation(labels, people).rand.mean())
        ours = score_segmentation(found.labels[3], people)
        assert 0 < ours.covering.mean() < 1
        assert ours.variation.min() > 0
    assert len(scores["3"]) == 16
    means = {name: np.mean(values) for name, values in scores.items()}
    assert means["3"] > max(means["one part"], means["chance"]) + 0.05
    # In 14 of 16 photos or more, which for equals would happen once in 500 times.
    assert np.sum(np.array(scores["3"]) > scores["chance"]) >= 14
