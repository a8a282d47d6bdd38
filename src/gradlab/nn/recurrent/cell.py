"""What every recurrent cell has in common.

A cell is one time step,

    cell(x, state, *, key=None, training=False) -> (output, state)

x is (batch, features) and the state is a tree of arrays with the batch on their first axis. Every
cell has a classmethod `create(weights, n_inputs, n_units, *, ...)` that draws its weights (arrays
named `weight...` and `bias...`). `unroll` runs a cell over a sequence; a plain `for` loop over
cell calls does the same.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.errors import DataError
from gradlab.nn.random import GOLDEN, RowKey, mix
from gradlab.scalars import Scalar


class Cell(eqx.Module):
    """Base of recurrent cells; a user's own needs `n_units`, `__call__`, often `zero_state`.

    A cell that has `n_inputs`, the width of its input, gets inputs of another width refused.
    """

    @property
    def n_units(self) -> int:
        """Width of the output."""
        raise NotImplementedError(f"{type(self).__name__} does not say its n_units.")

    @property
    def state_size(self) -> PyTree:
        """Width of every array of the state."""
        state = jax.eval_shape(lambda: self.zero_state(1, jnp.float32))
        return jax.tree.map(lambda leaf: leaf.shape[-1], state)

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> PyTree:
        """Return the state before the first step: zeros, one array (batch, n_units)."""
        return jnp.zeros((batch_size, self.n_units), dtype)

    def __call__(
        self, x: Array, state: PyTree, *, key: RowKey | None = None, training: bool = False
    ) -> tuple[Array, PyTree]:
        """Take one time step."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__.")


class FusedCell(Cell):
    """A cell that also knows a faster way through a whole sequence than step by step.

    `unroll` takes `sequence` where there is one; its numbers must be those of the loop.
    """

    def sequence(
        self,
        inputs: Float[Array, "time batch features"],
        state: PyTree,
        real: Bool[Array, "time batch"] | None,
        *,
        reverse: bool,
    ) -> tuple[Float[Array, "time batch units"], PyTree]:
        """Take every step.

        Args:
            inputs: Time first.
            state: Before the first step.
            real: False for padding, where the state is held and the output is of no account
                (`unroll` sets it to zero); None if there is none.
            reverse: From the last step to the first.
        """
        raise NotImplementedError(f"{type(self).__name__} has no sequence().")

    def output_of(self, state: PyTree) -> Float[Array, "batch units"]:
        """Return the output of the step after which the state stands; at the start, zeros."""
        return state


class StepKey(RowKey):
    """The key that `unroll` gives a cell: random numbers of one time step.

    Numbers that stay the same over a whole sequence (a variational dropout mask) come from
    `of_sequence(key)`.
    """

    time: Scalar = 0

    def fold(self, number: int) -> "StepKey":
        """Return the key of a part of the cell, at the same step."""
        return StepKey(self.seed, self.step, self.rows, (*self.path, number), self.time)

    def bits(self, shape: tuple[int, ...]) -> Array:
        """Return one random 32-bit word for every element of every row; `shape` is one row's."""
        time = jnp.asarray(self.time, jnp.uint32) * jnp.uint32(GOLDEN) + jnp.uint32(1)
        seed = mix(jnp.asarray(self.seed, jnp.uint32) * jnp.uint32(GOLDEN) + mix(time))
        return RowKey(seed, self.step, self.rows, self.path).bits(shape)


def of_sequence(key: RowKey) -> RowKey:
    """Return the key without its time step: the same numbers at every step of a sequence.

    >>> rows = jnp.arange(2)
    >>> at = lambda time: StepKey(jnp.uint32(7), jnp.uint32(0), rows, (), time)
    >>> bool((of_sequence(at(1)).bits((3,)) == of_sequence(at(2)).bits((3,))).all())
    True
    >>> bool((at(1).bits((3,)) == at(2).bits((3,))).any())
    False
    """
    return RowKey(key.seed, key.step, key.rows, key.path)


def float_dtype(cell: Any) -> Any:
    """Return the dtype that a cell computes in: that of its weights (float32 without any)."""
    dtypes = [
        leaf.dtype
        for leaf in jax.tree.leaves(cell)
        if hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.inexact)
    ]
    return jnp.result_type(*dtypes) if dtypes else jnp.dtype(jnp.float32)


def check_input(cell: Any, x: Array | np.ndarray) -> None:
    """Refuse one time step of another width than the cell's.

    Raises:
        DataError: If x isn't (batch, n_inputs).
    """
    if x.ndim != 2 or x.shape[1] != cell.n_inputs:
        raise DataError(
            f"{type(cell).__name__} takes one time step, (batch, {cell.n_inputs}); got x of shape "
            f"{x.shape}. A whole sequence, (batch, time, {cell.n_inputs}), goes through unroll()."
        )
