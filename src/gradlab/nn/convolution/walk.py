"""Which pixels of a source every pixel of a target sees, tap by tap, written out as tables.

Stride, dilation, padding and phases are settled here, once, so that the loops that convolve know of
none of them: the target's pixel `targets[p]` is the sum over taps t of weight `taps[t]` times the
source's pixel `sources[p] + offsets[t]`, in a source with a border of zeros, pixels counted row by
row (after Dukhan 2019, The indirect convolution algorithm).
"""

import dataclasses
import functools
import itertools
import math

import numpy as np
from jaxtyping import Int

from gradlab.nn.convolution.geometry import Geometry, Pairs


@dataclasses.dataclass(frozen=True)
class Phase:
    """Places of the target that see the same taps, along one axis or over all."""

    targets: Int[np.ndarray, " places"]
    sources: Int[np.ndarray, " places"]
    """Where each begins to see, in the source with its border."""
    taps: Int[np.ndarray, " taps"]
    offsets: Int[np.ndarray, " taps"]

    @property
    def reach(self) -> tuple[int, int]:
        """The first and the last place that is seen; (0, 0) if none is."""
        if not len(self.targets) or not len(self.taps):
            return 0, 0
        first = self.sources.min() + self.offsets.min()
        return int(first), int(self.sources.max() + self.offsets.max())


@dataclasses.dataclass(frozen=True)
class Walk:
    """A source, a target and what the second sees of the first."""

    source: tuple[int, ...]
    """Spatial size, without the border."""
    target: tuple[int, ...]
    border: Pairs
    """Pixels of zeros before and behind, for each axis."""
    axes: tuple[tuple[Phase, ...], ...]
    """The phases of each axis."""
    pace: tuple[int, int]
    """The view goes so many rows of the source further in so many rows of the target."""

    @property
    def bordered(self) -> tuple[int, ...]:
        """Spatial size of the source with its border."""
        return tuple(n + sum(pair) for n, pair in zip(self.source, self.border, strict=True))

    @functools.cached_property
    def phases(self) -> tuple[Phase, ...]:
        """The phases over all axes, pixels counted row by row."""
        kernel = tuple(sum(len(phase.taps) for phase in phases) for phases in self.axes)
        found = []
        for of_axes in itertools.product(*self.axes):
            flat = Phase(
                _flat([phase.targets for phase in of_axes], self.target),
                _flat([phase.sources for phase in of_axes], self.bordered),
                _flat([phase.taps for phase in of_axes], kernel),
                _flat([phase.offsets for phase in of_axes], self.bordered),
            )
            if len(flat.targets):
                found.append(flat)
        return tuple(found)

    def band(self, rows: int) -> "Walk":
        """Return the walk to the target's first rows: the source's rows that they see, as one.

        Its source is what lies there in the border's place too: the border above is gone.
        """
        first = tuple(
            dataclasses.replace(p, targets=p.targets[kept], sources=p.sources[kept])
            for p in self.axes[0]
            if len(kept := np.flatnonzero(p.targets < rows))
        )
        seen = 1 + max(phase.reach[1] for phase in first)
        return Walk(
            (seen, *self.source[1:]),
            (rows, *self.target[1:]),
            ((0, 0), *self.border[1:]),
            (first, *self.axes[1:]),
            self.pace,
        )


def to_signal(geometry: Geometry) -> Walk:
    """Return how the signal sees the image: one phase, signal u sees pixel s u + d i - padding.

    >>> from gradlab.nn.convolution.geometry import geometry
    >>> (phase,) = to_signal(geometry((5, 1), kernel=(3,), stride=(2,), padding=((1, 1),))).phases
    >>> phase.targets.tolist(), phase.sources.tolist(), phase.offsets.tolist()
    ([0, 1, 2], [0, 2, 4], [0, 1, 2])
    """
    axes = []
    for u, k, s, d, (before, _) in _axes(geometry, geometry.output):
        at, taps = np.arange(u), np.arange(k)
        axes.append((Phase(at, s * at - before, taps, d * taps),))
    return _walk(geometry.size, geometry.output, axes, (geometry.stride[0], 1))


def to_image(geometry: Geometry) -> Walk:
    """Return how the image sees the signal.

    Pixel r takes signal u through tap i where r + padding = s u + d i, so the pixels with one
    remainder of r + padding by the stride see the taps with that remainder: a phase of its own.

    >>> from gradlab.nn.convolution.geometry import geometry
    >>> walk = to_image(geometry((4, 1), kernel=(3,), stride=(2,), padding=((0, 1),)))
    >>> [(p.targets.tolist(), p.taps.tolist()) for p in walk.phases], walk.border
    ([([0, 2], [2, 0]), ([1, 3], [1])], ((1, 0),))
    """
    axes = []
    for n, k, s, d, (before, _) in _axes(geometry, geometry.size):
        at, reach = np.arange(n) + before, d * np.arange(k)
        phases = []
        for remainder in range(s):
            pixels = np.flatnonzero(at % s == remainder)
            # The last tap first, so that the pixels seen follow one another.
            taps = np.flatnonzero(reach % s == remainder)[::-1]
            phases.append(Phase(pixels, at[pixels] // s, taps, -(reach[taps] // s)))
        axes.append(tuple(phases))
    return _walk(geometry.output, geometry.size, axes, (1, geometry.stride[0]))


def _axes(geometry: Geometry, target: tuple[int, ...]) -> zip:
    return zip(
        target,
        geometry.kernel,
        geometry.stride,
        geometry.dilation,
        geometry.padding,
        strict=True,
    )


def _walk(
    source: tuple[int, ...], target: tuple[int, ...], axes: list, pace: tuple[int, int]
) -> Walk:
    """Return the walk of axes whose places are counted without a border."""
    border, shifted = [], []
    for n, phases in zip(source, axes, strict=True):
        before = max(0, *(-phase.reach[0] for phase in phases))
        behind = max(0, *(phase.reach[1] - (n - 1) for phase in phases))
        border.append((before, behind))
        shifted.append(tuple(dataclasses.replace(p, sources=p.sources + before) for p in phases))
    return Walk(source, target, tuple(border), tuple(shifted), pace)


def _flat(of_axes: list[np.ndarray], size: tuple[int, ...]) -> np.ndarray:
    """Return places along each axis as positions in an array of this size, all pairs of them."""
    total = np.zeros((1,) * len(size), np.int64)
    for axis, places in enumerate(of_axes):
        shape = [1] * len(size)
        shape[axis] = len(places)
        total = total + (places * math.prod(size[axis + 1 :])).reshape(shape)
    return total.ravel()
