"""Photographs at their own size: one file, or the pictures that lie in a folder."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from gradlab.data.builtin import BUILTIN
from gradlab.data.images.decoding import UnreadablePicture, decode, read_header, without_warnings
from gradlab.data.images.names import is_picture, readable
from gradlab.data.opening import file_size
from gradlab.errors import DataError

MOST_PHOTOS = 200
"""A folder of more pictures is a data set of pictures, not an album."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph: its name without ending, its pixels, and what was special about the file."""

    name: str
    pixels: UInt8[np.ndarray, "height width 3"]
    notes: tuple[str, ...] = ()


def quality_words(psnr: float) -> str:
    """Write how near a picture comes to its original.

    >>> quality_words(31.24), quality_words(float("inf"))
    ('31.2 dB', 'no error')
    """
    return "no error" if math.isinf(psnr) else f"{psnr:.1f} dB"


def exact_note(psnrs: Iterable[float]) -> str:
    """Say what a table means by the dash it writes for a PSNR without bound."""
    return "PSNR –: no error." if any(map(math.isinf, psnrs)) else ""


def number_of(n: int, one: str) -> str:
    """Write a number of things.

    >>> number_of(1, "colour"), number_of(1200, "colour")
    ('1 colour', '1,200 colours')
    """
    return f"{n:,} {one}{'s' * (n != 1)}"


def is_photo_source(source: Any) -> bool:
    """Return whether a source is a picture, or a folder with pictures directly in it."""
    if not isinstance(source, (str, Path)) or source in BUILTIN:
        return False
    path = Path(source)
    try:
        if path.is_dir():
            return any(is_picture(entry.name) and entry.is_file() for entry in path.iterdir())
        return is_picture(path.name) and (path.is_file() or not path.exists())
    except (OSError, ValueError):  # a name too long or with a NUL; opening it says so
        return False


def read_photos(source: str | Path) -> tuple[list[Photo], list[str]]:
    """Return the photographs of a file or folder, in the order of their names, and notes.

    Raises:
        DataError: If a picture can't be read (says which), or there are too many.
    """
    path = Path(source)
    if not path.is_dir():
        file_size(path)
        return [_read(path)], []
    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    found = [entry for entry in entries if entry.is_file() and is_picture(entry.name)]
    if len(found) > MOST_PHOTOS:
        raise DataError(
            f"{path} holds {len(found):,} pictures; more than {MOST_PHOTOS} are not taken one by "
            "one. Name a folder of fewer, or one of class folders to take each picture as a row."
        )
    notes = []
    if others := [entry.name for entry in entries if entry not in found]:
        shown = ", ".join(others[:5]) + (", …" if len(others) > 5 else "")
        notes.append(f"Left out, being no pictures by their names: {shown}.")
    photos: list[Photo] = []
    for entry in found:
        photo = _read(entry)
        taken = {other.name for other in photos}
        # a.png and a.jpg would write the same files.
        name = photo.name if photo.name not in taken else entry.name.replace(".", "-")
        photos.append(Photo(name, photo.pixels, photo.notes))
    return photos, notes


def _read(path: Path) -> Photo:
    try:
        with without_warnings():
            header = read_header(str(path))
            pixels, special = decode(str(path), (header.height, header.width, 3))
    except UnreadablePicture as error:
        raise DataError(
            f"{path} can't be read as a picture: {error}. Mend it or leave it out."
        ) from error
    return Photo(readable(path.stem), pixels, special)
