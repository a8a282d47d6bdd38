"""The LSTM."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float

from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import FusedCell, check_input
from gradlab.nn.recurrent.sweep import (
    add,
    after,
    hold,
    of_every_step,
    of_last,
    only,
    parts,
    rest,
    row,
    stacked,
    turned,
    values,
    weight_gradient,
)
from gradlab.nn.weights import Weights
from gradlab.scalars import Real


class LSTMState(NamedTuple):
    """What an LSTM carries from step to step; unpacks as (c, h)."""

    c: Float[Array | np.ndarray, "batch n_memory"]
    """The memory."""
    h: Float[Array | np.ndarray, "batch n_outputs"]
    """The output."""


class LSTMCell(FusedCell):
    """Long short-term memory: a memory that is added to, and three gates.

        i = σ(x W_i + h R_i + b_i)        input gate: how much of the candidate comes in
        f = σ(x W_f + h R_f + b_f)        forget gate: how much of the memory stays
        g = tanh(x W_g + h R_g + b_g)     candidate
        o = σ(x W_o + h R_o + b_o)        output gate
        c' = f ∘ c + i ∘ g                memory
        h' = o ∘ tanh(c')                 output

    The order of the columns i, f, g, o is PyTorch's, whose weights are the transposes and whose
    two biases add up to this one. TensorFlow's order is i, g, f, o, and its `forget_bias` is added
    to b_f at every step; here it is where b_f starts, which is the same function.

    Args:
        weight_input: W, columns i, f, g, o.
        weight_recurrent: R, likewise.
        bias: b, likewise.

    Sources: Hochreiter & Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735;
    Gers et al. 2000 (forget gate), https://doi.org/10.1162/089976600300015015

    >>> cell = LSTMCell.create(Weights("xavier_uniform"), 3, 8)
    >>> output, state = cell(jnp.ones((5, 3)), cell.zero_state(5))
    >>> output.shape, state.c.shape, cell.state_size
    ((5, 8), (5, 8), LSTMState(c=8, h=8))
    """

    weight_input: Float[Array | np.ndarray, "n_inputs gates"]
    weight_recurrent: Float[Array | np.ndarray, "n_units gates"]
    bias: Float[Array | np.ndarray, " gates"]

    @classmethod
    def create(
        cls, weights: Weights, n_inputs: int, n_units: int, *, forget_bias: Real = 1.0
    ) -> "LSTMCell":
        """Draw the weights; biases start at 0, but the forget gate's at `forget_bias`.

        Args:
            weights: Source of the initial weights.
            n_inputs: Features of one time step.
            n_units: Width of memory and output.
            forget_bias: 1 keeps 73 % of the memory a step at first, 0 only half
                (Jozefowicz et al. 2015, https://proceedings.mlr.press/v37/jozefowicz15.html).
        """
        bias = weights.zeros(4 * n_units)
        bias[n_units : 2 * n_units] = forget_bias
        return cls(
            weights((n_inputs, 4 * n_units), n_inputs, n_units),
            weights((n_units, 4 * n_units), n_units, n_units, part=1),
            bias,
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
        """Take one time step.

        Raises:
            DataError: If x has another width than the cell was built for.
        """
        check_input(self, x)
        c, h = state
        z = jnp.matmul(x, self.weight_input) + jnp.matmul(h, self.weight_recurrent)
        i, f, g, o = _gates(z + jnp.broadcast_to(self.bias, z.shape))
        c = f * c + i * g
        h = o * jnp.tanh(c)
        return h, LSTMState(c, h)

    def sequence(
        self,
        inputs: Float[Array, "time batch features"],
        state: LSTMState,
        real: Bool[Array, "time batch"] | None,
        *,
        reverse: bool,
    ) -> tuple[Float[Array, "time batch units"], LSTMState]:
        """Take every step of a sequence."""
        weight = stacked(self.weight_input, self.bias, self.weight_recurrent)
        swept: Any = _lstm(reverse, inputs, weight, state.c, state.h, real)
        outputs, c, h = swept
        return outputs, LSTMState(c, h)

    def output_of(self, state: LSTMState) -> Float[Array, "batch units"]:
        """Return the output within a state."""
        return jnp.asarray(state.h)


def _gates(z: Array) -> tuple[Array, Array, Array, Array]:
    # σ(z) = ½ tanh(½ z) + ½: one tanh over all four, where a small layer's training step with a
    # function for each takes a tenth longer.
    half = np.repeat(np.array([0.5, 0.5, 1.0, 0.5], z.dtype), z.shape[1] // 4)[None]
    i, f, g, o = jnp.split(jnp.tanh(z * half) * half + (1 - half), 4, axis=1)
    return i, f, g, o


def _sweep(reverse, inputs, weight, c0, h0, real, save):
    def step(carry, of_step):
        before_c, before_h = carry
        x, is_real = of_step
        of_weight = row(x, before_h)
        i, f, g, o = _gates(jnp.matmul(of_weight, weight))
        c = f * before_c + i * g
        h = hold(is_real, o * jnp.tanh(c), before_h)
        c = hold(is_real, c, before_c)
        return (c, h), (of_weight, (before_c, i, f, g, o)) if save else h

    return jax.lax.scan(step, (c0, h0), (inputs, real), reverse=reverse)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _lstm(reverse, inputs, weight, c0, h0, real):
    """Return the outputs of every step, and the last memory and output."""
    (c, h), outputs = _sweep(reverse, inputs, weight, c0, h0, real, save=False)
    return outputs, c, h


def _forward(reverse, inputs, weight, c0, h0, real):
    inputs, weight, c0, h0, real = values((inputs, weight, c0, h0, real))
    (c, h), (rows, saved) = _sweep(reverse, inputs, weight, c0, h0, real, save=True)
    return (after(rows, h, reverse), c, h), (rows, saved, weight, real)


def _backward(reverse, residual, slopes):
    rows, saved, weight, real = residual
    of_outputs, last_slopes = of_every_step(slopes[0]), (of_last(slopes[1]), of_last(slopes[2]))
    to_x, to_h = parts(weight, slopes[2].shape[1])

    def step(carry, of_step):
        all_dc, all_dh = carry
        slope, (before_c, i, f, g, o), is_real = of_step
        all_dh = add(all_dh, slope)
        dh, dc = only(is_real, all_dh), only(is_real, all_dc)
        squashed = jnp.tanh(f * before_c + i * g)
        dc = dc + dh * o * (1 - squashed * squashed)
        dz = jnp.concatenate(
            [
                dc * g * i * (1 - i),
                dc * before_c * f * (1 - f),
                dc * i * (1 - g * g),
                dh * squashed * o * (1 - o),
            ],
            axis=1,
        )
        dc = rest(is_real, all_dc, dc * f)
        return (dc, rest(is_real, all_dh, jnp.matmul(dz, to_h))), dz

    (dc0, dh0), dz = jax.lax.scan(step, last_slopes, (of_outputs, saved, real), reverse=not reverse)
    return jnp.matmul(dz, to_x), weight_gradient(turned(rows), dz), dc0, dh0, None


_lstm.defvjp(_forward, _backward, symbolic_zeros=True)
