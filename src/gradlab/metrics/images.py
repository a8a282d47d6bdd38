"""How near one image is to another: PSNR and SSIM."""

import math
from typing import Literal

import numpy as np
from jaxtyping import Float64, Shaped

from gradlab.errors import DataError
from gradlab.scalars import Scalar

Image = Shaped[np.ndarray, "_ _"] | Shaped[np.ndarray, "_ _ _"]
"""Grey (height, width) or colour (height, width, channels)."""

GAUSSIAN_RADIUS, GAUSSIAN_DEVIATION = 5, 1.5  # Wang et al.: 11 x 11 pixels, sigma 1.5
K1, K2 = 0.01, 0.03


def psnr(reference: Image, image: Image, *, max_value: Scalar | None = None) -> float:
    """Return the peak signal-to-noise ratio in decibels; more is nearer.

        PSNR = 10 log10(max_value² / MSE)

    with the mean squared error over all pixels and channels. Identical images give inf.

    Args:
        reference: The image as it should be, shape (height, width) or (height, width, channels).
        image: The image to judge, of the same shape.
        max_value: The largest value a pixel can have; by default 1 for floats and the largest
            value of the type for integers: 255 for uint8.

    Raises:
        DataError: If the shapes differ, a value is not finite, or `max_value` is not given and
            can't be known: one image holds integers and the other floats, or a float reference
            leaves 0 to 1.

    >>> black = np.zeros((8, 8), np.uint8)
    >>> round(psnr(black, black + np.uint8(10)), 6)  # MSE 100
    28.130804
    """
    first, second, largest = _prepared(reference, image, max_value)
    error = float(np.mean((first - second) ** 2))
    return math.inf if error == 0 else 20 * math.log10(largest) - 10 * math.log10(error)


def ssim(
    reference: Image,
    image: Image,
    *,
    max_value: Scalar | None = None,
    window: int | Literal["gaussian"] = 7,
) -> float:
    """Return the structural similarity: 1 for identical images, less for all others, symmetric.

        SSIM = (2 μx μy + C1)(2 σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2))

    C1 = (0.01 L)², C2 = (0.03 L)², L = max_value; μ, σ² and σxy are means, variances and covariance
    within a window. The result is the mean over all windows that lie wholly inside the image, and
    over the channels.

    Args:
        reference: The image as it should be, shape (height, width) or (height, width, channels).
        image: The image to judge, of the same shape.
        max_value: The largest value a pixel can have; as for `psnr`.
        window: Side of a square of equal weights, odd, with covariances divided by n - 1, as
            scikit-image has it; or "gaussian" for the paper's 11 x 11 pixels with deviation 1.5,
            whose weights sum to 1.

    Raises:
        DataError: As for `psnr`, or if the image is smaller than the window, or the window is not
            odd and at least 3.

    >>> grey = np.linspace(0, 1, 256).reshape(16, 16)
    >>> ssim(grey, grey)
    1.0
    >>> round(ssim(grey, grey[:, ::-1]), 3)
    0.991

    Source: Wang et al. 2004, Image quality assessment: from error visibility to structural
    similarity, eq. 13; https://doi.org/10.1109/TIP.2003.819861
    """
    first, second, largest = _prepared(reference, image, max_value)
    weights, correction = _window(window)
    if min(first.shape[:2]) < len(weights):
        height, width = first.shape[:2]
        raise DataError(
            f"SSIM looks at windows of {len(weights)} x {len(weights)} pixels; the images have "
            f"{height} x {width}. Give a smaller odd window=."
        )

    mean_x, mean_y = _local_mean(first, weights), _local_mean(second, weights)
    variance_x = correction * (_local_mean(first * first, weights) - mean_x * mean_x)
    variance_y = correction * (_local_mean(second * second, weights) - mean_y * mean_y)
    covariance = correction * (_local_mean(first * second, weights) - mean_x * mean_y)
    c1, c2 = (K1 * largest) ** 2, (K2 * largest) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x * mean_x + mean_y * mean_y + c1) * (variance_x + variance_y + c2)
    return float(similarity.mean())


def _prepared(
    reference: Image, image: Image, max_value: Scalar | None
) -> tuple[Float64[np.ndarray, "h w c"], Float64[np.ndarray, "h w c"], float]:
    """Return both images in float64 with a channel axis, and the largest value of a pixel."""
    if reference.shape != image.shape:
        raise DataError(
            f"Two images of one shape are compared; the reference has {reference.shape}, the image "
            f"{image.shape}. Resize one of them."
        )
    if reference.size == 0:
        raise DataError(f"An image without pixels can't be judged; its shape is {image.shape}.")
    first, second = (np.atleast_3d(each).astype(np.float64) for each in (reference, image))
    for name, values in (("reference", first), ("image", second)):
        if not np.isfinite(values).all():
            raise DataError(
                f"The {name} holds {np.count_nonzero(~np.isfinite(values))} values that are not "
                "finite. Replace or clip them before images are compared."
            )
    if max_value is not None:
        if not (math.isfinite(max_value) and max_value > 0):
            raise DataError(
                f"max_value is the largest value a pixel can have, over 0; got {max_value}."
            )
        return first, second, float(max_value)
    largest, other = _usual_maximum(reference.dtype), _usual_maximum(image.dtype)
    if largest != other:
        raise DataError(
            f"The reference holds {reference.dtype} and the image {image.dtype}, so the largest "
            "value of a pixel can't be known. Bring both to one scale, and give max_value=: 255 "
            "for 0 to 255, 1 for 0 to 1."
        )
    if largest == 1 and not (first.min() >= 0 and first.max() <= 1):
        raise DataError(
            f"A float image is expected to lie in 0 to 1; the reference reaches from "
            f"{first.min():g} to {first.max():g}. Give max_value=, such as 255 for 0 to 255."
        )
    return first, second, largest


def _usual_maximum(dtype: np.dtype) -> float:
    return float(np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else 1.0


def _window(window: int | Literal["gaussian"]) -> tuple[Float64[np.ndarray, " side"], float]:
    """Return weights along one side, and the factor that makes covariances unbiased."""
    if window == "gaussian":
        offsets = np.arange(-GAUSSIAN_RADIUS, GAUSSIAN_RADIUS + 1)
        weights = np.exp(-0.5 * (offsets / GAUSSIAN_DEVIATION) ** 2)
        return weights / weights.sum(), 1.0
    if isinstance(window, str) or window < 3 or window % 2 == 0:
        raise DataError(
            f'window is an odd number of pixels, at least 3, or "gaussian"; got {window!r}.'
        )
    pixels = window * window
    return np.full(window, 1 / window), pixels / (pixels - 1)


def _local_mean(
    image: Float64[np.ndarray, "h w c"], weights: Float64[np.ndarray, " side"]
) -> Float64[np.ndarray, "..."]:
    """Return weighted means of all windows that lie inside the image."""
    from scipy.ndimage import correlate1d

    inside = slice(len(weights) // 2, -(len(weights) // 2))
    rows = correlate1d(image, weights, axis=0)[inside]
    return correlate1d(rows, weights, axis=1)[:, inside]
