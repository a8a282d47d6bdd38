"""Momentum: past gradients keep pushing. Two forms, which differ in what the rate multiplies."""

from typing import NamedTuple

import jax
import optax
from jaxtyping import PyTree

from gradlab.optim.arithmetic import average, keep_dtypes, zeros
from gradlab.optim.kind import OptimizerKind
from gradlab.scalars import Decay, NonNegative


class MomentumState(NamedTuple):
    velocity: PyTree  # v: shapes and dtypes of the weights


def momentum(learning_rate: NonNegative, *, momentum: Decay = 0.9) -> optax.GradientTransformation:
    """Move by a velocity that gradients accelerate (velocity form).

        v ← momentum · v − learning_rate · g,    v_0 = 0
        w ← w + v

    With a constant gradient the step grows to learning_rate / (1 − momentum) · g. A change of the
    learning rate acts on the new gradient only; in PyTorch's form (v ← momentum · v + g,
    w ← w − learning_rate · v) it acts on the whole velocity. At a constant rate they are equal.

    Args:
        learning_rate: Step size in units of w per unit of g.
        momentum: Share of the velocity that survives a step.

    >>> import jax.numpy as jnp
    >>> optimizer, w = momentum(0.1), jnp.array([1.0, -1.0])
    >>> updates, _ = optimizer.update(2 * w, optimizer.init(w))
    >>> optax.apply_updates(w, updates)
    Array([ 0.8, -0.8], dtype=float32)

    Source: Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5; Goodfellow et al. 2016,
    algorithm 8.2.
    """

    def init(params):
        return MomentumState(velocity=zeros(params))

    def update(updates, state, params=None):
        del params
        velocity = jax.tree.map(
            lambda v, g: momentum * v - learning_rate * g, state.velocity, updates
        )
        return velocity, MomentumState(velocity)

    return keep_dtypes(optax.GradientTransformation(init, update))


def momentum_average(
    learning_rate: NonNegative, *, momentum: Decay = 0.9
) -> optax.GradientTransformation:
    """Step against the moving average of the gradients (moving-average form).

        v ← momentum · v + (1 − momentum) · g,    v_0 = 0
        w ← w − learning_rate · v

    Equals the velocity form at learning rate learning_rate · (1 − momentum).

    Args:
        learning_rate: Step size in units of w per unit of g.
        momentum: Share of the past in the average.

    >>> import jax.numpy as jnp
    >>> optimizer, w = momentum_average(0.1), jnp.array([1.0, -1.0])
    >>> updates, _ = optimizer.update(2 * w, optimizer.init(w))
    >>> optax.apply_updates(w, updates)
    Array([ 0.98, -0.98], dtype=float32)

    Source: as `momentum`; this form is the first half of Adam, without its bias correction.
    """

    def init(params):
        return MomentumState(velocity=zeros(params))

    def update(updates, state, params=None):
        del params
        velocity = average(momentum, state.velocity, updates)
        steps = jax.tree.map(lambda v: -learning_rate * v, velocity)
        return steps, MomentumState(velocity)

    return keep_dtypes(optax.GradientTransformation(init, update))


MOMENTUM = OptimizerKind(
    name="momentum",
    factory=momentum,
    learning_rate=0.01,
    parents=("sgd",),
    changes="direction",
    formula="v ← β v − α g ; w ← w + v",
    benefit="crosses plateaus and shallow minima, damps zig-zag",
    limit="one more parameter and one velocity a weight; inertia overshoots the minimum",
    source="Polyak 1964",
)
MOMENTUM_AVERAGE = OptimizerKind(
    name="momentum_average",
    factory=momentum_average,
    learning_rate=0.1,
    parents=("sgd",),
    changes="direction",
    formula="v ← β v + (1−β) g ; w ← w − α v",
    benefit="as momentum, with the step size of gradient descent",
    limit="as momentum; its first steps are smaller by 1−β",
    source="Polyak 1964",
)
