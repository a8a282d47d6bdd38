"""The optimizers of the common libraries, with their usual numbers."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PyTree

from gradlab.doctor.program.settings import Optimizer
from gradlab.optim import OPTIMIZERS
from gradlab.optim.arithmetic import average, average_of_squares, keep_dtypes, zeros
from gradlab.scalars import Scalar

USUAL: dict[str, dict[str, float]] = {
    "sgd": {"learning_rate": 0.01, "momentum": 0.0},
    "adam": {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7},
    "adamax": {"learning_rate": 0.002, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7},
    "nadam": {"learning_rate": 0.002, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7},
    "adamw": {
        "learning_rate": 0.001,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-7,
        "weight_decay": 0.01,
    },
    "rmsprop": {"learning_rate": 0.001, "rho": 0.9, "epsilon": 1e-7, "momentum": 0.0},
    "adagrad": {"learning_rate": 0.01, "epsilon": 1e-7, "initial_accumulator": 0.0},
    "adadelta": {"learning_rate": 1.0, "rho": 0.95, "epsilon": 1e-7},
}
"""The customary numbers of each, where a program says nothing."""


def optimizer_numbers(words: Optimizer) -> dict[str, float]:
    """Return the numbers that the steps of an optimizer need, its learning rate aside.

    >>> optimizer_numbers(Optimizer(name="adadelta", learning_rate=1.0))
    {'rho': 0.95, 'epsilon': 1e-07}
    """
    usual = {k: v for k, v in USUAL[words.name].items() if k != "learning_rate"}
    given = {
        name: getattr(words, name)
        for name in ("weight_decay", "clip_norm", "clip_value", *usual)
        if getattr(words, name) is not None
    }
    if words.name in ("sgd", "rmsprop") and not words.momentum:
        usual.pop("momentum")
        given.pop("momentum", None)
    return {**usual, **given}


def usual_optimizer(name: str) -> dict[str, Any]:
    """Return an optimizer with its customary learning rate, in words.

    >>> usual_optimizer("adam")
    {'name': 'adam', 'learning_rate': 0.001}
    """
    return {"name": name, "learning_rate": USUAL[name]["learning_rate"]}


def optimizer(
    words: Optimizer, learning_rate: Scalar, numbers: dict[str, Any]
) -> optax.GradientTransformation:
    """Return one step's transformation of the gradients.

    Args:
        words: Which; its numbers are not read.
        learning_rate: Of this step.
        numbers: Names as in `optimizer_numbers`.
    """
    links = []
    if "clip_value" in numbers:
        links.append(_each(lambda g: jnp.clip(g, -numbers["clip_value"], numbers["clip_value"])))
    if "clip_norm" in numbers:
        links.append(_each(lambda g: limited(g, numbers["clip_norm"])))
    links.append(_STEPS[words.name](words, learning_rate, numbers))
    if "weight_decay" in numbers:
        links.append(_decay(learning_rate * numbers["weight_decay"]))
    return optax.chain(*links)


def limited(gradient: Float[Array, "*shape"], norm: Scalar) -> Float[Array, "*shape"]:
    """Return the gradient of one array, shortened to a norm if it is longer.

    >>> limited(jnp.array([3.0, 4.0]), jnp.asarray(1.0)).round(3).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    length = jnp.sqrt((gradient**2).sum())
    return gradient * jnp.where(length > norm, norm / jnp.where(length > 0, length, 1), 1)


