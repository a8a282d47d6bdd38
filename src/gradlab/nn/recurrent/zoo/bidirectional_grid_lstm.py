"""The grid LSTM that looks up and down the frequency axis."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell, check_input
from gradlab.nn.recurrent.zoo.frequency import SliceState
from gradlab.nn.recurrent.zoo.grid_lstm import GridLSTMCell
from gradlab.nn.recurrent.zoo.parts import other_parts
from gradlab.nn.weights import Weights
from gradlab.scalars import Positive, Real


class BidirectionalGridLSTMCell(Cell):
    """Two grid LSTMs with weights of their own, one up and one down the frequency axis.

    Time runs forwards for both, so the cell can follow a live signal. The output is [up, down],
    the slices of each in the order in which it met them: twice as wide as a `GridLSTMCell`'s.

    Args:
        up: From low to high.
        down: From high to low.
        down_offset: Features by which the slices on the way down lie higher (lower, if negative);
            zeros stand beyond the spectrum.

    Sources: as for `GridLSTMCell`

    >>> cell = BidirectionalGridLSTMCell.create(Weights("xavier_uniform"), 6, 4)
    >>> cell(jnp.ones((5, 6)), cell.zero_state(5))[0].shape
    (5, 96)
    """

    up: GridLSTMCell
    down: GridLSTMCell
    down_offset: int = eqx.field(static=True, default=0)

    @classmethod
    def create(
        cls,
        weights: Weights,
        n_inputs: int,
        n_units: int,
        *,
        feature_size: int = 1,
        frequency_skip: int = 1,
        bands: tuple[tuple[int, int], ...] | None = None,
        share_weights: bool = False,
        peepholes: bool = False,
        coupled: bool = False,
        cell_clip: Positive | None = None,
        forget_bias: Real = 1.0,
        down_offset: int = 0,
    ) -> "BidirectionalGridLSTMCell":
        """Draw the weights of both directions; all but `down_offset` as in `GridLSTMCell`."""
        up, down = (
            GridLSTMCell.create(
                of_direction,
                n_inputs,
                n_units,
                feature_size=feature_size,
                frequency_skip=frequency_skip,
                bands=bands,
                share_weights=share_weights,
                peepholes=peepholes,
                coupled=coupled,
                cell_clip=cell_clip,
                forget_bias=forget_bias,
            )
            for of_direction in (weights, other_parts(weights, 8))
        )
        return cls(up, down, down_offset)

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return self.up.n_inputs

    @property
    def n_units(self) -> int:
        """Width of the output, over both directions."""
        return self.up.n_units + self.down.n_units

    def zero_state(
        self, batch_size: int, dtype: DTypeLike = jnp.float32
    ) -> tuple[SliceState, SliceState]:
        """Return the empty memories of both directions."""
        return self.up.zero_state(batch_size, dtype), self.down.zero_state(batch_size, dtype)

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch features"],
        state: tuple[SliceState, SliceState],
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Float[Array, "batch units"], tuple[SliceState, SliceState]]:
        """Take one time step."""
        check_input(self, x)
        rising, up = self.up.climb(x, state[0], downwards=False)
        falling, down = self.down.climb(_shifted(x, self.down_offset), state[1], downwards=True)
        return jnp.concatenate([rising, falling], axis=1), (up, down)


def _shifted(x: Float[Array | np.ndarray, "batch features"], offset: int) -> Array:
    """Return column j + offset in place of column j; 0 beyond the edge."""
    x = jnp.asarray(x)
    width = x.shape[1]
    padded = jnp.pad(x, ((0, 0), (max(-offset, 0), max(offset, 0))))
    return padded[:, max(offset, 0) : max(offset, 0) + width]
