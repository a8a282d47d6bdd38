"""Generated pictures as files: sheets, neighbours, ways between noises."""

from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from gradlab.report.pictures import png_of

GAP = 1
"""Pixels between the pictures of a sheet."""

LEAST_SIDE = 56
"""Smaller pictures are enlarged, each pixel to a square."""

FRAME_MILLISECONDS = 60

Images = Float[np.ndarray, "n height width channels"]


def sheet(images: Images, columns: int | None = None) -> UInt8[np.ndarray, "_ _ 3"]:
    """Return pictures side by side on grey, in lines of `columns`; about square by default.

    >>> sheet(np.zeros((3, 8, 8, 1)), columns=2).shape
    (120, 120, 3)
    """
    n, height, width, _ = images.shape
    columns = columns or int(np.ceil(np.sqrt(n)))
    factor = max(1, -(-LEAST_SIDE // max(height, width)))
    lines = -(-n // columns)
    side = height * factor + 2 * GAP, width * factor + 2 * GAP
    whole = np.full((lines * (side[0] + 2 * GAP), columns * (side[1] + 2 * GAP), 3), 128, np.uint8)
    for i, image in enumerate(images):
        pixels = np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)
        pixels = np.broadcast_to(pixels, (height, width, 3))
        large = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
        top = (i // columns) * (side[0] + 2 * GAP) + 2 * GAP
        left = (i % columns) * (side[1] + 2 * GAP) + 2 * GAP
        whole[top : top + large.shape[0], left : left + large.shape[1]] = large
    return whole


def pairs_sheet(above: Images, below: Images, columns: int = 10) -> UInt8[np.ndarray, "_ _ 3"]:
    """Return each picture with its partner below it.

    >>> pairs_sheet(np.zeros((3, 8, 8, 1)), np.ones((3, 8, 8, 1)), columns=3).shape
    (120, 180, 3)
    """
    lines: list[Any] = []
    for start in range(0, len(above), columns):
        for part in (above[start : start + columns], below[start : start + columns]):
            empty = np.full((columns - len(part), *part.shape[1:]), 0.5, part.dtype)
            lines.append(np.concatenate([part, empty]))
    return sheet(np.concatenate(lines), columns)


def film(frames: Float[np.ndarray, "frames n height width channels"]) -> bytes:
    """Return an animated GIF that goes through the frames and back, each a line of pictures."""
    from PIL import Image

    there = [Image.fromarray(sheet(frame, columns=len(frame))) for frame in frames]
    every = [*there, *there[-2:0:-1]]
    file = BytesIO()
    every[0].save(
        file, "GIF", save_all=True, append_images=every[1:], duration=FRAME_MILLISECONDS, loop=0
    )
    return file.getvalue()


def png(pixels: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """Return a sheet as a PNG file."""
    return png_of(pixels)
