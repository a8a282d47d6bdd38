"""The L1 penalty as a proximal step, as a link that stands last in `optax.chain`."""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from gradlab.optim.arithmetic import keep_dtypes, require_params
from gradlab.scalars import NonNegative


def proximal_l1(
    learning_rate: NonNegative, l1: NonNegative, mask: PyTree | None = None
) -> optax.GradientTransformation:
    """Pull every weight towards 0 after the step, and set it to exactly 0 if it is near.

        w ← soft(w + step, learning_rate · l1),    soft(z, t) = sign(z) · max(|z| − t, 0)

    The subgradient l1 · sign(w) in the loss makes weights hover around 0; this one lands on it.
    For gradient descent it is ISTA, which minimises loss + l1 · Σ|w|. The threshold is not
    rescaled for adaptive optimizers. Under Nesterov's methods the zeros are those of the
    look-ahead point.

    Args:
        learning_rate: That of the optimizer before it.
        l1: Weight of Σ|w| in the penalised loss, in units of loss per w.
        mask: Tree of booleans like the parameters (or its prefix): which leaves are penalised.
            Default all.

    Raises:
        ValueError: If `update` is called without the parameters.

    >>> optimizer = optax.chain(optax.sgd(0.1), proximal_l1(0.1, 1.0))
    >>> w, no_gradient = jnp.array([1.0, -0.05]), jnp.zeros(2)
    >>> updates, _ = optimizer.update(no_gradient, optimizer.init(w), w)
    >>> optax.apply_updates(w, updates)
    Array([0.9, 0. ], dtype=float32)

    Source: Parikh and Boyd 2014, section 6.5.2, https://doi.org/10.1561/2400000003
    """

    def init(params):
        del params
        return optax.EmptyState()

    def update(updates, state, params=None):
        require_params(params)
        threshold = learning_rate * l1

        def to_threshold(u, w):
            moved = w + u
            # The update is the way from w to the shrunk weight; w + (0 − w) is exactly 0.
            return jnp.sign(moved) * jnp.maximum(jnp.abs(moved) - threshold, 0) - w

        return jax.tree.map(to_threshold, updates, params), state

    link = keep_dtypes(optax.GradientTransformation(init, update))
    return link if mask is None else optax.masked(link, mask)
