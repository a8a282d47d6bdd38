"""Brightness."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from gradlab.nn.augmentation.base import Augmentation, per_image, signed_uniform
from gradlab.nn.augmentation.photometric import photometric
from gradlab.nn.module import Fixed
from gradlab.nn.random import RowKey
from gradlab.scalars import NonNegative


class Brightness(Augmentation):
    """Add one number to all pixels of an image, x' = x + b, clipped to what a pixel can be.

    b is uniform in [−amount, amount); `photometric` tells how pixels are clipped.

    Args:
        amount: Largest change, in the units of x: of pixels from 0 to 1, the share of the range.

    >>> Brightness(amount=0.2)(jnp.ones((1, 4, 4, 1)), ())[0].shape
    (1, 4, 4, 1)
    """

    spoils: ClassVar[str] = "classes told apart by how light they are, such as day and night"

    amount: Fixed

    def __init__(self, *, amount: NonNegative = 0.2):
        """Store the largest change."""
        self.amount = Fixed(jnp.asarray(amount, float))

    def augment(self, x: Float[Array, "batch *shape"], key: RowKey) -> Float[Array, "batch *shape"]:
        """Return lighter and darker images."""
        offset = per_image(self.amount.value * signed_uniform(key, 1)[:, 0], x)
        return photometric(x, jnp.ones_like(offset), offset)
