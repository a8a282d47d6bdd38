"""Masking noise."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from gradlab.nn.augmentation.base import Augmentation
from gradlab.nn.module import Fixed
from gradlab.nn.random import RowKey
from gradlab.scalars import Share


class Masking(Augmentation):
    """Set each input to 0 with probability `rate`, for denoising autoencoders.

    Unlike `Dropout` it leaves the kept inputs as they are: the autoencoder has to fill in what is
    missing. Each channel of a pixel is masked by itself. The source masks a fixed number of
    inputs; here the number is binomial.

    Args:
        rate: Probability of being masked; 0 is exactly the identity.

    Source: Vincent et al. 2008, section 2.3, https://doi.org/10.1145/1390156.1390294

    >>> Masking(rate=0.3)(jnp.ones((1, 3)), ())[0].tolist()
    [[1.0, 1.0, 1.0]]
    """

    spoils: ClassVar[str] = ""

    rate: Fixed

    def __init__(self, *, rate: Share = 0.3):
        """Store the rate."""
        self.rate = Fixed(jnp.asarray(rate, float))

    def augment(self, x: Float[Array, "batch *shape"], key: RowKey) -> Float[Array, "batch *shape"]:
        """Return what is not masked."""
        return jnp.where(key.bernoulli(self.rate.value, x.shape[1:]), 0, x)
