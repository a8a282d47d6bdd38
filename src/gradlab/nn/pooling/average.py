"""Average pooling: the mean of every window."""

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.nn.convolution.geometry import Geometry
from gradlab.nn.convolution.patches import tap_slices
from gradlab.nn.convolution.unlike_lengths import lengths_after, with_padding
from gradlab.nn.padded import Padded
from gradlab.nn.pooling.windows import Pooling
from gradlab.nn.random import RowKey


def averages(
    image: Float[Array, "batch *size channels"], geometry: Geometry
) -> Float[Array, "batch *output channels"]:
    """Return the mean of every window over its pixels inside the image."""
    n_axes = len(geometry.kernel)
    if geometry.kernel == geometry.stride and not any(map(any, geometry.padding)):
        whole = [n * k for n, k in zip(geometry.output, geometry.kernel, strict=True)]
        image = lax.slice(image, [0] * image.ndim, [len(image), *whole, image.shape[-1]])
        split = [x for pair in zip(geometry.output, geometry.kernel, strict=True) for x in pair]
        blocks = image.reshape(len(image), *split, image.shape[-1])
        return jnp.mean(blocks, axis=tuple(2 * axis + 2 for axis in range(n_axes)))
    total = sum(tap_slices(image, geometry)[1:], start=tap_slices(image, geometry)[0])
    counts = _pixels_inside(geometry)
    share = jnp.asarray(1 / counts, image.dtype)[None, ..., None]
    return total * jnp.broadcast_to(share, total.shape)


def _pixels_inside(geometry: Geometry) -> Float[np.ndarray, "*output"]:
    counts = np.ones(())
    for n, u, k, s, (before, _) in zip(
        geometry.size,
        geometry.output,
        geometry.kernel,
        geometry.stride,
        geometry.padding,
        strict=True,
    ):
        start = s * np.arange(u) - before
        inside = np.minimum(start + k, n) - np.maximum(start, 0)
        counts = np.multiply.outer(counts, np.maximum(inside, 1))
    return counts


class AveragePool2D(Pooling):
    """Average pooling of images: every window is represented by its mean.

    At the border the mean is over the pixels inside the image (PyTorch's count_include_pad=False).

    Args:
        window: One number or (height, width).
        stride: As the window where None.
        padding: As in `Conv2D`.
        ceil: Let the last window hang over the edge instead of dropping what is left.

    >>> image = np.array([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
    >>> AveragePool2D(2)(image, ())[0].ravel().tolist()
    [2.5]
    """

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *size channels"] | Padded,
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Any, PyTree]:
        """Pool a batch; the state passes through.

        Raises:
            RecipeError: If the window does not fit.
        """
        if isinstance(x, Padded):
            shape = self.geometry(x.values.shape[1:])
            seen = averages(with_padding(x, 0.0), shape)
            real = averages(x.real[:, :, None].astype(seen.dtype), shape)
            y = seen / jnp.broadcast_to(jnp.where(real > 0, real, 1), seen.shape)
            return Padded(y, lengths_after(x, shape, self.padding)), state
        return averages(jnp.asarray(x), self.geometry(x.shape[1:])), state


class AveragePool1D(AveragePool2D):
    """Average pooling of sequences (batch, time, channels); arguments as in `AveragePool2D`.

    >>> AveragePool1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]]), ())[0].ravel().tolist()
    [2.0, 1.0]
    """

    n_axes: ClassVar[int] = 1
    takes_padded: ClassVar[bool] = True
