"""Losses (cost, objective, energy functions: four names of one thing), smaller is better.

    loss(scores, targets, weights) -> (weighted sum over the rows, sum of the weights)

The quotient is the mean that training minimises; as a pair it serves padded batches (weight 0),
sample weights, class weights and micro-batches alike. Scores of a classifier are logits: sigmoid
or softmax is inside the loss, which stays finite, with a finite gradient, at any score.
"""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from gradlab.errors import RecipeError

Total = tuple[Float[Array, ""], Float[Array, ""]]
"""(weighted sum, sum of weights)."""

Base = Literal["e", "2"]
"""Base of the logarithm: nats ("e"), whose gradient is score minus target, or bits ("2")."""

UNITS_PER_NAT = {"e": 1.0, "2": 1 / math.log(2)}


def _total(errors: Float[Array, " batch"], weights: Float[Array | np.ndarray, " batch"]) -> Total:
    return jnp.sum(weights * errors), jnp.sum(weights)


def squared_error(
    scores: Float[Array | np.ndarray, "batch outputs"],
    targets: Float[Array | np.ndarray, "batch outputs"],
    weights: Float[Array | np.ndarray, " batch"],
) -> Total:
    """Return the totals of e = ‖target − score‖², summed over the outputs of a row.

    The mean over n rows of one output is the mean squared error, gradient −(2/n)(y − ŷ).

    >>> total, n = squared_error(jnp.array([[1.0], [2.0]]), jnp.array([[1.0], [4.0]]), jnp.ones(2))
    >>> float(total / n)
    2.0
    """
    return _total(jnp.sum(jnp.square(scores - targets), axis=1), weights)


def half_squared_error(
    scores: Float[Array | np.ndarray, "batch outputs"],
    targets: Float[Array | np.ndarray, "batch outputs"],
    weights: Float[Array | np.ndarray, " batch"],
) -> Total:
    """Return the totals of e = ½ ‖target − score‖², whose gradient is score − target.

    The weighted sum by itself is the least-squares objective ½ Σ (h(x_i) − y_i)²; the mean differs
    from it by the factor 1/n alone, so both have one minimiser.
    """
    total, weight = squared_error(scores, targets, weights)
    return 0.5 * total, weight


def binary_cross_entropy(
    scores: Float[Array | np.ndarray, "batch 1"],
    targets: Float[Array | np.ndarray, " batch"] | Int[Array | np.ndarray, " batch"],
    weights: Float[Array | np.ndarray, " batch"],
    *,
    base: Base = "e",
) -> Total:
    """Return the totals of e = −(y log o + (1 − y) log(1 − o)), o = sigmoid(score).

    For base e the gradient with respect to the score is o − y: the larger the error, the larger
    the gradient. For base 2 it is (o − y) / ln 2.

    Args:
        scores: Logits.
        targets: 0 or 1, or a probability between.
        weights: Weight of each row.
        base: Unit of the loss.

    >>> total, _ = binary_cross_entropy(jnp.array([[0.0]]), jnp.array([1]), jnp.ones(1), base="2")
    >>> round(float(total), 6)
    1.0
    """
    score = jnp.asarray(scores)[:, 0]
    errors = jax.nn.softplus(score) - targets * score
    return _total(UNITS_PER_NAT[base] * errors, weights)


def reconstruction_cross_entropy(
    scores: Float[Array | np.ndarray, "batch outputs"],
    targets: Float[Array | np.ndarray, "batch outputs"],
    weights: Float[Array | np.ndarray, " batch"],
) -> Total:
    """Return the totals of e = −Σ (x log o + (1 − x) log(1 − o)) over the outputs of a row.

    o = sigmoid(score); for inputs x between 0 and 1, such as grey values.

    >>> total, _ = reconstruction_cross_entropy(jnp.zeros((1, 2)), jnp.ones((1, 2)), jnp.ones(1))
    >>> round(float(total), 4)
    1.3863
    """
    return _total(jnp.sum(jax.nn.softplus(scores) - targets * scores, axis=1), weights)


def cross_entropy(
    scores: Float[Array | np.ndarray, "batch classes"],
    targets: Int[Array | np.ndarray, " batch"],
    weights: Float[Array | np.ndarray, " batch"],
    *,
    base: Base = "e",
) -> Total:
    """Return the totals of e = −log o_y, o = softmax(scores), y the true class.

    For base e the gradient with respect to the scores is o − onehot(y).

    Args:
        scores: Logits.
        targets: Labels 0 … classes − 1.
        weights: Weight of each row.
        base: Unit of the loss.

    >>> total, _ = cross_entropy(jnp.array([[1.0, 2.0, 3.0]]), jnp.array([2]), jnp.ones(1))
    >>> round(float(total), 6)
    0.407606
    """
    # One comparison with the class numbers instead of a gather, whose gradient is a scatter: the
    # same speed in a small network, and it stays fast where scatters are slow.
    is_true = jnp.asarray(targets)[:, None] == jnp.arange(scores.shape[1])[None, :]
    shifted = scores - jax.lax.stop_gradient(jnp.max(scores, axis=1, keepdims=True))
    errors = jnp.log(jnp.sum(jnp.exp(shifted), axis=1)) - jnp.sum(
        jnp.where(is_true, shifted, 0), axis=1
    )
    return _total(UNITS_PER_NAT[base] * errors, weights)


