"""The LSTM whose gates see the memory, with a clipped memory and a projected output."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from gradlab.nn.module import Fixed
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell, check_input
from gradlab.nn.recurrent.lstm import LSTMState
from gradlab.nn.recurrent.zoo.parts import (
    affine,
    biases,
    check_bound_of_projection,
    clipped,
    draw_gates,
    fixed,
    projected,
    scaled,
)
from gradlab.nn.weights import Weights
from gradlab.scalars import Positive, Real


class PeepholeLSTMCell(Cell):
    """LSTM with diagonal peepholes, and optionally a bounded memory and a projected output.

        i = σ(x W_i + h R_i + p_i ∘ c + b_i)          input gate
        f = σ(x W_f + h R_f + p_f ∘ c + b_f)          forget gate
        g = tanh(x W_g + h R_g + b_g)                 candidate
        c' = clip(f ∘ c + i ∘ g, ±cell_clip)          memory
        o = σ(x W_o + h R_o + p_o ∘ c' + b_o)         output gate, which sees the new memory
        h' = clip((o ∘ tanh(c')) P, ±projection_clip)

    Without peepholes, bounds and projection it is the LSTM. A dense matrix on [c, h, x], as some
    texts write the peepholes, has n_units² weights a gate where these have n_units.

    Args:
        weight_input: W, columns i, f, g, o.
        weight_recurrent: R, from the (projected) output.
        bias: b; the forget gate's starts at `forget_bias`.
        weight_peephole: p, rows i, f, o; None for none.
        weight_projection: P; None for none.
        cell_clip: Bound of |c'|; None for none.
        projection_clip: Bound of |h'| after the projection; None for none.

    Sources: Gers et al. 2002 (peepholes), https://jmlr.org/papers/v3/gers02a.html;
    Sak et al. 2014 (diagonal, projection), https://arxiv.org/abs/1402.1128

    >>> cell = PeepholeLSTMCell.create(Weights("xavier_uniform"), 3, 8, n_projection=2)
    >>> output, state = cell(jnp.ones((5, 3)), cell.zero_state(5))
    >>> output.shape, state.c.shape, state.h.shape
    ((5, 2), (5, 8), (5, 2))
    """

    weight_input: Float[Array | np.ndarray, "n_inputs gates"]
    weight_recurrent: Float[Array | np.ndarray, "n_outputs gates"]
    bias: Float[Array | np.ndarray, " gates"]
    weight_peephole: Float[Array | np.ndarray, "3 n_units"] | None = None
    weight_projection: Float[Array | np.ndarray, "n_units n_outputs"] | None = None
    cell_clip: Fixed | None = None
    projection_clip: Fixed | None = None

    n_gates: ClassVar[int] = 4

    @classmethod
    def create(
        cls,
        weights: Weights,
        n_inputs: int,
        n_units: int,
        *,
        peepholes: bool = True,
        cell_clip: Positive | None = None,
        n_projection: int | None = None,
        projection_clip: Positive | None = None,
        forget_bias: Real = 1.0,
    ) -> "PeepholeLSTMCell":
        """Draw the weights; peepholes start at 0, where the cell is the plain LSTM.

        Args:
            weights: Source of the initial weights.
            n_inputs: Features of one time step.
            n_units: Width of the memory.
            peepholes: Whether the gates see the memory.
            cell_clip: Bound of |c'|.
            n_projection: Width of the output; None for n_units, unprojected.
            projection_clip: Bound of the projected output.
            forget_bias: Where the forget gate's bias starts: 1 remembers at first.

        Raises:
            RecipeError: For a `projection_clip` without a projection.
        """
        check_bound_of_projection(n_projection, projection_clip)
        n_outputs = n_units if n_projection is None else n_projection
        weight_input, weight_recurrent = draw_gates(weights, n_inputs, n_outputs, n_units, 4)
        projection = None
        if n_projection is not None:
            projection = weights.kernel((n_units, n_projection), n_projection, part=2)
        return cls(
            weight_input,
            weight_recurrent,
            biases(weights, n_units, 0, forget_bias, 0, 0),
            weights.zeros(3, n_units) if peepholes else None,
            projection,
            fixed(cell_clip, weights.dtype),
            fixed(projection_clip, weights.dtype),
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
        n_memory = self.bias.shape[0] // self.n_gates
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
        z = affine(x, self.weight_input, self.bias) + jnp.matmul(h, self.weight_recurrent)
        i, f, g, o = jnp.split(z, self.n_gates, axis=1)
        if self.weight_peephole is not None:
            i = i + scaled(c, self.weight_peephole[0])
            f = f + scaled(c, self.weight_peephole[1])
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        c = clipped(c, self.cell_clip)
        if self.weight_peephole is not None:
            o = o + scaled(c, self.weight_peephole[2])
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        h = projected(h, self.weight_projection, self.projection_clip)
        return h, LSTMState(c, h)
