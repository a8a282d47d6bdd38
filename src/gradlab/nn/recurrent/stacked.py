"""Cells one above the other."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree, Shaped

from gradlab.errors import RecipeError
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell


class StackedCells(Cell):
    """Cells one above the other, each fed with the output of the one below (TF's `MultiRNNCell`).

    The state is the tuple of theirs. Every cell needs weights of its own; TensorFlow's documents
    show one object repeated, which shares them.

    The same numbers as `Recurrent` layers one after another; but it is one cell, as decoders and
    wrappers want it.

    Args:
        cells: From the input up.

    >>> from gradlab.nn.recurrent import GRUCell, LSTMCell
    >>> from gradlab.nn.weights import Weights
    >>> cells = LSTMCell.create(Weights(layer=0), 3, 8), GRUCell.create(Weights(layer=1), 8, 4)
    >>> stack = StackedCells(cells)
    >>> output, state = stack(jnp.ones((5, 3)), stack.zero_state(5))
    >>> output.shape, len(state)
    ((5, 4), 2)
    """

    cells: tuple[Any, ...]

    def __check_init__(self):
        """Refuse an empty stack, and widths that don't follow each other."""
        if not self.cells:
            raise RecipeError("StackedCells needs at least one cell; got none.")
        for number, (below, above) in enumerate(zip(self.cells, self.cells[1:], strict=False)):
            n_inputs = getattr(above, "n_inputs", None)
            if n_inputs is not None and n_inputs != below.n_units:
                raise RecipeError(
                    f"Cell {number + 1} of the stack takes {n_inputs} inputs, but cell {number} "
                    f"below it gives {below.n_units}. Create it with {below.n_units} inputs."
                )

    @property
    def n_inputs(self) -> int | None:
        """Width of the input, if the lowest cell says."""
        return getattr(self.cells[0], "n_inputs", None)

    @property
    def n_units(self) -> int:
        """Width of the topmost cell's output."""
        return self.cells[-1].n_units

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> tuple[PyTree, ...]:
        """Return every cell's zero state."""
        return tuple(cell.zero_state(batch_size, dtype) for cell in self.cells)

    def __call__(
        self,
        x: Shaped[Array | np.ndarray, "batch *features"],
        state: tuple[PyTree, ...],
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Float[Array, "batch units"], tuple[PyTree, ...]]:
        """Take one time step through all cells."""
        states = []
        output = jnp.asarray(x)
        for number, (cell, own) in enumerate(zip(self.cells, state, strict=True)):
            own_key = None if key is None else key.fold(number)
            output, own = cell(output, own, key=own_key, training=training)
            states.append(own)
        return output, tuple(states)
