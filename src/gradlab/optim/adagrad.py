"""AdaGrad: a weight that has moved much moves less."""

from typing import NamedTuple

import jax
import optax
from jaxtyping import PyTree

from gradlab.optim.arithmetic import EpsilonPlacement, divide_by_root, keep_dtypes, zeros
from gradlab.optim.kind import OptimizerKind
from gradlab.scalars import NonNegative


class AdaGradState(NamedTuple):
    squares: PyTree  # r: sum of the squared gradients; shapes and dtypes of the weights


def adagrad(
    learning_rate: NonNegative,
    *,
    epsilon: NonNegative = 1e-7,
    epsilon_placement: EpsilonPlacement = "outside",
) -> optax.GradientTransformation:
    """Divide every weight's step by the root of its summed squared gradients.

        r ← r + g²,    r_0 = 0
        w ← w − learning_rate · g / (√r + epsilon)

    or with √(r + epsilon) for `epsilon_placement="inside"`. With epsilon 0, 0/0 counts as 0. (The
    sum includes the present gradient and starts at 0; `optax.adagrad` starts at 0.1.)

    Args:
        learning_rate: Size of the first step of every weight, in units of w.
        epsilon: Keeps the division finite; in units of g outside the root, of g² inside.
        epsilon_placement: Outside the root as in algorithm 8.4 and PyTorch, or inside.

    >>> import jax.numpy as jnp
    >>> optimizer, w = adagrad(0.1), jnp.array([1.0, -1.0])
    >>> updates, _ = optimizer.update(2 * w, optimizer.init(w))
    >>> optax.apply_updates(w, updates)
    Array([ 0.9, -0.9], dtype=float32)

    Source: Duchi et al. 2011, https://jmlr.org/papers/v12/duchi11a.html; Goodfellow et al. 2016,
    algorithm 8.4.
    """

    def init(params):
        return AdaGradState(squares=zeros(params))

    def update(updates, state, params=None):
        del params
        squares = jax.tree.map(lambda r, g: r + g * g, state.squares, updates)
        steps = jax.tree.map(
            lambda g, r: -learning_rate * divide_by_root(g, r, epsilon, epsilon_placement),
            updates,
            squares,
        )
        return steps, AdaGradState(squares)

    return keep_dtypes(optax.GradientTransformation(init, update))


ADAGRAD = OptimizerKind(
    name="adagrad",
    factory=adagrad,
    learning_rate=0.03,
    parents=("sgd",),
    changes="size",
    formula="r ← r + g² ; w ← w − α g/(√r + ε)",
    benefit="a rate of its own for every weight; rarely updated weights keep a large one",
    limit="steps only ever shrink, so training may end before the minimum",
    source="Duchi, Hazan and Singer 2011",
)
