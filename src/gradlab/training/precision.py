"""Computing in the precision of the data, whatever the process is set to."""

from contextlib import AbstractContextManager

import jax
import numpy as np


def precision(dtype: np.dtype) -> AbstractContextManager:
    """Return the context in which JAX keeps 64 bits exactly if `dtype` does.

    JAX cuts float64 down to 32 bits unless told otherwise, and is told for each thread. A run is
    traced, compiled and called in the precision of its task, so its numbers don't depend on the
    process's setting.

    >>> with precision(np.dtype(np.float64)):
    ...     jax.numpy.ones(1, np.float64).dtype
    dtype('float64')
    """
    return jax.enable_x64(np.dtype(dtype) == np.float64)
