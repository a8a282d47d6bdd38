"""The update-gate recurrent network."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell, check_input
from gradlab.nn.recurrent.zoo.parts import affine, biases, draw_gates
from gradlab.nn.weights import Weights
from gradlab.scalars import Real


class UGRNNCell(Cell):
    """One gate decides for every unit: keep the state, or compute like a plain network.

        g = σ(x W_g + s R_g + b_g)                    update gate
        n = tanh(x W_n + s R_n + b_n)                 candidate
        s' = g ∘ s + (1 − g) ∘ n                      state and output

    Half the weights of an LSTM; the recurrent form of a highway network.

    Args:
        weight_input: W, columns g, n.
        weight_recurrent: R.
        bias: b; the gate's starts at `forget_bias`.

    Source: Collins et al. 2017, https://arxiv.org/abs/1611.09913

    >>> cell = UGRNNCell.create(Weights("xavier_uniform"), 3, 8)
    >>> output, state = cell(jnp.ones((5, 3)), cell.zero_state(5))
    >>> output.shape, bool((output == state).all())
    ((5, 8), True)
    """

    weight_input: Float[Array | np.ndarray, "n_inputs gates"]
    weight_recurrent: Float[Array | np.ndarray, "n_units gates"]
    bias: Float[Array | np.ndarray, " gates"]

    @classmethod
    def create(
        cls, weights: Weights, n_inputs: int, n_units: int, *, forget_bias: Real = 1.0
    ) -> "UGRNNCell":
        """Draw the weights.

        Args:
            weights: Source of the initial weights.
            n_inputs: Features of one time step.
            n_units: Width of the state.
            forget_bias: Where the gate's bias starts: 1 keeps 73 % of the state at first.
        """
        weight_input, weight_recurrent = draw_gates(weights, n_inputs, n_units, n_units, 2)
        return cls(weight_input, weight_recurrent, biases(weights, n_units, forget_bias, 0))

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return self.weight_input.shape[0]

    @property
    def n_units(self) -> int:
        """Width of the state."""
        return self.weight_recurrent.shape[0]

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch features"],
        state: Float[Array | np.ndarray, "batch units"],
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Float[Array, "batch units"], Float[Array, "batch units"]]:
        """Take one time step."""
        check_input(self, x)
        z = affine(x, self.weight_input, self.bias) + jnp.matmul(state, self.weight_recurrent)
        g, n = jnp.split(z, 2, axis=1)
        g = jax.nn.sigmoid(g)
        state = g * state + (1 - g) * jnp.tanh(n)
        return state, state
