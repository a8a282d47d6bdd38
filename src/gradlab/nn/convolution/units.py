"""A convolution's work in units that fit a cache: groups of small images, bands of large ones.

A unit's part of the source is copied behind its border of zeros, so that the loops never ask where
an image ends. Small images go several at once, so that blocks of pixels are full; of large ones a
band of rows is taken, with the rows above and below that it sees.
"""

import math

import numpy as np

from gradlab.native.function import Function, Value
from gradlab.nn.convolution.walk import Phase, Walk

BAND_BYTES = 2**18
"""Of the source: with as much of weights and sums it fits an L2 cache of 512 KB."""


class Units:
    """The units of one walk, for the function that is being written.

    Args:
        walk: Over a whole image.
        channels: Of the source.
        item_bytes: Of a number.
        fewest: Pixels of the target in a group, and in a band.
        pitch: Numbers from one pixel of the copy to the next; None for the channels.
        small: Take the smallest bands, so that a single image keeps several cores busy.
    """

    def __init__(
        self,
        walk: Walk,
        channels: int,
        item_bytes: int,
        *,
        fewest: int,
        pitch: int | None = None,
        small: bool = False,
    ):
        """Choose how many images, or how many rows of one, a unit has."""
        self.whole, self.channels, self.pitch = walk, channels, pitch or channels
        rows = _rows_of_a_band(walk, self.pitch * item_bytes, fewest, small=small)
        self.rows = walk.target[0] if rows is None else rows
        """Rows of the target in a band."""
        self.walk = walk if rows is None else walk.band(rows)
        """To one band."""
        self.bands = -(-walk.target[0] // self.rows)
        pixels = math.prod(walk.target)
        self.group = 1 if self.bands > 1 else max(1, fewest // pixels)
        """Images in a group."""
        self.size = math.prod(self.walk.bordered) * self.pitch
        """Numbers of one image's part of the source."""
        self.copied = self.pitch != channels or any(map(any, walk.border))
        self.scratch = self.group * self.size if self.copied else 0
        """Numbers that a unit's copy takes."""

    def places(self, pixels: np.ndarray) -> np.ndarray:
        """Return where these pixels of the source lie, in every image of a group."""
        return self.in_group(pixels * self.pitch, self.size)

    def in_group(self, places: np.ndarray, distance: int) -> np.ndarray:
        """Return the places in every image of a group, so far apart."""
        return (np.arange(self.group)[:, None] * distance + places).ravel()

    def number(self, f: Function, images: Value) -> Value:
        """Return how many units so many images are."""
        groups = f.divide(f.add(images, self.group - 1), self.group)
        return f.multiply(groups, self.bands)

    def images(self, f: Function, unit: Value) -> tuple[Value, Value]:
        """Return a unit's first image, and how many it has."""
        first = f.multiply(f.divide(unit, self.bands), self.group)
        return first, f.smaller(self.group, f.subtract(f.rows, first))

    def first_row(self, f: Function, unit: Value) -> Value:
        """Return the first row of the target in a unit's band."""
        return f.multiply(f.remainder(unit, self.bands), self.rows)

    def pixels(self, phase: Phase) -> list[int]:
        """Return how many pixels of a phase lie in the first 0, 1, … rows of a band."""
        in_a_row = math.prod(self.walk.target[1:])
        rows = phase.targets // in_a_row
        return [int(np.sum(rows < n)) for n in range(self.rows + 1)]

    def source(self, f: Function, images: Value, unit: Value, scratch: Value) -> Value:
        """Copy a unit's part of the source behind its border; return where it lies."""
        height, *others = self.whole.source
        bordered = self.walk.bordered
        row, bordered_row = (math.prod(sizes) for sizes in (others, bordered[1:]))
        first, count = self.images(f, unit)
        down, rows = self.whole.pace
        step = f.multiply(f.remainder(unit, self.bands), self.rows * down // rows)
        if not self.copied:
            image = f.multiply(first, height * row * self.channels)
            return f.at(images, image, f.multiply(step, row * self.channels))
        above = self.whole.border[0][0]
        left = self.walk.border[-1][0] if others else 0
        with f.loop(count) as i, f.loop(bordered[0]) as j:
            to = f.at(scratch, f.multiply(i, self.size), f.multiply(j, bordered_row * self.pitch))
            inner = f.at(to, left * self.pitch)
            here = f.subtract(f.add(step, j), above)
            image = f.multiply(f.add(first, i), height * row * self.channels)
            there = f.at(images, image, f.multiply(here, row * self.channels))
            with f.either(f.within(here, height)) as (inside, outside):
                with inside:
                    f.clear(to, left * self.pitch)
                    self._copy_row(f, there, inner, row)
                    right = bordered_row - left - row
                    f.clear(f.at(inner, row * self.pitch), right * self.pitch)
                with outside:
                    f.clear(to, bordered_row * self.pitch)
        return scratch

    def _copy_row(self, f: Function, there: Value, to: Value, pixels: int) -> None:
        if self.pitch == self.channels:
            f.copy(there, to, pixels * self.channels)
            return
        with f.loop(pixels) as k:
            pixel = f.at(there, f.multiply(k, self.channels))
            f.copy(pixel, f.at(to, f.multiply(k, self.pitch)), self.channels)


def _rows_of_a_band(walk: Walk, pixel_bytes: int, fewest: int, *, small: bool) -> int | None:
    """Return how many rows of the target a unit has; None for all of them."""
    if len(walk.target) == 1:
        return None
    whole_bytes = math.prod(walk.bordered) * pixel_bytes
    if whole_bytes <= BAND_BYTES and not small:
        return None
    _, step = walk.pace
    most = walk.target[0]
    least = -(-fewest // math.prod(walk.target[1:]))
    rows = step * -(-least // step)
    while not small and rows + step < most and _bytes(walk, rows + step, pixel_bytes) <= BAND_BYTES:
        rows += step
    return rows if rows < most else None


def _bytes(walk: Walk, rows: int, pixel_bytes: int) -> int:
    return math.prod(walk.band(rows).bordered) * pixel_bytes
