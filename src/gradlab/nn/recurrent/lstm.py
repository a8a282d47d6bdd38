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
from gradlab.nn.recurrent.loops import lstm as loops
from gradlab.nn.recurrent.sweep import (
    add,
    before,
    hold,
    is_wanted,
    last,
    of_every_step,
    of_inputs,
    of_last,
    only,
    rest,
    slopes_of_products,
    stacked,
    swept,
    values,
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
            weights.kernel((n_inputs, 4 * n_units), n_units),
            weights.kernel((n_units, 4 * n_units), n_units, part=1),
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
        of_steps: Any = _lstm(reverse, inputs, weight, state.c, state.h, real)
        outputs, c, h = of_steps
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


def _sweep(reverse, inputs, weight, c0, h0, real):
    """Return outputs, memories and gates of every step."""
    by_loop = functools.partial(loops.forward, reverse=reverse)
    by_scan = functools.partial(_forward_by_scan, reverse=reverse)
    return swept(by_loop, by_scan, inputs, weight, c0, h0, real)


def _forward_by_scan(inputs, weight, c0, h0, real, *, reverse):
    recurrent = weight[-h0.shape[1] :]

    def step(carry, of_step):
        before_c, before_h = carry
        z, is_real = of_step
        gates = _gates(z + jnp.matmul(before_h, recurrent))
        i, f, g, o = gates
        c = f * before_c + i * g
        h = hold(is_real, o * jnp.tanh(c), before_h)
        c = hold(is_real, c, before_c)
        return (c, h), (h, c, jnp.concatenate(gates, axis=1))

    projected = of_inputs(inputs, weight, h0.shape[1])
    return jax.lax.scan(step, (c0, h0), (projected, real), reverse=reverse)[1]


def _backward_by_scan(
    inputs, outputs, memories, gates, weight, c0, h0, dc, dh, slopes, real, *, reverse, deep
):
    to_h = weight[-h0.shape[1] :].T

    def step(carry, of_step):
        all_dc, all_dh = carry
        slope, gates, before_c, c, is_real = of_step
        i, f, g, o = jnp.split(gates, 4, axis=1)
        all_dh = add(all_dh, slope)
        dh, dc = only(is_real, all_dh), only(is_real, all_dc)
        squashed = jnp.tanh(c)
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

    of_steps = slopes, gates, before(memories, c0, reverse), memories, real
    (dc, dh), dz = jax.lax.scan(step, (dc, dh), of_steps, reverse=not reverse)
    return *slopes_of_products(dz, inputs, outputs, h0, weight, reverse, deep), dc, dh


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _lstm(reverse, inputs, weight, c0, h0, real):
    """Return the outputs of every step, and the last memory and output."""
    h, c, _ = _sweep(reverse, inputs, weight, c0, h0, real)
    return h, last(c, c0, reverse), last(h, h0, reverse)


def _forward(reverse, inputs, weight, c0, h0, real):
    deep = () if is_wanted(inputs) else None  # an empty tree tells it to the backward rule
    inputs, weight, c0, h0, real = values((inputs, weight, c0, h0, real))
    h, c, gates = _sweep(reverse, inputs, weight, c0, h0, real)
    residual = inputs, h, c, gates, weight, c0, h0, real, deep
    return (h, last(c, c0, reverse), last(h, h0, reverse)), residual


def _backward(reverse, residual, slopes):
    *swept_forward, real, deep = residual
    options = {"reverse": reverse, "deep": deep is not None}
    by_loop = functools.partial(loops.backward, **options)
    by_scan = functools.partial(_backward_by_scan, **options)
    of_last_step = of_last(slopes[1]), of_last(slopes[2])
    arguments = *swept_forward, *of_last_step, of_every_step(slopes[0]), real
    return *swept(by_loop, by_scan, *arguments), None


_lstm.defvjp(_forward, _backward, symbolic_zeros=True)
