"""Sequences of unlike length in one array."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Shaped


class Padded(eqx.Module):
    """A batch of sequences, each padded at its end to the same number of steps.

    What stands in the padding is of no account: no layer lets it reach a real step.

    Args:
        values: The steps.
        lengths: How many of them are real, 0 to time.

    >>> Padded(jnp.zeros((2, 3, 1)), jnp.array([1, 3])).real.tolist()
    [[True, False, False], [True, True, True]]
    """

    values: Shaped[Array | np.ndarray, "batch time ..."]
    lengths: Int[Array | np.ndarray, " batch"]

    @property
    def real(self) -> Bool[Array, "batch time"]:
        """True for the steps that are no padding."""
        steps = jnp.arange(self.values.shape[1])
        return steps[None, :] < jnp.asarray(self.lengths)[:, None]
