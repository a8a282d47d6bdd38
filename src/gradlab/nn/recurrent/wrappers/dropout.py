"""Dropout around a recurrent cell."""

import itertools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, PyTree, Shaped

from gradlab.nn.module import Fixed
from gradlab.nn.noise import Dropout
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell, float_dtype, of_sequence
from gradlab.nn.recurrent.lstm import LSTMState
from gradlab.nn.recurrent.zoo.parts import fixed
from gradlab.scalars import Share

CELL, INPUT, STATE, OUTPUT = range(4)
"""Parts of the key."""


class DropoutWrapper(Cell):
    """Drop inputs, outputs and states of a cell in training; the kept are divided by 1 − rate.

        y, s' = cell(drop(x), s)
        output drop(y), state drop(s')

    Each step has its own masks, or (`variational`) one set of masks serves the whole sequence, as
    for one network drawn from the ensemble of thinned ones. The output is taken before the state
    is dropped. Of an LSTM's state only h is dropped: what is struck from c would be forgotten for
    good. What a wrapper inside keeps beside its cell's state (an attention window) is left alone.

    Args:
        cell: The wrapped cell.
        input_rate: Share of the inputs that is dropped; None for none.
        state_rate: Share of the state; None for none.
        output_rate: Share of the outputs; None for none.
        variational: Whether every step of a sequence has the same masks.

    Sources: Zaremba et al. 2014 (inputs and outputs), https://arxiv.org/abs/1409.2329; Gal &
    Ghahramani 2016 (variational), https://arxiv.org/abs/1512.05287

    >>> from gradlab.nn.weights import Weights
    >>> from gradlab.nn.recurrent import RNNCell
    >>> cell = RNNCell.create(Weights("xavier_uniform"), 3, 8)
    >>> dropped = DropoutWrapper.create(cell, input_rate=0.5, variational=True)
    >>> x, state = jnp.ones((5, 3)), cell.zero_state(5)
    >>> bool((dropped(x, state)[0] == cell(x, state)[0]).all())  # not training
    True
    """

    cell: Any
    input_rate: Fixed | None = None
    state_rate: Fixed | None = None
    output_rate: Fixed | None = None
    variational: bool = eqx.field(static=True, default=False)

    @classmethod
    def create(
        cls,
        cell: Any,
        *,
        input_rate: Share | None = None,
        state_rate: Share | None = None,
        output_rate: Share | None = None,
        variational: bool = False,
    ) -> "DropoutWrapper":
        """Wrap a cell; see the class for the arguments."""
        dtype = float_dtype(cell)
        return cls(
            cell,
            fixed(input_rate, dtype),
            fixed(state_rate, dtype),
            fixed(output_rate, dtype),
            variational,
        )

    @property
    def n_inputs(self) -> int | None:
        """Width of the input."""
        return getattr(self.cell, "n_inputs", None)

    @property
    def n_units(self) -> int:
        """Width of the output."""
        return self.cell.n_units

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> PyTree:
        """Return the cell's own."""
        return self.cell.zero_state(batch_size, dtype)

    def __call__(
        self,
        x: Shaped[Array | np.ndarray, "batch *features"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Array, PyTree]:
        """Take one time step; in training a key is needed."""
        cell_key = None if key is None else key.fold(CELL)
        if not training:
            return self.cell(x, state, key=cell_key, training=False)
        if key is not None and self.variational:
            key = of_sequence(key)
        x = _drop(x, self.input_rate, key, INPUT)
        output, state = self.cell(x, state, key=cell_key, training=True)
        if self.state_rate is not None:
            state = _drop_state(state, self.state_rate, key)
        return _drop(output, self.output_rate, key, OUTPUT), state


def _drop(x: Array | np.ndarray, rate: Fixed | None, key: RowKey | None, *path: int) -> Array:
    if rate is None:
        return jnp.asarray(x)
    for number in path:
        key = None if key is None else key.fold(number)
    return Dropout(rate=rate.value)(x, (), key=key, training=True)[0]


def _drop_state(state: PyTree, rate: Fixed, key: RowKey | None) -> PyTree:
    number = itertools.count()  # each array of the state has a mask of its own

    def drop(node: PyTree) -> PyTree:
        if getattr(node, "_fields", ()) == LSTMState._fields:
            return node._replace(h=drop(node.h))
        if hasattr(node, "_replace") and hasattr(node, "cell"):  # the state of a wrapper
            return node._replace(cell=drop(node.cell))
        children, structure = jax.tree.flatten(node, is_leaf=lambda child: child is not node)
        if not jax.tree_util.treedef_is_leaf(structure):
            return structure.unflatten(map(drop, children))
        if not eqx.is_inexact_array(node):  # a counter
            return node
        return _drop(node, rate, key, STATE, next(number))

    return drop(state)
