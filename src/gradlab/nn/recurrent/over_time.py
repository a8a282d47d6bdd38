"""One row for a whole sequence: its last step, or the mean or maximum of its steps."""

from typing import ClassVar, Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.errors import RecipeError
from gradlab.nn.module import Layer
from gradlab.nn.padded import Padded
from gradlab.nn.random import RowKey

Take = Literal["last", "mean", "max"]


class OverTime(Layer):
    """Reduce sequences to rows; padding does not count, and a sequence without a step gives zeros.

    Args:
        take: "last" (the last real step), "mean" or "max" (of the real steps, feature by feature).

    >>> x = Padded(jnp.array([[[1.0], [2.0], [9.0]]]), jnp.array([2]))
    >>> [OverTime(take)(x, ())[0].tolist() for take in ("last", "mean", "max")]
    [[[2.0]], [[1.5]], [[2.0]]]
    """

    takes_padded: ClassVar[bool] = True

    take: Take = eqx.field(static=True, default="last")

    def __check_init__(self):
        """Refuse an unknown reduction."""
        if self.take not in ("last", "mean", "max"):
            raise RecipeError(f"OverTime takes last, mean or max; got {self.take!r}.")

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output from that of one input, both without the batch.

        Raises:
            RecipeError: If the input is no sequence.
        """
        if len(input_shape) < 2:
            raise RecipeError(
                f"Time {self.take} takes sequences (time, features); got {input_shape}. Leave it "
                "out, or give the layer before outputs='sequence'."
            )
        return input_shape[1:]

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch time *features"] | Padded,
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *features"], PyTree]:
        """Map a batch of sequences to one row each; the state passes through."""
        if isinstance(x, Padded):
            return _of_padded(self.take, x), state
        values = jnp.asarray(x)
        if self.take == "last":
            return values[:, -1], state
        return (values.mean(axis=1) if self.take == "mean" else values.max(axis=1)), state


def _of_padded(take: Take, x: Padded) -> Array:
    values, lengths = jnp.asarray(x.values), jnp.asarray(x.lengths)
    more = (1,) * (values.ndim - 2)
    real, any_real = x.real.reshape(*values.shape[:2], *more), (lengths > 0).reshape(-1, *more)
    if take == "mean":
        total = jnp.where(real, values, jnp.zeros_like(values)).sum(axis=1)
        count = jnp.maximum(lengths, 1).astype(values.dtype).reshape(-1, *more)
        return total / jnp.broadcast_to(count, total.shape)
    if take == "last":
        rows = values[jnp.arange(len(values)), jnp.maximum(lengths, 1) - 1]
    else:
        lowest = jnp.full_like(values, -jnp.inf)
        rows = jnp.where(real, values, lowest).max(axis=1)
    return jnp.where(any_real, rows, jnp.zeros_like(rows))
