"""The line, plane or hyperplane on which a perceptron changes its mind."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Real

from gradlab.errors import RecipeError
from gradlab.scalars import Scalar

Interval = tuple[Scalar, Scalar]
"""The lower and the upper end of an axis."""


@dataclass(frozen=True)
class Boundary:
    """The set d(x) = w · x + w_0 = 0; the weights turn it, the bias moves it.

    Attributes:
        weights: w, at right angles to the boundary and pointing to the side of +1.
        bias: w_0.
    """

    weights: Float[np.ndarray, " inputs"]
    bias: float

    @property
    def normal(self) -> Float[np.ndarray, " inputs"]:
        """Return the unit vector at right angles to the boundary, pointing to the side of +1."""
        return self.weights / np.linalg.norm(self.weights)

    @property
    def distance_from_origin(self) -> float:
        """Return |w_0| / ‖w‖."""
        return abs(self.bias) / float(np.linalg.norm(self.weights))

    @property
    def intercepts(self) -> Float[np.ndarray, " inputs"]:
        """Return where the boundary cuts each axis, -w_0 / w_i; infinite for a parallel axis."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.weights == 0, np.inf, -self.bias / self.weights)

    def signed_distance(self, x: Real[np.ndarray, "rows inputs"]) -> Float[np.ndarray, " rows"]:
        """Return how far each row lies from the boundary, positive on the side of +1."""
        return (x @ self.weights + self.bias) / np.linalg.norm(self.weights)

    def segment(self, x_range: Interval, y_range: Interval) -> Float[np.ndarray, "points 2"]:
        """Return the two ends of the boundary line inside a rectangle; no rows if it misses it.

        Raises:
            RecipeError: If the boundary is not a line, that is unless there are two inputs.
        """
        if len(self.weights) != 2:
            raise RecipeError(
                f"A segment needs a line in the plane, so 2 weights; got {len(self.weights)}. "
                "Fix the other inputs and fold them into the bias."
            )
        (w1, w2), w0 = self.weights, self.bias
        ends = []
        if w2 != 0:
            ends += [(x, -(w1 * x + w0) / w2) for x in x_range]
        if w1 != 0:
            ends += [(-(w2 * y + w0) / w1, y) for y in y_range]
        slack = 1e-12 * max(1.0, *map(abs, x_range), *map(abs, y_range))
        inside = [
            (x, y)
            for x, y in ends
            if x_range[0] - slack <= x <= x_range[1] + slack
            and y_range[0] - slack <= y <= y_range[1] + slack
        ]
        distinct = sorted({(round(float(x), 12), round(float(y), 12)) for x, y in inside})
        return np.array([distinct[0], distinct[-1]] if distinct else []).reshape(-1, 2)


def decision_boundary(weights: Real[np.ndarray, " inputs"], bias: Scalar) -> Boundary:
    """Return the boundary of a perceptron.

    Raises:
        RecipeError: If every weight is 0: such a perceptron gives one answer everywhere.

    >>> line = decision_boundary(np.array([1.0, 1.0]), -0.5)
    >>> round(line.distance_from_origin, 6), line.intercepts
    (0.353553, array([0.5, 0.5]))
    """
    if not np.any(weights):
        raise RecipeError(
            "A perceptron with weights that are all 0 has no boundary: it answers the same "
            "everywhere. Train it first, or give at least one weight."
        )
    return Boundary(np.asarray(weights, dtype=float), float(bias))
