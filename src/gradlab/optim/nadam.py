"""Nadam: Adam with Nesterov's look-ahead."""

import jax
import jax.numpy as jnp
import optax

from gradlab.optim.adam import AdamState
from gradlab.optim.arithmetic import (
    average,
    average_of_squares,
    divide_by_root,
    keep_dtypes,
    zeros,
)
from gradlab.optim.kind import OptimizerKind
from gradlab.scalars import Decay, NonNegative


def nadam(
    learning_rate: NonNegative,
    *,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    epsilon: NonNegative = 1e-8,
) -> optax.GradientTransformation:
    """Step along the mean gradient as it will be if the present gradient repeats.

        m, v, m̂, v̂ as in `adam`
        w ← w − learning_rate · (beta1 · m̂ + (1 − beta1) · g / (1 − beta1^t)) / (√v̂ + epsilon)

    Here m̂ = m / (1 − beta1^t), so the first step is learning_rate · (1 + beta1). `optax.nadam`
    divides m by 1 − beta1^(t+1) instead and PyTorch and the paper let beta1 grow with t; those are
    other variants with a first step of 1.47 · learning_rate or less.

    Args:
        learning_rate: Step size in units of w.
        beta1: Share of the past in the mean gradient.
        beta2: Share of the past in the mean square.
        epsilon: Keeps the division finite, in units of g; with 0, 0/0 counts as 0.

    >>> optimizer, w = nadam(0.1), jnp.array([1.0, -1.0])
    >>> updates, _ = optimizer.update(2 * w, optimizer.init(w))
    >>> updates.round(4)
    Array([-0.19,  0.19], dtype=float32)

    Source: Dozat 2016, https://openreview.net/pdf?id=OM0jvwB8jIp57ZJjtNEZ, with constant beta1.
    """

    def init(params):
        return AdamState(jnp.zeros((), jnp.int32), mean=zeros(params), squares=zeros(params))

    def update(updates, state, params=None):
        del params
        t = state.steps + 1
        mean = average(beta1, state.mean, updates)
        squares = average_of_squares(beta2, state.squares, updates)
        correction1, correction2 = 1 - beta1**t, 1 - beta2**t
        ahead = average(beta1, mean, updates)
        steps = jax.tree.map(
            lambda a, v: (
                -learning_rate
                * divide_by_root(a / correction1, v / correction2, epsilon, "outside")
            ),
            ahead,
            squares,
        )
        return steps, AdamState(t, mean, squares)

    return keep_dtypes(optax.GradientTransformation(init, update))


NADAM = OptimizerKind(
    name="nadam",
    factory=nadam,
    learning_rate=0.001,
    parents=("adam", "nesterov"),
    changes="direction",
    formula="w ← w − α (β1 m̂ + (1−β1) g/(1−β1^t))/(√v̂ + ε)",
    benefit="Adam that reacts one step earlier",
    limit="as Adam; first steps nearly twice as large",
    source="Dozat 2016",
    documented="picture only",
)
