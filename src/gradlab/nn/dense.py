"""The fully connected layer."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.errors import DataError
from gradlab.nn.module import Layer, trainable
from gradlab.nn.random import RowKey


class Dense(Layer):
    """Affine map y = x W + b of the last axis.

    Args:
        weight: W, one column per unit.
        bias: b, one number per unit; None for none.

    >>> layer = Dense(jnp.ones((2, 3)), jnp.zeros(3))
    >>> layer(jnp.array([[1.0, 2.0]]), ())[0].tolist()
    [[3.0, 3.0, 3.0]]
    """

    kind: ClassVar[str] = "linear"

    weight: Float[Array | np.ndarray, "n_in n_out"]
    bias: Float[Array | np.ndarray, " n_out"] | None = None

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *positions features"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *positions units"], PyTree]:
        """Map a batch; the state passes through.

        Raises:
            DataError: If x has another number of features than the weight has rows.
        """
        n_in = self.weight.shape[0]
        if x.shape[-1] != n_in:
            raise DataError(
                f"Dense with weight {self.weight.shape} takes rows of {n_in} features; got x of "
                f"shape {x.shape}. Give the data the columns that the network was built for."
            )
        y = jnp.matmul(x, self.weight)
        return y if self.bias is None else y + jnp.broadcast_to(self.bias, y.shape), state


def n_parameters(model: PyTree) -> int:
    """Return how many numbers training may change; a `Fixed` one does not count.

    >>> n_parameters(Dense(jnp.ones((784, 100)), jnp.zeros(100)))
    78500
    """
    return sum(np.size(leaf) for leaf in jax.tree.leaves(eqx.filter(model, trainable(model))))
