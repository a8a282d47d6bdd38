"""Sharing the rows of a batch among the cores, in shares that do not depend on how many there are.

XLA runs one convolution, and one step of a recurrent layer, on one core of a CPU. A single run of
such a network is therefore laid out over several *devices* of JAX, a core each, which take shares
of every batch and add up their gradients. How many shares there are follows from shapes alone, and
so does the order of the sum: ((s₀ + s₁) + (s₂ + s₃)) + …, whether one device takes them one after
another or each has its own. So a run has the same numbers alone, where all cores work on it, and
in a study, where each core has a run of its own.

Batch norm couples all rows at each of its layers, so no device can take another's share later:
such networks of images are always laid out over the devices, in a study run by run.
"""

import contextlib
import dataclasses
import functools
import math
import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, PyTree

from gradlab.nn.random import RowKey
from gradlab.nn.shares import AXIS, n_devices, pairwise_sum, total
from gradlab.process import cores
from gradlab.training.learner import Batch, Sharing

MOST = 8
"""Shares of a batch, and devices, at most."""

IMAGES = 16
"""Fewest images in a share: below, reading the weights costs as much as using them."""

SEQUENCES = 32
"""Fewest sequences in a share, which go through each step as one product of matrices."""

WIDE = 96
"""Units from which on a recurrent step is worth sharing."""

CACHED_NUMBERS = 2**19
"""Numbers of the largest map of the rows that go through a network at once: 2 MB of float32."""

STACKED_NUMBERS = 2**24
"""Numbers of all shares' gradients together, which a lone device keeps until it adds them."""

IN_LINE = threading.Lock()
"""Held while a program on several devices runs: two at once could wait for each other forever."""


def sharing_of_images(n_parameters: int, largest_map: int, *, coupled: bool = False) -> Sharing:
    """Return how a batch is shared that goes through convolutions.

    Args:
        n_parameters: Of the network.
        largest_map: Numbers of the largest map of an example.
        coupled: Whether rows of a batch depend on each other.
    """
    room = max(2, STACKED_NUMBERS // max(1, n_parameters))
    most = 2 ** int(math.log2(min(MOST, room)))
    piece = None if coupled else max(1, CACHED_NUMBERS // largest_map)
    return Sharing(most, IMAGES, piece, coupled)


def sharing_of_sequences(n_units: int) -> Sharing | None:
    """Return how a batch is shared that goes through recurrent layers; None if it is better not.

    Two shares: one core takes them hardly slower one after another than together.
    """
    return Sharing(2, SEQUENCES) if n_units >= WIDE else None


def sum_over_shares(
    function: Callable[[Batch, RowKey | None], PyTree],
    batch: Batch,
    key: RowKey | None,
    shares: int,
    piece: int | None,
) -> PyTree:
    """Return the sum of a function over the shares of a batch.

    Args:
        function: (batch, key) -> tree of sums over the rows.
        batch: All rows; the last shares are filled up with rows of weight 0.
        key: Of all rows, or None.
        shares: How many there are: a power of two, at least one a device.
        piece: Rows of a share that go through the function at once; None for all.
    """
    n_rows, devices = batch.weight.shape[0], n_devices()
    rows = -(-n_rows // shares)
    pieces = -(-rows // (piece or rows))
    rows = -(-rows // pieces)

    def cut(leaf: Array) -> Array:
        extra = shares * pieces * rows - n_rows
        filled = jnp.pad(leaf, [(0, extra)] + [(0, 0)] * (leaf.ndim - 1))
        return _own(filled.reshape(shares, pieces, rows, *leaf.shape[1:]))

    def of_piece(part: tuple[Batch, Any]) -> PyTree:
        own, numbers = part
        return function(own, None if key is None else dataclasses.replace(key, rows=numbers))

    def of_share(parts: PyTree) -> PyTree:
        if pieces == 1:
            return of_piece(jax.tree.map(lambda leaf: leaf[0], parts))

        def add(sums: PyTree, part: PyTree) -> tuple[PyTree, None]:
            return jax.tree.map(jnp.add, sums, of_piece(part)), None

        one = jax.tree.map(lambda leaf: leaf[0], parts)
        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(of_piece, one))
        return lax.scan(add, zeros, parts)[0]

    parts = (jax.tree.map(cut, batch), None if key is None else cut(key.rows))
    if shares == devices:
        return total(of_share(jax.tree.map(lambda leaf: leaf[0], parts)))
    return total(jax.tree.map(pairwise_sum, lax.map(of_share, parts)))


def own_rows(batch: Batch, key: RowKey) -> tuple[Batch, RowKey]:
    """Return this device's equal part of a batch, the last filled up with rows of weight 0."""
    devices = n_devices()
    if devices == 1:
        return batch, key
    n_rows = batch.weight.shape[0]
    rows = -(-n_rows // devices)

    def cut(leaf: Array) -> Array:
        filled = jnp.pad(leaf, [(0, devices * rows - n_rows)] + [(0, 0)] * (leaf.ndim - 1))
        return _own(filled.reshape(devices, rows, *leaf.shape[1:]))[0]

    return jax.tree.map(cut, batch), dataclasses.replace(key, rows=cut(key.rows))


def _own(shares: Array) -> Array:
    """Return the shares of this device."""
    if n_devices() == 1:
        return shares
    n = shares.shape[0] // n_devices()
    return lax.dynamic_slice_in_dim(shares, lax.axis_index(AXIS) * n, n)


def ask_for_devices() -> None:
    """Tell JAX, before it begins, to make a device of every core that may share a batch.

    Without effect where JAX was used before, or where the process's owner has set
    `jax_num_cpu_devices`: then there are the devices that there are.
    """
    with contextlib.suppress(RuntimeError):  # JAX has begun
        if getattr(jax.config, "jax_num_cpu_devices", 0) < 0:
            jax.config.update("jax_num_cpu_devices", _power(min(MOST, cores())))


def available_devices() -> int:
    """Return how many devices may share a batch: a power of two; 1 on an accelerator."""
    if jax.default_backend() != "cpu":
        return 1
    return _power(min(MOST, cores(), len(jax.devices())))


def _power(n: int) -> int:
    return 2 ** int(math.log2(n))


def on_devices(function: Callable[..., PyTree], n: int) -> Any:
    """Return the jitted function, laid out over n devices that all get all arguments."""
    if n == 1:
        return jax.jit(function)
    whole = PartitionSpec()
    return jax.jit(
        jax.shard_map(function, mesh=_mesh(n), in_specs=whole, out_specs=whole, check_vma=False)
    )


def everywhere(tree: PyTree, n: int) -> PyTree:
    """Return the arrays with a copy on each of n devices."""
    if n == 1:
        return jax.tree.map(jax.device_put, tree)
    whole = jax.sharding.NamedSharding(_mesh(n), PartitionSpec())
    return jax.tree.map(lambda leaf: jax.device_put(leaf, whole), tree)


@functools.cache
def _mesh(n: int) -> Mesh:
    return Mesh(np.array(jax.devices()[:n]), (AXIS,))
