"""The chain rule by itself: a product of derivatives along a chain of functions."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gradlab.scalars import Real


@dataclass(frozen=True)
class Chain:
    """A composed function at one point.

    Args:
        values: The start, and what each function makes of the one before.
        factors: Derivative of each function where it is entered.
    """

    values: tuple[float, ...]
    factors: tuple[float, ...]

    @property
    def product(self) -> float:
        """Derivative of the composed function."""
        return math.prod(self.factors)

    def __str__(self) -> str:
        """Return the product factor by factor, the last function's first."""
        return f"{' × '.join(f'{f:g}' for f in reversed(self.factors))} = {self.product:g}"


def chain_rule(functions: Sequence[Callable[[Array], Float[Array, ""]]], at: Real) -> Chain:
    """Return the derivative of f_n(… f_2(f_1(x))) as the product of the functions' own.

        d f_n/d x = f_n'(f_(n−1)) · … · f_2'(f_1) · f_1'(x)

    If apples ripen at twice the speed of oranges, oranges at twice that of bananas and bananas at
    1.5 times that of lemons, apples ripen at 2 · 2 · 1.5 = 6 times the speed of lemons.

    Args:
        functions: f_1 first; each takes a number and returns one.
        at: x.

    >>> print(chain_rule([lambda lemon: 1.5 * lemon, lambda banana: 2 * banana,
    ...                   lambda orange: 2 * orange], at=1.0))
    2 × 2 × 1.5 = 6
    """
    x = jnp.asarray(at, float)
    values, factors = [float(x)], []
    for function in functions:
        x, slope = jax.value_and_grad(function)(x)
        values.append(float(x))
        factors.append(float(slope))
    return Chain(tuple(values), tuple(factors))
