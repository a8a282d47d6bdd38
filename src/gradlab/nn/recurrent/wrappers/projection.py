"""Affine maps before and after a recurrent cell."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from gradlab.nn.activations import linear
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell, check_input
from gradlab.nn.recurrent.zoo.parts import affine, other_parts
from gradlab.nn.weights import Weights


class InputProjectionWrapper(Cell):
    """Map the input before the cell takes it: cell(act(x W + b)); the state is the cell's.

    Args:
        cell: The wrapped cell.
        weight: W, one column per input of the cell.
        bias: b.
        activation: act; linear by default.

    >>> from gradlab.nn.recurrent import RNNCell
    >>> weights = Weights("xavier_uniform")
    >>> cell = RNNCell.create(weights, 2, 8)
    >>> wrapped = InputProjectionWrapper.create(weights, cell, n_inputs=30, n_projection=2)
    >>> wrapped(jnp.ones((5, 30)), wrapped.zero_state(5))[0].shape
    (5, 8)
    """

    cell: Any
    weight: Float[Array | np.ndarray, "n_inputs n_projection"]
    bias: Float[Array | np.ndarray, " n_projection"]
    activation: Callable = eqx.field(static=True, default=linear)

    @classmethod
    def create(
        cls,
        weights: Weights,
        cell: Any,
        *,
        n_inputs: int,
        n_projection: int,
        activation: Callable = linear,
    ) -> "InputProjectionWrapper":
        """Draw the weights.

        Args:
            weights: Source of the initial weights; may be that of the cell.
            cell: The cell to wrap, made for n_projection inputs.
            n_inputs: Features of one time step.
            n_projection: Features that the cell is given.
            activation: Function of an array.
        """
        weight = other_parts(weights, 40)((n_inputs, n_projection), n_inputs, n_projection)
        return cls(cell, weight, weights.zeros(n_projection), activation)

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return self.weight.shape[0]

    @property
    def n_units(self) -> int:
        """Width of the output."""
        return self.cell.n_units

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> PyTree:
        """Return the cell's own."""
        return self.cell.zero_state(batch_size, dtype)

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch features"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Array, PyTree]:
        """Take one time step."""
        check_input(self, x)
        x = self.activation(affine(x, self.weight, self.bias))
        return self.cell(x, state, key=key, training=training)


class OutputProjectionWrapper(Cell):
    """Map the output of a cell, y = act(h W + b); the state is the cell's.

    The same numbers as a dense layer on the outputs of the whole sequence, which is faster: use
    the wrapper where y must be fed back into the next step.

    Args:
        cell: The wrapped cell.
        weight: W, one row per unit of the cell.
        bias: b.
        activation: act; linear by default.

    >>> from gradlab.nn.recurrent import RNNCell
    >>> weights = Weights("xavier_uniform")
    >>> cell = RNNCell.create(weights, 2, 8)
    >>> wrapped = OutputProjectionWrapper.create(weights, cell, n_outputs=3)
    >>> wrapped(jnp.ones((5, 2)), wrapped.zero_state(5))[0].shape
    (5, 3)
    """

    cell: Any
    weight: Float[Array | np.ndarray, "n_units n_outputs"]
    bias: Float[Array | np.ndarray, " n_outputs"]
    activation: Callable = eqx.field(static=True, default=linear)

    @classmethod
    def create(
        cls, weights: Weights, cell: Any, *, n_outputs: int, activation: Callable = linear
    ) -> "OutputProjectionWrapper":
        """Draw the weights.

        Args:
            weights: Source of the initial weights; may be that of the cell.
            cell: The cell to wrap.
            n_outputs: Width of y.
            activation: Function of an array.
        """
        n_units = cell.n_units
        weight = other_parts(weights, 48)((n_units, n_outputs), n_units, n_outputs)
        return cls(cell, weight, weights.zeros(n_outputs), activation)

    @property
    def n_inputs(self) -> int | None:
        """Width of the input."""
        return getattr(self.cell, "n_inputs", None)

    @property
    def n_units(self) -> int:
        """Width of the output."""
        return self.weight.shape[1]

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> PyTree:
        """Return the cell's own."""
        return self.cell.zero_state(batch_size, dtype)

    def __call__(
        self,
        x: Array | np.ndarray,
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Float[Array, "batch outputs"], PyTree]:
        """Take one time step."""
        output, state = self.cell(x, state, key=key, training=training)
        return self.activation(affine(output, self.weight, self.bias)), state
