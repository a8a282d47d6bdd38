"""Gradients by changing one number at a time: slow, and independent of all calculus."""

import dataclasses
import functools
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, PyTree

MOST_CHECKED = 2000
"""Numbers that are all differenced; of larger networks so many are, evenly spread."""


@dataclasses.dataclass(frozen=True, eq=False)
class Differences:
    """Central differences of some of the parameters.

    Args:
        places: Which, counted through all parameters.
        values: (E(w + h) − E(w − h)) / 2h.
        spacings: h of each.
        seconds: That all of it took, without compiling.
    """

    places: Int[np.ndarray, " checked"]
    values: Float[np.ndarray, " checked"]
    spacings: Float[np.ndarray, " checked"]
    seconds: float


def central_differences(
    loss: Callable[[PyTree], Float[Array, ""]],
    parameters: PyTree,
    *,
    places: Int[np.ndarray, " checked"] | None = None,
) -> Differences:
    """Return ∂E/∂w ≈ (E(w + h) − E(w − h)) / 2h, with h = ε^(1/3) · max(1, |w|).

    The error of the formula falls with h², that of rounding grows with ε/h; this h balances them
    and leaves some ten digits in float64.

    Args:
        loss: E, a function of the parameters.
        parameters: Where.
        places: Which numbers; None for all, or `MOST_CHECKED` of them if there are more.

    Source: Nocedal and Wright 2006, section 8.1

    >>> with jax.enable_x64(True):
    ...     found = central_differences(lambda w: w["a"] ** 2, {"a": jnp.array(1.0)})
    >>> found.values.round(8)
    array([2.])
    """
    flat, unravel = ravel_pytree(parameters)
    if places is None:
        places = spread(flat.size, MOST_CHECKED)
    spacings = jnp.cbrt(jnp.finfo(flat.dtype).eps) * jnp.maximum(1, jnp.abs(flat[places]))

    # One after another: side by side they would take the memory of as many batches.
    @jax.jit
    def all_of(flat: Array, places: Array, spacings: Array) -> Array:
        def one(of: tuple[Array, Array]) -> Array:
            place, h = of
            above, below = flat.at[place].add(h), flat.at[place].add(-h)
            # w ± h are rounded: their true distance counts.
            return (loss(unravel(above)) - loss(unravel(below))) / (above[place] - below[place])

        return jax.lax.map(one, (places, spacings))

    compiled = all_of.lower(flat, jnp.asarray(places), spacings).compile()
    began = time.perf_counter()
    values = np.asarray(compiled(flat, jnp.asarray(places), spacings))
    return Differences(places, values, np.asarray(spacings), time.perf_counter() - began)


@functools.cache
def spread(n: int, most: int) -> Int[np.ndarray, " chosen"]:
    """Return all numbers below n, or so many of them, evenly spread.

    >>> spread(10, 4)
    array([0, 3, 6, 9])
    """
    return (
        np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))
        if n
        else np.zeros(0, int)
    )
