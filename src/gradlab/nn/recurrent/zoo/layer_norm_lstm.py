"""The LSTM with layer normalisation and recurrent dropout."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from gradlab.nn.module import Fixed
from gradlab.nn.noise import Dropout
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell, check_input
from gradlab.nn.recurrent.lstm import LSTMState
from gradlab.nn.recurrent.zoo.parts import (
    add,
    biases,
    draw_gates,
    fixed,
    normalized_gates,
    scaled,
    standardized,
)
from gradlab.nn.weights import Weights
from gradlab.scalars import Positive, Real, Share


class LayerNormLSTMCell(Cell):
    """LSTM whose gates and memory are normalised, and whose new content may be dropped.

        i, f, g, o = γ_k ∘ N(x W_k + h R_k) + b_k     each gate normalised on its own
        c' = γ_c ∘ N(σ(f) ∘ c + σ(i) ∘ dropout(tanh(g))) + b_c
        h' = σ(o) ∘ tanh(c')

    N gives every example mean 0 and variance 1 over the units. Dropping only the candidate leaves
    what is already remembered alone ("dropout without memory loss"); each step has its own mask.

    This is TensorFlow's form: the sum of both products is normalised, and the *normalised* memory
    is carried on. Ba et al. normalise the two products apart and carry the memory as it is.

    Args:
        weight_input: W, columns i, f, g, o.
        weight_recurrent: R.
        bias: b; the forget gate's starts at `forget_bias` (plus `shift`).
        scale: γ of the gates; None for no normalisation, the plain LSTM.
        scale_memory: γ_c.
        shift_memory: b_c.
        dropout: Share of the candidate that is dropped in training; None for none.
        epsilon: Keeps equal units from a division by 0.

    Sources: Ba et al. 2016, section 3.1, https://arxiv.org/abs/1607.06450; Semeniuta et al. 2016
    (recurrent dropout), https://arxiv.org/abs/1603.05118

    >>> cell = LayerNormLSTMCell.create(Weights("xavier_uniform"), 3, 8)
    >>> output, state = cell(jnp.ones((5, 3)), cell.zero_state(5))
    >>> bool((abs(state.c.mean(1)) < 1e-6).all())
    True
    """

    weight_input: Float[Array | np.ndarray, "n_inputs gates"]
    weight_recurrent: Float[Array | np.ndarray, "n_units gates"]
    bias: Float[Array | np.ndarray, " gates"]
    scale: Float[Array | np.ndarray, " gates"] | None
    scale_memory: Float[Array | np.ndarray, " n_units"] | None
    shift_memory: Float[Array | np.ndarray, " n_units"] | None
    dropout: Fixed | None
    epsilon: Fixed

    @classmethod
    def create(
        cls,
        weights: Weights,
        n_inputs: int,
        n_units: int,
        *,
        normalize: bool = True,
        gain: Real = 1.0,
        shift: Real = 0.0,
        dropout: Share | None = None,
        forget_bias: Real = 1.0,
        epsilon: Positive = 1e-5,
    ) -> "LayerNormLSTMCell":
        """Draw the weights.

        Args:
            weights: Source of the initial weights.
            n_inputs: Features of one time step.
            n_units: Width of memory and output.
            normalize: False for none: the LSTM with recurrent dropout.
            gain: Where every γ starts.
            shift: Where the shifts after a normalisation start.
            dropout: Share of the candidate that is dropped.
            forget_bias: Added to where the forget gate's bias starts.
            epsilon: Added to every variance.
        """
        weight_input, weight_recurrent = draw_gates(weights, n_inputs, n_units, n_units, 4)
        start = shift if normalize else 0
        gains = biases(weights, n_units, gain)
        return cls(
            weight_input,
            weight_recurrent,
            biases(weights, n_units, start, start + forget_bias, start, start),
            np.tile(gains, 4) if normalize else None,
            gains if normalize else None,
            biases(weights, n_units, shift) if normalize else None,
            fixed(dropout, weights.dtype),
            Fixed(jnp.asarray(epsilon, weights.dtype)),
        )

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return self.weight_input.shape[0]

    @property
    def n_units(self) -> int:
        """Width of memory and output."""
        return self.weight_recurrent.shape[0]

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> LSTMState:
        """Return an empty memory and a zero output."""
        zeros = jnp.zeros((batch_size, self.n_units), dtype)
        return LSTMState(zeros, zeros)

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
            z = normalized_gates(z, 4, self.scale, self.epsilon)
        i, f, g, o = jnp.split(add(z, self.bias), 4, axis=1)
        g = jnp.tanh(g)
        if self.dropout is not None:
            g, _ = Dropout(rate=self.dropout.value)(g, (), key=key, training=training)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * g
        if self.scale_memory is not None and self.shift_memory is not None:
            c = add(scaled(standardized(c, self.epsilon), self.scale_memory), self.shift_memory)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return h, LSTMState(c, h)
