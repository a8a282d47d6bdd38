"""The exponential moving average that momentum, RMSProp and Adam are made of."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gradlab.scalars import Decay, Scalar


def moving_average(
    signal: Float[Array, "steps *shape"], decay: Decay
) -> Float[Array, "steps *shape"]:
    """Average the past with weights that fall by `decay` a step.

        m_t = decay · m_(t−1) + (1 − decay) · x_t,    m_0 = 0

    About the last 1 / (1 − decay) values count. Starting at 0 it is too small at first, by the
    factor 1 − decay^t (the bias that Adam corrects).

    >>> moving_average(jnp.ones(3), 0.5)
    Array([0.5  , 0.75 , 0.875], dtype=float32)
    """

    def step(mean, value):
        mean = (decay * mean + (1 - decay) * value).astype(value.dtype)
        return mean, mean

    return jax.lax.scan(step, jnp.zeros_like(signal[0]), signal)[1]


def window(decay: Decay) -> Scalar:
    """Return the number of past values that a moving average effectively holds.

    >>> round(window(0.9), 6)
    10.0
    """
    return 1 / (1 - decay)
