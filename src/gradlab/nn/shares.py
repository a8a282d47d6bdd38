"""A batch whose rows lie on several devices: what is summed over the batch is summed over them all.

Only sums over rows need to know: the gradient of the weights, the statistics of batch norm. They
ask here, and get back what they had where a program runs on one device.
"""

import jax
from jax import lax
from jaxtyping import Array, Num, PyTree

AXIS = "devices"
"""Name of the axis along which `training.sharing.on_devices` lays a program out."""


def n_devices() -> int:
    """Return how many devices share the batches of the program that is being traced.

    >>> n_devices()
    1
    """
    try:
        return lax.axis_size(AXIS)
    except NameError:  # JAX's answer outside of any program that is laid out along the axis
        return 1


def total(sums: PyTree) -> PyTree:
    """Return sums over the whole batch from those over the rows of this device."""
    if n_devices() == 1:
        return sums
    if n_devices() == 2:
        return lax.psum(sums, AXIS)  # of two terms the order does not matter
    return jax.tree.map(lambda leaf: pairwise_sum(lax.all_gather(leaf, AXIS)), sums)


def pairwise_sum(terms: Num[Array, "n *shape"]) -> Num[Array, "*shape"]:
    """Return the sum of 2^k terms, neighbours first: (a + b) + (c + d).

    The order is that in which devices that hold half of the terms, or a quarter, add them up.

    >>> pairwise_sum(jax.numpy.arange(4.0)).item()
    6.0
    """
    while len(terms) > 1:
        terms = terms[0::2] + terms[1::2]
    return terms[0]
