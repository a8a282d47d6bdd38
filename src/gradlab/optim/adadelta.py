"""AdaDelta: steps in the units of the weights, without a learning rate."""

import optax

from gradlab.optim.arithmetic import keep_dtypes
from gradlab.optim.kind import OptimizerKind
from gradlab.scalars import Decay, NonNegative, Positive


def adadelta(
    learning_rate: NonNegative = 1.0, *, decay: Decay = 0.9, epsilon: Positive = 1e-6
) -> optax.GradientTransformation:
    """Scale every step by the recent size of steps over the recent size of gradients.

        s ← decay · s + (1 − decay) · g²,    s_0 = 0
        Δ = −√(d + epsilon) / √(s + epsilon) · g
        d ← decay · d + (1 − decay) · Δ²,    d_0 = 0
        w ← w + learning_rate · Δ

    The method has no learning rate; ours is a multiplier of its steps and 1 gives the method.
    epsilon is no mere safeguard here: with d_0 = 0 it sets the size of the first steps, about
    √(epsilon / (1 − decay)).

    Args:
        learning_rate: Multiplier of the steps, dimensionless.
        decay: Share of the past in both means.
        epsilon: Starts the motion and keeps the division finite; in units of w² and of g².

    >>> import jax.numpy as jnp
    >>> optimizer, w = adadelta(), jnp.array([1.0, -1.0])
    >>> updates, _ = optimizer.update(2 * w, optimizer.init(w))
    >>> updates.round(4)
    Array([-0.0032,  0.0032], dtype=float32)

    Source: Zeiler 2012, algorithm 1, https://arxiv.org/abs/1212.5701. Same as `optax.adadelta`
    without its weight decay.
    """
    return keep_dtypes(
        optax.chain(
            optax.scale_by_adadelta(rho=decay, eps=epsilon),
            optax.scale(-learning_rate),
        )
    )


ADADELTA = OptimizerKind(
    name="adadelta",
    factory=adadelta,
    learning_rate=1.0,
    parents=("adagrad",),
    changes="size",
    formula="Δ = −√(d + ε)/√(s + ε) g ; s, d: moving means of g², Δ² ; w ← w + Δ",
    benefit="no learning rate to choose; keeps moving where gradients are small",
    limit="starts slowly: ε sets the first steps; two memories a weight",
    source="Zeiler 2012",
)
