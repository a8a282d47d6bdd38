"""Slices of the frequency axis, over which some cells run a second recurrence."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gradlab.errors import RecipeError


class SliceState(NamedTuple):
    """What every slice of the spectrum carries to the next time step."""

    c: Float[Array | np.ndarray, "batch slices units_of_slice"]
    """The memory."""
    h: Float[Array | np.ndarray, "batch slices units_of_slice"]
    """The output."""


def count_slices(width: int, feature_size: int, frequency_skip: int) -> int:
    """Return how many slices fit: ⌊(width − feature_size) / frequency_skip⌋ + 1.

    Args:
        width: Features in all.
        feature_size: Features of one slice.
        frequency_skip: Features from the start of one slice to that of the next.

    Raises:
        RecipeError: If not even one fits.

    >>> count_slices(40, feature_size=8, frequency_skip=2)
    17
    """
    if frequency_skip < 1 or not 1 <= feature_size <= width:
        raise RecipeError(
            f"Slices of feature_size={feature_size} features, every frequency_skip="
            f"{frequency_skip}, do not fit into {width} features. Choose a feature_size from 1 to "
            f"{width} and a frequency_skip of at least 1."
        )
    return (width - feature_size) // frequency_skip + 1


def slices_of(
    x: Float[Array | np.ndarray, "batch width"], feature_size: int, frequency_skip: int
) -> Float[Array, "slices batch feature_size"]:
    """Cut every row into overlapping slices, from low to high.

    >>> slices_of(jnp.arange(5.0)[None], 3, 2).tolist()
    [[[0.0, 1.0, 2.0]], [[2.0, 3.0, 4.0]]]
    """
    n_slices = count_slices(x.shape[1], feature_size, frequency_skip)
    starts = frequency_skip * np.arange(n_slices)
    columns = starts[:, None] + np.arange(feature_size)[None, :]
    return jnp.transpose(jnp.asarray(x)[:, columns], (1, 0, 2))
