"""Curvatures that differ: what they make of a gradient step."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Array, Float

from gradlab.scalars import Positive


@dataclass(frozen=True)
class StepReport:
    """A gradient step at a point, −learning_rate · g, and what the curvatures say of it.

    Attributes:
        condition: Largest over smallest |eigenvalue| of the Hessian; inf if one is 0.
        largest_rate: 2 / λ_max, above which steps along the steepest curve grow; inf if no
            curvature is positive.
        gradient: ‖g‖.
        step: ‖learning_rate · g‖.
        alignment: Cosine of the angle between the step and Newton's, −H⁻¹ g: 1 where all curvatures
            are equal, near 0 (or below) where the step's direction is of little use.
        expected: Change of f by the step in the quadratic model, −r g·g + r²/2 g·H g.
        actual: Change of f.
    """

    condition: float
    largest_rate: float
    gradient: float
    step: float
    alignment: float
    expected: float
    actual: float

    def __str__(self) -> str:
        """Return it as lines of text."""
        return "\n".join(
            (
                f"condition number      {self.condition:.4g}",
                f"largest stable rate   {self.largest_rate:.4g}",
                f"gradient norm         {self.gradient:.4g}",
                f"step length           {self.step:.4g}",
                f"cosine with Newton's  {self.alignment:.4g}",
                f"change expected       {self.expected:.4g}",
                f"change made           {self.actual:.4g}",
            )
        )


def condition_number(hessian: Float[Array | np.ndarray, "n n"]) -> float:
    """Return κ = max |λ| / min |λ| of a symmetric matrix; inf if it is singular.

    >>> condition_number(np.diag([0.1, 2.0]))
    20.0
    """
    values = np.abs(np.linalg.eigvalsh(np.asarray(hessian, np.float64)))
    return float(values.max() / values.min()) if values.min() > 0 else float("inf")


def step_report(
    f: Callable[[Float[Array, " n"]], Float[Array, ""]],
    w: Float[Array, " n"],
    learning_rate: Positive,
) -> StepReport:
    """Take a gradient step and compare it with what the curvatures allow.

    Args:
        f: Point of shape (n,) to a scalar.
        w: The point.
        learning_rate: Of the step.

    >>> import jax.numpy as jnp
    >>> from gradlab.optim.surfaces import bowl
    >>> report = step_report(bowl, jnp.array([-7.0, 2.0]), 0.5)
    >>> round(report.condition), report.largest_rate
    (20, 1.0)

    Source: Goodfellow et al. 2016, sections 4.3.1 and 8.2.1; catalogue DIF-02, DIF-08.
    """
    gradient = np.asarray(jax.grad(f)(w), np.float64)
    hessian = np.asarray(jax.hessian(f)(w), np.float64)
    steepest = float(np.linalg.eigvalsh(hessian)[-1])
    newton = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
    lengths = np.linalg.norm(gradient) * np.linalg.norm(newton)
    squared = float(gradient @ gradient)
    expected = learning_rate**2 / 2 * gradient @ hessian @ gradient - learning_rate * squared
    moved = w - learning_rate * jax.grad(f)(w)
    return StepReport(
        condition_number(hessian),
        2 / steepest if steepest > 0 else float("inf"),
        squared**0.5,
        float(learning_rate * squared**0.5),
        float(gradient @ newton / lengths) if lengths > 0 else 0.0,
        float(expected),
        float(f(moved) - f(w)),
    )
