"""Lion: every weight moves by the same amount, in the direction of a sign."""

import jax.numpy as jnp
import optax

from gradlab.optim.arithmetic import keep_dtypes
from gradlab.optim.kind import OptimizerKind
from gradlab.scalars import Decay, NonNegative


def lion(
    learning_rate: NonNegative,
    *,
    beta1: Decay = 0.9,
    beta2: Decay = 0.99,
    weight_decay: NonNegative = 0.0,
) -> optax.GradientTransformation:
    """Step by the sign of an interpolation between momentum and gradient.

        w ← w − learning_rate · (sign(beta1 · m + (1 − beta1) · g) + weight_decay · w)
        m ← beta2 · m + (1 − beta2) · g,    m_0 = 0

    Args:
        learning_rate: Step size of every weight in units of w; 3 to 10 times smaller than Adam's.
        beta1: Share of the past in the direction.
        beta2: Share of the past in the momentum.
        weight_decay: Share of a weight lost per step and unit of learning rate.

    Raises:
        ValueError: From Optax, if `update` is called without the parameters.

    >>> optimizer, w = lion(0.1), jnp.array([1.0, -1.0])
    >>> updates, _ = optimizer.update(2 * w, optimizer.init(w), w)
    >>> optax.apply_updates(w, updates)
    Array([ 0.9, -0.9], dtype=float32)

    Source: Chen et al. 2023, algorithm 2, https://arxiv.org/abs/2302.06675. Same as `optax.lion`
    but for the default weight decay, 0.001 there.
    """
    return keep_dtypes(
        optax.lion(
            jnp.asarray(learning_rate), b1=beta1, b2=beta2, weight_decay=jnp.asarray(weight_decay)
        )
    )


LION = OptimizerKind(
    name="lion",
    factory=lion,
    learning_rate=0.0003,
    parents=("momentum_average",),
    changes="size",
    formula="w ← w − α (sign(β1 m + (1−β1) g) + λ w)",
    benefit="one memory a weight; indifferent to the scale of the gradients",
    limit="never settles at a constant rate: every step has the same size",
    source="Chen et al. 2023",
    documented="no",
)
