"""A gated short cut around a recurrent cell."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell
from gradlab.nn.recurrent.wrappers.residual import check_same_width
from gradlab.nn.recurrent.zoo.parts import affine, biases, other_parts
from gradlab.nn.weights import Weights
from gradlab.scalars import Real


class HighwayWrapper(Cell):
    """Let gates choose, unit by unit, between the input and the output of a cell.

        carry = σ(x W_c + b_c)
        transform = 1 − carry, or σ(x W_t + b_t) if the gates are not coupled
        y = carry ∘ x + transform ∘ cell(x)

    The state is the cell's.

    Args:
        cell: The wrapped cell, whose output is as wide as its input.
        weight_carry: W_c.
        bias_carry: b_c; at +∞ the input passes through.
        weight_transform: W_t; None for coupled gates.
        bias_transform: b_t; None for coupled gates.

    Source: Srivastava et al. 2015, eq. 2 and 3, https://arxiv.org/abs/1505.00387

    >>> from gradlab.nn.recurrent import RNNCell
    >>> weights = Weights("xavier_uniform")
    >>> highway = HighwayWrapper.create(weights, RNNCell.create(weights, 3, 3))
    >>> highway(jnp.ones((5, 3)), highway.zero_state(5))[0].shape
    (5, 3)
    """

    cell: Any
    weight_carry: Float[Array | np.ndarray, "width width"]
    bias_carry: Float[Array | np.ndarray, " width"]
    weight_transform: Float[Array | np.ndarray, "width width"] | None = None
    bias_transform: Float[Array | np.ndarray, " width"] | None = None

    @classmethod
    def create(
        cls, weights: Weights, cell: Any, *, coupled: bool = True, carry_bias: Real = 1.0
    ) -> "HighwayWrapper":
        """Draw the gates' weights.

        Args:
            weights: Source of the initial weights; may be that of the cell.
            cell: The cell to wrap.
            coupled: Whether transform = 1 − carry.
            carry_bias: Where b_c starts, and −b_t.

        Raises:
            RecipeError: If the output of the cell is not as wide as its input.
        """
        width = cell.n_units
        if (n_inputs := getattr(cell, "n_inputs", None)) is not None:
            check_same_width("HighwayWrapper", n_inputs, width)
        own = other_parts(weights, 32)
        return cls(
            cell,
            own((width, width), width, width),
            biases(weights, width, carry_bias),
            None if coupled else own((width, width), width, width, part=1),
            None if coupled else biases(weights, width, -carry_bias),
        )

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return self.weight_carry.shape[0]

    @property
    def n_units(self) -> int:
        """Width of the output."""
        return self.cell.n_units

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> PyTree:
        """Return the cell's own."""
        return self.cell.zero_state(batch_size, dtype)

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch features"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Float[Array, "batch units"], PyTree]:
        """Take one time step.

        Raises:
            RecipeError: If the output is not as wide as the input.
        """
        check_same_width("HighwayWrapper", x.shape[1], self.cell.n_units)
        output, state = self.cell(x, state, key=key, training=training)
        carry = jax.nn.sigmoid(affine(x, self.weight_carry, self.bias_carry))
        transform = 1 - carry
        if self.weight_transform is not None and self.bias_transform is not None:
            transform = jax.nn.sigmoid(affine(x, self.weight_transform, self.bias_transform))
        return carry * x + transform * output, state
