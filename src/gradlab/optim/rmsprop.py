"""RMSProp: AdaGrad that forgets."""

from typing import NamedTuple

import jax
import optax
from jaxtyping import PyTree

from gradlab.optim.arithmetic import (
    EpsilonPlacement,
    average_of_squares,
    divide_by_root,
    keep_dtypes,
    zeros,
)
from gradlab.optim.kind import OptimizerKind
from gradlab.scalars import Decay, NonNegative


class RMSPropState(NamedTuple):
    squares: PyTree  # r: average of the squared gradients; shapes and dtypes of the weights


def rmsprop(
    learning_rate: NonNegative,
    *,
    decay: Decay = 0.9,
    epsilon: NonNegative = 1e-8,
    epsilon_placement: EpsilonPlacement = "inside",
) -> optax.GradientTransformation:
    """Divide every weight's step by the root of the recent mean of its squared gradients.

        r ← decay · r + (1 − decay) · g²,    r_0 = 0
        w ← w − learning_rate · g / √(r + epsilon)

    or with √r + epsilon for `epsilon_placement="outside"`. With epsilon 0, 0/0 counts as 0. As r
    starts at 0, the first step is larger than learning_rate by 1/√(1 − decay).

    Args:
        learning_rate: Size of a step under a constant gradient, in units of w.
        decay: Share of the past in the mean; about 1 / (1 − decay) gradients count.
        epsilon: Keeps the division finite; in units of g² inside the root, of g outside.
        epsilon_placement: Inside the root as in algorithm 8.5, or outside as in PyTorch.

    >>> import jax.numpy as jnp
    >>> optimizer, w = rmsprop(0.1), jnp.array([1.0, -1.0])
    >>> updates, _ = optimizer.update(2 * w, optimizer.init(w))
    >>> optax.apply_updates(w, updates).round(4)
    Array([ 0.6838, -0.6838], dtype=float32)

    Source: Hinton 2012, Neural Networks for Machine Learning, lecture 6e; Goodfellow et al. 2016,
    algorithm 8.5.
    """

    def init(params):
        return RMSPropState(squares=zeros(params))

    def update(updates, state, params=None):
        del params
        squares = average_of_squares(decay, state.squares, updates)
        steps = jax.tree.map(
            lambda g, r: -learning_rate * divide_by_root(g, r, epsilon, epsilon_placement),
            updates,
            squares,
        )
        return steps, RMSPropState(squares)

    return keep_dtypes(optax.GradientTransformation(init, update))


RMSPROP = OptimizerKind(
    name="rmsprop",
    factory=rmsprop,
    learning_rate=0.001,
    parents=("adagrad",),
    changes="size",
    formula="r ← ρ r + (1−ρ) g² ; w ← w − α g/√(r + ε)",
    benefit="a rate of its own for every weight that does not die out",
    limit="ρ to tune; its steps do not shrink at the minimum",
    source="Hinton 2012",
)
