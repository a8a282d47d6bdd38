"""Pictures on their way in and out: files and arrays of any kind, and sizes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from gradlab.data.images.decoding import UnreadablePicture, decode, read_header, without_warnings
from gradlab.errors import DataError

SMALLEST = 16
"""Pixels that a picture's shorter side needs."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture and what was special about it.

    Attributes:
        pixels: RGB from 0 to 1.
        name: Of its file, without the ending.
        notes: What was changed to make it so.
    """

    pixels: Float[np.ndarray, "height width 3"]
    name: str
    notes: tuple[str, ...] = ()


def as_picture(source: Any, what: str) -> Picture:
    """Return a picture given as a file's path, an array or a Pillow image.

    Files are read upright by their EXIF, transparency is laid on white, grey and palettes become
    RGB. Arrays are 8-bit, or floats from 0 to 1: (height, width), or with 1, 3 or 4 channels.

    Args:
        source: The picture.
        what: What it is to be, for errors: "the content picture".

    Raises:
        DataError: If it can't be read, is no picture, or is too small.

    >>> as_picture(np.zeros((20, 30), np.uint8), "the content picture").pixels.shape
    (20, 30, 3)
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, (str, Path)):
        picture = _from_file(Path(source), what)
    else:
        picture = Picture(_from_array(np.asarray(source), what), what.removeprefix("the "))
    height, width = picture.pixels.shape[:2]
    if min(height, width) < SMALLEST:
        raise DataError(
            f"{_title(what)} has {height} x {width} pixels; both sides need {SMALLEST} at least, "
            "for the network to see anything. Give a larger one."
        )
    return picture


def _title(what: str) -> str:
    return what[0].upper() + what[1:]


def _from_file(path: Path, what: str) -> Picture:
    try:
        with without_warnings():
            header = read_header(str(path))
            pixels, special = decode(str(path), (header.height, header.width, 3))
    except UnreadablePicture as error:
        raise DataError(
            f"{_title(what)}, {path}, can't be read: {error}. Give a picture in PNG, JPEG, WebP, "
            "TIFF, BMP or GIF."
        ) from error
    notes = tuple(f"Pictures such as {path.name} {said}." for said in special)
    return Picture(pixels.astype(np.float32) / np.float32(255), path.stem, notes)


def _from_array(values: np.ndarray, what: str) -> Float[np.ndarray, "height width 3"]:
    title = _title(what)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or values.shape[2] not in (1, 3, 4) or 0 in values.shape:
        raise DataError(
            f"{title} takes an array (height, width), or with 1, 3 or 4 channels last; got shape "
            f"{values.shape}."
        )
    if values.dtype == np.uint8:
        pixels = values.astype(np.float32) / np.float32(255)
    elif values.dtype == bool or np.issubdtype(values.dtype, np.floating):
        pixels = values.astype(np.float32)
        if not np.isfinite(pixels).all():
            n = int((~np.isfinite(pixels)).sum())
            raise DataError(f"{title} holds {n:,} missing or infinite numbers; fill them first.")
        if pixels.min() < 0 or pixels.max() > 1:
            raise DataError(
                f"{title} is of floats, which go from 0 to 1; got {pixels.min():g} to "
                f"{pixels.max():g}. Divide it by 255, or give 8-bit pixels."
            )
    else:
        raise DataError(f"{title} takes 8-bit pixels or floats from 0 to 1; got {values.dtype}.")
    if pixels.shape[2] == 4:
        opaque = pixels[:, :, 3:]
        pixels = pixels[:, :, :3] * opaque + (1 - opaque)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def resized(
    pixels: Float[np.ndarray, "height width channels"], size: tuple[int, int]
) -> Float[np.ndarray, "new_height new_width channels"]:
    """Return a picture at another (height, width): averaged where it shrinks, else bicubic.

    >>> resized(np.ones((8, 6, 3), np.float32), (4, 3)).shape
    (4, 3, 3)
    """
    from PIL import Image

    height, width = size
    if pixels.shape[:2] == (height, width):
        return pixels
    shrinks = pixels.shape[0] > height or pixels.shape[1] > width
    how = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(plane), "F").resize((width, height), how))
        for plane in np.moveaxis(pixels.astype(np.float32), -1, 0)
    ]
    return np.clip(np.stack(planes, axis=-1), 0, 1)


def fitted(shape: tuple[int, ...], longest: int) -> tuple[int, int]:
    """Return (height, width) of a shape whose longer side becomes `longest`, 1 at least.

    >>> fitted((400, 800), 256)
    (128, 256)
    """
    scale = longest / max(shape[:2])
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def eight_bits(pixels: Any) -> UInt8[np.ndarray, "height width 3"]:
    """Return pixels from 0 to 1, or beyond, as 8-bit numbers."""
    return np.round(255 * np.clip(np.asarray(pixels), 0, 1)).astype(np.uint8)
