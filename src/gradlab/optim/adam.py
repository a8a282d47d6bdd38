"""Adam: momentum for the direction, RMSProp for the size, both corrected for their start at 0."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int32, PyTree

from gradlab.optim.arithmetic import (
    EpsilonPlacement,
    average,
    average_of_squares,
    divide_by_root,
    keep_dtypes,
    zeros,
)
from gradlab.optim.kind import OptimizerKind
from gradlab.scalars import Decay, NonNegative


class AdamState(NamedTuple):
    steps: Int32[Array, ""]  # t: how many are done
    mean: PyTree  # m: average of the gradients; shapes and dtypes of the weights
    squares: PyTree  # v: average of their squares; the same


def adam(
    learning_rate: NonNegative,
    *,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    epsilon: NonNegative = 1e-8,
    epsilon_placement: EpsilonPlacement = "outside",
) -> optax.GradientTransformation:
    """Step along the mean gradient, divided by the root of the mean squared gradient.

        m ← beta1 · m + (1 − beta1) · g,     m_0 = 0
        v ← beta2 · v + (1 − beta2) · g²,    v_0 = 0
        m̂ = m / (1 − beta1^t),  v̂ = v / (1 − beta2^t),    t = 1, 2, …
        w ← w − learning_rate · m̂ / (√v̂ + epsilon)

    or with √(v̂ + epsilon) for `epsilon_placement="inside"`. With epsilon 0, 0/0 counts as 0. The
    two placements differ visibly only where gradients are as small as epsilon.

    Args:
        learning_rate: Size of the first step of every weight, in units of w.
        beta1: Share of the past in the mean gradient.
        beta2: Share of the past in the mean square.
        epsilon: Keeps the division finite; in units of g outside the root, of g² inside.
        epsilon_placement: Outside the root as in the paper's algorithm 1 and PyTorch, or inside
            (the book's first printing of algorithm 8.7).

    >>> optimizer, w = adam(0.1), jnp.array([1.0, -1.0])
    >>> updates, _ = optimizer.update(2 * w, optimizer.init(w))
    >>> optax.apply_updates(w, updates).round(4)
    Array([ 0.9, -0.9], dtype=float32)

    Source: Kingma and Ba 2015, algorithm 1, https://arxiv.org/abs/1412.6980. Same as `optax.adam`
    for epsilon > 0; there epsilon 0 gives NaN for a weight without a gradient.
    """

    def init(params):
        return AdamState(jnp.zeros((), jnp.int32), mean=zeros(params), squares=zeros(params))

    def update(updates, state, params=None):
        del params
        t = state.steps + 1
        mean = average(beta1, state.mean, updates)
        squares = average_of_squares(beta2, state.squares, updates)
        correction1, correction2 = 1 - beta1**t, 1 - beta2**t
        steps = jax.tree.map(
            lambda m, v: (
                -learning_rate
                * divide_by_root(m / correction1, v / correction2, epsilon, epsilon_placement)
            ),
            mean,
            squares,
        )
        return steps, AdamState(t, mean, squares)

    return keep_dtypes(optax.GradientTransformation(init, update))


ADAM = OptimizerKind(
    name="adam",
    factory=adam,
    learning_rate=0.001,
    parents=("momentum_average", "rmsprop"),
    changes="both",
    formula="m ← β1 m + (1−β1) g ; v ← β2 v + (1−β2) g² ; w ← w − α m̂/(√v̂ + ε)",
    benefit="works with its defaults on most problems; steps bounded by about α",
    limit="three numbers to tune, two memories a weight",
    source="Kingma and Ba 2015",
)
