"""Stochastic pooling: one number of every window, drawn by its share."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.errors import RecipeError
from gradlab.nn.convolution.patches import tap_slices
from gradlab.nn.pooling.windows import Pooling
from gradlab.nn.random import RowKey


class StochasticPool2D(Pooling):
    """Stochastic pooling: draw number a_i of a window with probability p_i = a_i / Σ_k a_k.

    In training every window gives one of its numbers, so that each step trains another network, as
    with dropout; only the drawn number gets a gradient. At inference it gives their mean under the
    same probabilities, Σ_i p_i a_i, an average over those networks.

    It is for activations >= 0, after a ReLU: a negative number has share 0. A window without a
    positive number gives 0.

    Args:
        window: One number or (height, width).
        stride: As the window where None.
        padding: As in `Conv2D`; the border is never drawn.
        ceil: Let the last window hang over the edge instead of dropping what is left.

    Source: Zeiler & Fergus 2013, eqs. 3, 4 and 6, https://arxiv.org/abs/1301.3557

    >>> image = np.array([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
    >>> StochasticPool2D(2)(image, ())[0].ravel().tolist()
    [3.0]
    """

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch height width channels"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch height_out width_out channels"], PyTree]:
        """Pool a batch; the state passes through.

        Raises:
            RecipeError: If the window does not fit, or it is to draw without a key.
        """
        x = jnp.maximum(jnp.asarray(x), 0)
        shape = self.geometry(x.shape[1:])
        slices = tap_slices(x, shape)
        total = sum(slices[1:], start=slices[0])
        if not training:
            squares = sum((a * a for a in slices[1:]), start=slices[0] * slices[0])
            # The inner where keeps the derivative of an empty window from being 0/0.
            return jnp.where(total > 0, squares / jnp.where(total > 0, total, 1), 0), state
        if key is None:
            raise RecipeError(
                "StochasticPool2D draws random numbers in training; got key=None. "
                "Pass key=row_key(seed, step, rows), or training=False."
            )
        level = key.uniform(total.shape[1:]).astype(x.dtype) * lax.stop_gradient(total)
        return _drawn(slices, level), state


def _drawn(slices: list[Array], level: Array) -> Array:
    """Return the first number at which the running sum of the window passes the level.

    A number of share 0 never does: the level is below the total, and the sum does not move there.
    """
    drawn, below = jnp.zeros_like(level), jnp.zeros_like(level)
    open_ = jnp.ones(level.shape, bool)
    for a in slices:
        below = below + jax.lax.stop_gradient(a)
        here = open_ & (below > level)
        drawn = jnp.where(here, a, drawn)
        open_ = open_ & ~here
    return drawn
