"""A large picture taken band by band, so that memory holds the maps of one band.

The sums over places (`objective.Sums`) of the bands add up to those of the picture. A first pass
finds them; they give the total and its derivative with respect to every sum; a second pass sends
that derivative back through one band after another. The result is exact up to rounding: each band
is cut with as many more rows as its maps can see, and every place is counted in one band only.
"""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from gradlab.style.network import FeatureNetwork
from gradlab.style.objective import Piece, Plan, Sums, sums

LARGE = 1_500_000
"""Pixels above which a picture is taken in bands."""

BAND_PIXELS = 900_000
"""Pixels of one band, about."""


@dataclass(frozen=True)
class Bands:
    """How a picture is cut.

    Attributes:
        starts: First row of every band.
        rows: Of each band; all are alike.
    """

    starts: tuple[int, ...]
    rows: int


def stride_of(network: FeatureNetwork, plan: Plan) -> int | None:
    """Return of what the rows of a picture in bands must be a multiple; None: no bands."""
    reaches = [network.reach(name) for name in plan.layers]
    known = [reach.stride for reach in reaches if reach is not None]
    return math.lcm(*known) if len(known) == len(reaches) else None


def cut(
    shape: tuple[int, ...], network: FeatureNetwork, plan: Plan, *, pixels: int = BAND_PIXELS
) -> Bands | None:
    """Return bands for a picture; None if it is one, or the network's reach is not known.

    Args:
        shape: Of the picture, (height, width, …); the height a multiple of `stride_of`.
        network: That looks at it.
        plan: Which layers.
        pixels: Of a band, about; never less than what the network needs.
    """
    height, width = shape[:2]
    stride = stride_of(network, plan)
    if stride is None or height % stride:
        return None
    reach = max(found.pixels for name in plan.layers if (found := network.reach(name)))
    overlap = -(-reach // stride) * stride
    rows = max(pixels // width // stride * stride, 4 * overlap)
    if rows >= height:
        return None
    starts = range(0, height - 2 * overlap, rows - 2 * overlap)
    return Bands(tuple(dict.fromkeys(min(start, height - rows) for start in starts)), rows)


def owned(bands: Bands, stride: int, of_picture: int, of_band: int) -> Bool[np.ndarray, "bands _"]:
    """Return which rows of one layer's maps each band counts, every row of the picture once.

    Args:
        bands: How the picture is cut.
        stride: Pixels from row to row of the maps.
        of_picture: Rows of the maps of the picture.
        of_band: Rows of the maps of a band.
    """
    starts = np.array(bands.starts)
    # Neighbours part in the middle of what both hold, so that each sees as far as it needs.
    parts = (starts[:-1] + bands.rows + starts[1:]) // 2 // stride
    first, last = np.array([0, *parts])[:, None], np.array([*parts, of_picture])[:, None]
    rows = starts[:, None] // stride + np.arange(of_band)[None]
    return (rows >= first) & (rows < last)


def band_of(
    image: Float[Array, "height width channels"], piece: Piece, bands: Bands
) -> Float[Array, "rows width channels"]:
    """Return the rows of one band."""
    return lax.dynamic_slice_in_dim(image, piece.start, bands.rows)


def sums_of_bands(
    image: Float[Array, "height width 3"],
    network: FeatureNetwork,
    pieces: Piece,
    plan: Plan,
    bands: Bands,
) -> Sums:
    """Return the sums of a picture, one band after another."""

    def add(total: Sums, piece: Piece) -> tuple[Sums, None]:
        found = sums(band_of(image, piece, bands), network, piece, plan)
        return jax.tree.map(jnp.add, total, found), None

    first = jax.tree.map(lambda x: x[0], pieces)
    shapes = jax.eval_shape(lambda: sums(band_of(image, first, bands), network, first, plan))
    none = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    return lax.scan(add, none, pieces)[0]


def sent_back(
    image: Float[Array, "height width 3"],
    network: FeatureNetwork,
    pieces: Piece,
    plan: Plan,
    bands: Bands,
    cotangent: Any,
) -> Float[Array, "height width 3"]:
    """Return the derivative of the picture, given that of its sums."""

    def add(total: Array, piece: Piece) -> tuple[Array, None]:
        band = band_of(image, piece, bands)
        _, back = jax.vjp(lambda band: sums(band, network, piece, plan), band)
        (gradient,) = back(cotangent)
        gradient = gradient + band_of(total, piece, bands)
        return lax.dynamic_update_slice_in_dim(total, gradient, piece.start, 0), None

    return lax.scan(add, jnp.zeros_like(image), pieces)[0]


def bands_for(
    shape: tuple[int, ...], network: FeatureNetwork, plan: Plan, large: int = LARGE
) -> tuple[Bands | None, int]:
    """Return how a picture is cut, and the height up to which its last row is repeated first.

    Args:
        shape: Of the picture, (height, width, …).
        network: That looks at it.
        plan: Which layers.
        large: Pixels above which it is cut at all.
    """
    height, width = shape[:2]
    stride = stride_of(network, plan)
    if stride is None or height * width <= large:
        return None, height
    whole = -(-height // stride) * stride
    bands = cut((whole, width), network, plan, pixels=min(large, BAND_PIXELS))
    return bands, height if bands is None else whole
