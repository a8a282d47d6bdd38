"""A user's Equinox module for one example, as a layer for batches."""

import inspect
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PyTree, Shaped

from gradlab.nn.module import Layer
from gradlab.nn.random import RowKey


class PerExample(Layer):
    """A module for one example, mapped over the batch; made by `per_example`."""

    module: Any

    def __call__(
        self,
        x: Shaped[Array | np.ndarray, "batch *shape"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Shaped[Array, "batch *outputs"], PyTree]:
        """Map the batch; the state passes through."""
        x = jnp.asarray(x)
        module = eqx.nn.inference_mode(self.module, value=not training)
        if training and key is not None and _takes_key(module):
            # A raw threefry key is two words; these belong to the row, not to its place.
            return jax.vmap(lambda row, words: module(row, key=words))(x, key.bits((2,))), state
        return jax.vmap(module)(x), state


def per_example(module: Any) -> PerExample:
    """Return a layer for batches from a module that is written for one example.

    Every Equinox layer without a state of its own is such a module. In training its `key`, if it
    takes one, differs by seed, step and row; otherwise `equinox.nn.inference_mode` is set.

    Args:
        module: Called with one example, and with `key=` in training if it has that parameter.

    >>> linear = eqx.nn.Linear(3, 2, key=jax.random.key(0))
    >>> per_example(linear)(jnp.ones((5, 3)), ())[0].shape
    (5, 2)
    """
    return PerExample(module)


def _takes_key(module: Any) -> bool:
    try:
        return "key" in inspect.signature(module).parameters
    except (TypeError, ValueError):
        return False
