"""The plain recurrent cell."""

import functools
from typing import Any, Literal

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

ACTIVATION = {
    "tanh": (jnp.tanh, lambda h: 1 - h * h),
    "relu": (jax.nn.relu, lambda h: (h > 0).astype(h.dtype)),
    "sigmoid": (jax.nn.sigmoid, lambda h: h * (1 - h)),
    "linear": (lambda z: z, jnp.ones_like),
}
"""Name -> the activation, and its derivative as a function of its value."""


class RNNCell(FusedCell):
    """Plain recurrent cell: the output is the state.

        h' = activation(x W + h R + b)

    Its weights number h (d + h + 1) for d inputs and h units, whatever the length of a sequence.
    Gradients through time are products of R and the activation's slopes, so they vanish or
    explode over long stretches: it learns short dependences only.

    Args:
        weight_input: W (the documents' U).
        weight_recurrent: R (the documents' W).
        bias: b.
        activation: tanh, relu, sigmoid or linear.

    Source: Elman 1990, https://doi.org/10.1207/s15516709cog1402_1

    >>> cell = RNNCell.create(Weights("xavier_uniform"), 3, 8)
    >>> output, state = cell(jnp.ones((5, 3)), cell.zero_state(5))
    >>> output.shape, bool((output == state).all())
    ((5, 8), True)
    """

    weight_input: Float[Array | np.ndarray, "n_inputs n_units"]
    weight_recurrent: Float[Array | np.ndarray, "n_units n_units"]
    bias: Float[Array | np.ndarray, " n_units"]
    activation: Literal["tanh", "relu", "sigmoid", "linear"] = eqx.field(
        static=True, default="tanh"
    )

    def __check_init__(self):
        """Refuse an unknown activation."""
        if self.activation not in ACTIVATION:
            raise RecipeError(
                f"RNNCell has the activations {', '.join(ACTIVATION)}; got {self.activation!r}."
            )

    @classmethod
    def create(
        cls,
        weights: Weights,
        n_inputs: int,
        n_units: int,
        *,
        activation: Literal["tanh", "relu", "sigmoid", "linear"] = "tanh",
    ) -> "RNNCell":
        """Draw the weights; biases start at 0."""
        return cls(
            weights.kernel((n_inputs, n_units), n_units),
            weights.kernel((n_units, n_units), n_units, part=1),
            weights.zeros(n_units),
            activation,
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
        z = jnp.matmul(x, self.weight_input) + jnp.matmul(state, self.weight_recurrent)
        h = ACTIVATION[self.activation][0](z + jnp.broadcast_to(self.bias, z.shape))
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
        weight = stacked(self.weight_input, self.bias, self.weight_recurrent)
        swept: Any = _rnn(self.activation, reverse, inputs, weight, state, real)
        return swept


def _sweep(activation, reverse, inputs, weight, h0, real, save):
    function, _ = ACTIVATION[activation]

    def step(h, of_step):
        x, is_real = of_step
        of_weight = row(x, h)
        h = hold(is_real, function(jnp.matmul(of_weight, weight)), h)
        return h, of_weight if save else h

    last, kept = jax.lax.scan(step, h0, (inputs, real), reverse=reverse)
    return kept, last


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _rnn(activation, reverse, inputs, weight, h0, real):
    """Return the states after every step, and the last."""
    return _sweep(activation, reverse, inputs, weight, h0, real, save=False)


def _forward(activation, reverse, inputs, weight, h0, real):
    inputs, weight, h0, real = values((inputs, weight, h0, real))
    rows, last = _sweep(activation, reverse, inputs, weight, h0, real, save=True)
    states = after(rows, last, reverse)
    return (states, last), (rows, states, weight, real)


def _backward(activation, reverse, saved, slopes):
    rows, states, weight, real = saved
    of_states, last_dh = of_every_step(slopes[0]), of_last(slopes[1])
    _, derivative = ACTIVATION[activation]
    to_x, to_h = parts(weight, last_dh.shape[1])

    def step(dh, of_step):
        slope, h, is_real = of_step
        dh = add(dh, slope)
        dz = only(is_real, dh) * derivative(h)
        return rest(is_real, dh, jnp.matmul(dz, to_h)), dz

    dh0, dz = jax.lax.scan(step, last_dh, (of_states, states, real), reverse=not reverse)
    return jnp.matmul(dz, to_x), weight_gradient(turned(rows), dz), dh0, None


_rnn.defvjp(_forward, _backward, symbolic_zeros=True)
