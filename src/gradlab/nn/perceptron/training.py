"""A few lines that train a small multi-layer perceptron on all rows at once."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Real

from gradlab.scalars import Positive

Weights = list[tuple[Float[Array, "_ _"], Float[Array, " _"]]]


def scores(
    weights: Weights,
    x: Real[Array | np.ndarray, "rows inputs"],
    activation: Callable[[Array], Array] = jnp.tanh,
) -> Float[Array, "rows classes"]:
    """Return one score a class; the greatest is the network's answer."""
    hidden = jnp.asarray(x)
    for matrix, bias in weights[:-1]:
        hidden = activation(hidden @ matrix + bias[None, :])
    matrix, bias = weights[-1]
    return hidden @ matrix + bias[None, :]


def train(
    x: Real[np.ndarray, "rows inputs"],
    labels: Int[np.ndarray, " rows"],
    hidden: Sequence[int],
    *,
    activation: Callable[[Array], Array] = jnp.tanh,
    learning_rate: Positive = 0.05,
    steps: int = 300,
    seed: int = 0,
) -> Weights:
    """Train a network of any widths by softmax cross-entropy and Adam; return its weights.

    For looking at what an architecture can and cannot do on a table that fits on a page. To
    train for use, take `gradlab.MLPClassifier`.

    Args:
        x: Inputs.
        labels: Classes 0, 1, …
        hidden: Widths of the hidden layers; () is a linear model.
        activation: Of the hidden layers; `lambda s: s` takes it away.
        learning_rate: Adam's α.
        steps: Gradient steps, each on all rows.
        seed: Of the starting weights, normal with variance 1 / inputs.

    >>> from gradlab.nn.perceptron.tables import XOR
    >>> weights = train(*XOR, hidden=(8,))
    >>> scores(weights, XOR.inputs).argmax(axis=1).tolist()
    [0, 1, 1, 0]
    """
    widths = (x.shape[1], *hidden, int(labels.max()) + 1)
    rng = np.random.default_rng(seed)
    start = [
        (jnp.asarray(rng.standard_normal((a, b)) / np.sqrt(a), jnp.float32), jnp.zeros(b))
        for a, b in pairwise(widths)
    ]
    rows, targets = jnp.asarray(x, jnp.float32), jnp.asarray(labels)
    adam = optax.adam(float(learning_rate))

    def loss(weights):
        answer = scores(weights, rows, activation)
        return optax.softmax_cross_entropy_with_integer_labels(answer, targets).mean()

    def descend(carry, _):
        weights, state = carry
        updates, state = adam.update(jax.grad(loss)(weights), state)
        return (optax.apply_updates(weights, updates), state), None

    @jax.jit
    def run(weights):
        return jax.lax.scan(descend, (weights, adam.init(weights)), length=steps)[0][0]

    return run(start)
