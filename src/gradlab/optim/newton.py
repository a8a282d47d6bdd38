"""Newton's method, for comparison on small functions."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def newton_step(
    f: Callable[[Float[Array, " n"]], Float[Array, ""]], w: Float[Array, " n"]
) -> Float[Array, " n"]:
    """Jump to the stationary point of the quadratic that touches f at w.

        w − H⁻¹ g

    It goes to whatever stationary point that is, minimum, maximum or saddle, which is why it is
    no cure for saddles. Costs n³; where H is singular the result is inf or NaN.

    >>> newton_step(lambda w: w[0] ** 2 - w[1] ** 2, jnp.array([1.0, 0.1]))
    Array([0., 0.], dtype=float32)

    Source: Goodfellow et al. 2016, eq. 8.27 and section 8.2.3.
    """
    return w - jnp.linalg.solve(jax.hessian(f)(w), jax.grad(f)(w))
