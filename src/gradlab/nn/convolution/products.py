"""The two loops of a convolution in machine code: products of a walk with weights or with a signal.

Both are blocked products of matrices (`native.block`) whose left factor is never gathered: its
numbers are read where they lie, at places from the walk's tables. The sums of a block stay in
registers while one loop runs over all factors, a number of the left repeated against two vectors of
the right, which is packed so that these vectors lie side by side.

In GFLOP/s on one core of a Zen 3 (peak about 105), XLA's convolution in brackets: 3x3, 32 -> 64
channels, 14x14 pixels, forward 96 (81), weight gradient 90 (54); 64 -> 64, 32x32, 91 (75), 79 (34).
"""

import dataclasses
import math
from collections.abc import Iterable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gradlab.native.block import VECTORS, Block, Panel, Panels, clamped
from gradlab.native.kernel import Kernel, begin, end, once
from gradlab.native.machine import registers
from gradlab.nn.convolution.geometry import Geometry
from gradlab.nn.convolution.units import Units
from gradlab.nn.convolution.walk import Phase, to_image, to_signal
from gradlab.process import cores

FEW_IMAGES = 4
"""Images up to which a call is shared by all cores: more of them are shared by the caller."""

PIXELS_GATHERED = 48
"""Pixels of small images that are taken together, so that blocks are full."""

PIXELS_SHARED, PRODUCTS_SHARED = 128, 2**20
"""Pixels, and products, at least in a unit where cores share a few images: it takes some 20 µs."""

MOST_THREADS = 16
"""Of a call."""

PIXELS_RELATED = 128
"""Pixels over which a weight's gradient is summed in registers: their signal fits the L1 cache."""


def can_multiply(dtype: np.dtype, n_columns: int) -> bool:
    """Return whether these loops are the fast ones: numbers of 32 or 64 bits, columns enough.

    A product with fewer columns than half a vector leaves most of every vector unused.
    """
    known = registers()
    if known is None or dtype not in (np.float32, np.float64):
        return False
    return 2 * n_columns >= known.lanes(dtype)


def gather(
    source: Float[Array, "batch *size c_source"],
    weight: Float[Array, "*kernel c_in c_out"],
    bias: Float[Array, " c_target"] | None,
    geometry: Geometry,
    *,
    backwards: bool,
) -> Float[Array, "batch *target c_target"]:
    """Return the target of a walk: the signal of an image, or backwards the image of a signal.

    >>> from gradlab.nn.convolution.geometry import geometry
    >>> valid = geometry((3, 1), kernel=(2,), stride=(1,), padding=((0, 0),))
    >>> x, w = jnp.array([[[1.0], [2.0], [3.0]]]), jnp.array([[[1.0]], [[10.0]]])
    >>> gather(x, w, None, valid, backwards=False)[..., 0].tolist()
    [[21.0, 32.0]]
    """
    *_, c_in, c_out = weight.shape
    c_source, c_target = (c_out, c_in) if backwards else (c_in, c_out)
    dtype = np.dtype(source.dtype)
    shared = len(source) <= FEW_IMAGES
    kernel = _gatherer(_plain(geometry), backwards, c_source, c_target, dtype, shared)
    bias = jnp.zeros(c_target, dtype) if bias is None else bias
    target = geometry.size if backwards else geometry.output
    return kernel([(len(source), *target, c_target)], source, weight, bias)[0]


def relate(
    image: Float[Array, "batch *size c_in"],
    signal: Float[Array, "batch *output c_out"],
    geometry: Geometry,
) -> tuple[Float[Array, "*kernel c_in c_out"], Float[Array, " c_out"]]:
    """Return sums over all pixels: image times signal, for every tap; and the signal alone.

    They are the gradients of the weight and of the bias.

    >>> from gradlab.nn.convolution.geometry import geometry
    >>> valid = geometry((3, 1), kernel=(2,), stride=(1,), padding=((0, 0),))
    >>> x, y = jnp.array([[[1.0], [2.0], [3.0]]]), jnp.array([[[1.0], [10.0]]])
    >>> weight, bias = relate(x, y, valid)
    >>> weight.ravel().tolist(), bias.tolist()
    ([21.0, 32.0], [11.0])
    """
    c_in, c_out = image.shape[-1], signal.shape[-1]
    kernel = _relater(_plain(geometry), c_in, c_out, np.dtype(image.dtype))
    weight, bias = kernel([(*geometry.kernel, c_in, c_out), (c_out,)], image, signal)
    return weight, bias


