"""What contact sheets of augmentation contain."""

import base64

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.nn import row_key
from gradlab.nn.augmentation import (
    Brightness,
    Crop,
    Elastic,
    Mirror,
    Rotate,
    Shear,
    Translate,
    Zoom,
)
from gradlab.plots.augmentation import (
    augmentation_figure,
    contact_sheet,
    image_tiles,
    ten_crop_figure,
)


def png_size(figure):
    """Return width and height that the header of the picture states."""
    (trace,) = figure.data
    header = base64.b64decode(trace.source.split(",", 1)[1])[16:24]
    return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")


def names(figure):
    return list(figure.layout.yaxis.ticktext), list(figure.layout.xaxis.ticktext)


def test_tiles_hold_the_images_unchanged_and_are_clear_around_them(rng):
    small, large = rng.uniform(size=(4, 6, 3)), rng.uniform(size=(12, 12, 3))
    tiles = image_tiles([[small, large]])
    assert tiles.shape == (1, 2, 13, 13, 4)
    for tile, image in zip(tiles[0], (small, large), strict=True):
        inside = tile[..., 3] == 255
        assert inside.sum() == image.shape[0] * image.shape[1]
        assert set(np.unique(tile[..., 3])) <= {0, 255}
        shown = tile[inside][:, :3].reshape(image.shape)
        np.testing.assert_array_equal(shown, np.rint(255 * image))


def test_grey_is_shown_as_grey_and_pixels_out_of_range_are_clipped():
    image = np.array([-1.0, 0.5, 2.0]).reshape(1, 3, 1)
    tiles = image_tiles([[image]])
    shown = tiles[0, 0][tiles[0, 0, ..., 3] == 255]
    np.testing.assert_array_equal(shown[:, :3], np.repeat([[0], [128], [255]], 3, axis=1))


@pytest.mark.catalogue("PIC-38")
class TestAugmentationGalleries:
    """Affine MNIST, morphing, crops, ten crops."""

    @pytest.mark.parametrize("channels", [1, 3])
    def test_a_row_for_each_augmentation_with_the_original_first(self, channels, rng):
        images = rng.uniform(size=(2, 12, 10, channels)).astype(np.float32)
        layers = {
            "translation": Translate(),
            "rotation": Rotate(),
            "zoom": Zoom(),
            "shear": Shear(),
            "mirror": Mirror(),
            "morphing": Elastic(),
            "crop": Crop(padding=2, size=8),
        }
        figure = augmentation_figure(images, layers, draws=4)
        assert names(figure) == (list(layers), ["original", "1", "2", "3", "4"])
        assert png_size(figure) == (5 * 11, 7 * 13)
        # A tick stands in the middle of its tile.
        assert figure.layout.yaxis.tickvals[:2] == (6, 19)

    def test_ten_crops_and_the_whole_image(self, rng):
        figure = ten_crop_figure(rng.uniform(size=(12, 12, 3)), 9)
        rows, columns = names(figure)
        assert rows == ["as it is", "mirrored"]
        assert columns[0] == "whole"
        assert len(columns) == 6
        assert png_size(figure) == (6 * 13, 2 * 13)


def test_rows_draw_numbers_of_their_own(rng):
    image = rng.uniform(0.3, 0.6, size=(1, 6, 6, 1)).astype(np.float32)
    layers = {"first": Brightness(amount=0.2), "second": Brightness(amount=0.2)}
    once, again = (augmentation_figure(image, layers, seed=0) for _ in range(2))
    other = augmentation_figure(image, layers, seed=1)
    assert once.data[0].source == again.data[0].source
    assert once.data[0].source != other.data[0].source
    key = row_key(0, 0, jnp.arange(6))
    drawn = [
        np.asarray(layer(jnp.repeat(image, 6, axis=0), (), key=key.fold(i), training=True)[0])
        for i, layer in enumerate(layers.values())
    ]
    assert not np.array_equal(*drawn)
    expected = contact_sheet(
        {name: [image[0], *pictures] for name, pictures in zip(layers, drawn, strict=True)},
        ["original", *"123456"],
    )
    assert once.data[0].source == expected.data[0].source
