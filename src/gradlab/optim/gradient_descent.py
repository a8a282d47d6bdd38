"""Gradient descent: every weight moves against its gradient at one shared rate."""

import optax

from gradlab.optim.arithmetic import keep_dtypes
from gradlab.optim.kind import OptimizerKind
from gradlab.scalars import NonNegative


def sgd(learning_rate: NonNegative) -> optax.GradientTransformation:
    """Step against the gradient.

        w ← w − learning_rate · g

    Batch, mini-batch and one-sample ("stochastic") descent share this update; they differ in the
    rows that g is averaged over, which is the batch size.

    Args:
        learning_rate: Step size in units of w per unit of g.

    >>> import jax.numpy as jnp
    >>> optimizer, w = sgd(0.1), jnp.array([1.0, -1.0])
    >>> updates, _ = optimizer.update(2 * w, optimizer.init(w))
    >>> optax.apply_updates(w, updates)
    Array([ 0.8, -0.8], dtype=float32)

    Source: Robbins and Monro 1951, https://doi.org/10.1214/aoms/1177729586. Same as `optax.sgd`.
    """
    return keep_dtypes(optax.scale(-learning_rate))


SGD = OptimizerKind(
    name="sgd",
    factory=sgd,
    learning_rate=0.1,
    parents=(),
    changes="direction",
    formula="w ← w − α g",
    benefit="one rate, no memory besides the weights",
    limit="zig-zags across ravines, stalls on plateaus, one rate for all weights",
    source="Robbins and Monro 1951",
)
