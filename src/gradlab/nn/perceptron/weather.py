"""The weather table through a unit with three kinds of output."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Real
from scipy.special import expit

from gradlab.nn.perceptron.unit import step, weighted_sum
from gradlab.scalars import Scalar


class Outputs(NamedTuple):
    """One weighted sum, read in three ways."""

    step: Int[np.ndarray, " rows"]
    linear: Float[np.ndarray, " rows"]
    sigmoid: Float[np.ndarray, " rows"]


def three_outputs(
    x: Real[np.ndarray, "rows inputs"], weights: Real[np.ndarray, " inputs"], bias: Scalar
) -> Outputs:
    """Return ŷ as a step (a class), as the sum itself, and as a sigmoid (a probability).

    >>> three_outputs(np.array([[0.0]]), np.array([1.0]), 0.0)
    Outputs(step=array([1]), linear=array([0.]), sigmoid=array([0.5]))
    """
    s = weighted_sum(x, weights, bias)
    return Outputs(step=step(s), linear=s, sigmoid=expit(s))
