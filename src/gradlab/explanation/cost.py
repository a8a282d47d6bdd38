"""What gradients cost: by changing every weight a little, and by going backwards once."""

import dataclasses
import itertools
import math

from gradlab.scalars import Positive

OPERATIONS_A_SECOND = 850e6
"""The speed that the document's estimate assumes."""


@dataclasses.dataclass(frozen=True)
class GradientCost:
    """Operations of one update of all parameters; an operation is one product with a weight.

    Args:
        weights: Products that one row takes, forwards.
        parameters: Numbers that are trained.
        rows: Rows of the loss.
    """

    weights: int
    parameters: int
    rows: int = 1

    @property
    def loss(self) -> int:
        """Of the loss over all rows."""
        return self.weights * self.rows

    @property
    def evaluations(self) -> int:
        """Losses that numerical differentiation asks for: one a parameter, and the undisturbed."""
        return self.parameters + 1

    @property
    def central_evaluations(self) -> int:
        """Losses of central differences: two a parameter."""
        return 2 * self.parameters

    @property
    def numerical(self) -> int:
        """Of all gradients by numerical differentiation."""
        return self.loss * self.evaluations

    @property
    def back_propagation(self) -> int:
        """Of all gradients by back-propagation: forwards once, and backwards twice as much."""
        return 3 * self.loss

    @property
    def ratio(self) -> float:
        """How many times as much numerical differentiation costs."""
        return self.numerical / self.back_propagation if self.weights else float("nan")

    def seconds(self, *, speed: Positive = OPERATIONS_A_SECOND) -> float:
        """Return the time of numerical differentiation at some operations a second."""
        return self.numerical / float(speed)


def dense_cost(*widths: int, rows: int = 1) -> GradientCost:
    """Return the cost of a fully connected network with biases, by its layers' widths.

    The document's network for handwritten digits, on 80 % of 70,000 pictures: 353,537,710,400,000
    operations for one update, about 115 hours.

    >>> cost = dense_cost(784, 100, 10, rows=56_000)
    >>> cost.weights, cost.evaluations, cost.numerical
    (79400, 79511, 353537710400000)
    >>> round(cost.seconds() / 3600, 3)
    115.535
    """
    weights = sum(math.prod(pair) for pair in itertools.pairwise(widths))
    return GradientCost(weights, weights + sum(widths[1:]), rows)
