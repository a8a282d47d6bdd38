"""The two-dimensional LSTM over time and frequency."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from gradlab.errors import RecipeError
from gradlab.nn.module import Fixed
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import Cell, check_input
from gradlab.nn.recurrent.zoo.frequency import SliceState, count_slices, slices_of
from gradlab.nn.recurrent.zoo.parts import affine, biases, clipped, fixed, scaled
from gradlab.nn.weights import Weights
from gradlab.scalars import Positive, Real

FREQUENCY, TIME = 0, 1


class GridLSTMCell(Cell):
    """Two LSTMs at every point of a time-frequency grid, one memory along each axis.

    For slice k of a time step, with its own past (c_t, h_t) and what comes up from the slice below
    it (c_f, h_f; zero for the lowest), both LSTMs l = frequency, time compute

        i = σ(x_k W_i + h_t R_i + h_f Q_i + p_i ∘ c_f + q_i ∘ c_t + b_i)
        f = σ(x_k W_f + h_t R_f + h_f Q_f + p_f ∘ c_f + q_f ∘ c_t + b_f), or 1 − i if coupled
        g = tanh(x_k W_g + h_t R_g + h_f Q_g + b_g)
        c_l' = clip(f ∘ c_l + i ∘ g, ±cell_clip)
        o = σ(x_k W_o + h_t R_o + h_f Q_o + p_o ∘ c_f' + q_o ∘ c_t' + b_o)
        h_l' = o ∘ tanh(c_l')

    each with weights of its own, or both with the same (`share_weights`). The time memory goes to
    the next step, the frequency memory to the slice above. The output is [h_t', h_f'] of every
    slice: 2 · n_units · slices numbers. A *band* of the spectrum is cut into slices on its own and
    has its own weights.

    Args:
        weight_input: W, (LSTMs, bands, feature_size, gates); LSTM 0 runs along the frequency, 1
            along time, and there is but one if they share; gates i, f, g, o (i, g, o if coupled).
        weight_recurrent: R, from the slice's own past.
        weight_frequency: Q, from the slice below.
        bias: b; the forget gate's starts at `forget_bias`.
        weight_peephole: p and q, (LSTMs, bands, 2, gates without g, units); None for none.
        cell_clip: Bound of both memories; None for none.
        n_inputs: Features of one time step.
        frequency_skip: Features from slice to slice.
        bands: (start, end) of each band.
        coupled: Whether f = 1 − i.

    Sources: Kalchbrenner et al. 2016, https://arxiv.org/abs/1507.01526; Sainath & Li
    2016, "Modeling time-frequency patterns with LSTM vs. convolutional architectures for LVCSR
    tasks", Interspeech (peepholes, slices)

    >>> cell = GridLSTMCell.create(
    ...     Weights("xavier_uniform"), 40, 8, feature_size=8, frequency_skip=4
    ... )
    >>> cell.n_slices, cell.n_units
    (9, 144)
    """

    weight_input: Float[Array | np.ndarray, "lstms bands feature_size gates"]
    weight_recurrent: Float[Array | np.ndarray, "lstms bands units_of_slice gates"]
    weight_frequency: Float[Array | np.ndarray, "lstms bands units_of_slice gates"]
    bias: Float[Array | np.ndarray, "lstms bands gates"]
    weight_peephole: Float[Array | np.ndarray, "lstms bands 2 peepholes units_of_slice"] | None
    cell_clip: Fixed | None
    n_inputs: int = eqx.field(static=True)
    frequency_skip: int = eqx.field(static=True)
    bands: tuple[tuple[int, int], ...] = eqx.field(static=True)
    coupled: bool = eqx.field(static=True)

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
    ) -> "GridLSTMCell":
        """Draw the weights; peepholes start at 0.

        Args:
            weights: Source of the initial weights.
            n_inputs: Features of one time step, in the order of the frequency.
            n_units: Units of each LSTM at each slice.
            feature_size: Features of one slice.
            frequency_skip: Features from the start of one slice to that of the next.
            bands: (start, end) of each band; None for one of all features.
            share_weights: Whether both LSTMs have the same weights.
            peepholes: Whether the gates see both memories.
            coupled: Whether the forget gate is 1 − the input gate.
            cell_clip: Bound of both memories.
            forget_bias: Where the forget gate's bias starts; a coupled cell has none.

        Raises:
            RecipeError: If no slice fits into a band, or a band is not within the features.
        """
        bands = ((0, n_inputs),) if bands is None else tuple(bands)
        for start, end in bands:
            if not 0 <= start < end <= n_inputs:
                raise RecipeError(
                    f"A band is a (start, end) within the {n_inputs} features of a time step; got "
                    f"({start}, {end}). Give 0 <= start < end <= {n_inputs}."
                )
            count_slices(end - start, feature_size, frequency_skip)
        n_lstms, n_gates = 1 if share_weights else 2, 3 if coupled else 4
        lead, columns = (n_lstms, len(bands)), n_gates * n_units
        starts = (0, 0, 0) if coupled else (0, forget_bias, 0, 0)
        return cls(
            weights.kernel((*lead, feature_size, columns), n_units),
            weights.kernel((*lead, n_units, columns), n_units, part=1),
            weights.kernel((*lead, n_units, columns), n_units, part=2),
            np.broadcast_to(biases(weights, n_units, *starts), (*lead, columns)).copy(),
            weights.zeros(*lead, 2, n_gates - 1, n_units) if peepholes else None,
            fixed(cell_clip, weights.dtype),
            n_inputs,
            frequency_skip,
            bands,
            coupled,
        )

    @property
    def slices_of_bands(self) -> tuple[int, ...]:
        """How many slices each band has."""
        feature_size = self.weight_input.shape[2]
        return tuple(
            count_slices(end - start, feature_size, self.frequency_skip)
            for start, end in self.bands
        )

    @property
    def n_slices(self) -> int:
        """How many slices a time step has, over all bands."""
        return sum(self.slices_of_bands)

    @property
    def n_units(self) -> int:
        """Width of the output: both LSTMs at every slice."""
        return 2 * self.n_slices * self.weight_recurrent.shape[2]

    def zero_state(self, batch_size: int, dtype: DTypeLike = jnp.float32) -> SliceState:
        """Return the empty memory of time, c and h of shape (batch, slices, units of a slice)."""
        zeros = jnp.zeros((batch_size, self.n_slices, self.weight_recurrent.shape[2]), dtype)
        return SliceState(zeros, zeros)

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch features"],
        state: SliceState,
        *,
        key: RowKey | None = None,
        training: bool = False,
    ) -> tuple[Float[Array, "batch units"], SliceState]:
        """Take one time step, up the frequency axis."""
        check_input(self, x)
        return self.climb(x, state, downwards=False)

    def climb(
        self, x: Float[Array | np.ndarray, "batch features"], state: SliceState, *, downwards: bool
    ) -> tuple[Float[Array, "batch units"], SliceState]:
        """Take one time step, up or down the frequency axis; slices in the order of the climb."""
        outputs, memories, first = [], [], 0
        for band, ((start, end), n) in enumerate(
            zip(self.bands, self.slices_of_bands, strict=True)
        ):
            slices = slices_of(x[:, start:end], self.weight_input.shape[2], self.frequency_skip)
            c, h = (jnp.swapaxes(a[:, first : first + n], 0, 1) for a in state)
            output, memory = self._climb(band, slices[::-1] if downwards else slices, c, h)
            outputs.append(output)
            memories.append(memory)
            first += n
        output = jnp.swapaxes(jnp.concatenate(outputs), 0, 1)
        c, h = (jnp.swapaxes(jnp.concatenate(a), 0, 1) for a in zip(*memories, strict=True))
        return jnp.reshape(output, (len(output), -1)), SliceState(c, h)

    def _climb(
        self, band: int, slices: Array, c: Array, h: Array
    ) -> tuple[Array, tuple[Array, Array]]:
        """Run through the slices of one band; all arrays have the slices first."""
        lstms = range(len(self.weight_input))
        # What does not wait for the slice below is one product for all slices.
        waiting = tuple(
            affine(slices, self.weight_input[lstm, band], self.bias[lstm, band])
            + jnp.matmul(h, self.weight_recurrent[lstm, band])
            for lstm in lstms
        )

        def up(below: tuple[Array, Array], of_slice: tuple[tuple[Array, ...], Array]):
            c_below, h_below = below
            waiting, c_time = of_slice
            sums = [
                z + jnp.matmul(h_below, self.weight_frequency[lstm, band])
                for lstm, z in zip(lstms, waiting, strict=True)
            ]
            z_frequency, z_time = sums[FREQUENCY], sums[-1]
            old = (c_below, c_time)
            new = (
                self._memory(FREQUENCY, band, z_frequency, c_below, old),
                self._memory(TIME, band, z_time, c_time, old),
            )
            h_frequency = self._output(FREQUENCY, band, z_frequency, new)
            h_time = self._output(TIME, band, z_time, new)
            output = jnp.concatenate([h_time, h_frequency], axis=1)
            return (new[FREQUENCY], h_frequency), (output, new[TIME], h_time)

        nothing = jnp.zeros(c.shape[1:], waiting[0].dtype)
        _, (outputs, c, h) = jax.lax.scan(up, (nothing, nothing), (waiting, c))
        return outputs, (c, h)

    def _memory(self, lstm: int, band: int, z: Array, c: Array, old: tuple[Array, Array]) -> Array:
        if self.coupled:
            i, g, _ = jnp.split(z, 3, axis=1)
            i = jax.nn.sigmoid(self._peep(lstm, band, 0, i, old))
            f = 1 - i
        else:
            i, f, g, _ = jnp.split(z, 4, axis=1)
            i = jax.nn.sigmoid(self._peep(lstm, band, 0, i, old))
            f = jax.nn.sigmoid(self._peep(lstm, band, 1, f, old))
        return clipped(f * c + i * jnp.tanh(g), self.cell_clip)

    def _output(self, lstm: int, band: int, z: Array, new: tuple[Array, Array]) -> Array:
        o = z[:, -self.weight_recurrent.shape[2] :]
        return jax.nn.sigmoid(self._peep(lstm, band, -1, o, new)) * jnp.tanh(new[lstm])

    def _peep(
        self, lstm: int, band: int, gate: int, z: Array, memories: tuple[Array, Array]
    ) -> Array:
        """Add what a gate sees of the memories of both axes."""
        if self.weight_peephole is None:
            return z
        lstm = min(lstm, len(self.weight_peephole) - 1)  # shared weights
        of_frequency, of_time = memories
        frequency_weight = self.weight_peephole[lstm, band, FREQUENCY, gate]
        time_weight = self.weight_peephole[lstm, band, TIME, gate]
        return z + scaled(of_frequency, frequency_weight) + scaled(of_time, time_weight)
