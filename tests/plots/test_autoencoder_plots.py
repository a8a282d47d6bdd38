"""What pictures of autoencoders contain."""

import base64

import numpy as np
import pytest

from gradlab.errors import DataError
from gradlab.plots.autoencoder import (
    manifold_figure,
    mean_activation_figure,
    patches_figure,
    reconstruction_figure,
    sparsity_figure,
)


def png_size(figure):
    """Return width and height that the header of the picture states."""
    (trace,) = figure.data
    header = base64.b64decode(trace.source.split(",", 1)[1])[16:24]
    return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")


def test_reconstructions_stand_below_what_was_shown(rng):
    images = rng.uniform(size=(15, 12, 12, 1))
    figure = reconstruction_figure(
        images, {"plain": images, "denoising": images}, corrupted=0.5 * images
    )
    assert list(figure.layout.yaxis.ticktext) == ["original", "shown", "plain", "denoising"]
    assert png_size(figure) == (12 * 13, 4 * 13)  # the first dozen
    assert "shown" not in reconstruction_figure(images, {"plain": images}).layout.yaxis.ticktext


@pytest.mark.parametrize(("n", "columns", "size"), [(100, None, (110, 110)), (7, 4, (44, 22))])
def test_a_sheet_of_patches_has_a_tile_a_unit(n, columns, size, rng):
    figure = patches_figure(rng.normal(size=(n, 10, 10, 1)), columns=columns)
    assert png_size(figure) == size


def test_patches_are_seen_whatever_their_size():
    faint = np.zeros((1, 2, 2, 1))
    faint[0, 0, 0] = 1e-9
    strong = 1e9 * faint
    assert patches_figure(faint).data[0].source == patches_figure(strong).data[0].source
    patches_figure(np.zeros((1, 2, 2, 1)))


@pytest.mark.catalogue("PIC-56")
class TestPictures:
    """KL curve, sparse and plain units, the way back to the data."""

    def test_the_curve_touches_zero_at_the_target(self):
        curve, target = sparsity_figure(0.3).data
        assert curve.x[np.argmin(curve.y)] == pytest.approx(target.x[0], abs=0.005)

    def test_means_are_sorted_beside_the_target(self, rng):
        codes = {"plain": rng.uniform(size=(50, 9)), "sparse": 0.2 * rng.uniform(size=(50, 9))}
        figure = mean_activation_figure(codes, target=0.1)
        assert [trace.name for trace in figure.data] == ["plain", "sparse"]
        for trace, code in zip(figure.data, codes.values(), strict=True):
            np.testing.assert_allclose(trace.y, np.sort(code.mean(axis=0)))
        assert figure.layout.shapes[0].y0 == 0.1

    def test_arrows_lead_from_places_to_their_reconstructions(self, rng):
        points = rng.normal(size=(40, 2))
        figure = manifold_figure(points, lambda x: 0.5 * x, arrows=5)
        lines, data, ends = figure.data
        start, end = np.array(lines.x)[0::3], np.array(lines.x)[1::3]
        assert len(start) == 25
        np.testing.assert_allclose(end, 0.5 * start)
        np.testing.assert_allclose(ends.x, end)
        assert len(data.x) == 40

    def test_it_is_of_the_plane(self):
        with pytest.raises(DataError, match="the data has 2 features; got 3"):
            manifold_figure(np.zeros((4, 3)), lambda x: x)
