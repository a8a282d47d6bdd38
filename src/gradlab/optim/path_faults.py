"""What goes wrong on a way down: flat stretches, and jumps from a cliff."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from gradlab.scalars import NonNegative, Real

Point = Float[Array, "2"]


def cliff(point: Point) -> Float[Array, ""]:
    """Return a gentle slope along x that ends in a wall at x = 0: 0.1 x + 10 σ(−20 x) + y²/2.

    Its gradient is about 0.1 nearly everywhere and 50 in the wall: one step from within lands far
    away. Networks of many layers, and recurrent ones, have such walls.

    Source: Goodfellow et al. 2016, section 8.2.4 and figure 8.3.
    """
    x, y = point
    return 0.1 * x + 10 * jax.nn.sigmoid(-20 * x) + y**2 / 2


def plateau_steps(
    f: Callable[[Float[Array, " d"]], Float[Array, ""]],
    path: Float[Array, "points d"],
    *,
    minimum: Real,
    tolerance: NonNegative = 1e-2,
    near: NonNegative = 1e-2,
) -> Bool[np.ndarray, " points"]:
    """Flag the points of a path that lie on a plateau: ‖∇f‖ < tolerance though f is not minimal.

    Args:
        f: What is descended.
        path: As `descend` gives it.
        minimum: The least value of f, or the least that is known.
        tolerance: Gradients below it count as flat.
        near: f up to minimum + near counts as minimal.

    >>> from gradlab.optim.surfaces import plateau
    >>> path = jnp.array([[-4.0, 1.0], [-1.0, 0.0], [0.0, 0.0]])
    >>> plateau_steps(plateau, path, minimum=-1.0).tolist()
    [True, False, False]

    Source: Goodfellow et al. 2016, section 8.2.3; catalogue DIF-04.
    """
    slopes = jnp.linalg.norm(jax.vmap(jax.grad(f))(path), axis=1)
    values = jax.vmap(f)(path)
    return np.asarray((slopes < tolerance) & (values > minimum + near))


def jump_sizes(path: Float[Array, "points d"]) -> Float[np.ndarray, " steps"]:
    """Return the length of each step of a path; the largest tells a cliff.

    >>> jump_sizes(jnp.array([[0.0, 0.0], [3.0, 4.0]]))
    array([5.], dtype=float32)

    Source: Pascanu et al. 2013, section 3.2; catalogue DIF-06.
    """
    return np.asarray(jnp.linalg.norm(jnp.diff(path, axis=0), axis=1))
