"""Random numbers for environments and agents: one 32-bit word is a key.

A key is a hash of a seed and of the numbers folded into it (agent, step, purpose), so a number
depends on *what it is for* and never on the group an agent is trained in. On a CPU the hash fuses
into the step; threefry, `jax.random`'s generator, costs more than a step of a small environment.

>>> key = seed_key(0)
>>> float(uniform(fold(key, 3))) == float(uniform(fold(seed_key(0), 3)))
True
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt32

from gradlab.nn.random import GOLDEN, mix

Key = UInt32[Array, "..."]
"""A 32-bit word, or an array of them: every function here works element by element."""
Number = int | Int[Array, "..."] | UInt32[Array, "..."]
"""What is folded in: one number for all keys, or one a key."""


def seed_key(seed: Number) -> Key:
    """Return the key of a run from its seed."""
    return mix(_spread(seed) ^ jnp.uint32(0x5BF03635))


def fold(key: Key, number: Number) -> Key:
    """Return the key of one part: a step, an agent, a purpose.

    key' = mix(key XOR mix(number * GOLDEN + 1)). The number is mixed before it meets the key;
    were it only added, two seeds would walk the same sequence from two places.
    """
    return mix(key ^ _spread(number))


def uniform(key: Key) -> Float[Array, "..."]:
    """Return numbers uniform in [0, 1), 24 random bits each; the same bits for the same key."""
    return (mix(key) >> 8).astype(jnp.float32) * jnp.float32(2**-24)


def normal(key: Key) -> Float[Array, "..."]:
    """Return standard normal numbers, by the inverse of the normal distribution function."""
    # Middles of 2**23 cells: never 0 or 1, where the inverse is infinite.
    middle = (mix(key) >> 9).astype(jnp.float32) * jnp.float32(2**-23) + jnp.float32(2**-24)
    return jax.scipy.special.ndtri(middle)


def below(key: Key, n: Number) -> Int[Array, "..."]:
    """Return whole numbers uniform in 0 … n - 1, for n up to some thousands (24-bit uniforms)."""
    last = jnp.asarray(n, jnp.int32) - 1
    # u * n rounds up to n itself once in many million draws, hence the minimum.
    return jnp.minimum((uniform(key) * n).astype(jnp.int32), last)


def _spread(number: Number) -> UInt32[Array, "..."]:
    if isinstance(number, int):
        number = jnp.uint32(number % 2**32)
    return mix(jnp.asarray(number).astype(jnp.uint32) * jnp.uint32(GOLDEN) + jnp.uint32(1))
