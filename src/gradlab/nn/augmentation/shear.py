"""Shearing."""

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


class Shear(Geometric):
    """Slant each image sideways, as italics do, by an angle uniform in [−degrees, degrees).

    The output at (row, column) is read at (row, column + row tan φ), rows counted from the centre.

    Args:
        degrees: Largest angle, 0 to below 90.
        fill: What comes in from outside: "edge", the nearest pixel, or "zero".

    >>> Shear(degrees=10)(jnp.ones((1, 4, 4, 1)), ())[0].shape
    (1, 4, 4, 1)
    """

    spoils: ClassVar[str] = "shapes told apart by their angles, such as squares and diamonds"

    degrees: Fixed
    fill: Fill = eqx.field(static=True)

    def __init__(
        self, *, degrees: Annotated[Scalar, Interval(ge=0, lt=90)] = 10.0, fill: Fill = "edge"
    ):
        """Store the largest angle."""
        self.degrees = Fixed(jnp.asarray(degrees, float))
        self.fill = fill

    def sources(
        self, rows: Coordinate, columns: Coordinate, key: RowKey, height: int, width: int
    ) -> tuple[Coordinate, Coordinate]:
        """Return the places moved sideways in proportion to their row."""
        slope = jnp.tan(jnp.deg2rad(self.degrees.value) * signed_uniform(key, 1)[:, 0])
        return rows, columns + per_image(slope, rows) * rows
