"""AdamW: Adam with weight decay outside the adaptive step."""

import jax.numpy as jnp
import optax

from gradlab.optim.arithmetic import keep_dtypes
from gradlab.optim.kind import OptimizerKind
from gradlab.scalars import Decay, NonNegative, Positive


def adamw(
    learning_rate: NonNegative,
    *,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NonNegative = 0.01,
) -> optax.GradientTransformation:
    """Take Adam's step and shrink every weight by learning_rate · weight_decay.

        w ← w − learning_rate · (m̂ / (√v̂ + epsilon) + weight_decay · w)

    m̂ and v̂ as in `adam`. A penalty in the loss would be divided by √v̂ and decay weights with large
    gradients less; here all decay alike. All leaves decay, biases too, as in PyTorch.

    Args:
        learning_rate: Step size in units of w.
        beta1: Share of the past in the mean gradient.
        beta2: Share of the past in the mean square.
        epsilon: Keeps the division finite, in units of g.
        weight_decay: Share of a weight lost per step and unit of learning rate.

    Raises:
        ValueError: From Optax, if `update` is called without the parameters.

    >>> optimizer, w = adamw(0.1, weight_decay=0.1), jnp.array([1.0, -1.0])
    >>> updates, _ = optimizer.update(2 * w, optimizer.init(w), w)
    >>> optax.apply_updates(w, updates).round(4)
    Array([ 0.89, -0.89], dtype=float32)

    Source: Loshchilov and Hutter 2019, algorithm 2, https://arxiv.org/abs/1711.05101, with the
    decay multiplied by the learning rate as in PyTorch. Same as `optax.adamw`.
    """
    return keep_dtypes(
        optax.adamw(
            jnp.asarray(learning_rate),
            b1=beta1,
            b2=beta2,
            eps=epsilon,
            weight_decay=jnp.asarray(weight_decay),
        )
    )


ADAMW = OptimizerKind(
    name="adamw",
    factory=adamw,
    learning_rate=0.001,
    parents=("adam",),
    changes="size",
    formula="w ← w − α (m̂/(√v̂ + ε) + λ w)",
    benefit="weight decay that acts on all weights alike",
    limit="as Adam; λ to tune",
    source="Loshchilov and Hutter 2019",
    documented="no",
)
