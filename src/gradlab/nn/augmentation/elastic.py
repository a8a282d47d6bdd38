"""Elastic deformation (morphing)."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from gradlab.nn.augmentation.sampling import Coordinate, Fill
from gradlab.nn.augmentation.warp import Geometric
from gradlab.nn.module import Fixed
from gradlab.nn.random import RowKey
from gradlab.scalars import NonNegative, Positive, Scalar


class Elastic(Geometric):
    """Deform each image by a smooth random field of displacements.

    d = strength · (G_smoothness ∗ n), n uniform in [−1, 1) at every pixel, G a Gaussian of that
    standard deviation; the output at (row, column) is read at (row + d₁, column + d₂). A usual
    displacement is strength / (2 √(3π) smoothness) pixels: 1.4 with the defaults, which are the
    source's for MNIST. A small smoothness gives noise, a large one a translation.

    Args:
        strength: Factor of the smoothed field, in pixels; scale it with smoothness and image.
        smoothness: Standard deviation of the Gaussian, in pixels.
        fill: What comes in from outside: "edge", the nearest pixel, or "zero".

    Source: Simard, Steinkraus & Platt 2003, section 2, https://doi.org/10.1109/ICDAR.2003.1227801

    >>> Elastic(strength=34, smoothness=4)(jnp.ones((1, 4, 4, 1)), ())[0].shape
    (1, 4, 4, 1)
    """

    spoils: ClassVar[str] = "shapes that must stay straight, when strong: faces, printed letters"

    strength: Fixed
    smoothness: Fixed
    fill: Fill = eqx.field(static=True)

    def __init__(
        self, *, strength: NonNegative = 34.0, smoothness: Positive = 4.0, fill: Fill = "edge"
    ):
        """Store strength and smoothness."""
        self.strength = Fixed(jnp.asarray(strength, float))
        self.smoothness = Fixed(jnp.asarray(smoothness, float))
        self.fill = fill

    def sources(
        self, rows: Coordinate, columns: Coordinate, key: RowKey, height: int, width: int
    ) -> tuple[Coordinate, Coordinate]:
        """Return the places displaced."""
        noise = (2 * key.uniform((2, height, width)) - 1).astype(rows.dtype)
        sigma = self.smoothness.value
        field = self.strength.value.astype(rows.dtype) * jnp.einsum(
            "ri,ndij,cj->ndrc",
            gaussian_matrix(height, sigma).astype(rows.dtype),
            noise,
            gaussian_matrix(width, sigma).astype(rows.dtype),
        )
        return rows + field[:, 0], columns + field[:, 1]


def gaussian_matrix(n: int, sigma: Scalar) -> Float[Array, "{n} {n}"]:
    """Return the matrix that smooths n values by a Gaussian; outside of them there is 0.

    G_ij ∝ exp(−(i − j)² / 2σ²), where the weights of a value far from the ends sum to 1. Smoothing
    images is two products with such matrices, far cheaper than a convolution so wide.

    >>> gaussian_matrix(3, 1e-3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    distance = jnp.arange(2 * n - 1) - (n - 1)
    kernel = jnp.exp(-0.5 * (distance / sigma) ** 2)
    kernel = kernel / kernel.sum()
    i = jnp.arange(n)
    return kernel[i[:, None] - i[None, :] + n - 1]
