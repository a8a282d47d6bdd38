"""Layers that disturb their input while training: dropout and Gaussian noise.

Their numbers come from a `RowKey`: a row of the data gets the same mask wherever it stands in the
batch. Without training both return their input.
"""

from collections.abc import Sequence
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.nn.module import Fixed, Layer
from gradlab.nn.random import RowKey, needed
from gradlab.scalars import NonNegative, Share


class Dropout(Layer):
    """Set each number to 0 with probability `rate` in training, and divide the kept by 1 − rate.

    This is *inverted* dropout: the mean in training equals the output at inference, where every
    unit is present and nothing is scaled. Texts that leave training unscaled multiply by the kept
    ratio 1 − rate at inference instead, with the same expectations (by the *kept* ratio: some
    print the deleted one, which is right only at rate 0.5).

    Each mask is another network, so training averages over an ensemble.

    Args:
        rate: Probability of being dropped; 0 is exactly the identity, 1 gives zeros.

    Source: Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html

    >>> Dropout(rate=0.5)(jnp.ones((1, 3)), ())[0].tolist()
    [[1.0, 1.0, 1.0]]
    """

    kind: ClassVar[str] = "dropout"

    rate: Fixed

    def __init__(self, *, rate: Share = 0.5):
        """Store the rate."""
        self.rate = Fixed(jnp.asarray(rate, float))

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *shape"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *shape"], PyTree]:
        """Drop in training; the state passes through."""
        x = jnp.asarray(x)
        if not training:
            return x, state
        rate = self.rate.value
        dropped = needed(key, "Dropout").bernoulli(rate, x.shape[1:])
        # The floor is the step of the uniform numbers: at rate 1 it turns 0 · ∞ into 0.
        factor = 1 / jnp.maximum(1 - rate, 2.0**-24)
        return jnp.where(dropped, 0, x) * factor.astype(x.dtype), state


class GaussianNoise(Layer):
    """Add independent normal noise in training, x' = x + n with n ~ N(0, std²).

    On the inputs it enlarges the data set; on hidden units it does so for high-level features.

    Args:
        std: Standard deviation of the noise, in the units of x.

    >>> GaussianNoise(std=1.0)(jnp.ones((1, 2)), ())[0].tolist()
    [[1.0, 1.0]]
    """

    std: Fixed

    def __init__(self, *, std: NonNegative = 0.1):
        """Store the standard deviation."""
        self.std = Fixed(jnp.asarray(std, float))

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *shape"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *shape"], PyTree]:
        """Add noise in training; the state passes through."""
        x = jnp.asarray(x)
        if not training:
            return x, state
        noise = needed(key, "GaussianNoise").normal(x.shape[1:])
        return x + self.std.value.astype(x.dtype) * noise.astype(x.dtype), state


BLOCK_ORDER = ("linear", "normalization", "activation", "dropout", "pooling")
"""The order within a block that works best; a dense or convolutional layer opens a block."""


def check_block_order(layer_kinds: Sequence[str]) -> list[str]:
    """Return one warning for every normalisation or dropout that stands in a poor place.

    Args:
        layer_kinds: Kinds of the layers in order, from `BLOCK_ORDER`; other kinds pass. Dropout
            and normalisation before the first linear layer, on the inputs, are fine.

    >>> check_block_order(["linear", "normalization", "activation", "dropout"])
    []
    >>> check_block_order(["linear", "dropout", "activation"])
    ['Layer 1, dropout, stands before the activation of its block; it works best after it.']
    """
    messages = []
    for i, kind in enumerate(layer_kinds):
        before, after = _within_block(layer_kinds, i)
        if before is None:
            continue
        name = f"Layer {i}, {kind},"
        if kind == "dropout" and "activation" in after:
            messages.append(
                f"{name} stands before the activation of its block; it works best after it."
            )
        if kind == "dropout" and "pooling" in before:
            messages.append(f"{name} stands after the pooling of its block; it works best before.")
        if kind == "normalization" and "activation" in before:
            messages.append(
                f"{name} stands after the activation of its block; the usual place is before."
            )
    return messages


def _within_block(kinds: Sequence[str], i: int) -> tuple[Sequence[str] | None, Sequence[str]]:
    """Return the kinds before and after layer i in its block; None before the first block."""
    starts = [j for j, kind in enumerate(kinds) if kind == "linear"]
    start = max((j for j in starts if j <= i), default=None)
    end = min((j for j in starts if j > i), default=len(kinds))
    return None if start is None else kinds[start:i], kinds[i + 1 : end]
