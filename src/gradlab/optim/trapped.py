"""Four ways in which the local slope misleads gradient descent, each with its run."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gradlab.optim.gradient_descent import SGD
from gradlab.optim.path_faults import plateau_steps
from gradlab.optim.stationary import stationary_point
from gradlab.optim.surfaces import descend, double_well, plateau, saddle


@dataclass(frozen=True)
class Trap:
    """A run of gradient descent that is caught, or held up.

    Attributes:
        name: "local minimum", "saddle point", "plateau" or "unlucky start".
        function: What is descended.
        path: The run that shows the trap.
        contrast: From another start, one that isn't caught.
        held: Number of steps in which the gradient was small, though the value was not the least.
        label: Of the point where the path ends, see `stationary_point`.
    """

    name: str
    function: Callable[[Float[Array, "2"]], Float[Array, ""]]
    path: Float[Array, "points 2"]
    contrast: Float[Array, "points 2"]
    held: int
    label: str


def bent_well(point: Float[Array, "2"]) -> Float[Array, ""]:
    """Return a slope that leads away from the minimum: −1.5 exp(−‖p − (2, 0)‖²) + 0.02 (x + 3)².

    Almost everywhere the slope points to x = −3, where f is far above its least value, near
    (2, 0): locally right and globally wrong.
    """
    x, y = point
    return -1.5 * jnp.exp(-((x - 2) ** 2) - y**2) + 0.02 * (x + 3) ** 2 + 0.02 * y**2


def trapped_gallery(n_steps: int = 200) -> tuple[Trap, ...]:
    """Run gradient descent into the four traps that an only local view has.

    A local minimum (the shallow of two wells), a saddle (approached along its ridge), a plateau
    (far from the hole), and a start from which the way down leads away from the minimum.

    Args:
        n_steps: Of each run.

    >>> [(trap.name, trap.label) for trap in trapped_gallery()][:2]
    [('local minimum', 'minimum'), ('saddle point', 'saddle')]

    Source: Goodfellow et al. 2016, sections 8.2.2, 8.2.3 and 8.2.7; catalogue DIF-01.
    """
    rows = (
        ("local minimum", double_well, (-1.8, 0.5), (1.8, 0.5), 0.1, -0.4),
        ("saddle point", saddle, (1.0, 0.0), (1.0, 1e-3), 0.05, -1e9),
        ("plateau", plateau, (-4.5, 1.0), (-1.0, 1.0), 0.1, -1.0),
        ("unlucky start", bent_well, (-0.2, 0.5), (0.4, 0.5), 0.3, -1.0),
    )
    return tuple(_trap(*row, n_steps) for row in rows)


def _trap(
    name: str,
    f: Callable,
    start: tuple[float, float],
    lucky: tuple[float, float],
    rate: float,
    minimum: float,
    n_steps: int,
) -> Trap:
    path = descend(SGD, f, jnp.array(start), n_steps, rate)
    contrast = descend(SGD, f, jnp.array(lucky), n_steps, rate)
    held = int(np.sum(plateau_steps(f, path, minimum=minimum)))
    return Trap(name, f, path, contrast, held, stationary_point(f, path[-1], tolerance=2e-2).label)
