"""One picture file, from its bytes to 8-bit pixels of a given shape."""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What Pillow may open; among its others are some that start programs (EPS)."""

MAX_PIXELS = 100_000_000
"""A picture whose header promises more is not decoded: kilobytes can promise terabytes."""

ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held."""

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each orientation (EXIF 2.32, section 4.6.4, tag 0x0112)."""

ANIMATED = "hold several frames: the first was taken"
CONVERTED = "were made 8-bit grey or RGB (transparency on white; of 16 bits the upper 8)"


class UnreadablePicture(Exception):
    """Why one picture can't be used; among others it is counted, not raised."""


@dataclass(frozen=True)
class Header:
    """What a file says about its picture before it is decoded, as seen upright."""

    height: int
    width: int
    is_grey: bool


@contextmanager
def without_warnings() -> Iterator[None]:
    """Keep Pillow from warning of what is told, or mended, here.

    Filters are the process's: enter it once around a pool of threads, not in each.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def read_header(path: str) -> Header:
    """Return size and kind of a picture without decoding it.

    Raises:
        UnreadablePicture: If the file is no picture, or one too large.
    """
    with _opened(path) as picture:
        width, height = picture.size
        # EXIF may stand behind a PNG's pixels, and Pillow would decode them to look. A TIFF's size
        # is given upright.
        told = picture.format != "TIFF" and (picture.format != "PNG" or "exif" in picture.info)
        if told and _orientation(picture) >= 5:
            width, height = height, width
        return Header(height, width, _is_grey(picture))


def decode(
    path: str, shape: tuple[int, ...]
) -> tuple[UInt8[np.ndarray, "height width channels"], tuple[str, ...]]:
    """Return the pixels of a picture, upright, on white, fitted to a shape.

    The largest rectangle of the wanted proportions, in the middle of the picture, is scaled to
    the size (bilinear, averaging where it shrinks): the short side fits, the long one is cropped.
    A picture that has the size already keeps its pixels.

    Args:
        path: The file.
        shape: (height, width, channels); 1 channel is the luma of ITU-R 601, 3 are RGB.

    Returns:
        The pixels, and what was special about the file (`ANIMATED`, `CONVERTED`).

    Raises:
        UnreadablePicture: If the file is no picture, cut short, damaged or too large.
    """
    height, width, channels = shape
    special = []
    with _opened(path) as picture:
        # A JPEG can be decoded at a half, quarter or eighth of its size. Twice what is wanted, for
        # either way the camera was held, leaves the averaging to do.
        side = 2 * max(height, width)
        if getattr(picture, "is_animated", False):
            special.append(ANIMATED)
        picture.draft(None, (side, side))
        picture.load()
        upright = picture
        if picture.format != "TIFF" and (turn := UPRIGHT.get(_orientation(picture))) is not None:
            upright = picture.transpose(turn)
        if picture.mode not in ("1", "L", "RGB", "P", "YCbCr") or picture.has_transparency_data:
            special.append(CONVERTED)
        plain = _eight_bits(upright, picture.format)
        fitted = _fit(plain.convert("L" if channels == 1 else "RGB"), height, width)
        return np.asarray(fitted).reshape(height, width, channels), tuple(special)


@contextmanager
def _opened(path: str) -> Iterator[Image.Image]:
    try:
        # Given the name, Pillow maps plain TIFFs and takes height for width in those to be turned.
        with open(path, "rb") as file, Image.open(file, formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise UnreadablePicture(_too_large(f"{width} x {height}"))
            yield picture
    except UnreadablePicture:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(_too_large("far too many")) from error
    except Image.UnidentifiedImageError as error:
        raise UnreadablePicture("not a picture, whatever its name says") from error
    except OSError as error:
        if error.errno is None:  # Pillow's own
            raise UnreadablePicture(_said(error)) from error
        known = {errno.ENOENT: "there is no such file", errno.EACCES: "no permission to read it"}
        reason = known.get(error.errno, str(error.strerror).lower())
        raise UnreadablePicture(reason) from error
    except Exception as error:  # Pillow raises nearly anything on a damaged file
        raise UnreadablePicture(_said(error)) from error


def _too_large(size: str) -> str:
    return f"{size} pixels, and more than {MAX_PIXELS:,} are refused"


def _said(error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")
    return f"cut short or damaged ({first[:80] or type(error).__name__})"


def _orientation(picture: Image.Image) -> int:
    try:
        return picture.getexif().get(ORIENTATION, 1)
    except Exception:  # a picture with damaged EXIF is still a picture
        return 1


def _is_grey(picture: Image.Image) -> bool:
    if picture.mode == "P":
        colours = np.array(picture.getpalette("RGB") or [0], np.uint8)
        return len(colours) % 3 == 0 and not np.ptp(colours.reshape(-1, 3), axis=1).any()
    return picture.mode[0] in "1LIF" and picture.mode != "LAB"


def _eight_bits(picture: Image.Image, kind: str | None) -> Image.Image:
    """Return a picture of 8 bits a channel without transparency."""
    if picture.mode.startswith("I;16") or (picture.mode == "I" and kind == "PPM"):
        # The upper byte, as Pillow does with three channels of 16 bits.
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("I", "F"):
        what = "whole numbers" if picture.mode == "I" else "floating-point numbers"
        raise UnreadablePicture(f"32-bit {what} that don't say what is white: save it with 8 bits")
    if picture.has_transparency_data:
        above = picture.convert("RGBA")
        white = Image.new("RGBA", above.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, above).convert("RGB")
    return picture


def _fit(picture: Image.Image, height: int, width: int) -> Image.Image:
    if picture.size == (width, height):
        return picture
    # Cropping while scaling: scaled first, a strip of 1 x 1,000,000 would be a bomb of its own.
    share = min(picture.width / width, picture.height / height)
    crop_width = min(width * share, picture.width)
    crop_height = min(height * share, picture.height)
    left, top = (picture.width - crop_width) / 2, (picture.height - crop_height) / 2
    right = min(left + crop_width, picture.width)
    bottom = min(top + crop_height, picture.height)
    return picture.resize(
        (width, height), Image.Resampling.BILINEAR, box=(left, top, right, bottom)
    )
