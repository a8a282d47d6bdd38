"""The LSTM with a clock: every unit wakes up for a short part of its own period."""

from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from gradlab.errors import RecipeError
from gradlab.nn.initializers import standard_normal
from gradlab.nn.module import Fixed
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell, check_input
from gradlab.nn.recurrent.lstm import LSTMState
from gradlab.nn.recurrent.zoo.parts import affine, biases, draw_gates, scaled
from gradlab.nn.weights import PARTS, Weights
from gradlab.scalars import NonNegative, Positive, Real


class PhasedState(NamedTuple):
    """State of a phased LSTM."""

    cell: LSTMState
    steps: Float[Array, "batch 1"] | None
    """Steps taken, where they are the time."""


class PhasedLSTMCell(Cell):
    """LSTM whose memory changes only while a unit's time gate k is open.

        φ = ((t − shift) mod period) / period
        k = 2 φ / ratio        if φ < ratio / 2       opening
            2 − 2 φ / ratio    if φ < ratio           closing
            leak · φ           otherwise              closed, but for a gradient
        i = σ(x W_i + h R_i + p_i ∘ c + b_i)
        f = σ(x W_f + h R_f + p_f ∘ c + b_f)
        ĉ = f ∘ c + i ∘ tanh(x W_g + h R_g + b_g)
        o = σ(x W_o + h R_o + p_o ∘ ĉ + b_o)
        c' = k ∘ ĉ + (1 − k) ∘ c
        h' = k ∘ (o ∘ tanh(ĉ)) + (1 − k) ∘ h

    So a unit keeps its memory for about a period, however many events fall into it, and sequences
    may be sampled irregularly: the time t is that of the clock, not of the counter.

    The time is the first column of x, or the number of the step (0, 1, …). The phase is computed
    in the dtype of x: float64 inputs carry long time stamps into a float32 cell without rounding.
    The leak is there at inference as in training. (TensorFlow's peepholes were full matrices.)

    Args:
        weight_input: W, columns i, f, g, o.
        weight_recurrent: R.
        bias: b.
        period: Length of each unit's cycle, in the unit of the time; trained.
        shift: Where each unit's cycle starts; trained.
        ratio: Share of the cycle in which the gate is open; trained unless `Fixed`.
        leak: Slope of the closed gate.
        weight_peephole: p, rows i, f, o; None for none.
        clocked: Whether the time is the first column of x; else steps are counted.

    Source: Neil et al. 2016, section 2, https://arxiv.org/abs/1610.09513

    >>> cell = PhasedLSTMCell.create(Weights("xavier_uniform"), 3, 8, time="column")
    >>> x = jnp.array([[12.5, 1.0, -1.0]])  # two features at time 12.5
    >>> cell(x, cell.zero_state(1))[0].shape
    (1, 8)
    """

    weight_input: Float[Array | np.ndarray, "n_inputs gates"]
    weight_recurrent: Float[Array | np.ndarray, "n_units gates"]
    bias: Float[Array | np.ndarray, " gates"]
    period: Float[Array | np.ndarray, " n_units"]
    shift: Float[Array | np.ndarray, " n_units"]
    ratio: Float[Array | np.ndarray, " n_units"] | Fixed
    leak: Fixed
    weight_peephole: Float[Array | np.ndarray, "3 n_units"] | None
    clocked: bool = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        weights: Weights,
        n_inputs: int,
        n_units: int,
        *,
        time: Literal["steps", "column"] = "steps",
        peepholes: bool = False,
        leak: NonNegative = 0.001,
        ratio: Positive = 0.1,
        trainable_ratio: bool = True,
        shortest_period: Positive = 1.0,
        longest_period: Positive = 1000.0,
        forget_bias: Real = 0.0,
    ) -> "PhasedLSTMCell":
        """Draw weights and clocks: log period uniform in its range, shift uniform in [0, period).

        Args:
            weights: Source of the initial weights.
            n_inputs: Columns of x, with that of the time.
            n_units: Width of memory and output.
            time: "steps": t is 0, 1, …; "column": t is the first column of x.
            peepholes: Whether the gates see the memory; they start at 0.
            leak: Slope of the closed gate.
            ratio: Share of the cycle in which the gate is open.
            trainable_ratio: Whether training may change that share.
            shortest_period: In the unit of the time.
            longest_period: In the unit of the time.
            forget_bias: Where the forget gate's bias starts.

        Raises:
            RecipeError: If no feature is left beside the time, or the range of periods is empty.
        """
        clocked = time == "column"
        if n_inputs <= clocked:
            raise RecipeError(
                "A phased LSTM with time='column' takes the time and at least one feature; got "
                f"n_inputs={n_inputs}. Add a column in front with the time, or set time='steps'."
            )
        if not shortest_period <= longest_period:
            raise RecipeError(
                "Periods are drawn between shortest_period and longest_period; got "
                f"{shortest_period} and {longest_period}. Swap them."
            )
        weight_input, weight_recurrent = draw_gates(
            weights, n_inputs - clocked, n_units, n_units, 4
        )
        low, high = np.log(shortest_period), np.log(longest_period)
        period = np.exp(low + (high - low) * _uniform(weights, n_units, part=2))
        ratios = np.full(n_units, ratio, weights.dtype)
        return cls(
            weight_input,
            weight_recurrent,
            biases(weights, n_units, 0, forget_bias, 0, 0),
            period.astype(weights.dtype),
            (period * _uniform(weights, n_units, part=3)).astype(weights.dtype),
            ratios if trainable_ratio else Fixed(jnp.asarray(ratios)),
            Fixed(jnp.asarray(leak, weights.dtype)),
            weights.zeros(3, n_units) if peepholes else None,
            clocked,
        )

    @property
    def n_inputs(self) -> int:
        """Width of the input, with the column of the time."""
        return self.weight_input.shape[0] + self.clocked

    @property
    def n_units(self) -> int:
        """Width of memory and output."""
        return self.weight_recurrent.shape[0]

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> PhasedState:
        """Return an empty memory and a zero output, before step 0."""
        zeros = jnp.zeros((batch_size, self.n_units), dtype)
        steps = None if self.clocked else jnp.zeros((batch_size, 1), dtype)
        return PhasedState(LSTMState(zeros, zeros), steps)

    def openness(self, time: Float[Array | np.ndarray, "batch 1"]) -> Float[Array, "batch units"]:
        """Return the time gate k of every unit: 1 wide open, 0 shut."""
        time = jnp.asarray(time)
        ratio = self.ratio.value if isinstance(self.ratio, Fixed) else self.ratio
        full = (len(time), self.n_units)
        # The phase in the dtype of the time, which float32 weights would round; then in ours.
        period, shift = (
            jnp.broadcast_to(jnp.asarray(a, time.dtype), full) for a in (self.period, self.shift)
        )
        phase = jnp.mod(jnp.broadcast_to(time, full) - shift, period) / period
        phase = phase.astype(self.bias.dtype)
        ratio = jnp.broadcast_to(jnp.asarray(ratio), full)
        rising = 2 * phase / ratio
        closed = self.leak.value.astype(phase.dtype) * phase
        return jnp.where(phase < ratio / 2, rising, jnp.where(phase < ratio, 2 - rising, closed))

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch features"],
        state: PhasedState,
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Float[Array, "batch units"], PhasedState]:
        """Take one time step."""
        check_input(self, x)
        (c, h), steps = state
        x = jnp.asarray(x)
        if steps is None:
            time, x = x[:, :1], x[:, 1:].astype(self.bias.dtype)
        else:
            time, steps = steps, steps + 1
        z = affine(x, self.weight_input, self.bias) + jnp.matmul(h, self.weight_recurrent)
        i, f, g, o = jnp.split(z, 4, axis=1)
        if self.weight_peephole is not None:
            i = i + scaled(c, self.weight_peephole[0])
            f = f + scaled(c, self.weight_peephole[1])
        proposed = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        if self.weight_peephole is not None:
            o = o + scaled(proposed, self.weight_peephole[2])
        k = self.openness(time)
        h = k * (jax.nn.sigmoid(o) * jnp.tanh(proposed)) + (1 - k) * h
        c = k * proposed + (1 - k) * c
        return h, PhasedState(LSTMState(c, h), steps)


def _uniform(weights: Weights, n_units: int, *, part: int) -> np.ndarray:
    """Return numbers uniform in (0, 1), whatever the initialiser of the weights."""
    if weights.seed is None:  # a template
        return np.full(n_units, 0.5)
    draw = standard_normal(weights.seed, weights.layer + part * PARTS, (n_units,), np.float64)
    return scipy.special.ndtr(draw)
