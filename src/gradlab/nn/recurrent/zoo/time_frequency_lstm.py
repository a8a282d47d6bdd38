"""The LSTM that runs up the frequency axis inside every time step."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from gradlab.nn.module import Fixed
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell, check_input
from gradlab.nn.recurrent.zoo.frequency import SliceState, count_slices, slices_of
from gradlab.nn.recurrent.zoo.parts import (
    affine,
    biases,
    clipped,
    draw_gates,
    fixed,
    scaled,
)
from gradlab.nn.weights import Weights
from gradlab.scalars import Positive, Real


class TimeFrequencyLSTMCell(Cell):
    """One LSTM for all slices of the spectrum; each sees its own past and its lower neighbour.

    For slices x_1 … x_S of a time step, q_k the output of slice k and q_0 = 0:

        i = σ(x_k W_i + h_k R_i + q_{k−1} Q_i + p_i ∘ c_k + b_i)
        f = σ(x_k W_f + h_k R_f + q_{k−1} Q_f + p_f ∘ c_k + b_f)
        g = tanh(x_k W_g + h_k R_g + q_{k−1} Q_g + b_g)
        c_k' = clip(f ∘ c_k + i ∘ g, ±cell_clip)
        o = σ(x_k W_o + h_k R_o + q_{k−1} Q_o + p_o ∘ c_k' + b_o)
        h_k' = q_k = o ∘ tanh(c_k')

    The output is [h_1', …, h_S'], S = ⌊(n_inputs − feature_size) / frequency_skip⌋ + 1: shared
    weights along the spectrum, like a convolution, but with a memory.

    Args:
        weight_input: W, columns i, f, g, o.
        weight_recurrent: R.
        weight_frequency: Q.
        bias: b; the forget gate's starts at `forget_bias`.
        weight_peephole: p, rows i, f, o; None for none.
        cell_clip: Bound of |c'|; None for none.
        n_inputs: Features of one time step.
        frequency_skip: Features from slice to slice.

    Source: Sainath & Li 2016, "Modeling time-frequency patterns with LSTM vs. convolutional
    architectures for LVCSR tasks", Interspeech

    >>> cell = TimeFrequencyLSTMCell.create(
    ...     Weights("xavier_uniform"), 40, 8, feature_size=8, frequency_skip=2
    ... )
    >>> cell(jnp.ones((5, 40)), cell.zero_state(5))[0].shape  # 17 slices of 8 units
    (5, 136)
    """

    weight_input: Float[Array | np.ndarray, "feature_size gates"]
    weight_recurrent: Float[Array | np.ndarray, "units_of_slice gates"]
    weight_frequency: Float[Array | np.ndarray, "units_of_slice gates"]
    bias: Float[Array | np.ndarray, " gates"]
    weight_peephole: Float[Array | np.ndarray, "3 units_of_slice"] | None
    cell_clip: Fixed | None
    n_inputs: int = eqx.field(static=True)
    frequency_skip: int = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        weights: Weights,
        n_inputs: int,
        n_units: int,
        *,
        feature_size: int = 1,
        frequency_skip: int = 1,
        peepholes: bool = False,
        cell_clip: Positive | None = None,
        forget_bias: Real = 1.0,
    ) -> "TimeFrequencyLSTMCell":
        """Draw the weights; peepholes start at 0.

        Args:
            weights: Source of the initial weights.
            n_inputs: Features of one time step, in the order of the frequency.
            n_units: Units of one slice; the output is that many times the number of slices.
            feature_size: Features of one slice.
            frequency_skip: Features from the start of one slice to that of the next.
            peepholes: Whether the gates see the memory.
            cell_clip: Bound of the memory.
            forget_bias: Where the forget gate's bias starts.

        Raises:
            RecipeError: If no slice fits into the features.
        """
        count_slices(n_inputs, feature_size, frequency_skip)
        weight_input, weight_recurrent = draw_gates(weights, feature_size, n_units, n_units, 4)
        return cls(
            weight_input,
            weight_recurrent,
            weights.kernel((n_units, 4 * n_units), n_units, part=2),
            biases(weights, n_units, 0, forget_bias, 0, 0),
            weights.zeros(3, n_units) if peepholes else None,
            fixed(cell_clip, weights.dtype),
            n_inputs,
            frequency_skip,
        )

    @property
    def n_slices(self) -> int:
        """How many slices a time step has."""
        return count_slices(self.n_inputs, self.weight_input.shape[0], self.frequency_skip)

    @property
    def n_units(self) -> int:
        """Width of the output, over all slices."""
        return self.n_slices * self.weight_recurrent.shape[0]

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> SliceState:
        """Return the empty state, c and h of shape (batch, slices, units of a slice)."""
        zeros = jnp.zeros((batch_size, self.n_slices, self.weight_recurrent.shape[0]), dtype)
        return SliceState(zeros, zeros)

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch features"],
        state: SliceState,
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Float[Array, "batch units"], SliceState]:
        """Take one time step."""
        check_input(self, x)
        slices = slices_of(x, self.weight_input.shape[0], self.frequency_skip)
        # What does not wait for the lower neighbour is one product for all slices.
        of_time = affine(slices, self.weight_input, self.bias) + jnp.matmul(
            jnp.swapaxes(state.h, 0, 1), self.weight_recurrent
        )

        def up(below: Array, of_slice: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
            z, c = of_slice
            i, f, g, o = jnp.split(z + jnp.matmul(below, self.weight_frequency), 4, axis=1)
            if self.weight_peephole is not None:
                i = i + scaled(c, self.weight_peephole[0])
                f = f + scaled(c, self.weight_peephole[1])
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            c = clipped(c, self.cell_clip)
            if self.weight_peephole is not None:
                o = o + scaled(c, self.weight_peephole[2])
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return h, (c, h)

        nothing = jnp.zeros((len(x), self.weight_recurrent.shape[0]), of_time.dtype)
        _, (c, h) = jax.lax.scan(up, nothing, (of_time, jnp.swapaxes(state.c, 0, 1)))
        c, h = jnp.swapaxes(c, 0, 1), jnp.swapaxes(h, 0, 1)
        return jnp.reshape(h, (len(h), -1)), SliceState(c, h)
