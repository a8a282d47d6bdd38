"""The layer that runs a cell over its input."""

from typing import Any, ClassVar, Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PyTree, Shaped

from gradlab.errors import RecipeError
from gradlab.nn.module import Layer
from gradlab.nn.padded import Padded
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import FusedCell
from gradlab.nn.recurrent.unroll import unroll

Outputs = Literal["sequence", "last"]


class Recurrent(Layer):
    """A recurrent cell run over a batch of sequences.

    Args:
        cell: The cell.
        reverse: From the last real step to the first.
        outputs: "sequence", the output of every step (`Padded` if the input is); or "last", the
            output of the step taken last, one row a sequence (zeros for one without a step).

    >>> from gradlab.nn.recurrent import LSTMCell
    >>> from gradlab.nn.weights import Weights
    >>> layer = Recurrent(LSTMCell.create(Weights("xavier_uniform"), 3, 8), outputs="last")
    >>> layer(jnp.ones((2, 5, 3)), ())[0].shape
    (2, 8)
    """

    takes_padded: ClassVar[bool] = True

    cell: Any
    reverse: bool = eqx.field(static=True, default=False)
    outputs: Outputs = eqx.field(static=True, default="sequence")

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output from that of one input, both without the batch.

        Raises:
            RecipeError: If the input is no sequence, or of another width than the cell's.
        """
        return output_shape(self.cell, self.outputs, self.cell.n_units, input_shape)

    def __call__(
        self,
        x: Shaped[Array | np.ndarray, "batch time *features"] | Padded,
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Any, PyTree]:
        """Map a batch of sequences; the layer's state passes through, the cell's starts at zero."""
        return run(self.cell, x, self.reverse, self.outputs, key, training), state


def run(
    cell: Any,
    x: Array | np.ndarray | Padded,
    reverse: bool,
    outputs: Outputs,
    key: RowKey | None,
    training: bool,
) -> Array | Padded:
    """Return the outputs of a cell for a batch of sequences: all, or those taken last."""
    values, lengths = (x.values, x.lengths) if isinstance(x, Padded) else (x, None)
    steps, state = unroll(
        cell,
        jnp.swapaxes(values, 0, 1),
        lengths=lengths,
        time_major=True,
        reverse=reverse,
        key=key,
        training=training,
    )
    if outputs == "last" and isinstance(cell, FusedCell):
        return cell.output_of(state)  # its gradient need not look at every step for the last
    if outputs == "last":
        return steps[0] if reverse else _last(steps, lengths)
    steps = jnp.swapaxes(steps, 0, 1)
    return steps if lengths is None else Padded(steps, lengths)


def _last(steps: Array, lengths: Any) -> Array:
    if lengths is None:
        return steps[-1]
    # Of a sequence without a step this picks a step of its padding, whose output is zero.
    return steps[jnp.asarray(lengths) - 1, jnp.arange(steps.shape[1])]


def output_shape(
    cell: Any, outputs: Outputs, width: int, input_shape: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the shape that a recurrent layer gives, or say why it can't."""
    n_inputs = getattr(cell, "n_inputs", None)
    if len(input_shape) < 2 or (n_inputs is not None and input_shape[1:] != (n_inputs,)):
        features = "features" if n_inputs is None else n_inputs
        raise RecipeError(
            f"A recurrent layer takes sequences of shape (time, {features}); got {input_shape}. "
            "Build the cell for that width, or reshape what comes before."
        )
    return (input_shape[0], width) if outputs == "sequence" else (width,)
