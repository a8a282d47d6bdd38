"""Two cells, one for each direction of time."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PyTree, Shaped

from gradlab.nn.module import Layer
from gradlab.nn.padded import Padded
from gradlab.nn.random import RowKey
from gradlab.nn.recurrent.layer import Outputs, output_shape, run


class Bidirectional(Layer):
    """Two cells over the same sequences, one forwards and one backwards, outputs side by side.

    Every step's output knows what comes before and after it. With outputs "last" the forward half
    is the output at the last real step, the backward half that at the first.

    Args:
        forward: Cell from the first step to the last.
        backward: Cell from the last real step to the first, with weights of its own.
        outputs: "sequence" or "last", as in `Recurrent`.

    Source: Schuster & Paliwal 1997, https://doi.org/10.1109/78.650093

    >>> from gradlab.nn.recurrent import GRUCell
    >>> from gradlab.nn.weights import Weights
    >>> cells = [GRUCell.create(Weights("xavier_uniform", layer=i), 3, 8) for i in range(2)]
    >>> Bidirectional(*cells)(jnp.ones((2, 5, 3)), ())[0].shape
    (2, 5, 16)
    """

    takes_padded: ClassVar[bool] = True

    forward: Any
    backward: Any
    outputs: Outputs = eqx.field(static=True, default="sequence")

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output from that of one input, both without the batch.

        Raises:
            RecipeError: If the input is no sequence, or of another width than the cells'.
        """
        width = self.forward.n_units + self.backward.n_units
        output_shape(self.backward, self.outputs, width, input_shape)
        return output_shape(self.forward, self.outputs, width, input_shape)

    def __call__(
        self,
        x: Shaped[Array | np.ndarray, "batch time *features"] | Padded,
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Any, PyTree]:
        """Map a batch of sequences as `Recurrent` does; the layer's state passes through."""
        keys = (None, None) if key is None else (key.fold(0), key.fold(1))
        forth = run(self.forward, x, False, self.outputs, keys[0], training)
        back = run(self.backward, x, True, self.outputs, keys[1], training)
        if isinstance(forth, Padded) and isinstance(back, Padded):
            values = jnp.concatenate([forth.values, back.values], axis=-1)
            return Padded(values, forth.lengths), state
        assert not isinstance(forth, Padded)
        assert not isinstance(back, Padded)
        return jnp.concatenate([forth, back], axis=-1), state
