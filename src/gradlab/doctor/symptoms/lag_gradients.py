"""How far back in time a recurrent network's error reaches."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def lag_gradients(
    step: Callable[[Float[Array, " units"], Float[Array, " features"]], Float[Array, " units"]],
    start: Float[Array, " units"],
    inputs: Float[Array, "time features"],
) -> Float[np.ndarray, " lags"]:
    """Return ‖∂L/∂h_{T−k}‖ for each lag k = 0 … T of a recurrence, L = Σ h_T.

    The first entry is next to the loss, so pass it reversed to `gradient_decay`.

    Args:
        step: h_t = step(h_{t−1}, x_t).
        start: h_0.
        inputs: x_1 … x_T.

    >>> half = lag_gradients(lambda h, x: 0.5 * h + x, jnp.zeros(1), jnp.ones((3, 1)))
    >>> half.tolist()
    [1.0, 0.5, 0.25, 0.125]

    Source: Bengio, Simard & Frasconi 1994; Pascanu et al. 2013, section 2; catalogue DIF-09.
    """

    def forth(state, x):
        state = step(state, x)
        return state, state

    _, states = jax.lax.scan(forth, start, inputs)
    before = jnp.concatenate([start[None], states[:-1]])

    def back(gradient, at):
        _, pull = jax.vjp(lambda h: step(h, at[1]), at[0])
        (gradient,) = pull(gradient)
        return gradient, jnp.linalg.norm(gradient)

    last = jnp.ones_like(start)
    _, norms = jax.lax.scan(back, last, (before, inputs), reverse=True)
    return np.asarray(jnp.concatenate([jnp.linalg.norm(last)[None], norms[::-1]]))
