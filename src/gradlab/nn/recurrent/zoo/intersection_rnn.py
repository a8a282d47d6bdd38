"""The intersection recurrent network, +RNN."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gradlab.errors import RecipeError
from gradlab.nn.activations import relu
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell, check_input
from gradlab.nn.recurrent.zoo.parts import affine, biases, draw_gates
from gradlab.nn.weights import Weights
from gradlab.scalars import Real


class IntersectionRNNCell(Cell):
    """Two gated ways cross: the state through time, the input through depth.

        g_s = σ(x W_1 + s R_1 + b_1)                  gate through time
        n = tanh(x W_2 + s R_2 + b_2)
        g_y = σ(x W_3 + s R_3 + b_3)                  gate through depth
        m = relu(x W_4 + s R_4 + b_4)
        s' = g_s ∘ s + (1 − g_s) ∘ n                  state
        y = g_y ∘ x + (1 − g_y) ∘ m                   output

    Made for deep stacks. As y mixes with x, the input must be n_units wide; the first cell of a
    stack projects it, x ← x P + b_P.

    Args:
        weight_input: W, columns 1 to 4.
        weight_recurrent: R.
        bias: b; both gates' start at `forget_bias`.
        weight_projection: P; None for an input that is n_units wide already.
        bias_projection: b_P.

    Source: Collins et al. 2017, https://arxiv.org/abs/1611.09913

    >>> cell = IntersectionRNNCell.create(Weights("xavier_uniform"), 3, 8, project_inputs=True)
    >>> output, state = cell(jnp.ones((5, 3)), cell.zero_state(5))
    >>> output.shape, bool((output == state).all())
    ((5, 8), False)
    """

    weight_input: Float[Array | np.ndarray, "n_units gates"]
    weight_recurrent: Float[Array | np.ndarray, "n_units gates"]
    bias: Float[Array | np.ndarray, " gates"]
    weight_projection: Float[Array | np.ndarray, "n_inputs n_units"] | None = None
    bias_projection: Float[Array | np.ndarray, " n_units"] | None = None

    @classmethod
    def create(
        cls,
        weights: Weights,
        n_inputs: int,
        n_units: int,
        *,
        project_inputs: bool = False,
        forget_bias: Real = 1.0,
    ) -> "IntersectionRNNCell":
        """Draw the weights.

        Args:
            weights: Source of the initial weights.
            n_inputs: Features of one time step.
            n_units: Width of state and output.
            project_inputs: Whether an affine map brings the input to n_units first.
            forget_bias: Where the biases of both gates start.

        Raises:
            RecipeError: If the input is not n_units wide and is not projected either.
        """
        if n_inputs != n_units and not project_inputs:
            raise RecipeError(
                "The intersection RNN mixes its output with its input, so both must be of one "
                f"width; got n_inputs={n_inputs} and n_units={n_units}. Set project_inputs=True "
                f"(as for the first cell of a stack), or n_units={n_inputs}."
            )
        weight_input, weight_recurrent = draw_gates(weights, n_units, n_units, n_units, 4)
        projection = bias_projection = None
        if project_inputs:
            projection = weights.kernel((n_inputs, n_units), n_units, part=2)
            bias_projection = weights.zeros(n_units)
        return cls(
            weight_input,
            weight_recurrent,
            biases(weights, n_units, forget_bias, 0, forget_bias, 0),
            projection,
            bias_projection,
        )

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        first = self.weight_input if self.weight_projection is None else self.weight_projection
        return first.shape[0]

    @property
    def n_units(self) -> int:
        """Width of state and output."""
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
        if self.weight_projection is not None and self.bias_projection is not None:
            x = affine(x, self.weight_projection, self.bias_projection)
        z = affine(x, self.weight_input, self.bias) + jnp.matmul(state, self.weight_recurrent)
        through_time, n, through_depth, m = jnp.split(z, 4, axis=1)
        through_time, through_depth = jax.nn.sigmoid(through_time), jax.nn.sigmoid(through_depth)
        state = through_time * state + (1 - through_time) * jnp.tanh(n)
        return through_depth * x + (1 - through_depth) * relu(m), state
