"""What every augmentation has in common: it acts in training alone, row by row."""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.errors import RecipeError
from gradlab.nn.module import Layer
from gradlab.nn.random import RowKey, needed


class Augmentation(Layer):
    """A layer that changes its input at random in training and returns it untouched otherwise.

    What a row becomes depends on the run's seed, the step and the row's number in the data set,
    never on its place in the batch. The label stays as it is, so use only changes that leave it
    true: `spoils` says when one does not.
    """

    kind: ClassVar[str] = "augmentation"

    spoils: ClassVar[str] = ""
    """Data whose labels the change makes wrong, or "" if it is hard to find any."""

    def augment(self, x: Array, key: RowKey) -> Array:
        """Return the batch changed at random; shape and dtype stay."""
        raise NotImplementedError(f"{type(self).__name__} has no augment.")

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *shape"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *shape"], PyTree]:
        """Change the batch in training; the state passes through."""
        x = jnp.asarray(x)
        if not training:
            return x, state
        return self.augment(x, needed(key, type(self).__name__)).astype(x.dtype), state


def sides(x: Float[Array, "batch *shape"], layer: str) -> tuple[int, int]:
    """Return height and width of a batch of images.

    Raises:
        RecipeError: If the batch holds no images.

    >>> sides(jnp.zeros((5, 28, 24, 1)), "Rotate")
    (28, 24)
    """
    if x.ndim != 4:
        raise RecipeError(
            f"{layer} takes images (batch, height, width, channels); got x.shape={x.shape}. "
            "Put it before the images are flattened, or leave it out."
        )
    return x.shape[1], x.shape[2]


def signed_uniform(key: RowKey, numbers: int) -> Float[Array, "batch numbers"]:
    """Return numbers uniform in [-1, 1) for every row."""
    return 2 * key.uniform((numbers,)) - 1


def per_image(numbers: Float[Array, " batch"], like: Array) -> Float[Array, "batch ..."]:
    """Return one number an image in the dtype of `like` and shaped to multiply it."""
    return numbers.astype(like.dtype).reshape(-1, *[1] * (like.ndim - 1))
