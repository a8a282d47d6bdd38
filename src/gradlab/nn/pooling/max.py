"""Max pooling: the largest number of every window."""

import itertools
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PyTree

from gradlab.nn.convolution.geometry import Geometry
from gradlab.nn.convolution.patches import tap_slices
from gradlab.nn.convolution.unlike_lengths import lengths_after, with_padding
from gradlab.nn.padded import Padded
from gradlab.nn.pooling.windows import Pooling
from gradlab.nn.random import RowKey


def _largest(
    image: Float[Array, "batch *size channels"], geometry: Geometry
) -> Float[Array, "batch *output channels"]:
    """Return the largest number of every window; the border never wins.

    The gradient goes to the first of equal maxima, in row-major order, as in PyTorch. XLA's own
    gradient of `reduce_window` searches every window again, 20 times slower; here the forward pass
    writes down which tap won, and the backward pass compares.
    """
    return lax.reduce_window(
        image,
        jnp.array(-jnp.inf, image.dtype),
        lax.max,
        (1, *geometry.kernel, 1),
        (1, *geometry.stride, 1),
        ((0, 0), *geometry.padding, (0, 0)),
    )


def winners(
    image: Float[Array, "batch *size channels"],
    best: Float[Array, "batch *output channels"],
    geometry: Geometry,
) -> Int[Array, "batch *output channels"]:
    """Return the code of the first tap of every window that holds its maximum."""
    slices = tap_slices(image, geometry, -jnp.inf)
    codes = [_code(taps, geometry) for taps in itertools.product(*map(range, geometry.kernel))]
    dtype = jnp.int8 if max(codes) < 127 else jnp.int32
    winner = jnp.full(best.shape, codes[-1], dtype)
    for code, values in reversed(list(zip(codes[:-1], slices[:-1], strict=True))):
        winner = jnp.where(values == best, dtype(code), winner)
    return winner


def _code(taps: tuple[int, ...], geometry: Geometry) -> int:
    """Number the taps of a window widened to whole strides."""
    code = 0
    for tap, kernel, stride in zip(taps, geometry.kernel, geometry.stride, strict=True):
        code = code * _blocks(kernel, stride) * stride + tap
    return code


def _blocks(kernel: int, stride: int) -> int:
    return -(-kernel // stride)


def give_back(
    cotangent: Float[Array, "batch *output channels"],
    winner: Int[Array, "batch *output channels"],
    geometry: Geometry,
) -> Float[Array, "batch *size channels"]:
    """Return the image whose pixels hold the sum over the windows that they won.

    Seen in blocks of one stride, pixel (block q, place r in it) is tap r + stride t of the window
    that starts t blocks before. So the gradient is one sum over the few t of comparisons, written
    over whole blocks at once: nothing is scattered.
    """
    n_axes = len(geometry.kernel)
    blocks = [
        -(-(n + before) // s)
        for n, (before, _), s in zip(geometry.size, geometry.padding, geometry.stride, strict=True)
    ]
    before = [_blocks(k, s) - 1 for k, s in zip(geometry.kernel, geometry.stride, strict=True)]
    # Windows that reach into the border alone lie past the last block: cropped.
    behind = [q - u for q, u in zip(blocks, geometry.output, strict=True)]
    config = [(0, 0, 0), *((a, b, 0) for a, b in zip(before, behind, strict=True)), (0, 0, 0)]
    cotangent = lax.pad(cotangent, jnp.zeros((), cotangent.dtype), config)
    winner = lax.pad(winner, jnp.array(-1, winner.dtype), config)
    spread_axes = tuple(2 * axis + 2 for axis in range(n_axes))
    image = None
    for shifts in itertools.product(*(range(n + 1) for n in before)):
        start = [0, *(n - t for n, t in zip(before, shifts, strict=True)), 0]
        stop = [a + n for a, n in zip(start, [len(winner), *blocks, winner.shape[-1]], strict=True)]
        won = jnp.expand_dims(lax.slice(winner, start, stop), spread_axes)
        gradient = jnp.expand_dims(lax.slice(cotangent, start, stop), spread_axes)
        mine = jnp.asarray(_codes_of_a_block(shifts, geometry), winner.dtype)
        term = jnp.where(won == mine, gradient, 0)
        image = term if image is None else image + term
    assert image is not None
    whole = [q * s for q, s in zip(blocks, geometry.stride, strict=True)]
    image = image.reshape(len(winner), *whole, winner.shape[-1])
    crop = [
        (-before, before + n - m, 0)
        for n, m, (before, _) in zip(geometry.size, whole, geometry.padding, strict=True)
    ]
    return lax.pad(image, jnp.zeros((), image.dtype), [(0, 0, 0), *crop, (0, 0, 0)])


def _codes_of_a_block(shifts: tuple[int, ...], geometry: Geometry) -> np.ndarray:
    """Return the codes of the taps that the places of one block are, shape (1, 1, s, 1, s, 1)."""
    places = itertools.product(*map(range, geometry.stride))
    codes = [
        _code(
            tuple(r + s * t for r, s, t in zip(place, geometry.stride, shifts, strict=True)),
            geometry,
        )
        for place in places
    ]
    shape = [1]
    for stride in geometry.stride:
        shape += [1, stride]
    return np.array(codes).reshape(*shape, 1)


def _forward(image: Array, geometry: Geometry) -> tuple[Array, Array]:
    best = _largest(image, geometry)
    # Kept as it is: XLA would otherwise find the winners again, wherever they are asked for.
    return best, lax.optimization_barrier(winners(image, best, geometry))


def _backward(geometry: Geometry, winner: Array, cotangent: Array) -> tuple[Array]:
    return (give_back(cotangent, winner, geometry),)


largest = jax.custom_vjp(_largest, nondiff_argnums=(1,))
largest.defvjp(_forward, _backward)


class MaxPool2D(Pooling):
    """Max pooling of images: every window is represented by its largest number.

    Small movements of a feature within a window change nothing. Of equal maxima the first gets the
    gradient. It is faster before a ReLU than after it, with the same result (ReLU is monotone).

    Args:
        window: One number or (height, width).
        stride: As the window where None.
        padding: As in `Conv2D`; the border never wins.
        ceil: Let the last window hang over the edge instead of dropping what is left.

    >>> image = np.array([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
    >>> MaxPool2D(2)(image, ())[0].ravel().tolist()
    [4.0]
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
            y = largest(with_padding(x, -jnp.inf), shape)
            return Padded(y, lengths_after(x, shape, self.padding)), state
        return largest(jnp.asarray(x), self.geometry(x.shape[1:])), state


class MaxPool1D(MaxPool2D):
    """Max pooling of sequences (batch, time, channels); arguments as in `MaxPool2D`.

    >>> MaxPool1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]]), ())[0].ravel().tolist()
    [3.0, 2.0]
    """

    n_axes: ClassVar[int] = 1
    takes_padded: ClassVar[bool] = True
