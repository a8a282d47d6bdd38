"""The LSTM split into groups that do not see each other."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from gradlab.errors import RecipeError
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell, check_input
from gradlab.nn.recurrent.lstm import LSTMState
from gradlab.nn.recurrent.zoo.parts import add, biases, projected
from gradlab.nn.weights import Weights
from gradlab.scalars import Real


class GroupedLSTMCell(Cell):
    """LSTM of k groups (G-LSTM): 1/k of the weights, and of the multiplications.

    Input and output are cut into k equal parts; group m sees only its own:

        i_m, f_m, g_m, o_m = [x_m, h_m] T_m + b_m     one product a group
        c' = σ(f) ∘ c + σ(i) ∘ tanh(g)
        h' = (σ(o) ∘ tanh(c')) P

    The projection P, where there is one, mixes the groups. One group is the LSTM.

    Args:
        weight_input: Rows x_m of T_m, (groups, inputs of a group, 4 · units of a group), columns
            i, f, g, o.
        weight_recurrent: Rows h_m of T_m.
        bias: b, (4, n_units), rows i, f, g, o; the forget gate's starts at `forget_bias`.
        weight_projection: P; None for none.

    Source: Kuchaiev & Ginsburg 2017, https://arxiv.org/abs/1703.10722

    >>> cell = GroupedLSTMCell.create(Weights("xavier_uniform"), 200, 128, n_groups=4)
    >>> cell.weight_input.shape, cell.weight_recurrent.shape
    ((4, 50, 128), (4, 32, 128))
    """

    weight_input: Float[Array | np.ndarray, "groups inputs_of_group gates_of_group"]
    weight_recurrent: Float[Array | np.ndarray, "groups outputs_of_group gates_of_group"]
    bias: Float[Array | np.ndarray, "4 n_units"]
    weight_projection: Float[Array | np.ndarray, "n_units n_outputs"] | None = None

    @classmethod
    def create(
        cls,
        weights: Weights,
        n_inputs: int,
        n_units: int,
        *,
        n_groups: int = 1,
        n_projection: int | None = None,
        forget_bias: Real = 1.0,
    ) -> "GroupedLSTMCell":
        """Draw the weights.

        Args:
            weights: Source of the initial weights.
            n_inputs: Features of one time step.
            n_units: Width of the memory.
            n_groups: Groups; must divide inputs, units and projection evenly.
            n_projection: Width of the output; None for n_units, unprojected.
            forget_bias: Where the forget gate's bias starts.

        Raises:
            RecipeError: If the groups do not divide one of the widths.
        """
        n_outputs = n_units if n_projection is None else n_projection
        for name, width in (
            ("n_inputs", n_inputs),
            ("n_units", n_units),
            ("n_projection", n_outputs),
        ):
            if n_groups < 1 or width % n_groups:
                raise RecipeError(
                    f"A grouped LSTM cuts inputs and units into equal parts; got n_groups="
                    f"{n_groups} for {name}={width}. Choose a number that divides both."
                )
        inputs, outputs, units = (n // n_groups for n in (n_inputs, n_outputs, n_units))
        projection = None
        if n_projection is not None:
            projection = weights.kernel((n_units, n_projection), n_projection, part=2)
        return cls(
            weights.kernel((n_groups, inputs, 4 * units), units),
            weights.kernel((n_groups, outputs, 4 * units), units, part=1),
            np.reshape(biases(weights, n_units, 0, forget_bias, 0, 0), (4, n_units)),
            projection,
        )

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return self.weight_input.shape[0] * self.weight_input.shape[1]

    @property
    def n_units(self) -> int:
        """Width of the output: that of the projection, where there is one."""
        return self.weight_recurrent.shape[0] * self.weight_recurrent.shape[1]

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> LSTMState:
        """Return an empty memory and a zero output."""
        return LSTMState(
            jnp.zeros((batch_size, self.bias.shape[1]), dtype),
            jnp.zeros((batch_size, self.n_units), dtype),
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
        z = _of_groups(x, self.weight_input) + _of_groups(h, self.weight_recurrent)
        # (batch, groups, 4 · units of a group) -> the four gates, each (batch, n_units)
        gates = jnp.reshape(z, (*z.shape[:2], 4, -1))
        i, f, g, o = (add(jnp.reshape(gates[:, :, k], c.shape), self.bias[k]) for k in range(4))
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = projected(jax.nn.sigmoid(o) * jnp.tanh(c), self.weight_projection, None)
        return h, LSTMState(c, h)


def _of_groups(x: Array | np.ndarray, weight: Array | np.ndarray) -> Array:
    """Multiply each group's part of x by the group's matrix."""
    parts = jnp.reshape(jnp.asarray(x), (len(x), weight.shape[0], -1))
    return jnp.einsum("bgi,gio->bgo", parts, weight)
