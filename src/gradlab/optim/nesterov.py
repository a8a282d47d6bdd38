"""Nesterov's momentum: jump with the velocity first, then correct by the gradient met there."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from gradlab.optim.arithmetic import keep_dtypes, zeros
from gradlab.optim.kind import OptimizerKind
from gradlab.scalars import Decay, NonNegative


class NesterovState(NamedTuple):
    ahead: PyTree  # momentum · v, the jump from w to θ: shapes and dtypes of the weights


def nesterov(learning_rate: NonNegative, *, momentum: Decay = 0.9) -> optax.GradientTransformation:
    """Take the gradient where the velocity is about to lead.

        v ← momentum · v − learning_rate · g(w + momentum · v),    v_0 = 0
        w ← w + v

    An optimizer sees the gradient where the parameters are, so the parameters are the look-ahead
    point θ = w + momentum · v (as in Keras and PyTorch):

        θ ← θ + momentum · v − learning_rate · g(θ)    with the new v

    It starts at θ = w because v_0 = 0; `look_behind` gives w back.

    Args:
        learning_rate: Step size in units of w per unit of g.
        momentum: Share of the velocity that survives a step.

    >>> optimizer, θ = nesterov(0.1), jnp.array([1.0, -1.0])
    >>> updates, state = optimizer.update(2 * θ, optimizer.init(θ))
    >>> θ = optax.apply_updates(θ, updates)
    >>> θ, look_behind(θ, state, {})
    (Array([ 0.62, -0.62], dtype=float32), Array([ 0.8, -0.8], dtype=float32))

    Source: Nesterov 1983; Sutskever et al. 2013, eq. 3-4; Goodfellow et al. 2016, algorithm 8.3.
    """

    def init(params):
        return NesterovState(ahead=zeros(params))

    def update(updates, state, params=None):
        del params
        correction = jax.tree.map(lambda g: -learning_rate * g, updates)
        ahead = jax.tree.map(lambda a, c: momentum * (a + c), state.ahead, correction)
        return jax.tree.map(jnp.add, correction, ahead), NesterovState(ahead)

    return keep_dtypes(optax.GradientTransformation(init, update))


def look_behind(params: PyTree, state: PyTree, parameters: dict) -> PyTree:
    """Return w = θ − momentum · v, the weights that the look-ahead point θ belongs to."""
    del parameters
    return jax.tree.map(lambda θ, a: θ - a, params, state.ahead)


NESTEROV = OptimizerKind(
    name="nesterov",
    factory=nesterov,
    learning_rate=0.01,
    parents=("momentum",),
    changes="direction",
    formula="v ← β v − α g(w + β v) ; w ← w + v",
    benefit="brakes before it overshoots; fewer useless moves than momentum",
    limit="still needs α and β; the gradient belongs to another point than the weights",
    source="Nesterov 1983",
    evaluation_params=look_behind,
)
