"""Losses of the outputs after their activation, one number a row."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gradlab.doctor.program.settings import Loss

ENTROPIES = ("categorical_crossentropy", "sparse_categorical_crossentropy")


def held(x: Array, low: Array) -> Array:
    """Return x within low … 1 − low; NaN passes, and so does the gradient at the ends."""
    return jnp.where(x < low, low, jnp.where(x > 1 - low, 1 - low, x))


def row_losses(
    loss: Loss,
    outputs: Float[Array, "batch *shape"],
    scores: Float[Array, "batch *shape"] | None,
    targets: Float[Array, "batch *shape"],
    clip: Array,
    *,
    last: str,
) -> Float[Array, "batch *places"]:
    """Return the loss of every row (and step), without penalties.

    The formulas, y the targets and o the outputs: categorical cross-entropy −Σ y log p with
    p = o / Σo held within clip … 1 − clip (p = o where there is no clip); binary cross-entropy
    the mean over outputs of −y log o − (1 − y) log(1 − o); the others the mean over outputs of
    (o − y)², |o − y|, max(0, 1 − y o) and so on, as their names say.

    Args:
        loss: Which; all but its numbers.
        outputs: After the last activation.
        scores: Before it; needed for `from_logits`.
        targets: Of the outputs' shape.
        clip: Guard of logarithms; not read if `loss.clip` is None.
        last: Name of the last activation.
    """
    if loss.from_logits and (loss.name in ENTROPIES or loss.name == "binary_crossentropy"):
        # A last softmax or sigmoid belongs to the loss; any other comes before it.
        inside = last in ("softmax", "sigmoid") and scores is not None
        logits = scores if inside else outputs
        assert logits is not None
        if loss.name in ENTROPIES:
            return -(targets * jax.nn.log_softmax(logits, axis=-1)).sum(axis=-1)
        # log(1 + exp(s)) − y s, where it is exact for scores of any size.
        return (jax.nn.softplus(logits) - targets * logits).mean(axis=-1)
    guard = None if loss.clip is None else clip
    if loss.name in ENTROPIES:
        return _categorical(outputs, targets, guard)
    if loss.name == "binary_crossentropy":
        p = outputs if guard is None else held(outputs, guard)
        return -(targets * jnp.log(p) + (1 - targets) * jnp.log(1 - p)).mean(axis=-1)
    if loss.name == "kullback_leibler_divergence":
        low = jnp.asarray(1e-7) if guard is None else guard
        y, p = held(targets, low), held(outputs, low)
        return (y * jnp.log(y / p)).sum(axis=-1)
    if loss.name == "categorical_hinge":
        right = (targets * outputs).sum(axis=-1)
        wrong = ((1 - targets) * outputs).max(axis=-1)
        return jax.nn.relu(1 + wrong - right)
    return BY_OUTPUT[loss.name](outputs, targets).mean(axis=-1)


def _categorical(outputs: Array, targets: Array, guard: Array | None) -> Array:
    if guard is None:
        return -(targets * jnp.log(outputs)).sum(axis=-1)
    shares = outputs / outputs.sum(axis=-1, keepdims=True)
    return -(targets * jnp.log(held(shares, guard))).sum(axis=-1)


def _percentage(o: Array, y: Array) -> Array:
    return 100 * jnp.abs((o - y) / jnp.maximum(jnp.abs(y), 1e-7))


def _logarithmic(o: Array, y: Array) -> Array:
    def log(x: Array) -> Array:
        return jnp.log(jnp.maximum(x, 1e-7) + 1)

    return (log(o) - log(y)) ** 2


def _huber(o: Array, y: Array) -> Array:
    off = jnp.abs(o - y)
    return jnp.where(off <= 1, 0.5 * off**2, off - 0.5)


def _log_cosh(o: Array, y: Array) -> Array:
    off = o - y
    return off + jax.nn.softplus(-2 * off) - jnp.log(2.0)


BY_OUTPUT: dict[str, Callable[[Array, Array], Array]] = {
    "mean_squared_error": lambda o, y: (o - y) ** 2,
    "mean_absolute_error": lambda o, y: jnp.abs(o - y),
    "mean_absolute_percentage_error": _percentage,
    "mean_squared_logarithmic_error": _logarithmic,
    "hinge": lambda o, y: jnp.maximum(0, 1 - y * o),
    "squared_hinge": lambda o, y: jnp.maximum(0, 1 - y * o) ** 2,
    "huber": _huber,
    "logcosh": _log_cosh,
    "poisson": lambda o, y: o - y * jnp.log(o + 1e-7),
}
"""Losses that are a mean over outputs: (output, target) -> number."""
