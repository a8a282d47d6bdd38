"""The layer that runs a cell over its input."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P
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
        shards: Parts of a batch that run at the same time, each on a device of its own. What a
            step computes besides its product runs on one core, so a large layer alone on a CPU
            (batch · 4 units from about 16 000) takes half the time with 2, given a process with
            as many CPU devices (`jax.config.update("jax_num_cpu_devices", 2)` before anything
            else). Runs of a study share the cores better side by side. A batch that can't be
            divided stays whole.

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
    shards: int = eqx.field(static=True, default=1)

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

        def whole(cell: Any, x: Any, key: RowKey | None) -> Any:
            return run(cell, x, self.reverse, self.outputs, key, training)

        return in_shards(whole, self.shards)(self.cell, x, key), state


def in_shards(function: Callable[..., Any], shards: int) -> Callable[..., Any]:
    """Return f(weights, x, key) that splits the batch of x and key over several devices.

    Raises:
        RecipeError: If the process has fewer devices.
    """
    if shards == 1:
        return function
    devices = jax.devices()
    if len(devices) < shards:
        raise RecipeError(
            f"shards={shards} needs as many devices; this process has {len(devices)}. Set "
            f'jax.config.update("jax_num_cpu_devices", {shards}) before anything uses JAX, or '
            "leave shards out."
        )
    mesh = jax.make_mesh(
        (shards,), ("batch",), axis_types=(AxisType.Auto,), devices=devices[:shards]
    )

    def split(weights: Any, x: Any, key: RowKey | None) -> Any:
        if jax.tree.leaves(x)[0].shape[0] % shards:
            return function(weights, x, key)
        # Of a key only the rows belong to examples; seed and step are scalars.
        of_key = jax.tree.map(lambda leaf: P("batch") if jnp.ndim(leaf) else P(), key)
        specs = (P(), P("batch"), of_key)
        # The gradient of weights that every shard has whole is the sum of the shards'.
        sharded = jax.shard_map(
            function, mesh=mesh, in_specs=specs, out_specs=P("batch"), check_vma=False
        )
        return sharded(weights, x, key)

    return split


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
