"""Decoding many pictures with a pool of threads, into the cache or into memory."""

import os
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

from gradlab.data.images import cache
from gradlab.data.images.decoding import (
    UnreadablePicture,
    decode,
    read_header,
    without_warnings,
)
from gradlab.data.images.listing import Listing
from gradlab.data.images.names import count, readable, some
from gradlab.data.images.sizes import Size, commonest
from gradlab.data.limits import check_memory, gibibytes
from gradlab.errors import DataError

MAX_WORKERS = 16
BLOCK_BYTES = 2**20
BLOCK_FILES = 64
LARGE = 2**24
"""Pictures of more pixels are decoded one at a time, so that memory stays bounded."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Decoded pictures.

    Attributes:
        pixels: One picture a row; mapped from the cache, or in memory.
        rows: Which pictures of the listing they are.
        notes: What was decided, to be said aloud.
    """

    pixels: UInt8[np.ndarray, "rows height width channels"]
    rows: np.ndarray
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Header:
    size: Size
    is_grey: bool


def read_pictures(
    listing: Listing,
    *,
    size: Size | None = None,
    row_shape: tuple[int, ...] | None = None,
    unreadable: str = "refuse",
    cached: bool = True,
    max_bytes: int | None = None,
) -> Pictures:
    """Decode all pictures of a listing to one shape.

    Args:
        listing: The files; its test part has no say in the shape.
        size: Height and width; the commonest size by default.
        row_shape: (height, width, channels), for pictures like those a model was trained on;
            overrides `size`.
        unreadable: Whether damaged files are an error or are left out.
        cached: Whether to look into the cache and to keep the pixels there.
        max_bytes: Memory that the pixels may take, where they go to memory.

    Raises:
        DataError: If pictures can't be read (and `unreadable` does not say to skip them), none
            can, or there is no room for the pixels.
    """
    if unreadable not in ("refuse", "skip"):
        raise DataError(f"unreadable={unreadable!r}: expected 'refuse' or 'skip'.")
    key = ""
    if cached:
        n_decisive = len(listing.paths) - listing.n_test
        key = cache.key_of(listing.paths, (size, row_shape, unreadable, n_decisive))
        kept = cache.look_up(key)
        if kept is not None:
            return _pictures(kept.pixels, kept.said)
    with without_warnings(), _pool() as pool:
        return _Reading(listing, pool, unreadable, max_bytes).read(key, size, row_shape)


