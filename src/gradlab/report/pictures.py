"""Arrays of pixels as pictures of a page."""

from io import BytesIO

import numpy as np
from jaxtyping import Float, UInt8

from gradlab.report.page import Picture

LARGEST = 720
"""Longer sides are shrunk for the page, in pixels; files beside the page keep every one."""


def picture(
    pixels: UInt8[np.ndarray, "height width *channels"], label: str, description: str = ""
) -> Picture:
    """Return pixels as a picture of a page, shrunk to `LARGEST` without inventing a colour."""
    step = -(-max(pixels.shape[:2]) // LARGEST)
    shown = pixels[::step, ::step]
    height, width = shown.shape[:2]
    return Picture(png_of(shown), width, height, label, description)


def png_of(pixels: UInt8[np.ndarray, "height width *channels"]) -> bytes:
    """Return pixels, grey, RGB or RGBA, as a PNG file.

    >>> png_of(np.zeros((2, 3), np.uint8))[:4]
    b'\\x89PNG'
    """
    from PIL import Image

    flat = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(flat)).save(file, "PNG", optimize=True)
    return file.getvalue()


def grey_levels(
    values: Float[np.ndarray, "height width *channels"],
) -> UInt8[np.ndarray, "height width *channels"]:
    """Return numbers of any sign as grey levels from their least, black, to their largest, white.

    >>> grey_levels(np.array([[-1.0, 0.0, 1.0]])).tolist()
    [[0, 128, 255]]
    """
    low, high = float(values.min()), float(values.max())
    if high == low:
        return np.full(values.shape, 128, np.uint8)
    return np.round(255 * ((values - low) / (high - low))).astype(np.uint8)
