"""A recurrent cell run over a sequence."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, PyTree, Shaped

from gradlab.errors import DataError
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.cell import FusedCell, StepKey, float_dtype
from gradlab.nn.recurrent.stacked import StackedCells


def unroll(
    cell: Any,
    inputs: Shaped[Array | np.ndarray, "..."],
    *,
    lengths: Int[Array | np.ndarray, " batch"] | None = None,
    initial_state: PyTree = None,
    time_major: bool = False,
    reverse: bool = False,
    key: RowKey | None = None,
    training: bool = False,
) -> tuple[Array, PyTree]:
    """Call a cell for every step of a batch of sequences (TensorFlow's `dynamic_rnn`).

    Args:
        cell: One time step.
        inputs: (batch, time, ...), or (time, batch, ...) if `time_major`.
        lengths: Real steps of each sequence. Past its end the output is zero and the state is
            held, so the final state is that after the last real step.
        initial_state: Before the first step; None for `cell.zero_state`.
        time_major: Whether time is the first axis of inputs and outputs.
        reverse: From each sequence's last real step to its first; outputs keep the order of the
            inputs.
        key: Of the layer; every step draws its own numbers from it.
        training: Whether dropout and its like are on.

    Returns:
        Outputs, laid out like the inputs, and the final state.

    Raises:
        DataError: If the inputs have no time axis, no step or another width than the cell's, or
            there are more or fewer `lengths` than sequences.

    >>> from gradlab.nn.recurrent import RNNCell
    >>> from gradlab.nn.weights import Weights
    >>> cell = RNNCell.create(Weights("xavier_uniform"), 2, 3)
    >>> outputs, state = unroll(cell, jnp.ones((4, 5, 2)), lengths=jnp.array([5, 1, 0, 2]))
    >>> outputs.shape, state.shape
    ((4, 5, 3), (4, 3))
    """
    inputs = jnp.asarray(inputs)
    if inputs.ndim < 2:
        raise DataError(
            f"unroll takes a batch of sequences (batch, time, ...); got an array of shape "
            f"{inputs.shape}. For one sequence, add an axis: inputs[None]."
        )
    if not time_major:
        inputs = jnp.swapaxes(inputs, 0, 1)
    n_steps, batch_size = inputs.shape[:2]
    if n_steps == 0:
        raise DataError(
            f"unroll got sequences without a step ({batch_size} of them). Leave them out, or pad "
            "them to one step and give lengths=0."
        )
    if lengths is not None and len(lengths) != batch_size:
        raise DataError(
            f"unroll got {len(lengths)} lengths for {batch_size} sequences (inputs "
            f"{inputs.shape}, time first). Give one length a sequence."
        )
    n_inputs = getattr(cell, "n_inputs", None)
    if n_inputs is not None and inputs.shape[2:] != (n_inputs,):
        raise DataError(
            f"unroll of a {type(cell).__name__} with {n_inputs} inputs takes sequences "
            f"(batch, time, {n_inputs}); got steps of shape {inputs.shape[2:]}. Give the data "
            "the features that the cell was built for."
        )
    real = None
    if lengths is not None:
        real = jnp.arange(n_steps)[:, None] < jnp.asarray(lengths)[None, :]
        # Nothing that stands in the padding (NaN, say) may reach a product with zero.
        inputs = where_real(real, inputs, jnp.zeros_like(inputs))
    if initial_state is None:
        initial_state = cell.zero_state(batch_size, float_dtype(cell))
    state = jax.tree.map(jnp.asarray, initial_state)
    outputs, state = _run(cell, inputs, state, real, reverse, key, training)
    if real is not None:
        outputs = where_real(real, outputs, jnp.zeros_like(outputs))
    return (outputs if time_major else jnp.swapaxes(outputs, 0, 1)), state


def _run(
    cell: Any,
    inputs: Array,
    state: PyTree,
    real: Bool[Array, "time batch"] | None,
    reverse: bool,
    key: RowKey | None,
    training: bool,
) -> tuple[Array, PyTree]:
    """Take every step the fastest way; what padding gives is of no account."""
    if isinstance(cell, StackedCells):
        # Cell by cell instead of step by step: the same numbers, and each cell's own fastest way.
        states = []
        for number, (one, own) in enumerate(zip(cell.cells, state, strict=True)):
            own_key = None if key is None else key.fold(number)
            inputs, own = _run(one, inputs, own, real, reverse, own_key, training)
            states.append(own)
        return inputs, tuple(states)
    if isinstance(cell, FusedCell):
        return cell.sequence(inputs, state, real, reverse=reverse)
    return _loop(cell, inputs, state, real, reverse, key, training)


def _loop(
    cell: Any,
    inputs: Array,
    state: PyTree,
    real: Bool[Array, "time batch"] | None,
    reverse: bool,
    key: RowKey | None,
    training: bool,
) -> tuple[Array, PyTree]:
    def step(state, of_step):
        x, is_real, t = of_step
        step_key = None if key is None else StepKey(key.seed, key.step, key.rows, key.path, t)
        output, new = cell(x, state, key=step_key, training=training)
        if is_real is not None:
            new = jax.tree.map(lambda a, b: where_real(is_real, a, b), new, state)
        return new, output

    steps = jnp.arange(len(inputs), dtype=jnp.int32)
    # Padding stands at the end, so in reverse it comes first and leaves the initial state as it is.
    state, outputs = jax.lax.scan(step, state, (inputs, real, steps), reverse=reverse)
    return outputs, state


def where_real(real: Bool[Array, "*lead"], new: Array, old: Array) -> Array:
    """Choose `new` where a step is real and `old` where it is padding."""
    return jnp.where(real.reshape(real.shape + (1,) * (new.ndim - real.ndim)), new, old)
