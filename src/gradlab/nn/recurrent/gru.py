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
from gradlab.nn.recurrent.sweep import hold, only, project, rest, weight_gradient
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
        x = jnp.matmul(x, self.weight_input)
        x = x + jnp.broadcast_to(self.bias, x.shape)
        h = jnp.asarray(state)
        h = _step(self.reset_after, *self._split(x), h, *self._recurrent())[0]
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
        # Two products: the gradient of gates and candidate then comes in two arrays as it is,
        # instead of being put together at every step.
        gates_weight, candidate_weight = self._split(jnp.asarray(self.weight_input))
        gates_bias, candidate_bias = self._split(jnp.asarray(self.bias))
        of_gates = project(inputs, gates_weight, gates_bias)
        of_candidate = project(inputs, candidate_weight, candidate_bias)
        states: Any = _gru(
            self.reset_after, reverse, of_gates, of_candidate, state, *self._recurrent(), real
        )
        return states, states[0 if reverse else -1]

    def _split(self, columns: Array) -> tuple[Array, Array]:
        """Return the columns of the gates, r and z, and those of the candidate."""
        return columns[..., : 2 * self.n_units], columns[..., 2 * self.n_units :]

    def _recurrent(self) -> tuple[Array, Array, Array | None]:
        bias = self.bias_recurrent
        return *self._split(jnp.asarray(self.weight_recurrent)), (
            None if bias is None else jnp.asarray(bias)
        )


def _step(reset_after, of_gates, of_candidate, h, gates_weight, candidate_weight, bias):
    """Return the next state and what its gradient needs."""
    gates = jax.nn.sigmoid(of_gates + jnp.matmul(h, gates_weight))
    r, z = jnp.split(gates, 2, axis=1)
    if reset_after:
        past = jnp.matmul(h, candidate_weight)
        past = past if bias is None else past + jnp.broadcast_to(bias, past.shape)
        n = jnp.tanh(of_candidate + r * past)
    else:
        past = None
        n = jnp.tanh(of_candidate + jnp.matmul(r * h, candidate_weight))
    return n + z * (h - n), (h, r, z, n, past)


def _sweep(reset_after, reverse, of_gates, of_candidate, h0, weights, real, save):
    def step(h, of_step):
        of_gates, of_candidate, is_real = of_step
        new, saved = _step(reset_after, of_gates, of_candidate, h, *weights)
        h = hold(is_real, new, h)
        return h, (h, saved if save else None)

    return jax.lax.scan(step, h0, (of_gates, of_candidate, real), reverse=reverse)[1]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _gru(
    reset_after, reverse, of_gates, of_candidate, h0, gates_weight, candidate_weight, bias, real
):
    """Return the states after every step."""
    weights = (gates_weight, candidate_weight, bias)
    return _sweep(reset_after, reverse, of_gates, of_candidate, h0, weights, real, False)[0]


def _forward(
    reset_after, reverse, of_gates, of_candidate, h0, gates_weight, candidate_weight, bias, real
):
    weights = (gates_weight, candidate_weight, bias)
    states, saved = _sweep(reset_after, reverse, of_gates, of_candidate, h0, weights, real, True)
    return states, (saved, weights, real)


def _backward(reset_after, reverse, residual, slopes):
    saved, (gates_weight, candidate_weight, bias), real = residual
    gates_transposed, candidate_transposed = gates_weight.T, candidate_weight.T

    def step(dh, of_step):
        slope, (h, r, z, n, past), is_real = of_step
        all_dh = dh + slope
        dh = only(is_real, all_dh)
        d_candidate = dh * (1 - z) * (1 - n * n)
        if reset_after:
            d_past = d_candidate * r
            dr = d_candidate * past
            to_past = jnp.matmul(d_past, candidate_transposed)
        else:
            d_past = d_candidate
            of_reset = jnp.matmul(d_candidate, candidate_transposed)
            dr, to_past = of_reset * h, of_reset * r
        d_gates = jnp.concatenate([dr * r * (1 - r), dh * (h - n) * z * (1 - z)], axis=1)
        before = dh * z + to_past + jnp.matmul(d_gates, gates_transposed)
        return rest(is_real, all_dh, before), (d_gates, d_candidate, d_past)

    zeros = jnp.zeros_like(slopes[0])
    dh0, (d_gates, d_candidate, d_past) = jax.lax.scan(
        step, zeros, (slopes, saved, real), reverse=not reverse
    )
    h, r = saved[:2]
    past = h if reset_after else r * h
    return (
        d_gates,
        d_candidate,
        dh0,
        weight_gradient(h, d_gates),
        weight_gradient(past, d_past),
        None if bias is None else d_past.sum((0, 1)),
        None,
    )


_gru.defvjp(_forward, _backward)
