"""Mirror images."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from gradlab.nn.augmentation.base import Augmentation, sides
from gradlab.nn.augmentation.sampling import cross
from gradlab.nn.module import Fixed
from gradlab.nn.random import RowKey
from gradlab.scalars import Share


class Mirror(Augmentation):
    """Exchange left and right, x'[i, j] = x[i, width − 1 − j], or top and bottom, at random.

    Args:
        horizontal: Probability that left and right are exchanged.
        vertical: Probability that top and bottom are exchanged.

    >>> Mirror(horizontal=1.0)(jnp.ones((1, 4, 4, 1)), ())[0].shape
    (1, 4, 4, 1)
    """

    spoils: ClassVar[str] = (
        "digits and letters (a mirrored 2 is no 2, a mirrored b is a d), arrows, left and right "
        "hands; upside down also most photographs"
    )

    horizontal: Fixed
    vertical: Fixed

    def __init__(self, *, horizontal: Share = 0.5, vertical: Share = 0.0):
        """Store the probabilities."""
        self.horizontal = Fixed(jnp.asarray(horizontal, float))
        self.vertical = Fixed(jnp.asarray(vertical, float))

    def augment(self, x: Float[Array, "batch *shape"], key: RowKey) -> Float[Array, "batch *shape"]:
        """Return each image or its mirror image."""
        height, width = sides(x, "Mirror")
        coins = key.uniform((2,))
        # A gather: reversing both ways and choosing one is ten times slower on a CPU.
        return cross(
            x,
            _reversed_where(coins[:, 1] < self.vertical.value, height),
            _reversed_where(coins[:, 0] < self.horizontal.value, width),
        )


def _reversed_where(heads: Bool[Array, " batch"], side: int) -> Int[Array, "batch {side}"]:
    """Return 0 … side − 1 for every image, backwards where the coin shows heads."""
    forward = jnp.arange(side)[None]
    return jnp.where(heads[:, None], side - 1 - forward, forward)
