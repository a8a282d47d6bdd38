"""Optimizers side by side on one function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gradlab.optim.kind import OptimizerKind
from gradlab.optim.surfaces import Function, descend
from gradlab.scalars import NonNegative

Verdict = Literal["too small", "good", "too large"]


@dataclass(frozen=True)
class Lane:
    """How one optimizer did.

    Args:
        name: The optimizer.
        learning_rate: The rate it ran with.
        final_loss: f at the end; NaN or infinite if it diverged.
        steps_to_tolerance: First step at which f <= tolerance; None if never.
        path_length: Sum of the lengths of its steps.
    """

    name: str
    learning_rate: float
    final_loss: float
    steps_to_tolerance: int | None
    path_length: float


def race(
    kinds: Sequence[OptimizerKind],
    f: Function,
    start: Float[Array, " d"],
    n_steps: int,
    tolerance: float,
    learning_rates: Mapping[str, float] | None = None,
    *,
    noise: NonNegative = 0.0,
) -> list[Lane]:
    """Let optimizers descend one function from one point; return a row each, best first.

    Args:
        kinds: The optimizers.
        f: Point of shape (d,) to a scalar.
        start: The common start.
        n_steps: Steps each.
        tolerance: f at or below it counts as arrived.
        learning_rates: By name; a kind that is not named runs at its usual one.
        noise: Standard deviation of the noise in the gradient, see `descend`.

    >>> from gradlab.optim import MOMENTUM, SGD
    >>> from gradlab.optim.surfaces import bowl
    >>> lanes = race([SGD, MOMENTUM], bowl, jnp.array([-7.0, 2.0]), 100, tolerance=1e-3)
    >>> [lane.name for lane in lanes]
    ['sgd', 'momentum']
    """
    rates = learning_rates or {}
    lanes = []
    for kind in kinds:
        rate = rates.get(kind.name, kind.learning_rate)
        path = descend(kind, f, start, n_steps, rate, noise=noise)
        losses = np.asarray(jax.vmap(f)(path))
        arrived = np.flatnonzero(losses <= tolerance)
        lanes.append(
            Lane(
                name=kind.name,
                learning_rate=rate,
                final_loss=float(losses[-1]),
                steps_to_tolerance=int(arrived[0]) if len(arrived) else None,
                path_length=float(jnp.sum(jnp.linalg.norm(jnp.diff(path, axis=0), axis=1))),
            )
        )
    return sorted(lanes, key=lambda lane: (np.isnan(lane.final_loss), lane.final_loss))


def learning_rate_verdict(
    losses: Float[np.ndarray | Array, " n"], tolerance: float = 1e-3
) -> Verdict:
    """Judge a learning rate by the losses it led to.

    Too large: the loss ends higher than it began, or is no number. Good: it fell to `tolerance`
    times its first value. Too small: neither.

    >>> learning_rate_verdict(np.array([1.0, 1.44, 2.07]))
    'too large'
    """
    first, last = float(losses[0]), float(losses[-1])
    if not np.isfinite(last) or last > first:
        return "too large"
    return "good" if last <= tolerance * first else "too small"
