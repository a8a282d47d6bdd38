"""Attention of a recurrent cell to its own last outputs."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from gradlab.errors import RecipeError
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell, check_input
from gradlab.nn.recurrent.zoo.parts import affine, other_parts
from gradlab.nn.weights import Weights


class AttentionState(NamedTuple):
    """State of an `AttentionCellWrapper`."""

    cell: PyTree
    attention: Float[Array, "batch size"]
    """What was attended to in the last step."""
    window: Float[Array, "batch length size"]
    """The last outputs, oldest first; zeros before the first."""


class AttentionCellWrapper(Cell):
    """Let a cell attend to the last outputs h_1 … h_length, oldest first.

        x' = [x, a] W_x + b_x                         the input, with what was attended to last
        o, s' = cell(x', s)
        score_k = v · tanh(h_k W_k + s' W_q + b_q)    s': all arrays of the cell's state, joined
        w = softmax(score)
        a' = Σ_k w_k h_k
        y = [o, a'] W_y + b_y

    Then the oldest output leaves the window and y enters it. The window starts as zeros, which are
    attended to like any output (they add nothing to a').

    Args:
        cell: The wrapped cell.
        weight_input: W_x, rows of x, then of a.
        bias_input: b_x.
        weight_key: W_k.
        weight_query: W_q.
        bias_query: b_q.
        weight_score: v.
        weight_output: W_y, rows of o, then of a'.
        bias_output: b_y.
        length: Outputs in the window.

    Source: Cheng et al. 2016, https://arxiv.org/abs/1601.06733, as in TensorFlow's
    `AttentionCellWrapper` (the paper keeps a tape of memories as well as of outputs)

    >>> from gradlab.nn.recurrent import RNNCell
    >>> weights = Weights("xavier_uniform")
    >>> inner = RNNCell.create(weights, 3, 8)
    >>> cell = AttentionCellWrapper.create(weights, inner, n_inputs=3, length=4)
    >>> output, state = cell(jnp.ones((5, 3)), cell.zero_state(5))
    >>> output.shape, state.window.shape
    ((5, 8), (5, 4, 8))
    """

    cell: Any
    weight_input: Float[Array | np.ndarray, "n_joined n_inputs_of_cell"]
    bias_input: Float[Array | np.ndarray, " n_inputs_of_cell"]
    weight_key: Float[Array | np.ndarray, "size n_hidden"]
    weight_query: Float[Array | np.ndarray, "n_state n_hidden"]
    bias_query: Float[Array | np.ndarray, " n_hidden"]
    weight_score: Float[Array | np.ndarray, " n_hidden"]
    weight_output: Float[Array | np.ndarray, "n_attended size"]
    bias_output: Float[Array | np.ndarray, " size"]
    length: int = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        weights: Weights,
        cell: Any,
        *,
        n_inputs: int,
        length: int = 10,
        size: int | None = None,
        n_hidden: int | None = None,
        n_inputs_of_cell: int | None = None,
    ) -> "AttentionCellWrapper":
        """Draw the weights.

        Args:
            weights: Source of the initial weights; may be that of the cell.
            cell: The cell to wrap.
            n_inputs: Features of one time step.
            length: Outputs in the window.
            size: Width of the output y; None for that of the cell.
            n_hidden: Width of the layer that scores; None for `size`.
            n_inputs_of_cell: What the cell was made for; None for n_inputs.

        Raises:
            RecipeError: If the window is empty.
        """
        if length < 1:
            raise RecipeError(
                f"Attention needs a window of at least one output; got length={length}."
            )
        width = cell.n_units if size is None else size
        hidden = width if n_hidden is None else n_hidden
        to_cell = n_inputs if n_inputs_of_cell is None else n_inputs_of_cell
        n_state = sum(
            int(np.prod(leaf.shape[1:]))
            for leaf in jax.tree.leaves(jax.eval_shape(lambda: cell.zero_state(1)))
        )
        n_joined, n_attended = n_inputs + width, cell.n_units + width
        own = other_parts(weights, 64)
        return cls(
            cell,
            own((n_joined, to_cell), n_joined, to_cell),
            weights.zeros(to_cell),
            own((width, hidden), width, hidden, part=1),
            own((n_state, hidden), n_state, hidden, part=2),
            weights.zeros(hidden),
            own((hidden,), hidden, 1, part=3),
            own((n_attended, width), n_attended, width, part=4),
            weights.zeros(width),
            length,
        )

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return self.weight_input.shape[0] - self.n_units

    @property
    def n_units(self) -> int:
        """Width of the output."""
        return self.weight_output.shape[1]

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> AttentionState:
        """Return the cell's own, nothing attended to, and a window of zeros."""
        return AttentionState(
            self.cell.zero_state(batch_size, dtype),
            jnp.zeros((batch_size, self.n_units), dtype),
            jnp.zeros((batch_size, self.length, self.n_units), dtype),
        )

    def attend(
        self, window: Float[Array, "batch length size"], cell_state: PyTree
    ) -> Float[Array, "batch length"]:
        """Return the weights w of the outputs in the window, positive with sum 1."""
        leaves = jax.tree.leaves(cell_state)
        joined = jnp.concatenate([jnp.reshape(leaf, (len(leaf), -1)) for leaf in leaves], axis=1)
        query = affine(joined, self.weight_query, self.bias_query)
        hidden = jnp.tanh(jnp.matmul(window, self.weight_key) + query[:, None, :])
        return jax.nn.softmax(jnp.matmul(hidden, self.weight_score), axis=1)

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch features"],
        state: AttentionState,
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Float[Array, "batch size"], AttentionState]:
        """Take one time step."""
        cell_state, attention, window = state
        check_input(self, x)
        joined = jnp.concatenate([jnp.asarray(x), attention], axis=1)
        x = affine(joined, self.weight_input, self.bias_input)
        output, cell_state = self.cell(x, cell_state, key=key, training=training)
        share = self.attend(window, cell_state)
        attention = jnp.sum(share[:, :, None] * window, axis=1)
        joined = jnp.concatenate([output, attention], axis=1)
        output = affine(joined, self.weight_output, self.bias_output)
        window = jnp.concatenate([window[:, 1:], output[:, None]], axis=1)
        return output, AttentionState(cell_state, attention, window)
