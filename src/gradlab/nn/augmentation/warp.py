"""Augmentations that move pixels, alone or several in one pass over the image."""

from collections.abc import Sequence
from itertools import groupby

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from gradlab.errors import RecipeError
from gradlab.nn.augmentation.base import Augmentation, sides
from gradlab.nn.augmentation.sampling import Coordinate, Fill, bilinear, centred_grid
from gradlab.nn.module import Layer
from gradlab.nn.random import RowKey


class Geometric(Augmentation):
    """An augmentation that says where each pixel comes from."""

    fill: eqx.AbstractVar[Fill]

    def sources(
        self, rows: Coordinate, columns: Coordinate, key: RowKey, height: int, width: int
    ) -> tuple[Coordinate, Coordinate]:
        """Return the places of the input that are read at places of the output.

        Args:
            rows: In pixels from the image's centre.
            columns: The same.
            key: Source of the random numbers.
            height: Of the image, in pixels.
            width: The same.
        """
        raise NotImplementedError(f"{type(self).__name__} has no sources.")

    def augment(self, x: Float[Array, "batch *shape"], key: RowKey) -> Float[Array, "batch *shape"]:
        """Read every pixel from its source, between pixels bilinearly."""
        height, width = sides(x, type(self).__name__)
        grid = centred_grid(height, width, jnp.promote_types(x.dtype, jnp.float32))
        rows, columns = self.sources(*grid, key, height, width)
        return bilinear(x, rows + (height - 1) / 2, columns + (width - 1) / 2, fill=self.fill)


class Warp(Geometric):
    """Several moves in one pass: the image is read once, so it is blurred and paid for once.

    The moves compose exactly like layers one after another, but that an `Elastic` lays its field
    over the finished image rather than over the one that came to it, which is as random.

    Args:
        moves: In the order in which they act; move i draws from `key.fold(i)`.

    Raises:
        RecipeError: If they differ in what lies outside the image.

    >>> from gradlab.nn.augmentation import Rotate, Zoom
    >>> Warp((Rotate(degrees=10), Zoom(amount=0.1))).fill
    'edge'
    """

    moves: tuple[Geometric, ...]
    fill: Fill = eqx.field(static=True)

    def __init__(self, moves: Sequence[Geometric]):
        """Keep the moves."""
        fills = {move.fill for move in moves}
        if len(fills) != 1:
            raise RecipeError(
                "Warp needs one or more moves with the same fill; got "
                f"{[(type(move).__name__, move.fill) for move in moves]}."
            )
        self.moves = tuple(moves)
        self.fill = self.moves[0].fill

    def sources(
        self, rows: Coordinate, columns: Coordinate, key: RowKey, height: int, width: int
    ) -> tuple[Coordinate, Coordinate]:
        """Return the places where the first move reads what the last one asks for."""
        for i, move in reversed(list(enumerate(self.moves))):
            rows, columns = move.sources(rows, columns, key.fold(i), height, width)
        return rows, columns


def merge_warps(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers with every run of neighbours that move pixels as one `Warp`.

    Neighbours that fill the outside differently stay apart, which on a CPU costs more than a second
    pass: the compiler fuses them, so that each of the four pixels read is warped anew.

    >>> from gradlab.nn.augmentation import Brightness, Rotate, Zoom
    >>> [type(layer).__name__ for layer in merge_warps([Rotate(), Zoom(), Brightness()])]
    ['Warp', 'Brightness']
    """

    def fill(layer: Layer) -> Fill | None:
        return layer.fill if isinstance(layer, Geometric) else None

    merged: list[Layer] = []
    for common, run in groupby(layers, fill):
        run = list(run)
        moves = [layer for layer in run if isinstance(layer, Geometric)]
        merged += run if common is None or len(run) == 1 else [Warp(moves)]
    return tuple(merged)
