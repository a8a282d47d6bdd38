"""Rotation."""

from typing import Annotated, ClassVar

import equinox as eqx
import jax.numpy as jnp
from annotated_types import Interval

from gradlab.nn.augmentation.base import per_image, signed_uniform
from gradlab.nn.augmentation.sampling import Coordinate, Fill
from gradlab.nn.augmentation.warp import Geometric
from gradlab.nn.module import Fixed
from gradlab.nn.random import RowKey
from gradlab.scalars import Scalar


class Rotate(Geometric):
    """Turn each image about its centre by an angle uniform in [−degrees, degrees).

    The output at (row, column) is read at (row cos θ + column sin θ, column cos θ − row sin θ),
    which turns the image counter-clockwise by θ.

    Args:
        degrees: Largest angle, 0 to 180.
        fill: What comes in from outside: "edge", the nearest pixel, or "zero".

    >>> Rotate(degrees=15)(jnp.ones((1, 4, 4, 1)), ())[0].shape
    (1, 4, 4, 1)
    """

    spoils: ClassVar[str] = "digits and letters turned far: 6 and 9, N and Z, d and p"

    degrees: Fixed
    fill: Fill = eqx.field(static=True)

    def __init__(
        self, *, degrees: Annotated[Scalar, Interval(ge=0, le=180)] = 15.0, fill: Fill = "edge"
    ):
        """Store the largest angle."""
        self.degrees = Fixed(jnp.asarray(degrees, float))
        self.fill = fill

    def sources(
        self, rows: Coordinate, columns: Coordinate, key: RowKey, height: int, width: int
    ) -> tuple[Coordinate, Coordinate]:
        """Return the places turned clockwise."""
        angle = jnp.deg2rad(self.degrees.value) * signed_uniform(key, 1)[:, 0]
        angle = per_image(angle, rows)
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        return cos * rows + sin * columns, cos * columns - sin * rows
