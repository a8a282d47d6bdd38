"""The learning rate that each weight really gets: how far it moves per unit of gradient."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gradlab.optim.kind import OptimizerKind
from gradlab.scalars import NonNegative


def effective_rates(
    kind: OptimizerKind,
    gradients: Float[Array, "steps weights"],
    learning_rate: NonNegative,
    parameters: dict | None = None,
) -> Float[Array, "steps weights"]:
    """Feed a sequence of gradients to an optimizer and return −step / gradient of every weight.

    Plain gradient descent gives the learning rate itself, the same for all; AdaGrad gives
    learning_rate / √(sum of squares so far); a weight whose gradient is 0 gives NaN.

    Args:
        kind: The optimizer.
        gradients: One row a step, one column a weight. They do not depend on the steps taken.
        learning_rate: The same at every step.
        parameters: Keyword arguments of the kind's factory.

    >>> from gradlab.optim.adagrad import ADAGRAD
    >>> gradients = jnp.array([[1.0, 10.0], [1.0, 10.0]])
    >>> effective_rates(ADAGRAD, gradients, learning_rate=0.1).round(3)
    Array([[0.1  , 0.01 ],
           [0.071, 0.007]], dtype=float32)
    """
    optimizer = kind.factory(learning_rate, **(parameters or {}))
    weights = jnp.zeros_like(gradients[0])  # at 0, so that weight decay adds nothing

    def step(state, gradient):
        update, state = optimizer.update(gradient, state, weights)
        return state, -jnp.asarray(update) / gradient

    _, rates = jax.lax.scan(step, optimizer.init(weights), gradients)
    return rates
