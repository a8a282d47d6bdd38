"""Contrast."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from gradlab.nn.augmentation.base import Augmentation, per_image, signed_uniform
from gradlab.nn.augmentation.photometric import photometric
from gradlab.nn.module import Fixed
from gradlab.nn.random import RowKey
from gradlab.scalars import Share


class Contrast(Augmentation):
    """Spread the pixels of an image about their mean m, x' = a x + (1 − a) m, clipped.

    a is uniform in [1 − amount, 1 + amount). The document's form is a x + b; b = (1 − a) m keeps
    the mean, so that brightness is left to `Brightness`. `photometric` tells how pixels are
    clipped.

    Args:
        amount: Largest change of the factor a, 0 to 1; at a = 0 the image is flat.

    >>> Contrast(amount=0.2)(jnp.ones((1, 4, 4, 1)), ())[0].shape
    (1, 4, 4, 1)
    """

    spoils: ClassVar[str] = "classes told apart by how clear they are, such as fog and sun"

    amount: Fixed

    def __init__(self, *, amount: Share = 0.2):
        """Store the largest change."""
        self.amount = Fixed(jnp.asarray(amount, float))

    def augment(self, x: Float[Array, "batch *shape"], key: RowKey) -> Float[Array, "batch *shape"]:
        """Return harder and softer images."""
        change = per_image(self.amount.value * signed_uniform(key, 1)[:, 0], x)
        mean = x.mean(tuple(range(1, x.ndim)), keepdims=True)
        return photometric(x, 1 + change, -change * mean)
