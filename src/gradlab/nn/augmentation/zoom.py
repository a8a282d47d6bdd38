"""Zoom."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from gradlab.nn.augmentation.base import per_image, signed_uniform
from gradlab.nn.augmentation.sampling import Coordinate, Fill
from gradlab.nn.augmentation.warp import Geometric
from gradlab.nn.module import Fixed
from gradlab.nn.random import RowKey
from gradlab.scalars import NonNegative


class Zoom(Geometric):
    """Enlarge or shrink each image about its centre, both sides alike.

    The factor is (1 + amount)^u with u uniform in [−1, 1), so that enlarging by a factor is as
    likely as shrinking by it.

    Args:
        amount: Largest factor less 1: 0.1 gives factors from 1 / 1.1 to 1.1.
        fill: What comes in from outside: "edge", the nearest pixel, or "zero".

    >>> Zoom(amount=0.1)(jnp.ones((1, 4, 4, 1)), ())[0].shape
    (1, 4, 4, 1)
    """

    spoils: ClassVar[str] = "targets that are a size; objects that no longer fit in the image"

    amount: Fixed
    fill: Fill = eqx.field(static=True)

    def __init__(self, *, amount: NonNegative = 0.1, fill: Fill = "edge"):
        """Store the largest factor."""
        self.amount = Fixed(jnp.asarray(amount, float))
        self.fill = fill

    def sources(
        self, rows: Coordinate, columns: Coordinate, key: RowKey, height: int, width: int
    ) -> tuple[Coordinate, Coordinate]:
        """Return the places nearer to the centre where the image grows."""
        factor = jnp.exp(jnp.log1p(self.amount.value) * signed_uniform(key, 1)[:, 0])
        factor = per_image(factor, rows)
        return rows / factor, columns / factor
