"""The LSTM that writes exactly what it forgets."""

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
    add,
    biases,
    check_bound_of_projection,
    draw_gates,
    fixed,
    normalized_gates,
    projected,
    scaled,
    standardized,
)
from gradlab.nn.weights import Weights
from gradlab.scalars import Positive, Real


class CoupledLSTMCell(Cell):
    """LSTM with coupled input and forget gates, i = 1 − f: a quarter fewer weights.

        f = σ(x W_f + h R_f + p_f ∘ c + b_f)          forget gate
        g = tanh(x W_g + h R_g + b_g)                 candidate
        c' = f ∘ c + (1 − f) ∘ g                      memory: |c'| <= 1 for a start at 0
        o = σ(x W_o + h R_o + p_o ∘ c' + b_o)         output gate
        h' = clip((o ∘ tanh(c')) P, ±projection_clip)

    With `normalize` each of f, g, o is standardised over the units before its bias, scaled by γ,
    and so is c' (which is carried on normalised), as in `LayerNormLSTMCell`.

    Args:
        weight_input: W, columns f, g, o.
        weight_recurrent: R, from the (projected) output.
        bias: b; the forget gate's starts at `forget_bias`.
        weight_peephole: p, rows f, o; None for none.
        weight_projection: P; None for none.
        scale: γ of the gates; None for no normalisation.
        scale_memory: γ of the memory.
        shift_memory: Shift of the normalised memory.
        projection_clip: Bound of |h'| after the projection; None for none.
        epsilon: Keeps equal units from a division by 0.

    Source: Greff et al. 2017, variant CIFG, https://arxiv.org/abs/1503.04069

    >>> cell = CoupledLSTMCell.create(Weights("xavier_uniform"), 3, 8)
    >>> cell.weight_recurrent.shape
    (8, 24)
    """

    weight_input: Float[Array | np.ndarray, "n_inputs gates"]
    weight_recurrent: Float[Array | np.ndarray, "n_outputs gates"]
    bias: Float[Array | np.ndarray, " gates"]
    weight_peephole: Float[Array | np.ndarray, "2 n_units"] | None
    weight_projection: Float[Array | np.ndarray, "n_units n_outputs"] | None
    scale: Float[Array | np.ndarray, " gates"] | None
    scale_memory: Float[Array | np.ndarray, " n_units"] | None
    shift_memory: Float[Array | np.ndarray, " n_units"] | None
    projection_clip: Fixed | None
    epsilon: Fixed

    @classmethod
    def create(
        cls,
        weights: Weights,
        n_inputs: int,
        n_units: int,
        *,
        peepholes: bool = False,
        n_projection: int | None = None,
        projection_clip: Positive | None = None,
        normalize: bool = False,
        forget_bias: Real = 1.0,
        epsilon: Positive = 1e-5,
    ) -> "CoupledLSTMCell":
        """Draw the weights; peepholes start at 0, every γ at 1.

        Args:
            weights: Source of the initial weights.
            n_inputs: Features of one time step.
            n_units: Width of the memory.
            peepholes: Whether the gates see the memory.
            n_projection: Width of the output; None for n_units, unprojected.
            projection_clip: Bound of the projected output.
            normalize: Whether gates and memory are layer-normalised.
            forget_bias: Where the forget gate's bias starts.
            epsilon: Added to every variance.

        Raises:
            RecipeError: For a `projection_clip` without a projection.
        """
        check_bound_of_projection(n_projection, projection_clip)
        n_outputs = n_units if n_projection is None else n_projection
        weight_input, weight_recurrent = draw_gates(weights, n_inputs, n_outputs, n_units, 3)
        projection = None
        if n_projection is not None:
            projection = weights.kernel((n_units, n_projection), n_projection, part=2)
        return cls(
            weight_input,
            weight_recurrent,
            biases(weights, n_units, forget_bias, 0, 0),
            weights.zeros(2, n_units) if peepholes else None,
            projection,
            biases(weights, n_units, 1, 1, 1) if normalize else None,
            biases(weights, n_units, 1) if normalize else None,
            weights.zeros(n_units) if normalize else None,
            fixed(projection_clip, weights.dtype),
            Fixed(jnp.asarray(epsilon, weights.dtype)),
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
        n_memory = self.bias.shape[0] // 3
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
        z = jnp.matmul(x, self.weight_input) + jnp.matmul(h, self.weight_recurrent)
        if self.scale is not None:
            z = normalized_gates(z, 3, self.scale, self.epsilon)
        f, g, o = jnp.split(add(z, self.bias), 3, axis=1)
        if self.weight_peephole is not None:
            f = f + scaled(c, self.weight_peephole[0])
        f = jax.nn.sigmoid(f)
        c = f * c + (1 - f) * jnp.tanh(g)
        if self.scale_memory is not None and self.shift_memory is not None:
            c = add(scaled(standardized(c, self.epsilon), self.scale_memory), self.shift_memory)
        if self.weight_peephole is not None:
            o = o + scaled(c, self.weight_peephole[1])
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        h = projected(h, self.weight_projection, self.projection_clip)
        return h, LSTMState(c, h)
