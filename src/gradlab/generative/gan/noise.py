"""The prior p_z of the noise that a generator turns into rows."""

from collections.abc import Callable
from typing import Literal

import jax.numpy as jnp
import numpy as np
import scipy.special
from jaxtyping import Array, Float

from gradlab.errors import RecipeError, unknown
from gradlab.nn.random import RowKey, row_key

PriorName = Literal["normal", "uniform"]


def normal(key: RowKey, size: int) -> Float[Array, "batch size"]:
    """Return z ~ N(0, I)."""
    return key.normal((size,))


def uniform(key: RowKey, size: int) -> Float[Array, "batch size"]:
    """Return z uniform in [−1, 1)."""
    return 2 * key.uniform((size,)) - 1


PRIORS: dict[str, Callable[[RowKey, int], Float[Array, "batch size"]]] = {
    "normal": normal,
    "uniform": uniform,
}


def draw_noise(
    n: int, size: int, *, prior: str = "normal", seed: int = 0
) -> Float[np.ndarray, "n size"]:
    """Return n rows of noise; row i depends on seed and i alone, so fewer are a part of more.

    Args:
        n: Rows.
        size: Numbers in each.
        prior: "normal", N(0, I), or "uniform", in [−1, 1).
        seed: Of the draw.

    Raises:
        RecipeError: If there is no such prior.

    >>> draw_noise(3, 2, prior="uniform", seed=1).shape
    (3, 2)
    """
    if prior not in PRIORS:
        raise RecipeError(unknown("prior", prior, PRIORS))
    # By NumPy, so that drawing compiles nothing; the words are those of the hash on the device.
    bits = np.asarray(row_key(seed % 2**32, 0, jnp.arange(n)).bits((size,)))
    if prior == "uniform":
        return ((bits >> 8).astype(np.float32) * np.float32(2**-23)) - np.float32(1)
    middle = (bits >> 9).astype(np.float64) * 2.0**-23 + 2.0**-24
    return scipy.special.ndtri(middle).astype(np.float32)