def _plain(geometry: Geometry) -> Geometry:
    """Return the geometry without what these loops do not ask for, so that kernels are shared."""
    return dataclasses.replace(geometry, chunk=None)


@once
def _gatherer(
    geometry: Geometry,
    backwards: bool,
    c_source: int,
    c_target: int,
    dtype: np.dtype,
    shared: bool,
) -> Kernel:
    """Make the gathering loop, over pixels p of every phase:

    target[targets[p], o] = bias[o] + Σ_t Σ_c source[sources[p] + offsets[t], c] · weight[t, c, o].
    """
    key = geometry, backwards, c_source, c_target, shared
    f = begin("gather", dtype, key, inputs=3, outputs=1)
    walk = to_image(geometry) if backwards else to_signal(geometry)
    of_a_pixel = math.prod(geometry.kernel) * c_source * c_target
    fewest = max(PIXELS_SHARED, PRODUCTS_SHARED // of_a_pixel) if shared else PIXELS_GATHERED
    units = Units(walk, c_source, f.item_bytes, fewest=fewest, small=shared)
    panels = Panels(c_target, f.lanes)
    helpers = min(cores(), MOST_THREADS) - 1 if shared and units.bands > 1 else 0

    phases = units.walk.phases
    runs, run = _runs(phases, c_source)
    n_factors = run * sum(map(len, runs))
    n_packed = n_factors * panels.padded
    n_target = math.prod(walk.target) * c_target
    sources = f.table(np.concatenate([units.places(phase.sources) for phase in phases]))
    targets = [units.in_group(phase.targets * c_target, n_target) for phase in phases]
    first_pixels, first_runs = _begins(map(len, targets)), _begins(map(len, runs))
    targets = f.table(np.concatenate(targets))
    offsets = f.table(np.concatenate([*runs, [0]]))
    per_rows = f.table(np.ravel([units.pixels(phase) for phase in phases]))
    of_phases = f.table(np.column_stack([first_pixels, first_runs, list(map(len, runs))]).ravel())

    taps = np.concatenate([phase.taps for phase in phases])
    in_order = f.table(taps)
    _, weight, _, _, scratch = f.arrays

    def pack(panel: Panel) -> None:
        packed = f.at(scratch, f.multiply(panel.column, n_factors))
        if not backwards:
            first = f.at(weight, panel.column)
            panel.pack(f, first, packed, n_rows=n_factors, pitch=c_target)
            return
        with f.loop(len(taps)) as t:
            of_tap = f.multiply(f.entry(in_order, t), c_source * c_target)
            panel.pack_turned(
                f,
                f.at(weight, of_tap, f.multiply(panel.column, c_source)),
                f.at(packed, f.multiply(t, c_source * panel.padded)),
                n_rows=c_source,
                pitch=c_source,
            )

    panels.each(f, pack)
    with f.units(units.number(f, f.rows), helpers) as (unit, thread):
        source, _, bias, target, scratch = f.arrays
        copy = f.at(scratch, n_packed, f.multiply(thread, units.scratch))
        part = units.source(f, source, unit, copy)
        first_image, n_images = units.images(f, unit)
        first_row = units.first_row(f, unit)
        n_rows = f.smaller(units.rows, f.subtract(walk.target[0], first_row))
        row = math.prod(walk.target[1:]) * c_target
        result = f.at(target, f.multiply(first_image, n_target), f.multiply(first_row, row))
        with f.loop(len(phases)) as phase:
            first_pixel, first_run, n_runs = (
                f.entry(of_phases, f.add(f.multiply(phase, 3), i)) for i in range(3)
            )
            pixels = f.entry(per_rows, f.add(f.multiply(phase, units.rows + 1), n_rows))
            n_pixels = f.multiply(pixels, n_images)

            def products(panel: Panel) -> None:
                weights = f.at(
                    scratch,
                    f.multiply(panel.column, n_factors),
                    f.multiply(first_run, run * panel.padded),
                )
                height = f.height if panel.vectors > 1 else f.height + 2
                with f.loop(n_pixels, height) as p:
                    at = clamped(f, p, height, n_pixels, first_pixel)
                    places = [f.at(part, f.entry(sources, i)) for i in at]
                    block = Block(f, height, panel.parts())
                    block.load([f.at(bias, panel.column)] * height)
                    with f.loop(n_runs) as t:
                        offset = f.entry(offsets, f.add(first_run, t))
                        left = [f.at(place, offset) for place in places]
                        right = f.at(weights, f.multiply(t, run * panel.padded))

                        for k in f.each(run):
                            block.add(
                                [f.at(place, k) for place in left],
                                f.at(right, f.multiply(k, panel.padded)),
                            )
                    block.store([f.at(result, f.entry(targets, i), panel.column) for i in at])

            panels.each(f, products)
    return end(f, n_packed + (helpers + 1) * units.scratch)


@once
def _relater(geometry: Geometry, c_in: int, c_out: int, dtype: np.dtype) -> Kernel:
    """Make weight[t, c, o] = Σ_n Σ_p image[n, sources[p] + offsets[t], c] · signal[n, p, o]."""
    f = begin("relate", dtype, (geometry, c_in, c_out), inputs=2, outputs=2)
    walk = to_signal(geometry)
    # Pixels a multiple of 256 bytes apart share few lines of a cache: they go a line further.
    apart = 64 // f.item_bytes if c_in * f.item_bytes % 256 == 0 else 0
    units = Units(walk, c_in, f.item_bytes, fewest=PIXELS_RELATED, pitch=c_in + apart)
    panels = Panels(c_out, f.lanes)

    (phase,) = units.walk.phases
    n_factors = len(phase.taps) * c_in
    n_pixels = units.group * len(phase.sources)
    n_chunk = -(-n_pixels // -(-n_pixels // PIXELS_RELATED))  # equal chunks, none larger
    sources = f.table(units.places(phase.sources))
    factors = f.table((phase.offsets[:, None] * units.pitch + np.arange(c_in)).ravel())

    image, signal, weight, total, scratch = f.arrays
    packed = f.at(scratch, units.scratch)
    f.clear(weight, n_factors * c_out)
    f.clear(total, c_out)
    row = math.prod(walk.target[1:])
    with f.loop(units.number(f, f.rows)) as unit:
        part = units.source(f, image, unit, scratch)
        first_image, n_images = units.images(f, unit)
        first_row = units.first_row(f, unit)
        n_rows = f.smaller(units.rows, f.subtract(walk.target[0], first_row))
        first = f.add(f.multiply(first_image, math.prod(walk.target)), f.multiply(first_row, row))
        signals = f.at(signal, f.multiply(first, c_out))
        in_unit = f.multiply(f.multiply(n_rows, row), n_images)
        with f.loop(in_unit, n_chunk) as chunk:
            n_summed = f.smaller(n_chunk, f.subtract(in_unit, chunk))

            def products(panel: Panel) -> None:
                panel.pack(
                    f,
                    f.at(signals, f.multiply(chunk, c_out), panel.column),
                    packed,
                    n_rows=n_summed,
                    pitch=c_out,
                    total=f.at(total, panel.column),
                )
                height = f.height if panel.vectors > 1 else f.height + 2
                with f.loop(n_factors, height) as k:
                    at = clamped(f, k, height, n_factors, 0)
                    places = [f.at(part, f.entry(factors, i)) for i in at]
                    block = Block(f, height, panel.parts())
                    totals = [f.at(weight, f.multiply(i, c_out), panel.column) for i in at]
                    # Rows that are there twice begin with the same total, and end with it.
                    block.load(totals)
                    with f.loop(n_summed) as p:
                        source = f.entry(sources, f.add(chunk, p))
                        block.add(
                            [f.at(place, source) for place in places],
                            f.at(packed, f.multiply(p, panel.padded)),
                        )
                    block.store(totals)

            panels.each(f, products)
    return end(f, units.scratch + n_chunk * VECTORS * f.lanes)


def _begins(lengths: Iterable[int]) -> list[int]:
    """Return where each part begins, one after another."""
    return np.cumsum([0, *lengths])[:-1].tolist()


def _runs(phases: tuple[Phase, ...], channels: int) -> tuple[list[np.ndarray], int]:
    """Return for every phase where runs of numbers begin that follow one another, and their length.

    A run holds as many neighbouring taps as lie side by side in all phases.
    """
    together = 0
    for phase in phases:
        ends = np.flatnonzero(np.diff(phase.offsets) != 1)
        begins = np.concatenate([[-1], ends, [len(phase.taps) - 1]])
        together = math.gcd(together, *map(int, np.diff(begins)))
    together = max(1, together)
    return [phase.offsets[::together] * channels for phase in phases], together * channels
