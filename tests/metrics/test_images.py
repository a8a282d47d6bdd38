"""PSNR and SSIM: the documents' number, scikit-image's, the laws, and what is refused."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file

from gradlab.errors import DataError
from gradlab.metrics import psnr, ssim

ORACLE = load_file(Path(__file__).parents[1] / "oracles" / "images.safetensors")
IMAGES = hnp.arrays(np.float64, (9, 11), elements=st.floats(0, 1, width=32))


@pytest.mark.catalogue("MET-13")
def test_psnr_at_mean_squared_error_100():
    black = np.zeros((5, 4), np.uint8)
    assert psnr(black, black + np.uint8(10)) == pytest.approx(28.130804, abs=5e-7)


@pytest.mark.parametrize("name", ["grey", "colour", "bytes"])
def test_both_are_those_of_scikit_image(name):
    image, noisy, values = (ORACLE[f"{name}{part}"] for part in ("", ".noisy", ".values"))
    found = psnr(image, noisy), ssim(image, noisy), ssim(image, noisy, window="gaussian")
    np.testing.assert_allclose(found, values, rtol=1e-10)


def test_ssim_is_the_formula_of_the_paper():
    rng = np.random.default_rng(1)
    x, y = rng.random((2, 11, 11))  # one Gaussian window exactly
    weights = np.exp(-0.5 * ((np.arange(11) - 5) / 1.5) ** 2)
    weights = np.outer(weights, weights) / weights.sum() ** 2
    mean_x, mean_y = np.sum(weights * x), np.sum(weights * y)
    c1, c2 = 0.01**2, 0.03**2
    covariance = np.sum(weights * (x - mean_x) * (y - mean_y))
    variances = np.sum(weights * (x - mean_x) ** 2) + np.sum(weights * (y - mean_y) ** 2)
    expected = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    expected /= (mean_x**2 + mean_y**2 + c1) * (variances + c2)
    assert ssim(x, y, window="gaussian") == pytest.approx(expected, rel=1e-12)


@pytest.mark.catalogue("MET-14")
@given(IMAGES, IMAGES)
def test_ssim_is_symmetric_and_1_for_identical_images_only(x, y):
    assert ssim(x, x) == 1
    assert ssim(x, y) == pytest.approx(ssim(y, x), rel=1e-12)
    assert ssim(x, y) <= 1 + 1e-12
    if np.abs(x - y).max() > 0.1:
        assert ssim(x, y) < 1


@given(IMAGES, IMAGES, st.floats(0.1, 100))
def test_scale_of_the_pixels_does_not_matter(x, y, scale):
    large = {"max_value": scale}
    assert ssim(scale * x, scale * y, **large) == pytest.approx(ssim(x, y), abs=1e-9)
    assert psnr(scale * x, scale * y, **large) == pytest.approx(psnr(x, y), rel=1e-9)


def test_identical_images_have_infinite_psnr():
    assert psnr(np.ones((3, 3)), np.ones((3, 3))) == math.inf


def test_floats_and_whole_numbers_agree():
    x, y = ORACLE["bytes"], ORACLE["bytes.noisy"]
    assert psnr(x / 255, y / 255) == pytest.approx(psnr(x, y), rel=1e-12)
    wide = [values.astype(np.uint16) * 257 for values in (x, y)]
    assert ssim(*wide) == pytest.approx(ssim(x, y), rel=1e-9)


def test_colour_is_the_mean_of_the_channels_for_ssim_and_all_errors_together_for_psnr():
    x, y = ORACLE["colour"], ORACLE["colour.noisy"]
    assert ssim(x, y) == pytest.approx(np.mean([ssim(x[..., i], y[..., i]) for i in range(3)]))
    mse = np.mean([10 ** (-psnr(x[..., i], y[..., i]) / 10) for i in range(3)])
    assert psnr(x, y) == pytest.approx(-10 * np.log10(mse))


FLAT = np.full((8, 8), 0.5)
BAD = {
    "one shape": (FLAT, FLAT[:7], {}),
    "without pixels": (FLAT[:0], FLAT[:0], {}),
    "not finite": (FLAT, np.where(np.eye(8) > 0, np.nan, FLAT), {}),
    "lie in 0 to 1": (200 * FLAT, FLAT, {}),
    "can't be known": (FLAT.astype(np.uint8), FLAT, {}),
    "over 0": (FLAT, FLAT, {"max_value": 0}),
}


@pytest.mark.parametrize("message", BAD)
@pytest.mark.parametrize("measure", [psnr, ssim])
def test_images_that_make_no_sense_are_refused(measure, message):
    first, second, options = BAD[message]
    with pytest.raises(DataError, match=message):
        measure(first, second, **options)


@pytest.mark.parametrize(
    ("window", "message"), [(9, "8 x 8"), (4, "odd"), (1, "odd"), ("gaussian", "11 x 11")]
)
def test_windows_that_do_not_fit_are_refused(window, message):
    with pytest.raises(DataError, match=message):
        ssim(FLAT, FLAT, window=window)
