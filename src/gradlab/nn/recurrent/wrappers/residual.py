"""A short cut around a recurrent cell."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from gradlab.errors import RecipeError
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell


class ResidualWrapper(Cell):
    """Add the input to the output of a cell, y = cell(x) + x; the state is the cell's.

    Args:
        cell: The wrapped cell, whose output is as wide as its input.

    Source: Wu et al. 2016, section 3.1, https://arxiv.org/abs/1609.08144

    >>> from gradlab.nn.weights import Weights
    >>> from gradlab.nn.recurrent import RNNCell
    >>> cell = RNNCell.create(Weights("zeros"), 3, 3)
    >>> ResidualWrapper(cell)(jnp.ones((1, 3)), cell.zero_state(1))[0].tolist()
    [[1.0, 1.0, 1.0]]
    """

    cell: Any

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
        x: Float[Array | np.ndarray, "batch features"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Float[Array, "batch units"], PyTree]:
        """Take one time step.

        Raises:
            RecipeError: If the output is not as wide as the input.
        """
        check_same_width("ResidualWrapper", x.shape[1], self.cell.n_units)
        output, state = self.cell(x, state, key=key, training=training)
        return output + x, state


def check_same_width(wrapper: str, n_inputs: int, n_units: int) -> None:
    """Refuse a cell whose output cannot be mixed with its input."""
    if n_inputs != n_units:
        raise RecipeError(
            f"{wrapper} mixes the output of a cell with its input, so both must be of one width; "
            f"got {n_inputs} features and a cell of n_units={n_units}. Give the cell "
            f"n_units={n_inputs}, or project the inputs first (InputProjectionWrapper around "
            "the whole)."
        )
