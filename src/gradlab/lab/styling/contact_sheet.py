"""Pictures of a sweep in rows and columns."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

WORDS = 26
"""Pixels above a picture for its words."""
LARGEST, SMALLEST = 16, 8
"""Sizes of the letters."""


def grid_of(
    pictures: Sequence[UInt8[np.ndarray, "_ _ 3"]], columns: int, gap: int = 8
) -> UInt8[np.ndarray, "height width 3"]:
    """Return pictures in rows of so many columns, on white.

    >>> grid_of([np.zeros((2, 3, 3), np.uint8)] * 4, 2).shape
    (12, 14, 3)
    """
    height = max(picture.shape[0] for picture in pictures)
    width = max(picture.shape[1] for picture in pictures)
    rows = -(-len(pictures) // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, 3)
    sheet = np.full(shape, 255, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def labelled(
    picture: UInt8[np.ndarray, "height width 3"], words: str
) -> UInt8[np.ndarray, "labelled_height width 3"]:
    """Return a picture under its words, black on white, as small as its width asks for.

    Letters that Pillow's own font lacks, all beyond Latin ones, become question marks.

    >>> labelled(np.zeros((40, 60, 3), np.uint8), "1e-3").shape
    (66, 60, 3)
    """
    words = words.encode("latin-1", "replace").decode("latin-1")
    strip = Image.new("RGB", (picture.shape[1], WORDS), "white")
    draw = ImageDraw.Draw(strip)
    sizes = (ImageFont.load_default(size) for size in range(LARGEST, SMALLEST - 1, -1))
    font = next(
        (font for font in sizes if draw.textlength(words, font=font) <= strip.width),
        ImageFont.load_default(SMALLEST),
    )
    draw.text((0, WORDS - 6), words, fill="black", font=font, anchor="ls")
    return np.concatenate([np.asarray(strip), picture])