def _each(change: Any) -> optax.GradientTransformation:
    def update(updates, state, params=None):
        del params
        return jax.tree.map(change, updates), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def _decay(factor: Scalar) -> optax.GradientTransformation:
    def update(updates, state, params=None):
        return jax.tree.map(lambda u, w: u - factor * w, updates, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


class Velocity(NamedTuple):
    """Running step of every weight."""

    velocity: PyTree


def _rest(params: PyTree) -> Velocity:
    return Velocity(zeros(params))


def _sgd(words: Optimizer, rate: Scalar, numbers: dict) -> optax.GradientTransformation:
    """v ← momentum v − rate g;  w ← w + v, or w + momentum v − rate g."""
    if "momentum" not in numbers:
        return _each(lambda g: -rate * g)
    momentum = numbers["momentum"]

    def update(updates, state, params=None):
        del params
        v = jax.tree.map(lambda v, g: momentum * v - rate * g, state.velocity, updates)
        if words.nesterov:
            return jax.tree.map(lambda v, g: momentum * v - rate * g, v, updates), Velocity(v)
        return v, Velocity(v)

    return keep_dtypes(optax.GradientTransformation(_rest, update))


class Moments(NamedTuple):
    """Steps done, mean gradient, and size of gradients."""

    steps: Array
    mean: PyTree
    size: PyTree
    product: Array


def _start(params: PyTree) -> Moments:
    return Moments(jnp.zeros((), jnp.int32), zeros(params), zeros(params), jnp.ones(()))


def _adamax(words: Optimizer, rate: Scalar, numbers: dict) -> optax.GradientTransformation:
    """u ← max(beta2 u, |g| + epsilon);  w ← w − rate / (1 − beta1^t) · m / u (Kingma & Ba 2015)."""
    beta1, beta2, epsilon = (numbers[name] for name in ("beta1", "beta2", "epsilon"))

    def update(updates, state, params=None):
        del params
        t = state.steps + 1
        mean = average(beta1, state.mean, updates)
        size = jax.tree.map(
            lambda u, g: jnp.maximum(beta2 * u, jnp.abs(g) + epsilon), state.size, updates
        )
        steps = jax.tree.map(lambda m, u: -rate / (1 - beta1**t) * m / u, mean, size)
        return steps, Moments(t, mean, size, state.product)

    return keep_dtypes(optax.GradientTransformation(_start, update))


def _nadam(words: Optimizer, rate: Scalar, numbers: dict) -> optax.GradientTransformation:
    """Adam with a look ahead whose momentum grows with the steps (Dozat 2016).

    μ_t = beta1 (1 − 0.5 · 0.96^(0.004 t)), and m is divided by 1 − Πμ as in Keras and PyTorch.
    """
    beta1, beta2, epsilon = (numbers[name] for name in ("beta1", "beta2", "epsilon"))

    def update(updates, state, params=None):
        del params
        t = state.steps + 1
        now, ahead = (beta1 * (1 - 0.5 * 0.96 ** (0.004 * (t + i))) for i in (0, 1))
        product = state.product * now
        mean = average(beta1, state.mean, updates)
        size = average_of_squares(beta2, state.size, updates)

        def step(m: Array, v: Array, g: Array) -> Array:
            direction = ahead * m / (1 - product * ahead) + (1 - now) * g / (1 - product)
            return -rate * direction / (jnp.sqrt(v / (1 - beta2**t)) + epsilon)

        return jax.tree.map(step, mean, size, updates), Moments(t, mean, size, product)

    return keep_dtypes(optax.GradientTransformation(_start, update))


def _adagrad(words: Optimizer, rate: Scalar, numbers: dict) -> optax.GradientTransformation:
    """r ← r + g², r_0 the initial accumulator;  w ← w − rate g / (√r + epsilon)."""

    def update(updates, state, params=None):
        del params
        sums = jax.tree.map(lambda r, g: r + g * g, state.velocity, updates)
        steps = jax.tree.map(
            lambda g, r: -rate * g / (jnp.sqrt(r) + numbers["epsilon"]), updates, sums
        )
        return steps, Velocity(sums)

    def init(params):
        return Velocity(jax.tree.map(lambda p: p * 0 + numbers["initial_accumulator"], params))

    return keep_dtypes(optax.GradientTransformation(init, update))


def _rmsprop(words: Optimizer, rate: Scalar, numbers: dict) -> optax.GradientTransformation:
    """r ← rho r + (1 − rho) g²;  step −rate g / (√r + epsilon), with momentum if there is one."""
    own = OPTIMIZERS["rmsprop"].factory(
        rate, decay=numbers["rho"], epsilon=numbers["epsilon"], epsilon_placement="outside"
    )
    if "momentum" not in numbers:
        return own
    momentum = numbers["momentum"]

    def update(updates, state, params=None):
        del params
        v = jax.tree.map(lambda v, u: momentum * v + u, state.velocity, updates)
        return v, Velocity(v)

    return optax.chain(own, keep_dtypes(optax.GradientTransformation(_rest, update)))


def _adam(words: Optimizer, rate: Scalar, numbers: dict) -> optax.GradientTransformation:
    chosen = {name: numbers[name] for name in ("beta1", "beta2", "epsilon")}
    return OPTIMIZERS["adam"].factory(rate, **chosen)


def _adadelta(words: Optimizer, rate: Scalar, numbers: dict) -> optax.GradientTransformation:
    return OPTIMIZERS["adadelta"].factory(rate, decay=numbers["rho"], epsilon=numbers["epsilon"])


_STEPS = {
    "sgd": _sgd,
    "adam": _adam,
    "adamw": _adam,
    "adamax": _adamax,
    "nadam": _nadam,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adadelta": _adadelta,
}
