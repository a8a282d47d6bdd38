"""What discriminator and generator minimise, from logits.

The discriminator gives a logit a(x), D(x) = σ(a). With softplus(a) = log(1 + eᵃ),

    −log D = softplus(−a),    −log(1 − D) = softplus(a),

so nothing overflows and no logarithm sees a 0, however sure the discriminator is.
"""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gradlab.scalars import Scalar

LossName = Literal["non_saturating", "minimax"]
LOSSES: dict[str, float] = {"non_saturating": 1.0, "minimax": 0.0}
"""Generator objective -> the `non_saturating` of `generator_loss`: one program trains both."""

Logits = Float[Array | np.ndarray, " batch"]


def discriminator_loss(
    real: Logits, fake: Logits, *, label_smoothing: Scalar = 0.0
) -> Float[Array, " batch"]:
    """Return what the discriminator minimises, of each pair of a real and a generated row.

        L_D = −(1 − ε) log D(x) − ε log(1 − D(x)) − log(1 − D(G(z)))

    With ε = 0 it is −V of the value function, and twice the binary cross-entropy of a batch that
    is half real, half generated. Only the real label is smoothed: a smoothed fake one would
    reward the generator for staying where it is.

    Args:
        real: Logits of rows of the data.
        fake: Logits of generated rows.
        label_smoothing: ε, by which the label 1 of real rows is lowered.

    Source: Goodfellow et al. 2014, eq. 1, https://arxiv.org/abs/1406.2661; smoothing: Salimans et
    al. 2016, section 3.4, https://arxiv.org/abs/1606.03498

    >>> float(discriminator_loss(jnp.zeros(1), jnp.zeros(1))[0])  # 2 log 2, where D is ½
    1.3862943649291992
    """
    real, fake = jnp.asarray(real), jnp.asarray(fake)
    of_real = (1 - label_smoothing) * jax.nn.softplus(-real)
    return of_real + label_smoothing * jax.nn.softplus(real) + jax.nn.softplus(fake)


def generator_loss(fake: Logits, *, non_saturating: Scalar = 1.0) -> Float[Array, " batch"]:
    """Return what the generator minimises, of each generated row.

        non-saturating (1):  −log D(G(z))
        minimax (0):          log(1 − D(G(z)))

    Both point the same way. Where the discriminator is sure, D(G(z)) → 0, the slope by the logit
    is −(1 − D) → −1 in the first form, and −D → 0 in the second, which therefore stops learning.

    Args:
        fake: Logits of generated rows.
        non_saturating: 1 for the first form, 0 for the second; may be traced, so that runs of
            both share a program.

    Source: Goodfellow et al. 2014, section 3, https://arxiv.org/abs/1406.2661

    >>> slope = jax.grad(lambda a, form: generator_loss(a, non_saturating=form).sum())
    >>> [round(float(slope(jnp.array([-8.0]), form)[0]), 4) for form in (1.0, 0.0)]
    [-0.9997, -0.0003]
    """
    fake = jnp.asarray(fake)
    return non_saturating * jax.nn.softplus(-fake) - (1 - non_saturating) * jax.nn.softplus(fake)


def value(real: Logits, fake: Logits) -> Float[Array, ""]:
    """Return V(D, G) = mean log D(x) + mean log(1 − D(G(z))), the stake of the game.

    The discriminator raises it, the generator lowers it; at p_G = p_data it is −2 log 2.

    Args:
        real: Logits of rows of the data.
        fake: Logits of generated rows.

    Source: Goodfellow et al. 2014, eq. 1, https://arxiv.org/abs/1406.2661

    >>> float(value(jnp.zeros(4), jnp.zeros(4)))
    -1.3862943649291992
    """
    return -jax.nn.softplus(-jnp.asarray(real)).mean() - jax.nn.softplus(jnp.asarray(fake)).mean()
