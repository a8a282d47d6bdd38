"""The cell that a neural architecture search found."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from gradlab.nn.activations import relu
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell, check_input
from gradlab.nn.recurrent.lstm import LSTMState
from gradlab.nn.recurrent.zoo.parts import add, draw_gates, projected
from gradlab.nn.weights import Weights


class NASCell(Cell):
    """Eight branches of input and output in a tree, as the search arranged them.

    With u_k = x W_k and v_k = h R_k + b_k, k = 0 … 7:

        a_0 = σ(u_0 + v_0)    a_1 = relu(u_1 + v_1)   a_2 = σ(u_2 + v_2)    a_3 = relu(u_3 ∘ v_3)
        a_4 = tanh(u_4 + v_4) a_5 = σ(u_5 + v_5)      a_6 = tanh(u_6 + v_6) a_7 = σ(u_7 + v_7)
        l_0 = tanh(tanh(a_0 ∘ a_1) + c)               where the memory enters
        l_1 = tanh(a_2 + a_3)
        l_2 = tanh(a_4 ∘ a_5)
        l_3 = σ(a_6 + a_7)
        c' = l_0 ∘ l_1
        h' = tanh(c' ∘ tanh(l_2 + l_3)) P

    Args:
        weight_input: W, columns 0 … 7.
        weight_recurrent: R, from the (projected) output.
        bias: b, on the side of h (it matters in a_3); None for none.
        weight_projection: P; None for none.

    Source: Zoph & Le 2017, appendix (the cell found without max and sin), https://arxiv.org/abs/1611.01578

    >>> cell = NASCell.create(Weights("xavier_uniform"), 3, 8)
    >>> output, state = cell(jnp.ones((5, 3)), cell.zero_state(5))
    >>> output.shape, bool((output == state.h).all())
    ((5, 8), True)
    """

    weight_input: Float[Array | np.ndarray, "n_inputs branches"]
    weight_recurrent: Float[Array | np.ndarray, "n_outputs branches"]
    bias: Float[Array | np.ndarray, " branches"] | None = None
    weight_projection: Float[Array | np.ndarray, "n_units n_outputs"] | None = None

    @classmethod
    def create(
        cls,
        weights: Weights,
        n_inputs: int,
        n_units: int,
        *,
        bias: bool = False,
        n_projection: int | None = None,
    ) -> "NASCell":
        """Draw the weights.

        Args:
            weights: Source of the initial weights.
            n_inputs: Features of one time step.
            n_units: Width of the memory.
            bias: Whether there are biases; they start at 0.
            n_projection: Width of the output; None for n_units, unprojected.
        """
        n_outputs = n_units if n_projection is None else n_projection
        weight_input, weight_recurrent = draw_gates(weights, n_inputs, n_outputs, n_units, 8)
        projection = None
        if n_projection is not None:
            projection = weights.kernel((n_units, n_projection), n_projection, part=2)
        return cls(
            weight_input, weight_recurrent, weights.zeros(8 * n_units) if bias else None, projection
        )

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return self.weight_input.shape[0]

    @property
    def n_units(self) -> int:
        """Width of the output: that of the projection, where there is one."""
        return self.weight_recurrent.shape[0]

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> LSTMState:
        """Return an empty memory and a zero output."""
        n_memory = self.weight_recurrent.shape[1] // 8
        return LSTMState(
            jnp.zeros((batch_size, n_memory), dtype), jnp.zeros((batch_size, self.n_units), dtype)
        )

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch features"],
        state: LSTMState,
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Float[Array, "batch units"], LSTMState]:
        """Take one time step."""
        check_input(self, x)
        c, h = state
        of_x, of_h = jnp.matmul(x, self.weight_input), jnp.matmul(h, self.weight_recurrent)
        if self.bias is not None:
            of_h = add(of_h, self.bias)
        u, v = jnp.split(of_x, 8, axis=1), jnp.split(of_h, 8, axis=1)
        sigmoid, tanh = jax.nn.sigmoid, jnp.tanh
        enter = tanh(tanh(sigmoid(u[0] + v[0]) * relu(u[1] + v[1])) + c)
        c = enter * tanh(sigmoid(u[2] + v[2]) + relu(u[3] * v[3]))
        leave = tanh(
            tanh(tanh(u[4] + v[4]) * sigmoid(u[5] + v[5]))
            + sigmoid(tanh(u[6] + v[6]) + sigmoid(u[7] + v[7]))
        )
        h = projected(tanh(c * leave), self.weight_projection, None)
        return h, LSTMState(c, h)
