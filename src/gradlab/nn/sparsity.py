"""The penalty that keeps hidden units silent for most inputs."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gradlab.scalars import NonNegative, Scalar, Share


def bernoulli_divergence(
    target: Scalar | Float[Array | np.ndarray, "*shape"],
    mean: Scalar | Float[Array | np.ndarray, "*shape"],
) -> Float[Array, "*shape"]:
    """Return KL(ρ ‖ ρ̂) = ρ ln(ρ / ρ̂) + (1 − ρ) ln((1 − ρ) / (1 − ρ̂)), in nats.

    The Kullback-Leibler divergence between coins that show heads with probability ρ and ρ̂: 0 where
    they agree, and growing without bound as ρ̂ nears 0 or 1.

    Args:
        target: ρ, from 0 to 1.
        mean: ρ̂, from 0 to 1. One that rounding has made 0 or 1 counts as the nearest number that
            a float holds, so that value and gradient stay finite.

    >>> print(np.asarray(bernoulli_divergence(0.2, jnp.array([0.05, 0.2, 0.5]))).round(4))
    [0.1398 0.     0.1927]
    """
    mean = jnp.asarray(mean, jnp.result_type(float, mean))
    information = jnp.finfo(mean.dtype)
    mean = jnp.clip(mean, information.tiny, 1 - information.eps)
    target = jnp.broadcast_to(jnp.asarray(target, mean.dtype), mean.shape)
    # x ln x is 0 at 0, where a target may lie; it does not depend on the mean.
    entropy = _xlogx(target) + _xlogx(1 - target)
    return entropy - target * jnp.log(mean) - (1 - target) * jnp.log1p(-mean)


def _xlogx(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    return jnp.where(x > 0, x * jnp.log(jnp.where(x > 0, x, 1)), 0)


def mean_activations(
    activations: Float[Array | np.ndarray, "batch *positions units"],
    weights: Float[Array | np.ndarray, " batch"],
) -> Float[Array, " units"]:
    """Return ρ̂_j = (1/m) Σ_i h_j(x_i), the mean of every unit over the rows.

    A feature map counts as one unit, averaged over its positions too.

    Args:
        activations: h, each from 0 to 1.
        weights: Of the rows; 0 for padding.
    """
    activations = jnp.asarray(activations)
    by_row = activations.reshape(len(activations), -1, activations.shape[-1]).mean(axis=1)
    total = jnp.maximum(jnp.sum(weights), jnp.finfo(by_row.dtype).tiny)
    return jnp.einsum("b,bu->u", weights, by_row) / total


def sparsity_penalty(
    activations: Float[Array | np.ndarray, "batch *positions units"],
    weights: Float[Array | np.ndarray, " batch"],
    *,
    target: Share,
    strength: NonNegative,
) -> Float[Array, ""]:
    """Return λ Σ_j KL(ρ ‖ ρ̂_j) of the units of a layer, to be added to the mean loss.

    It pulls the *mean* of every unit to ρ; a unit may still be near 1 for the few inputs that it
    stands for.

    Args:
        activations: Of the layer, each from 0 to 1.
        weights: Of the rows.
        target: ρ.
        strength: λ.

    Source: Ng 2011, CS294A lecture notes, Sparse autoencoder, section 3
    """
    means = mean_activations(activations, weights)
    return strength * jnp.sum(bernoulli_divergence(target, means))
