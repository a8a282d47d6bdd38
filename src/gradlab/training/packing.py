"""States of different networks and optimizers as one row of 32-bit words.

Members of one compiled program may be of different kinds (Adam beside momentum, batch norm beside
none), whose states have different trees. Packed into words and padded to the longest they stack
into one matrix; the branch of a kind unpacks its own. A bit pattern is copied, never converted,
so packing costs nothing in precision, and a checkpoint is that matrix.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, PyTree, UInt32

LINKS = 16
"""Parts that are put into a row one after another."""


class Layout(NamedTuple):
    """Where each leaf of a tree lies in its row of words."""

    treedef: Any
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype, ...]

    @property
    def words(self) -> int:
        """Length of the packed tree in 32-bit words."""
        return sum(_words(s, d) for s, d in zip(self.shapes, self.dtypes, strict=True))


def layout_of(tree: PyTree) -> Layout:
    """Return the layout of a tree of arrays or of `jax.ShapeDtypeStruct`s.

    Raises:
        TypeError: If a leaf is neither bool nor a real number of 32 or 64 bits.
    """
    leaves, treedef = jax.tree.flatten(tree)
    dtypes = tuple(np.dtype(x.dtype) for x in leaves)
    for dtype in dtypes:
        if dtype.kind != "b" and (dtype.itemsize not in (4, 8) or dtype.kind == "c"):
            raise TypeError(f"A state packs bool and numbers of 32 or 64 bits; got {dtype}.")
    return Layout(treedef, tuple(tuple(x.shape) for x in leaves), dtypes)


def pack(tree: PyTree, words: int) -> UInt32[Array, " words"]:
    """Return the tree as `words` words, zeros at the end; traced."""
    parts = [_to_words(jnp.asarray(leaf)) for leaf in jax.tree.leaves(tree)]
    # Rows of rows: XLA's simplifier goes along a chain of updates by one link a round, and after 50
    # rounds it takes itself for stuck and tells the user so.
    while len(parts) > LINKS:
        parts = [
            _in_a_row(parts[i : i + LINKS], sum(map(len, parts[i : i + LINKS])))
            for i in range(0, len(parts), LINKS)
        ]
    return _in_a_row(parts, words)


def _in_a_row(parts: Sequence[UInt32[Array, " _"]], words: int) -> UInt32[Array, " words"]:
    """Return the parts one behind another, and zeros."""
    # Not by concatenation: XLA asks of every word of it where it comes from, which took 40 ms for
    # 400 000 words, a hundred times as long.
    row, start = jnp.zeros(words, jnp.uint32), 0
    for part in parts:
        row = lax.dynamic_update_slice(row, part, (start,))
        start += len(part)
    return row


def unpack(row: UInt32[Array, " words"], layout: Layout) -> PyTree:
    """Return the tree that `pack` was given; traced."""
    leaves, start = [], 0
    for shape, dtype in zip(layout.shapes, layout.dtypes, strict=True):
        stop = start + _words(shape, dtype)
        leaves.append(_from_words(row[start:stop], shape, dtype))
        start = stop
    return jax.tree.unflatten(layout.treedef, leaves)


def pack_on_host(tree: PyTree, words: int) -> UInt32[np.ndarray, " words"]:
    """Return the same words as `pack`, by NumPy alone."""
    row = np.zeros(words, np.uint32)
    start = 0
    for leaf in jax.tree.leaves(tree):
        leaf = np.asarray(leaf)
        flat = leaf.astype(np.uint32) if leaf.dtype.kind == "b" else leaf
        part = np.ascontiguousarray(flat).reshape(-1).view(np.uint32)
        row[start : start + len(part)] = part
        start += len(part)
    return row


def unpack_on_host(row: UInt32[np.ndarray, " words"], layout: Layout) -> PyTree:
    """Return the same tree as `unpack`, by NumPy alone."""
    leaves, start = [], 0
    for shape, dtype in zip(layout.shapes, layout.dtypes, strict=True):
        stop = start + _words(shape, dtype)
        part = np.ascontiguousarray(row[start:stop])
        leaves.append(
            part.astype(bool).reshape(shape)
            if dtype.kind == "b"
            else part.view(dtype).reshape(shape)
        )
        start = stop
    return jax.tree.unflatten(layout.treedef, leaves)


def _words(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return math.prod(shape) * (1 if dtype.kind == "b" else dtype.itemsize // 4)


def _to_words(x: Array) -> UInt32[Array, " words"]:
    if x.dtype.kind == "b":
        return x.astype(jnp.uint32).reshape(-1)
    return lax.bitcast_convert_type(x, jnp.uint32).reshape(-1)


def _from_words(words: UInt32[Array, " words"], shape: tuple[int, ...], dtype: np.dtype) -> Array:
    if dtype.kind == "b":
        return words.astype(bool).reshape(shape)
    per_number = dtype.itemsize // 4
    if per_number > 1:
        return lax.bitcast_convert_type(words.reshape(*shape, per_number), dtype)
    return lax.bitcast_convert_type(words, dtype).reshape(shape)
