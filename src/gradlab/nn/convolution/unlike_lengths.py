"""Kernels and windows over sequences of unlike length: nothing beyond a sequence's end is seen."""

import jax.numpy as jnp
from jaxtyping import Array, Int, Shaped

from gradlab.nn.convolution.geometry import Geometry, Pairs
from gradlab.nn.padded import Padded


def with_padding(sequences: Padded, value: float) -> Shaped[Array, "batch time features"]:
    """Return the values with one number in place of whatever stands beyond their ends.

    >>> with_padding(Padded(jnp.ones((2, 3, 1)), jnp.array([1, 3])), 0.0)[..., 0].tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    return jnp.where(sequences.real[:, :, None], sequences.values, value)


def lengths_after(
    sequences: Padded, geometry: Geometry, padding: str | Pairs
) -> Int[Array, " batch"]:
    """Return the lengths of the outputs, each by the rule for a sequence of its own length."""
    lengths = jnp.asarray(sequences.lengths)
    (stride,), (kernel,), (dilation,) = geometry.stride, geometry.kernel, geometry.dilation
    if padding == "same":
        return -(-lengths // stride)
    reach = dilation * (kernel - 1) + 1
    after = (lengths + sum(geometry.padding[0]) - reach) // stride + 1
    return jnp.clip(after, 0, geometry.output[0])
