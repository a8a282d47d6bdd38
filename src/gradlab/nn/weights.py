"""Where a layer's initial weights come from when a network is built."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import DTypeLike

from gradlab.nn.initializers import INITIALIZERS, standard_normal

PARTS = 2**16
"""Weights of one layer take the draws of layers number + part · PARTS, which no network reaches."""


class Weights:
    """The initial weights of one layer: an initialiser with the seed and the layer's number.

    Two networks with the same seed share their draws layer by layer, whatever the initialiser.

    Args:
        initializer: Name in INITIALIZERS, or a function (draw, n_in, n_out) -> weights. None is
            he_normal, but Glorot's for the kernels of recurrent cells, as in TensorFlow and Keras.
        seed: Seed of the run; None gives zeros, for a template whose weights come from elsewhere.
        layer: Number of the layer within the network.
        parameters: Keyword parameters of the initialiser.
        dtype: float32 or float64.

    >>> weights = Weights("he_normal", seed=0, layer=2)
    >>> weights((3, 3, 16, 32), n_in=3 * 3 * 16, n_out=3 * 3 * 32).shape
    (3, 3, 16, 32)
    """

    def __init__(
        self,
        initializer: str | Callable | None = None,
        *,
        seed: int | None = 0,
        layer: int = 0,
        parameters: Mapping[str, Any] | None = None,
        dtype: DTypeLike = np.float32,
    ):
        """Keep what decides the numbers."""
        self.is_default = initializer is None
        name = "he_normal" if initializer is None else initializer
        self.initializer = INITIALIZERS[name] if isinstance(name, str) else name
        self.seed = seed
        self.layer = layer
        self.parameters = dict(parameters or {})
        self.dtype = np.dtype(dtype)

    def __call__(
        self, shape: tuple[int, ...], n_in: int, n_out: int, *, part: int = 0
    ) -> Float[np.ndarray, "..."]:
        """Return initial weights.

        Args:
            shape: Of the array.
            n_in: Inputs of one unit (for a convolution: kernel size times input channels).
            n_out: Units that one input reaches.
            part: Number of the array within the layer, where it has several.
        """
        if self.seed is None:
            return np.zeros(shape, self.dtype)
        draw = _draw(self.seed, self.layer + part * PARTS, shape, self.dtype)
        return np.asarray(self.initializer(draw, n_in, n_out, **self.parameters), self.dtype)

    def kernel(
        self, shape: tuple[int, ...], n_units: int, *, part: int = 0
    ) -> Float[np.ndarray, "..."]:
        """Return initial weights of a recurrent cell.

        Without an initialiser, uniform within ±√(6 / (rows + columns)), by the kernel's own shape.
        One that is given takes each gate as a matrix of its own, of `n_units` columns.

        Args:
            shape: Of the kernel, the gates' columns side by side; leading axes are of kernels.
            n_units: Columns of one gate.
            part: Number of the array within the layer.

        >>> kernel = Weights().kernel((8, 4 * 8), 8)
        >>> bool(0.9 < np.abs(kernel).max() / np.sqrt(6 / (8 + 32)) <= 1)
        True
        """
        rows, columns = shape[-2:]
        if not self.is_default:
            return self(shape, rows, n_units, part=part)
        glorot = Weights(
            "xavier_uniform",
            seed=self.seed,
            layer=self.layer,
            parameters=self.parameters,
            dtype=self.dtype,
        )
        return glorot(shape, rows, columns, part=part)

    def zeros(self, *shape: int) -> Float[np.ndarray, "..."]:
        """Return zeros, as biases start."""
        return np.zeros(shape, self.dtype)


@functools.lru_cache(maxsize=256)
def _draw(
    seed: int, layer: int, shape: tuple[int, ...], dtype: np.dtype
) -> Float[np.ndarray, "..."]:
    # Every initialiser transforms the same draw, so a study asks for it once a level and seed.
    draw = standard_normal(seed, layer, shape, dtype)
    draw.flags.writeable = False
    return draw
