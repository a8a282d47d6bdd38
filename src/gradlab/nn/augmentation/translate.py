"""Translation."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from gradlab.nn.augmentation.sampling import Coordinate, Fill
from gradlab.nn.augmentation.warp import Geometric
from gradlab.nn.module import Fixed
from gradlab.nn.random import RowKey
from gradlab.scalars import Share


class Translate(Geometric):
    """Move each image by whole pixels down or up and right or left.

    Each offset is uniform over −n … n with n = `amount` times the side, rounded to whole pixels
    but at least 1 unless `amount` is 0. Whole pixels do not blur.

    Args:
        amount: Farthest move as a share of the side, 0 to 1.
        fill: What comes in from outside: "edge", the nearest pixel, or "zero".

    >>> Translate(amount=0.1)(jnp.ones((1, 4, 4, 1)), ())[0].shape
    (1, 4, 4, 1)
    """

    spoils: ClassVar[str] = "targets that say where something is; objects cut off at the border"

    amount: Fixed
    fill: Fill = eqx.field(static=True)

    def __init__(self, *, amount: Share = 0.1, fill: Fill = "edge"):
        """Store the farthest move."""
        self.amount = Fixed(jnp.asarray(amount, float))
        self.fill = fill

    def sources(
        self, rows: Coordinate, columns: Coordinate, key: RowKey, height: int, width: int
    ) -> tuple[Coordinate, Coordinate]:
        """Return the places shifted."""
        amount, draw = self.amount.value, key.uniform((2,))
        shifted = []
        for places, side, uniform in ((rows, height, draw[:, 0]), (columns, width, draw[:, 1])):
            most = jnp.maximum(jnp.round(amount * side), jnp.sign(amount)).astype(jnp.float32)
            offset = jnp.floor(uniform * (2 * most + 1)) - most
            shifted.append(places - offset.astype(places.dtype)[:, None, None])
        return shifted[0], shifted[1]
