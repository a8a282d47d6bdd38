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
        x, h = jnp.asarray(x), jnp.asarray(state)
        gates_weight, candidate_weight = self._weights()
        now = _of_inputs(self.reset_after, x, candidate_weight)
        h = _step(self.reset_after, x, now, h, gates_weight, candidate_weight)[0]
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
        gates_weight, candidate_weight = self._weights()
        swept: Any = _gru(
            self.reset_after, reverse, inputs, state, gates_weight, candidate_weight, real
        )
        return swept

    def _weights(self) -> tuple[Array, Array]:
        """Return the weights that act on [x, 1, h], and those of the candidate.

        The first give r and z. In PyTorch's form they also give what the candidate takes of the
        past, h R_n + b_R, and the candidate's own act on [x, 1]; in the documents' form on
        [x, 1, r ∘ h].
        """
        cut = 2 * self.n_units
        whole = stacked(self.weight_input, self.bias, self.weight_recurrent)
        if self.bias_recurrent is None:
            return whole[:, :cut], whole[:, cut:]
        nothing = jnp.zeros((self.n_inputs, self.n_units), whole.dtype)
        past = stacked(nothing, self.bias_recurrent, self.weight_recurrent[:, cut:])
        return jnp.concatenate([whole[:, :cut], past], axis=1), whole[: -self.n_units, cut:]


def _of_inputs(reset_after, inputs, candidate_weight):
    """Return what the candidate takes of the inputs by themselves."""
    if not reset_after:
        return None
    now = jnp.matmul(inputs, candidate_weight[:-1])
    return now + jnp.broadcast_to(candidate_weight[-1], now.shape)


def _step(reset_after, x, now, h, gates_weight, candidate_weight):
    """Return the next state and what its gradient needs."""
    of_gates = row(x, h)
    r, z, *more = jnp.split(jnp.matmul(of_gates, gates_weight), 3 if reset_after else 2, axis=1)
    r, z = jax.nn.sigmoid(r), jax.nn.sigmoid(z)
    if reset_after:
        (past,) = more
        of_candidate = None
        n = jnp.tanh(now + r * past)
    else:
        past = None
        of_candidate = row(x, r * h)
        n = jnp.tanh(jnp.matmul(of_candidate, candidate_weight))
    return n + z * (h - n), (of_gates, of_candidate, past, r, z, n)


def _sweep(reset_after, reverse, inputs, h0, gates_weight, candidate_weight, real, save):
    def step(h, of_step):
        x, now, is_real = of_step
        new, saved = _step(reset_after, x, now, h, gates_weight, candidate_weight)
        h = hold(is_real, new, h)
        return h, saved if save else h

    now = _of_inputs(reset_after, inputs, candidate_weight)
    last, kept = jax.lax.scan(step, h0, (inputs, now, real), reverse=reverse)
    return kept, last


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _gru(reset_after, reverse, inputs, h0, gates_weight, candidate_weight, real):
    """Return the states after every step, and the last."""
    return _sweep(
        reset_after, reverse, inputs, h0, gates_weight, candidate_weight, real, save=False
    )


def _forward(reset_after, reverse, inputs, h0, gates_weight, candidate_weight, real):
    inputs, h0, real = values((inputs, h0, real))
    weights = gates_weight, candidate_weight = values((gates_weight, candidate_weight))
    saved, last = _sweep(
        reset_after, reverse, inputs, h0, gates_weight, candidate_weight, real, save=True
    )
    return (after(saved[0], last, reverse), last), (saved, weights, real)


def _backward(reset_after, reverse, residual, slopes):
    saved, (gates_weight, candidate_weight), real = residual
    of_states, last_dh = of_every_step(slopes[0]), of_last(slopes[1])
    n_units = last_dh.shape[1]
    gates_to_x, gates_to_h = parts(gates_weight, n_units)
    candidate_to_h: Any = None
    if reset_after:
        candidate_to_x = candidate_weight[:-1].T
    else:
        candidate_to_x, candidate_to_h = parts(candidate_weight, n_units)

    def step(dh, of_step):
        slope, (of_gates, _, past, r, z, n), is_real = of_step
        h = of_gates[:, -n_units:]
        all_dh = add(dh, slope)
        dh = only(is_real, all_dh)
        dn = dh * (1 - z) * (1 - n * n)
        before = dh * z
        if reset_after:
            dr, more = dn * past, [dn * r]
        else:
            of_reset = jnp.matmul(dn, candidate_to_h)
            dr, more = of_reset * h, []
            before = before + of_reset * r
        pieces = [dr * r * (1 - r), dh * (h - n) * z * (1 - z), *more]
        d_gates = jnp.concatenate(pieces, axis=1)
        before = before + jnp.matmul(d_gates, gates_to_h)
        return rest(is_real, all_dh, before), (d_gates, dn)

    swept: Any = jax.lax.scan(step, last_dh, (of_states, saved, real), reverse=not reverse)
    dh0, (d_gates, dn) = swept
    columns = turned(saved[0])
    of_candidate = columns[:-n_units] if reset_after else turned(saved[1])
    to_inputs = jnp.matmul(d_gates, gates_to_x) + jnp.matmul(dn, candidate_to_x)
    to_gates = weight_gradient(columns, d_gates)
    return to_inputs, dh0, to_gates, weight_gradient(of_candidate, dn), None


_gru.defvjp(_forward, _backward, symbolic_zeros=True)