def log_likelihood(
    scores: Float[Array | np.ndarray, "batch classes"],
    targets: Int[Array | np.ndarray, " batch"],
    weights: Float[Array | np.ndarray, " batch"],
    *,
    base: Base = "2",
) -> Total:
    """Return the totals of e = −log2 o_y: `cross_entropy`, counted in bits."""
    return cross_entropy(scores, targets, weights, base=base)


def binary_cross_entropy_of_probabilities(
    probabilities: Float[Array | np.ndarray, " batch"],
    targets: Float[Array | np.ndarray, " batch"] | Int[Array | np.ndarray, " batch"],
    *,
    base: Base = "e",
) -> Float[Array, " batch"]:
    """Return −(y log o + (1 − y) log(1 − o)) of each row, for showing; train on logits instead.

    A sure and wrong probability (o = 0 for y = 1) has an infinite loss.

    >>> bits = binary_cross_entropy_of_probabilities(
    ...     np.array([0.98, 0.0001]), np.array([1, 1]), base="2"
    ... )
    >>> print(bits.round(4))
    [ 0.0291 13.2877]
    """
    y = jnp.asarray(targets, jnp.result_type(probabilities))
    o = jnp.asarray(probabilities)
    nats = -(jax.scipy.special.xlogy(y, o) + jax.scipy.special.xlog1py(1 - y, -o))
    return UNITS_PER_NAT[base] * nats


def cross_entropy_of_probabilities(
    probabilities: Float[Array | np.ndarray, "batch classes"],
    targets: Int[Array | np.ndarray, " batch"],
    *,
    base: Base = "e",
) -> Float[Array, " batch"]:
    """Return −log o_y of each row, for showing; train on logits instead.

    >>> cross_entropy_of_probabilities(
    ...     jnp.array([[0.25, 0.75]]), jnp.array([0]), base="2"
    ... ).tolist()
    [2.0]
    """
    true = jnp.take_along_axis(jnp.asarray(probabilities), jnp.asarray(targets)[:, None], axis=1)
    return -UNITS_PER_NAT[base] * jnp.log(true[:, 0])


def class_weights(
    labels: Shaped[np.ndarray, " rows"],
    weighting: Literal["balanced"] | Mapping[Hashable, float] | None,
) -> Float[np.ndarray, " rows"]:
    """Return the weight of each row from the weight of its class.

    Args:
        labels: Class of each row.
        weighting: None for 1 everywhere; "balanced" for n_rows / (n_classes · rows of the class),
            so that every class counts the same in total; or class -> weight, 1 where left out.

    Raises:
        RecipeError: If `weighting` names a class that is not among the labels.

    >>> class_weights(np.array(["a", "a", "a", "b"]), "balanced").round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    classes, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if weighting is None:
        return np.ones(len(labels))
    if isinstance(weighting, str):
        return (len(labels) / (len(classes) * counts))[index]
    names = classes.tolist()
    if strangers := [name for name in weighting if name not in names]:
        raise RecipeError(
            f"class_weight names {', '.join(map(repr, strangers))}, which the labels don't "
            f"contain. Classes: {', '.join(map(repr, names))}."
        )
    return np.array([weighting.get(name, 1.0) for name in names], float)[index]


@dataclass(frozen=True)
class LossKind:
    """A loss, the tasks that it is for, and its formula per row."""

    loss: Callable[..., Total]
    tasks: tuple[Literal["binary", "multiclass", "regression", "reconstruction"], ...]
    formula: str
    sigmoid_output: bool = False
    """Whether the scores of a reconstruction are logits of the numbers."""


LOSSES: dict[str, LossKind] = {
    "squared_error": LossKind(squared_error, ("regression", "reconstruction"), "‖y − o‖²"),
    "half_squared_error": LossKind(
        half_squared_error, ("regression", "reconstruction"), "½ ‖y − o‖²"
    ),
    # The sum form: its mean over the rows is trained, which only rescales the learning rate.
    "least_squares": LossKind(half_squared_error, ("regression",), "½ (h(x) − y)²"),
    "binary_cross_entropy": LossKind(
        binary_cross_entropy, ("binary",), "−(y ln o + (1 − y) ln(1 − o)), o = sigmoid(s)"
    ),
    "cross_entropy": LossKind(cross_entropy, ("multiclass",), "−ln o_y, o = softmax(s)"),
    "reconstruction_cross_entropy": LossKind(
        reconstruction_cross_entropy,
        ("reconstruction",),
        "−Σ (x ln o + (1 − x) ln(1 − o)), o = sigmoid(s)",
        sigmoid_output=True,
    ),
    "log_likelihood": LossKind(log_likelihood, ("multiclass",), "−log2 o_y, o = softmax(s)"),
}
"""Name -> loss with its task."""

KERAS_LOSSES = {
    "mse": "squared_error",
    "mean_squared_error": "squared_error",
    "binary_crossentropy": "binary_cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
}
"""Keras's name -> ours. Keras divides the squared error of a row by its number of targets."""
