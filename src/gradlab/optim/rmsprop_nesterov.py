"""RMSProp with Nesterov's momentum."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
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
from gradlab.optim.nesterov import look_behind
from gradlab.scalars import Decay, NonNegative


class RMSPropNesterovState(NamedTuple):
    ahead: PyTree  # momentum · v, the jump from w to θ: shapes and dtypes of the weights
    squares: PyTree  # r: average of the squared gradients; the same


def rmsprop_nesterov(
    learning_rate: NonNegative,
    *,
    decay: Decay = 0.9,
    momentum: Decay = 0.9,
    epsilon: NonNegative = 1e-8,
    epsilon_placement: EpsilonPlacement = "inside",
) -> optax.GradientTransformation:
    """Accelerate by RMSProp's step, taken at the look-ahead point.

        g = gradient at θ = w + momentum · v
        r ← decay · r + (1 − decay) · g²,                                r_0 = 0
        v ← momentum · v − learning_rate · g / √(r + epsilon),           v_0 = 0
        w ← w + v

    As with `nesterov`, the parameters are θ and `look_behind` gives w. The algorithm is printed
    without epsilon; 0 gives that form, with 0/0 counted as 0.

    Args:
        learning_rate: Step size in units of w; the velocity grows to 1 / (1 − momentum) of it.
        decay: Share of the past in the mean of squares.
        momentum: Share of the velocity that survives a step.
        epsilon: Keeps the division finite; in units of g² inside the root, of g outside.
        epsilon_placement: Inside the root or outside.

    >>> optimizer, θ = rmsprop_nesterov(0.1), jnp.array([1.0, -1.0])
    >>> updates, state = optimizer.update(2 * θ, optimizer.init(θ))
    >>> look_behind(optax.apply_updates(θ, updates), state, {}).round(4)
    Array([ 0.6838, -0.6838], dtype=float32)

    Source: Goodfellow et al. 2016, algorithm 8.6.
    """

    def init(params):
        return RMSPropNesterovState(ahead=zeros(params), squares=zeros(params))

    def update(updates, state, params=None):
        del params
        squares = average_of_squares(decay, state.squares, updates)
        correction = jax.tree.map(
            lambda g, r: -learning_rate * divide_by_root(g, r, epsilon, epsilon_placement),
            updates,
            squares,
        )
        ahead = jax.tree.map(lambda a, c: momentum * (a + c), state.ahead, correction)
        return jax.tree.map(jnp.add, correction, ahead), RMSPropNesterovState(ahead, squares)

    return keep_dtypes(optax.GradientTransformation(init, update))


RMSPROP_NESTEROV = OptimizerKind(
    name="rmsprop_nesterov",
    factory=rmsprop_nesterov,
    learning_rate=0.0003,
    parents=("rmsprop", "nesterov"),
    changes="both",
    formula="r ← ρ r + (1−ρ) g² at w + β v ; v ← β v − α g/√(r + ε) ; w ← w + v",
    benefit="RMSProp's rates with a direction that looks ahead",
    limit="two decays to tune, two memories a weight",
    source="Goodfellow, Bengio and Courville 2016, algorithm 8.6",
    evaluation_params=look_behind,
)
