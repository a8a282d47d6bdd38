"""Functions of two variables on which optimizers show their character, and the way down them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gradlab.optim.kind import OptimizerKind
from gradlab.scalars import NonNegative

Point = Float[Array, "2"]
Value = Float[Array, ""]
Function = Callable[[Float[Array, " d"]], Value]


def bowl(point: Point) -> Value:
    """Return x²/20 + y²: twenty times steeper across than along, so descent zig-zags."""
    x, y = point
    return x**2 / 20 + y**2


def saddle(point: Point) -> Value:
    """Return x² − y²: flat at the origin, a minimum along x and a maximum along y."""
    x, y = point
    return x**2 - y**2


def plateau(point: Point) -> Value:
    """Return −exp(−(x² + y²)/2): a hole in a plain where the gradient is next to nothing."""
    x, y = point
    return -jnp.exp(-(x**2 + y**2) / 2)


def double_well(point: Point) -> Value:
    """Return (x² − 1)²/4 − 0.15 x + y²/2: a shallow minimum at x ≈ −0.92, a deeper at 1.07."""
    x, y = point
    return (x**2 - 1) ** 2 / 4 - 0.15 * x + y**2 / 2


def ravine(point: Point) -> Value:
    """Return (1 − x)² + 100 (y − x²)²: Rosenbrock's bent ravine, with its minimum at (1, 1)."""
    x, y = point
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def beale(point: Point) -> Value:
    """Return Beale's function: plains, steep walls and a minimum at (3, 0.5)."""
    x, y = point
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


@dataclass(frozen=True)
class Surface:
    """A function to descend and where to look at it.

    Args:
        name: Name in tables and figures.
        function: Point of shape (2,) to value.
        start: Where the usual picture starts.
        minimum: The global minimum; None if there is none.
        window: x from, x to, y from, y to.
    """

    name: str
    function: Callable[[Point], Value]
    start: tuple[float, float]
    minimum: tuple[float, float] | None
    window: tuple[float, float, float, float]


SURFACES: dict[str, Surface] = {
    "bowl": Surface("bowl", bowl, (-7.0, 2.0), (0.0, 0.0), (-10.0, 10.0, -5.0, 5.0)),
    "saddle": Surface("saddle", saddle, (1.0, 1e-3), None, (-1.5, 1.5, -1.5, 1.5)),
    "plateau": Surface("plateau", plateau, (-3.0, 1.0), (0.0, 0.0), (-4.0, 4.0, -4.0, 4.0)),
    "double_well": Surface(
        "double_well", double_well, (-1.8, 0.5), (1.068, 0.0), (-2.0, 2.0, -1.0, 1.0)
    ),
    "ravine": Surface("ravine", ravine, (-1.2, 1.0), (1.0, 1.0), (-2.0, 2.0, -1.0, 3.0)),
    "beale": Surface("beale", beale, (1.0, 1.5), (3.0, 0.5), (-0.5, 4.5, -2.0, 2.0)),
}


def descend(
    kind: OptimizerKind,
    f: Function,
    start: Float[Array, " d"],
    n_steps: int,
    learning_rate: NonNegative | Float[Array | np.ndarray, " {n_steps}"] | None = None,
    parameters: dict | None = None,
    *,
    noise: NonNegative = 0.0,
    seed: int = 0,
) -> Float[Array, "n_points d"]:
    """Return the path of an optimizer down a function, start included.

    Args:
        kind: The optimizer.
        f: Point of shape (d,) to a scalar.
        start: Where it starts; its dtype is the path's.
        n_steps: Steps; the path has n_steps + 1 points.
        learning_rate: One rate, or one a step; default the kind's usual one.
        parameters: Keyword arguments of the kind's factory.
        noise: Standard deviation of normal noise added to every element of the gradient: what
            sampling a batch does to it.
        seed: Of the noise.

    >>> from gradlab.optim.gradient_descent import SGD
    >>> descend(SGD, bowl, jnp.array([-7.0, 2.0]), n_steps=2, learning_rate=0.5)
    Array([[-7.    ,  2.    ],
           [-6.65  ,  0.    ],
           [-6.3175,  0.    ]], dtype=float32)
    """
    parameters = parameters or {}
    # Words and switches change the program; numbers only pass through it.
    fixed = tuple((k, v) for k, v in parameters.items() if isinstance(v, str | bool))
    numbers = {k: v for k, v in parameters.items() if not isinstance(v, str | bool)}
    rate = kind.learning_rate if learning_rate is None else learning_rate
    rates = jnp.broadcast_to(jnp.asarray(rate, start.dtype), (n_steps,))
    draw = jax.random.normal(jax.random.key(seed), (n_steps, *start.shape), start.dtype)
    return _descend(kind, f, fixed, start, rates, numbers, (noise * draw).astype(start.dtype))


@partial(jax.jit, static_argnames=("kind", "f", "fixed"))
def _descend(kind, f, fixed, start, rates, numbers, noise):
    parameters = {**numbers, **dict(fixed)}

    def step(carry, now):
        point, state = carry
        rate, of_sampling = now
        gradient = jax.grad(f)(point) + of_sampling
        optimizer = kind.factory(rate, **parameters)
        updates, state = optimizer.update(gradient, state, point)
        point += updates
        return (point, state), kind.evaluation_params(point, state, parameters)

    state = kind.factory(0.0, **parameters).init(start)
    _, path = jax.lax.scan(step, (start, state), (rates, noise))
    return jnp.concatenate([start[None], path])
