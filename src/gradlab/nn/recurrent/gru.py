"""The gated recurrent unit, in both forms."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import FusedCell, check_input
from gradlab.nn.recurrent.sweep import (
    after,
    hold,
    only,
    parts,
    rest,
    row,
    stacked,
    weight_gradient,
)
from gradlab.nn.weights import Weights


class GRUCell(FusedCell):
    """Gated recurrent unit: two gates, and no memory besides the output.

        r = σ(x W_r + h R_r + b_r)                   reset gate
        z = σ(x W_z + h R_z + b_z)                   update gate: how much of the past stays
        n = tanh(x W_n + (r ∘ h) R_n + b_n)          candidate
        h' = (1 − z) ∘ n + z ∘ h

    That is the documents' form, Cho et al.'s and TensorFlow 1's. With `reset_after` the gate acts
    on the product, as in PyTorch, cuDNN and Keras, which needs one product a step instead of two:

        n = tanh(x W_n + b_n + r ∘ (h R_n + b_R))

    Other texts swap z and 1 − z. The columns r, z, n stand in PyTorch's order; its weights are the
    transposes, its two biases of r and z add up to b_r and b_z.

    Args:
        weight_input: W, columns r, z, n.
        weight_recurrent: R, likewise.
        bias: b, likewise.
        bias_recurrent: b_R, with `reset_after` only; None otherwise.
        reset_after: Which form.

    Sources: Cho et al. 2014, eqs. 5-8, https://arxiv.org/abs/1406.1078; Chung et al. 2014

    >>> cell = GRUCell.create(Weights("xavier_uniform"), 3, 8)
    >>> cell(jnp.ones((5, 3)), cell.zero_state(5))[0].shape
    (5, 8)
    """

    weight_input: Float[Array | np.ndarray, "n_inputs gates"]
    weight_recurrent: Float[Array | np.ndarray, "n_units gates"]
    bias: Float[Array | np.ndarray, " gates"]
    bias_recurrent: Float[Array | np.ndarray, " n_units"] | None = None
    reset_after: bool = eqx.field(static=True, default=False)

    @classmethod
    def create(
        cls, weights: Weights, n_inputs: int, n_units: int, *, reset_after: bool = False
    ) -> "GRUCell":
        """Draw the weights; biases start at 0.

        Args:
            weights: Source of the initial weights.
            n_inputs: Features of one time step.
            n_units: Width of the output.
            reset_after: PyTorch's form instead of the documents'.
        """
        return cls(
            weights((n_inputs, 3 * n_units), n_inputs, n_units),
            weights((n_units, 3 * n_units), n_units, n_units, part=1),
            weights.zeros(3 * n_units),
            weights.zeros(n_units) if reset_after else None,
            reset_after,
        )

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return self.weight_input.shape[0]

    @property
    def n_units(self) -> int:
        """Width of the output and of the state."""
        return self.weight_recurrent.shape[0]

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch features"],
        state: Float[Array | np.ndarray, "batch units"],
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Float[Array, "batch units"], Float[Array, "batch units"]]:
        """Take one time step.

        Raises:
            DataError: If x has another width than the cell was built for.
        """
        check_input(self, x)
        h = jnp.asarray(state)
        h = _step(jnp.asarray(x), h, *self._weights())[0]
        return h, h

    def sequence(
        self,
        inputs: Float[Array, "time batch features"],
        state: Float[Array, "batch units"],
        real: Bool[Array, "time batch"] | None,
        *,
        reverse: bool,
    ) -> tuple[Float[Array, "time batch units"], Float[Array, "batch units"]]:
        """Take every step of a sequence."""
        swept: Any = _gru(reverse, inputs, state, *self._weights(), real)
        return swept

    def _weights(self) -> tuple[Array, Array, tuple[Array, Array] | None]:
        """Return the weights of [x, 1, h] for the gates, and for the candidate.

        In PyTorch's form the candidate's x and h have separate weights: those of [x, 1], and R_n
        and b_R.
        """
        cut = 2 * self.n_units
        whole = stacked(self.weight_input, self.bias, self.weight_recurrent)
        if self.bias_recurrent is None:
            return whole[:, :cut], whole[:, cut:], None
        of_past = jnp.asarray(self.weight_recurrent)[:, cut:], jnp.asarray(self.bias_recurrent)
        return whole[:, :cut], whole[: -self.n_units, cut:], of_past


def _step(x, h, gates_weight, candidate_weight, of_past):
    """Return the next state and what its gradient needs."""
    of_gates = row(x, h)
    r, z = jnp.split(jnp.matmul(of_gates, gates_weight), 2, axis=1)
    r, z = jax.nn.sigmoid(r), jax.nn.sigmoid(z)
    if of_past is None:
        of_candidate, past = row(x, r * h), None
        n = jnp.tanh(jnp.matmul(of_candidate, candidate_weight))
    else:
        past = jnp.matmul(h, of_past[0])
        past = past + jnp.broadcast_to(of_past[1], past.shape)
        of_candidate = None
        now = jnp.matmul(of_gates[:, : -h.shape[1]], candidate_weight)
        n = jnp.tanh(now + r * past)
    return n + z * (h - n), (of_gates, of_candidate, past, r, z, n)


def _sweep(reverse, inputs, h0, gates_weight, candidate_weight, of_past, real, save):
    def step(h, of_step):
        x, is_real = of_step
        new, saved = _step(x, h, gates_weight, candidate_weight, of_past)
        h = hold(is_real, new, h)
        return h, saved if save else h

    last, kept = jax.lax.scan(step, h0, (inputs, real), reverse=reverse)
    return kept, last


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _gru(reverse, inputs, h0, gates_weight, candidate_weight, of_past, real):
    """Return the states after every step, and the last."""
    weights = (gates_weight, candidate_weight, of_past)
    return _sweep(reverse, inputs, h0, *weights, real, save=False)


def _forward(reverse, inputs, h0, gates_weight, candidate_weight, of_past, real):
    weights = (gates_weight, candidate_weight, of_past)
    saved, last = _sweep(reverse, inputs, h0, *weights, real, save=True)
    return (after(saved[0], last, reverse), last), (saved, weights, real)


def _backward(reverse, residual, slopes):
    saved, (gates_weight, candidate_weight, of_past), real = residual
    of_states, of_last = slopes
    n_units = of_last.shape[1]
    gates_to_x, gates_to_h = parts(gates_weight, n_units)
    if of_past is None:
        candidate_to_x, candidate_to_h = parts(candidate_weight, n_units)
    else:
        candidate_to_x, candidate_to_h = candidate_weight[:-1].T, of_past[0].T

    def step(dh, of_step):
        slope, (of_gates, _, past, r, z, n), is_real = of_step
        h = of_gates[:, -n_units:]
        all_dh = dh + slope
        dh = only(is_real, all_dh)
        dn = dh * (1 - z) * (1 - n * n)
        if past is None:
            d_past = None
            of_reset = jnp.matmul(dn, candidate_to_h)
            dr, to_past = of_reset * h, of_reset * r
        else:
            d_past = dn * r
            dr, to_past = dn * past, jnp.matmul(d_past, candidate_to_h)
        d_gates = jnp.concatenate([dr * r * (1 - r), dh * (h - n) * z * (1 - z)], axis=1)
        before = dh * z + to_past + jnp.matmul(d_gates, gates_to_h)
        return rest(is_real, all_dh, before), (d_gates, dn, d_past)

    swept: Any = jax.lax.scan(step, of_last, (of_states, saved, real), reverse=not reverse)
    dh0, (d_gates, dn, d_past) = swept
    rows, of_candidate = saved[:2]
    if of_past is None:
        to_candidate, to_past = weight_gradient(of_candidate, dn), None
    else:
        to_candidate = weight_gradient(rows[:, :, :-n_units], dn)
        to_past = weight_gradient(rows[:, :, -n_units:], d_past), d_past.sum((0, 1))
    to_inputs = jnp.matmul(d_gates, gates_to_x) + jnp.matmul(dn, candidate_to_x)
    return to_inputs, dh0, weight_gradient(rows, d_gates), to_candidate, to_past, None


_gru.defvjp(_forward, _backward)
