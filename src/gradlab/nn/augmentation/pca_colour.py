"""PCA colour augmentation."""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gradlab.nn.augmentation.base import Augmentation, sides
from gradlab.nn.module import Fixed
from gradlab.nn.random import RowKey
from gradlab.scalars import NonNegative


class PcaColour(Augmentation):
    """Shift the colour of an image along the principal components of colour.

    x' = x + Σ_j a_j λ_j p_j at every pixel, with eigenvalues λ_j and eigenvectors p_j of the
    covariance C of the channels and a_j ~ N(0, std²) drawn once an image. With a_j = std p_jᵀ z,
    z standard normal, which is just that, the sum is std C z: no eigenvector has to be found.

    λ_j is a variance, so the same std does less to pixels from 0 to 1 than to those from 0 to 255;
    std is meant for 0 to 1. The result is not clipped.

    Args:
        std: Standard deviation of the a_j, without unit.
        covariance: Of the channels over the pixels of the training images, from
            `colour_covariance`; None takes that of each image, whose own colours are then varied.

    Source: Krizhevsky et al. 2012, section 4.1 (AlexNet), with the covariance of the training set.

    >>> PcaColour(std=0.1)(jnp.ones((1, 4, 4, 3)), ())[0].shape
    (1, 4, 4, 3)
    """

    spoils: ClassVar[str] = "classes told apart by their colour, such as ripe and unripe fruit"

    std: Fixed
    covariance: Fixed | None

    def __init__(
        self,
        *,
        std: NonNegative = 0.1,
        covariance: Float[Array | np.ndarray, "channels channels"] | None = None,
    ):
        """Store deviation and covariance."""
        self.std = Fixed(jnp.asarray(std, float))
        self.covariance = None if covariance is None else Fixed(jnp.asarray(covariance, float))

    def augment(self, x: Float[Array, "batch *shape"], key: RowKey) -> Float[Array, "batch *shape"]:
        """Return images of other tints."""
        sides(x, "PcaColour")
        z = (self.std.value * key.normal(x.shape[-1:])).astype(x.dtype)
        if self.covariance is not None:
            shift = z @ self.covariance.value.astype(x.dtype)
        else:
            centred = x - x.mean((1, 2), keepdims=True)
            own = jnp.einsum("nhwc,nhwd->ncd", centred, centred) / (x.shape[1] * x.shape[2])
            shift = jnp.einsum("ncd,nd->nc", own, z)
        return x + shift[:, None, None]


def colour_covariance(
    images: Float[np.ndarray, "images height width channels"],
) -> Float[np.ndarray, "channels channels"]:
    """Return the covariance of the channels over all pixels of the (training) images.

    >>> colour_covariance(np.array([0.0, 1.0]).reshape(1, 1, 2, 1)).tolist()
    [[0.25]]
    """
    pixels = images.reshape(-1, images.shape[-1])
    centred = pixels - pixels.mean(axis=0, dtype=np.float64)
    return centred.T @ centred / len(pixels)
