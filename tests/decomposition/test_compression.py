"""Compression of pictures by their own principal components."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_sample_image

from gradlab.decomposition import PCA, compress_image, compress_images
from gradlab.errors import DataError, RecipeError
from gradlab.metrics.images import psnr, ssim


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(load_sample_image("flower.jpg")[100:250, 200:395])


@pytest.mark.catalogue("DIM-11")
@pytest.mark.parametrize("patch", [None, 8])
@pytest.mark.parametrize("stored", ["float16", "float32"])
def test_quality_rises_with_components_and_bytes_are_told(patch, stored, photo):
    counts = [1, 2, 5, 10, 20, 50]
    found = compress_image(photo, counts, patch=patch, stored=stored)
    table = found.table
    assert table["components"].to_list() == counts
    assert (np.diff(table["psnr"]) > 0).all()
    assert (np.diff(table["bytes"]) > 0).all()
    rows, features = (150, 195 * 3) if patch is None else (19 * 25, 8 * 8 * 3)
    size = np.dtype(stored).itemsize
    for n, own in table.select("components", "bytes").iter_rows():
        assert own == (rows * n + n * features + features) * size
        kept = found.by_components[n]
        assert own == sum(len(part.tobytes()) for part in (kept.codes, kept.basis, kept.mean))
    pictures = found.images()
    assert pictures[50].shape == photo.shape
    assert table["psnr"][-1] == pytest.approx(psnr(photo, pictures[50]))
    assert table["ssim"][-1] == pytest.approx(ssim(photo, pictures[50]))
    np.testing.assert_allclose(table["ratio"], photo.nbytes / table["bytes"].to_numpy())


def test_what_is_shown_comes_from_what_is_stored(photo):
    lines = photo.reshape(len(photo), -1) / 255
    pca = PCA(10).fit(lines)
    by_hand = pca.inverse_transform(pca.transform(lines)).reshape(photo.shape)
    shown = compress_image(photo, 10, stored="float32").images()[10]
    assert np.abs(shown - np.clip(255 * by_hand, 0, 255)).max() < 0.51


@pytest.mark.parametrize("patch", [None, 1, 7, 8])
@pytest.mark.parametrize("channels", [None, 1, 3])
def test_all_components_give_the_picture_back(patch, channels, photo):
    image = photo[:60, :45, 0] if channels is None else photo[:60, :45, :channels]
    features = (45 if patch is None else patch**2) * (channels or 1)
    rows = 60 if patch is None else -(-60 // patch) * -(-45 // patch)
    n = min(rows, features)
    found = compress_image(image, n, patch=patch, stored="float32")
    np.testing.assert_array_equal(found.images()[n], image)
    assert found.table["psnr"][0] == np.inf


def test_patches_beat_lines_on_a_photo(photo):
    lines = compress_image(photo, 10).table
    blocks = compress_image(photo, 10, patch=8).table
    assert blocks["bytes"][0] < 1.3 * lines["bytes"][0]
    assert blocks["psnr"][0] > lines["psnr"][0]


def test_pictures_of_one_kind_share_a_basis():
    digits = (load_digits().images[:500] * 15).astype(np.uint8)
    found = compress_images(digits, [2, 8, 32])
    assert (np.diff(found.table["psnr"]) > 0).all()
    assert (np.diff(found.table["ssim"]) > 0).all()
    assert found.images()[8].shape == digits.shape
    assert found.table["bytes"][1] == (500 * 8 + 8 * 64 + 64) * 2
    colour = np.random.default_rng(0).integers(0, 256, (5, 8, 9, 3)).astype(np.uint8)
    np.testing.assert_array_equal(compress_images(colour, 5, stored="float32").images()[5], colour)


def test_a_picture_of_one_colour(photo):
    plain = np.full((16, 16, 3), 200, np.uint8)
    found = compress_image(plain, 1)
    np.testing.assert_array_equal(found.images()[1], plain)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_components": 0}, r"lie between 1 and 60.*got \[0\]"),
        ({"n_components": 61}, r"lie between 1 and 60.*got \[61\]"),
        ({"n_components": []}, r"got \[\]"),
        ({"n_components": 1, "patch": 0}, "a block in pixels, from 1; got 0"),
        ({"n_components": 1, "stored": "int8"}, "Unknown precision 'int8'"),
        ({"n_components": 1, "patch": 100}, "of at least 2 rows"),
    ],
)
def test_refused(change, message, photo):
    with pytest.raises(RecipeError, match=message):
        compress_image(photo[:60, :90], **change)


def test_only_bytes_are_pictures(photo):
    for image in (photo / 255, photo[0, :, 0], photo[:0]):
        with pytest.raises(DataError, match="expected one picture"):
            compress_image(image, 1)
