"""Decoded pictures kept on disk: a file of pixels that is mapped into memory, not read.

A file is the pixels row after row, a JSON object that says what they are, and a trailer. It is
written under another name and renamed when whole, so that two processes that decode the same
pictures replace each other's equal files, and one that is killed leaves nothing that counts. The
folder may be deleted at any time.
"""

import contextlib
import hashlib
import json
import math
import os
import struct
import tempfile
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from gradlab import process

FORM = "gradlab pictures 1"
"""Named in every key, so that a change of decoding or of this form starts new files."""

TRAILER = struct.Struct("<8sQLL")
"""Magic, length and checksum of the JSON object, checksum of the pixels."""

MAGIC = b"GLPIXELS"
CHUNK = 2**24
UNFINISHED = ".unfinished-"
ABANDONED = 24 * 3600
"""Seconds after which an unfinished file has surely no writer."""


@dataclass(frozen=True, eq=False)
class Kept:
    """Pixels of pictures and what was said while they were made."""

    pixels: UInt8[np.ndarray, "rows height width channels"]
    said: dict[str, Any]


def folder() -> Path:
    """Return where decoded pictures are kept."""
    return process.cache_folder() / "images"


def key_of(paths: Iterable[str], policy: tuple[Any, ...]) -> str:
    """Return a name for pictures in their present state: paths, sizes, times of change, policy."""
    digest = hashlib.sha256(repr((FORM, policy)).encode())
    for path in paths:
        try:
            state = os.stat(path)
            said = f"{state.st_size} {state.st_mtime_ns}"
        except OSError:
            said = "absent"
        digest.update(os.fsencode(os.path.abspath(path)) + b"\0" + said.encode() + b"\0")
    return digest.hexdigest()


def look_up(key: str) -> Kept | None:
    """Return what is kept under a key; None if there is nothing, or it is not whole."""
    path = folder() / f"{key}.pixels"
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(size - TRAILER.size)
            magic, length, json_sum, pixel_sum = TRAILER.unpack(file.read(TRAILER.size))
            n_pixels = size - TRAILER.size - length
            if magic != MAGIC or n_pixels <= 0:
                return None
            file.seek(n_pixels)
            content = file.read(length)
        if zlib.crc32(content) != json_sum:
            return None
        said = json.loads(content)
        shape = tuple(said.pop("shape"))
        if math.prod(shape) != n_pixels:
            return None
        pixels = np.memmap(path, np.uint8, mode="r", shape=shape)
    except (OSError, ValueError, struct.error):
        return None
    return Kept(pixels, said) if _checksum(pixels.reshape(-1)) == pixel_sum else None


class Writer:
    """Takes rows of pixels one after another; what it wrote counts from `finish` on.

    >>> with Writer("doctest-only", (2, 2, 1)) as writer:  # left without finish: nothing is kept
    ...     writer.add(np.zeros((3, 2, 2, 1), np.uint8))
    >>> look_up("doctest-only") is None
    True
    """

    def __init__(self, key: str, row_shape: tuple[int, ...]):
        """Start a file.

        Raises:
            OSError: If the cache's folder can't be made or written.
        """
        self.path = folder() / f"{key}.pixels"
        self.row_shape = row_shape
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(self.path.parent)
        descriptor, self.unfinished = tempfile.mkstemp(prefix=UNFINISHED, dir=self.path.parent)
        self.file = os.fdopen(descriptor, "wb")
        self.n_rows, self.checksum = 0, 0

    def __enter__(self) -> "Writer":
        """Return the writer."""
        return self

    def __exit__(self, *reason: object) -> None:
        """Remove what was not finished."""
        self.file.close()
        with contextlib.suppress(OSError):
            os.unlink(self.unfinished)

    def add(self, rows: UInt8[np.ndarray, "rows *shape"]) -> None:
        """Append rows.

        Raises:
            OSError: If the disk is full.
        """
        content = np.ascontiguousarray(rows).reshape(-1).data
        self.file.write(content)
        self.checksum = zlib.crc32(content, self.checksum)
        self.n_rows += len(rows)

    def finish(self, said: dict[str, Any]) -> Kept:
        """Make the file count, and map it.

        Raises:
            OSError: If the disk is full or does not give back what was written.
        """
        shape = (self.n_rows, *self.row_shape)
        content = json.dumps({"shape": shape, **said}).encode()
        self.file.write(content)
        self.file.write(TRAILER.pack(MAGIC, len(content), zlib.crc32(content), self.checksum))
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        # Where the file exists and is mapped, Windows refuses; the content is the same.
        with contextlib.suppress(PermissionError):
            os.replace(self.unfinished, self.path)
        return Kept(np.memmap(self.path, np.uint8, mode="r", shape=shape), said)


def _checksum(pixels: np.ndarray) -> int:
    checksum = 0
    for start in range(0, len(pixels), CHUNK):
        checksum = zlib.crc32(pixels[start : start + CHUNK].data, checksum)
    return checksum


def _remove_abandoned(where: Path) -> None:
    oldest = time.time() - ABANDONED
    for path in where.glob(f"{UNFINISHED}*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
