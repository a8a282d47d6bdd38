"""Random crops."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.errors import RecipeError
from gradlab.nn.augmentation.base import sides
from gradlab.nn.augmentation.sampling import Fill, cross
from gradlab.nn.module import Fixed, Layer
from gradlab.nn.random import RowKey, needed
from gradlab.scalars import NonNegative


class Crop(Layer):
    """Cut a window out of each image, padded all around, at a random place.

    Every place is equally likely; there are (height + 2 padding − size + 1) of them downwards and
    likewise to the right. Without training the window is the middle of the image.

    Args:
        padding: Pixels laid around the image before cutting; rounded to whole ones.
        size: Side of the window in pixels, or (height, width); None keeps the image's own.
        fill: What the padding is: "edge", the nearest pixel, or "zero".

    Raises:
        RecipeError: If the window is larger than the image.

    Sources: 224 out of 256, Krizhevsky et al. 2012, section 4.1; padding of 4 around 32 x 32,
    He et al. 2016, section 4.2, https://arxiv.org/abs/1512.03385 (with zeros: `fill="zero"`).

    >>> Crop(padding=0, size=24)(jnp.ones((1, 32, 32, 3)), ())[0].shape
    (1, 24, 24, 3)
    """

    kind: ClassVar[str] = "augmentation"
    spoils: ClassVar[str] = "targets that say where something is; objects cut off at the border"

    padding: Fixed
    size: tuple[int, int] | None = eqx.field(static=True)
    fill: Fill = eqx.field(static=True)

    def __init__(
        self,
        *,
        padding: NonNegative = 4,
        size: int | tuple[int, int] | None = None,
        fill: Fill = "edge",
    ):
        """Store padding and size."""
        self.padding = Fixed(jnp.asarray(padding, float))
        self.size = (size, size) if isinstance(size, int) else size
        self.fill = fill

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one window, given that of one image.

        >>> Crop(size=(20, 24)).output_shape((32, 32, 3))
        (20, 24, 3)
        """
        height, width = self._window(*input_shape[:2])
        return (height, width, *input_shape[2:])

    def _window(self, height: int, width: int) -> tuple[int, int]:
        rows, columns = self.size or (height, width)
        if not (1 <= rows <= height and 1 <= columns <= width):
            raise RecipeError(
                f"Crop cuts windows of {rows}x{columns} pixels; the images have {height}x{width}. "
                "Choose a size from 1 to the image's own."
            )
        return rows, columns

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *image"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *window"], PyTree]:
        """Cut windows, at random in training; the state passes through."""
        x = jnp.asarray(x)
        height, width = sides(x, "Crop")
        rows, columns = self._window(height, width)
        if not training:
            top, left = (height - rows) // 2, (width - columns) // 2
            return x[:, top : top + rows, left : left + columns], state
        draw = needed(key, "Crop").uniform((2,))
        padding = jnp.round(self.padding.value).astype(jnp.float32)
        return self._cut(
            x,
            jnp.floor(draw[:, 0] * (height - rows + 2 * padding + 1)) - padding,
            jnp.floor(draw[:, 1] * (width - columns + 2 * padding + 1)) - padding,
            (rows, columns),
        ), state

    def _cut(self, x: Array, top: Array, left: Array, window: tuple[int, int]) -> Array:
        """Return windows whose corners may lie outside, which is the padding."""
        height, width = x.shape[1:3]
        rows = top.astype(jnp.int32)[:, None] + jnp.arange(window[0])[None]
        columns = left.astype(jnp.int32)[:, None] + jnp.arange(window[1])[None]
        cut = cross(x, jnp.clip(rows, 0, height - 1), jnp.clip(columns, 0, width - 1))
        if self.fill == "edge":
            return cut
        inside = ((rows >= 0) & (rows < height))[:, :, None, None] & (
            (columns >= 0) & (columns < width)
        )[:, None, :, None]
        return jnp.where(inside, cut, 0)


def n_crops(image: int, window: int) -> int:
    """Return how many different square windows a square image holds, (image − window + 1)².

    The document counts (image − window)² = 1024 for 224 out of 256: it leaves out one end.

    >>> n_crops(256, 224)
    1089
    """
    return (image - window + 1) ** 2
