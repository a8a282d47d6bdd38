"""Decoupled weight decay, as a link that stands after the optimizer in `optax.chain`."""

import jax
import optax
from jaxtyping import PyTree

from gradlab.optim.arithmetic import keep_dtypes, require_params
from gradlab.scalars import NonNegative


def decoupled_weight_decay(
    learning_rate: NonNegative, weight_decay: NonNegative, mask: PyTree | None = None
) -> optax.GradientTransformation:
    """Shrink every weight by a fixed share, whatever its gradient.

        w ← w · (1 − learning_rate · weight_decay) + step

    For gradient descent this equals the penalty ½ · weight_decay · ‖w‖² in the loss; for adaptive
    optimizers it does not, because they divide a penalty's gradient by their denominator.

    Args:
        learning_rate: That of the optimizer before it.
        weight_decay: Share of a weight lost per step and unit of learning rate.
        mask: Tree of booleans like the parameters (or its prefix): which leaves decay. Default
            all.

    Raises:
        ValueError: If `update` is called without the parameters.

    >>> import jax.numpy as jnp
    >>> optimizer = optax.chain(optax.sgd(0.1), decoupled_weight_decay(0.1, 0.01))
    >>> w, no_gradient = jnp.array(1.0), jnp.array(0.0)
    >>> updates, _ = optimizer.update(no_gradient, optimizer.init(w), w)
    >>> print(optax.apply_updates(w, updates))
    0.999

    Source: Loshchilov and Hutter 2019, eq. 1, https://arxiv.org/abs/1711.05101
    """

    def init(params):
        del params
        return optax.EmptyState()

    def update(updates, state, params=None):
        require_params(params)
        shrink = learning_rate * weight_decay
        return jax.tree.map(lambda u, w: u - shrink * w, updates, params), state

    link = keep_dtypes(optax.GradientTransformation(init, update))
    return link if mask is None else optax.masked(link, mask)
