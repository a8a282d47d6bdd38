"""The gated recurrent unit, in both forms."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from gradlab.errors import RecipeError
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import FusedCell, check_input
from gradlab.nn.recurrent.loops import gru as loops
from gradlab.nn.recurrent.sweep import (
    add,
    before,
    hold,
    last,
    of_every_step,
    of_inputs,
    of_last,
    only,
    rest,
    rows,
    stacked,
    swept,
    turned,
    values,
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

    def __check_init__(self):
        """Refuse biases that do not go with the form."""
        if self.reset_after != (self.bias_recurrent is not None):
            raise RecipeError(
                f"reset_after={self.reset_after} with bias_recurrent "
                f"{'None' if self.bias_recurrent is None else 'given'}: PyTorch's form has it, the "
                "documents' has not. Give both, or neither."
            )

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
            weights.kernel((n_inputs, 3 * n_units), n_units),
            weights.kernel((n_units, 3 * n_units), n_units, part=1),
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
        x, h = jnp.asarray(x), jnp.asarray(state)
        projected = jnp.matmul(x, self.weight_input)
        projected = projected + jnp.broadcast_to(self.bias, projected.shape)
        h = _step(projected, h, self.weight_recurrent, self.bias_recurrent)[0]
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
        of_steps: Any = _gru(
            reverse,
            inputs,
            state,
            stacked(self.weight_input, self.bias, self.weight_recurrent),
            self.bias_recurrent,
            real,
        )
        return of_steps


def _step(projected, h, recurrent, bias_recurrent):
    """Return the next state, the gates, and what the candidate takes of the past."""
    n_units = h.shape[1]
    if bias_recurrent is None:
        of_gates = projected[:, : 2 * n_units] + jnp.matmul(h, recurrent[:, : 2 * n_units])
        r, z = jnp.split(jax.nn.sigmoid(of_gates), 2, axis=1)
        past = r * h
        of_candidate = jnp.matmul(past, recurrent[:, 2 * n_units :])
    else:
        r, z, past = jnp.split(jnp.matmul(h, recurrent), 3, axis=1)
        r = jax.nn.sigmoid(projected[:, :n_units] + r)
        z = jax.nn.sigmoid(projected[:, n_units : 2 * n_units] + z)
        past = past + jnp.broadcast_to(bias_recurrent, past.shape)
        of_candidate = r * past
    n = jnp.tanh(projected[:, 2 * n_units :] + of_candidate)
    return n + z * (h - n), jnp.concatenate([r, z, n], axis=1), past


def _sweep(reverse, inputs, h0, weight, bias_recurrent, real):
    """Return the outputs, the gates and the past of every step."""
    projected = of_inputs(inputs, weight, h0.shape[1])
    by_loop = functools.partial(loops.forward, reverse=reverse)
    by_scan = functools.partial(_forward_by_scan, reverse=reverse)
    return swept(by_loop, by_scan, projected, weight[-h0.shape[1] :], bias_recurrent, h0, real)


def _forward_by_scan(projected, recurrent, bias_recurrent, h0, real, *, reverse):
    def step(h, of_step):
        of_inputs, is_real = of_step
        new, gates, past = _step(of_inputs, h, recurrent, bias_recurrent)
        h = hold(is_real, new, h)
        return h, (h, gates, past)

    return jax.lax.scan(step, h0, (projected, real), reverse=reverse)[1]


def _backward_by_scan(gates, past, h, h0, recurrent, dh, slopes, real, *, reset_after, reverse):
    cut = 2 * h0.shape[1]
    gates_to_h, candidate_to_h = recurrent[:, :cut].T, recurrent[:, cut:].T

    def step(dh, of_step):
        slope, gates, past, h, is_real = of_step
        r, z, n = jnp.split(gates, 3, axis=1)
        all_dh = add(dh, slope)
        dh = only(is_real, all_dh)
        dn = dh * (1 - z) * (1 - n * n)
        if reset_after:
            dr, third = dn * past, dn * r
            before_h = dh * z + jnp.matmul(third, candidate_to_h)
        else:
            of_reset = jnp.matmul(dn, candidate_to_h)
            dr, third = of_reset * h, dn
            before_h = dh * z + of_reset * r
        of_gates = jnp.concatenate([dr * r * (1 - r), dh * (h - n) * z * (1 - z)], axis=1)
        before_h = before_h + jnp.matmul(of_gates, gates_to_h)
        slopes = jnp.concatenate([of_gates, third], axis=1)
        return rest(is_real, all_dh, before_h), (slopes, dn if reset_after else None)

    of_steps = slopes, gates, past, before(h, h0, reverse), real
    dh, (dz, dn) = jax.lax.scan(step, dh, of_steps, reverse=not reverse)
    return dz, dn, dh


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _gru(reverse, inputs, h0, weight, bias_recurrent, real):
    """Return the states after every step, and the last."""
    h = _sweep(reverse, inputs, h0, weight, bias_recurrent, real)[0]
    return h, last(h, h0, reverse)


def _forward(reverse, inputs, h0, weight, bias_recurrent, real):
    inputs, h0, weight, bias_recurrent, real = values((inputs, h0, weight, bias_recurrent, real))
    h, gates, past = _sweep(reverse, inputs, h0, weight, bias_recurrent, real)
    residual = inputs, h, gates, past, h0, weight, bias_recurrent, real
    return (h, last(h, h0, reverse)), residual


def _backward(reverse, residual, slopes):
    inputs, h, gates, past, h0, weight, bias_recurrent, real = residual
    n_units = h0.shape[1]
    options = {"reset_after": bias_recurrent is not None, "reverse": reverse}
    by_loop = functools.partial(loops.backward, **options)
    by_scan = functools.partial(_backward_by_scan, **options)
    of_last_step, of_steps = of_last(slopes[1]), of_every_step(slopes[0])
    arguments = gates, past, h, h0, weight[-n_units:], of_last_step, of_steps, real
    dz, dn, dh0 = swept(by_loop, by_scan, *arguments)
    columns = turned(rows(inputs, before(h, h0, reverse)))
    to_weight, to_x, cut = weight_gradient(columns, dz), weight[: -n_units - 1].T, 2 * n_units
    if bias_recurrent is None:
        # The candidate takes r ∘ h of the past; what the inputs give stands above.
        of_past = weight_gradient(turned(past), dz[..., cut:])
        to_weight = to_weight.at[-n_units:, cut:].set(of_past)
        return jnp.matmul(dz, to_x), dh0, to_weight, None, None
    # The candidate's own slope goes to x W + b, that of the past to h R + b_R.
    now = weight_gradient(columns[:-n_units], dn)
    to_bias = to_weight[-n_units - 1, cut:]
    to_weight = to_weight.at[:-n_units, cut:].set(now)
    to_inputs = jnp.matmul(dz, to_x.at[cut:].set(0)) + jnp.matmul(dn, to_x[cut:])
    return to_inputs, dh0, to_weight, to_bias, None


_gru.defvjp(_forward, _backward, symbolic_zeros=True)
