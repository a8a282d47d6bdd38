"""Activation functions by the names that the common libraries give them, and their slopes."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Elementwise = Callable[[Array], Array]


def hard_sigmoid(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return 0.2 x + 0.5, held within 0 … 1 (Keras 2; others use x / 6 + 0.5).

    >>> hard_sigmoid(jnp.array([-3.0, 0.0, 1.0])).tolist()
    [0.0, 0.5, 0.699999988079071]
    """
    return jnp.clip(0.2 * x + 0.5, 0, 1)


def relu(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return x where it is above 0, else 0; NaN passes, and the slope at 0 is 0."""
    return jnp.where(x <= 0, 0, x)


def mish(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return x · tanh(softplus(x))."""
    return x * jnp.tanh(jax.nn.softplus(x))


ACTIVATIONS: dict[str, Elementwise] = {
    "linear": lambda x: x,
    "relu": relu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "softmax": lambda x: jax.nn.softmax(x, axis=-1),
    "log_softmax": lambda x: jax.nn.log_softmax(x, axis=-1),
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "softplus": jax.nn.softplus,
    "softsign": jax.nn.soft_sign,
    "hard_sigmoid": hard_sigmoid,
    "hard_tanh": lambda x: jnp.clip(x, -1, 1),
    "exponential": jnp.exp,
    "leaky_relu": lambda x: jnp.where(x < 0, 0.01 * x, x),
    "relu6": lambda x: jnp.clip(relu(x), None, 6),
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "swish": jax.nn.silu,
    "silu": jax.nn.silu,
    "mish": mish,
    "sine": jnp.sin,
    "step": lambda x: (x >= 0).astype(x.dtype),
}
"""Name -> function; all but the softmaxes work number by number."""

STEEPEST = {
    **dict.fromkeys(ACTIVATIONS, 1.0),
    "sigmoid": 0.25,
    "hard_sigmoid": 0.2,
    "selu": 1.7581,
    "gelu": 1.1290,
    "swish": 1.0998,
    "silu": 1.0998,
    "mish": 1.0885,
}
"""Name -> largest slope; of the exponential, which has none, and of the step, that of a line."""