class _Reading:
    """One pass over the headers, one over the pixels, and what was met on the way."""

    def __init__(
        self,
        listing: Listing,
        pool: ThreadPoolExecutor,
        unreadable: str,
        max_bytes: int | None,
    ):
        self.listing = listing
        self.pool = pool
        self.unreadable = unreadable
        self.max_bytes = max_bytes
        self.failed: dict[int, str] = {}
        self.special: dict[str, list[str]] = {}
        self.large = threading.Lock()

    def read(self, key: str, size: Size | None, row_shape: tuple[int, ...] | None) -> Pictures:
        headers = self.headers()
        shape, notes = self.shape(headers, size, row_shape)
        n_bytes = len(headers) * int(np.prod(shape))
        writer, said = self.writer(key, shape, n_bytes)
        notes += said
        if writer is None:
            check_memory(self.what(len(headers), shape), n_bytes, self.max_bytes)
            pixels, at = np.empty((len(headers), *shape), np.uint8), 0
            for block in self.blocks(headers, shape):
                pixels[at : at + len(block)] = block
                at += len(block)
            return _pictures(pixels[:at], self.said(notes))
        with writer:
            try:
                for block in self.blocks(headers, shape):
                    writer.add(block)
                kept = writer.finish(self.said(notes))
            except OSError as error:
                raise DataError(
                    f"The decoded pictures ({gibibytes(n_bytes)}) could not be kept in "
                    f"{cache.folder()}: {error.strerror or error}. Free space there, or take a "
                    "smaller size with image_size='HxW'."
                ) from error
        return _pictures(kept.pixels, kept.said)

    def headers(self) -> dict[int, _Header]:
        """Return size and kind of every picture whose header can be read."""

        def read(row: int) -> _Header | UnreadablePicture:
            try:
                header = read_header(self.listing.paths[row])
            except UnreadablePicture as error:
                return error
            return _Header((header.height, header.width), header.is_grey)

        headers = {}
        rows = range(len(self.listing.paths))
        for block in _in_order(self.pool, read, rows, BLOCK_FILES):
            for row, header in block:
                if isinstance(header, UnreadablePicture):
                    self.failed[row] = str(header)
                else:
                    headers[row] = header
        if not headers:
            self.refuse()
        return headers

    def shape(
        self, headers: dict[int, _Header], size: Size | None, row_shape: tuple[int, ...] | None
    ) -> tuple[tuple[int, ...], list[str]]:
        """Choose one shape for all pictures, and say what it means to them."""
        n_decisive = len(self.listing.paths) - self.listing.n_test
        decisive = [header for row, header in headers.items() if row < n_decisive]
        decisive = decisive or list(headers.values())
        if row_shape is not None:
            shape = tuple(row_shape)
            said = "as the model was trained on"
        else:
            found = size or commonest([header.size for header in decisive])
            shape = (*found, 1 if all(header.is_grey for header in decisive) else 3)
            said = "as asked for" if size else "the commonest size; image_size='HxW' for another"
        colours = "grey" if shape[2] == 1 else "RGB"
        notes = [f"The pictures become {shape[0]} x {shape[1]} pixels, {colours} ({said})."]
        other = [header.size for header in headers.values() if header.size != shape[:2]]
        if other:
            low, high = min(other, key=_area), max(other, key=_area)
            span = f"{low[0]} x {low[1]}"
            if high != low:
                span = f"from {span} to {high[0]} x {high[1]}"
            notes.append(
                f"{len(other):,} of them have another size ({span}): the short side is scaled to "
                "fit, the long one cropped to its middle."
            )
        small = [
            self.listing.shown[row]
            for row, header in headers.items()
            if header.size[0] < shape[0] or header.size[1] < shape[1]
        ]
        if small:
            notes.append(f"{count(len(small))} smaller than that, enlarged: {some(small)}.")
        grey = sum(header.is_grey for header in headers.values())
        if 0 < grey < len(headers):
            n, kind = (len(headers) - grey, "in colour") if shape[2] == 1 else (grey, "in grey")
            notes.append(f"{count(n)} {kind} became {colours}.")
        return shape, notes

    def writer(
        self, key: str, shape: tuple[int, ...], n_bytes: int
    ) -> tuple[cache.Writer | None, list[str]]:
        """Start a file in the cache; none if it is not wanted or can't be, which is said."""
        if not key:
            return None, []
        try:
            writer = cache.Writer(key, shape)
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            free = shutil.disk_usage(cache.folder()).free
            if free > n_bytes + n_bytes // 20 + 2**24:
                return writer, []
            with writer:
                reason = f"{gibibytes(free)} are free, {gibibytes(n_bytes)} needed"
        said = (
            f"The pictures are held in memory, because {cache.folder()} can't be used ({reason})."
        )
        return None, [said]

    def blocks(
        self, headers: dict[int, _Header], shape: tuple[int, ...]
    ) -> Iterator[UInt8[np.ndarray, "rows height width channels"]]:
        """Yield the pixels of the readable pictures, in order; refuse the others at the end."""

        def read(row: int) -> tuple[np.ndarray, tuple[str, ...]] | UnreadablePicture:
            try:
                if _area(headers[row].size) > LARGE:
                    with self.large:
                        return decode(self.listing.paths[row], shape)
                return decode(self.listing.paths[row], shape)
            except UnreadablePicture as error:
                return error

        n_files = max(1, min(BLOCK_FILES, BLOCK_BYTES // int(np.prod(shape))))
        n_read = 0
        for block in _in_order(self.pool, read, list(headers), n_files):
            pictures = []
            for row, done in block:
                if isinstance(done, UnreadablePicture):
                    self.failed[row] = str(done)
                    continue
                pixels, special = done
                pictures.append(pixels)
                for kind in special:
                    self.special.setdefault(kind, []).append(self.listing.shown[row])
            n_read += len(pictures)
            if pictures:
                yield np.stack(pictures)
        if self.failed and (self.unreadable == "refuse" or not n_read):
            self.refuse()

    def refuse(self) -> None:
        """Raise the error that names what could not be read."""
        total = len(self.listing.paths)
        named = [
            f"{readable(self.listing.shown[row])}: {reason}"
            for row, reason in sorted(self.failed.items())[:5]
        ]
        n_more = len(self.failed) - len(named)
        more = f"; and {n_more:,} more" if n_more else ""
        advice = "Mend or remove them, or leave them out with unreadable='skip'."
        if len(self.failed) == total:
            advice = "Mend them or name other files."
        raise DataError(
            f"{self.listing.name}: {len(self.failed):,} of {count(total)} can't be read "
            f"({'; '.join(named)}{more}). {advice}"
        )

    def said(self, notes: list[str]) -> dict[str, Any]:
        """Return what the cache keeps beside the pixels."""
        notes = list(notes)
        for kind, names in sorted(self.special.items()):
            notes.append(f"{count(len(names))} {kind}: {some(names)}.")
        if self.failed:
            named = [self.listing.shown[row] for row in sorted(self.failed)]
            notes.append(f"{count(len(named))} left out that can't be read: {some(named)}.")
        rows = [row for row in range(len(self.listing.paths)) if row not in self.failed]
        return {"rows": rows if self.failed else len(rows), "notes": notes}

    def what(self, n_rows: int, shape: tuple[int, ...]) -> str:
        """Return the subject of a message about memory."""
        return f"{self.listing.name} ({count(n_rows)} of {' x '.join(map(str, shape))} bytes)"


def _in_order(
    pool: ThreadPoolExecutor, task: Callable[[int], Any], rows: Sequence[int], n_together: int
) -> Iterator[list[tuple[int, Any]]]:
    """Run a task for every row in the pool; yield (row, result) in order, block by block.

    Only a few blocks are ahead of the consumer, so that memory stays bounded.
    """

    def run(block: Sequence[int]) -> list[tuple[int, Any]]:
        return [(row, task(row)) for row in block]

    waiting: deque[Future] = deque()
    try:
        for start in range(0, len(rows), n_together):
            waiting.append(pool.submit(run, rows[start : start + n_together]))
            if len(waiting) > 2 * MAX_WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _pool() -> ThreadPoolExecutor:
    affinity = getattr(os, "sched_getaffinity", None)  # the cores of this process, on Linux
    n_cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return ThreadPoolExecutor(min(n_cores, MAX_WORKERS), thread_name_prefix="decode")


def _area(size: Size) -> int:
    return size[0] * size[1]


def _pictures(pixels: np.ndarray, said: dict[str, Any]) -> Pictures:
    rows = said["rows"]
    rows = np.arange(rows) if isinstance(rows, int) else np.array(rows)
    return Pictures(pixels, rows, tuple(said["notes"]))
