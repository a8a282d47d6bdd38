"""Cheap random numbers for masks, noise and augmentation: a hash instead of a generator.

A number depends on the run's seed, the step, the layer, the row of the data set and the element,
never on the position in the batch or on the group a run is trained in. So the same run gives the
same numbers alone, in any group, and after a resume. On a CPU the hash fuses into its consumer:
a dropout mask costs next to nothing, where threefry costs more than the step it belongs to.

The hash is MurmurHash3's 32-bit finaliser (Appleby 2011, public domain), which passes every
avalanche test; it is no cryptographic generator.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, UInt32

from gradlab.errors import RecipeError
from gradlab.scalars import Scalar

GOLDEN = 0x9E3779B9  # 2**32 / golden ratio: spreads consecutive counters over all 32 bits


def mix(x: UInt32[Array, "*shape"]) -> UInt32[Array, "*shape"]:
    """Scramble 32-bit words so that every input bit changes every output bit half the time."""
    x = x ^ (x >> 16)
    x = x * jnp.uint32(0x85EBCA6B)
    x = x ^ (x >> 13)
    x = x * jnp.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


class RowKey(eqx.Module):
    """A source of random numbers that belong to rows of the data set.

    >>> key = row_key(seed=0, step=3, rows=jnp.array([5, 7]))
    >>> key.uniform((4,)).shape
    (2, 4)
    """

    seed: Scalar
    step: Scalar
    rows: Array
    path: tuple[int, ...] = eqx.field(static=True, default=())
    """Number of each part within its whole, from the network down to the layer."""

    def fold(self, number: int) -> "RowKey":
        """Return the key of a part, numbered within its whole (a layer in a network)."""
        return RowKey(self.seed, self.step, self.rows, (*self.path, number))

    def bits(self, shape: tuple[int, ...]) -> UInt32[Array, "batch ..."]:
        """Return one random 32-bit word for every element of every row; `shape` is one row's."""
        # Nothing is computed before numbers are asked for: a network without noise compiles none.
        word = mix(jnp.asarray(self.seed, jnp.uint32) * jnp.uint32(GOLDEN) + jnp.uint32(1))
        word = mix(word + jnp.asarray(self.step, jnp.uint32) * jnp.uint32(GOLDEN))
        for number in self.path:
            word = mix(word + jnp.uint32((number * GOLDEN + 1) % 2**32))
        of_row = mix(word + self.rows.astype(jnp.uint32) * jnp.uint32(GOLDEN))
        element = jax.lax.iota(jnp.uint32, math.prod(shape)) * jnp.uint32(GOLDEN)
        return mix(of_row[:, None] + element[None, :]).reshape(len(self.rows), *shape)

    def uniform(self, shape: tuple[int, ...]) -> Float[Array, "batch ..."]:
        """Return numbers uniform in [0, 1), 24 random bits each."""
        return (self.bits(shape) >> 8).astype(jnp.float32) * jnp.float32(2**-24)

    def bernoulli(self, p: Scalar, shape: tuple[int, ...]) -> Bool[Array, "batch ..."]:
        """Return True with probability p."""
        return self.uniform(shape) < p

    def normal(self, shape: tuple[int, ...]) -> Float[Array, "batch ..."]:
        """Return standard normal numbers, by the inverse of the normal distribution function."""
        # The middles of 2**23 cells: never 0 or 1, where the inverse is infinite, in float32 too.
        middle = (self.bits(shape) >> 9).astype(jnp.float32) * 2.0**-23 + 2.0**-24
        return jax.scipy.special.ndtri(middle)


def row_key(seed: Scalar, step: Scalar, rows: Array) -> RowKey:
    """Return the key of one step of one run on the given rows of the data set."""
    return RowKey(seed, step, rows)


def needed(key: RowKey | None, layer: str) -> RowKey:
    """Return the key, or say that the layer can't do without.

    Raises:
        RecipeError: If there is none.
    """
    if key is None:
        raise RecipeError(
            f"{layer} draws random numbers in training; got key=None. "
            "Pass key=row_key(seed, step, rows), or training=False."
        )
    return key
