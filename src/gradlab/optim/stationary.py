"""Where the gradient is nothing: minimum, maximum, saddle or flat, told by the Hessian."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import jax
import numpy as np
from jaxtyping import Array, Float

from gradlab.scalars import NonNegative

Label = Literal["minimum", "maximum", "saddle", "flat", "not stationary"]


@dataclass(frozen=True)
class Stationary:
    """A point of a surface.

    Attributes:
        label: "minimum" if g ≈ 0 and the least eigenvalue of the Hessian is not negative (and the
            largest is positive), "maximum" the other way round, "saddle" if there are both signs,
            "flat" if all curvatures are next to 0, "not stationary" if g is not.
        gradient: ‖g‖.
        curvatures: Eigenvalues of the Hessian, ascending.
    """

    label: Label
    gradient: float
    curvatures: tuple[float, ...]


def stationary_point(
    f: Callable[[Float[Array, " n"]], Float[Array, ""]],
    w: Float[Array, " n"],
    *,
    tolerance: NonNegative = 1e-3,
) -> Stationary:
    """Label a point by its gradient g = ∇f(w) and the eigenvalues of its Hessian H = ∇²f(w).

    Second order tells no more where an eigenvalue is 0: a "minimum" may then be a rim. Costs n³.

    Args:
        f: Point of shape (n,) to a scalar.
        w: The point.
        tolerance: ‖g‖ up to it counts as 0, and so does an eigenvalue.

    >>> import jax.numpy as jnp
    >>> stationary_point(lambda w: w[0] ** 2 - w[1] ** 2, jnp.zeros(2)).label
    'saddle'

    Source: Goodfellow et al. 2016, section 4.3.1; catalogue DIF-03, DIF-05.
    """
    size = float(np.linalg.norm(jax.grad(f)(w)))
    values = np.linalg.eigvalsh(np.asarray(jax.hessian(f)(w), np.float64))
    curvatures = tuple(float(x) for x in values)
    if not size <= tolerance:
        return Stationary("not stationary", size, curvatures)
    down, up = values[0] < -tolerance, values[-1] > tolerance
    label: Label = "flat"
    if down or up:
        label = "saddle" if down and up else ("minimum" if up else "maximum")
    return Stationary(label, size, curvatures)
