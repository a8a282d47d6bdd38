"""One perceptron: a weighted sum and a step."""

from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Real

from gradlab.scalars import Scalar

Coding = Literal["binary", "signed"]
"""How a step writes its two answers: "binary" as 0 and 1, "signed" as -1 and +1."""


def weighted_sum(
    x: Real[np.ndarray, "rows inputs"], weights: Real[np.ndarray, " inputs"], bias: Scalar = 0.0
) -> Float[np.ndarray, " rows"]:
    """Return s = w_0 + Σ_i w_i x_i of every row; `bias` is w_0.

    >>> weighted_sum(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([1.0, 1.0]), -0.5)
    array([-0.5,  1.5])
    """
    # Not `x @ weights`: BLAS sums a row in another order when it stands in a bigger batch, and a
    # sum of exactly 0 would then fall on the other side of the step.
    return np.einsum("nd,d->n", x, weights) + float(bias)


def step(s: Real[np.ndarray, "*shape"], coding: Coding = "binary") -> Int[np.ndarray, "*shape"]:
    """Return 1 where s >= 0, elsewhere 0 ("binary") or -1 ("signed").

    >>> step(np.array([-0.5, 0.0, 2.0]), "signed")
    array([-1,  1,  1])
    """
    return np.where(s >= 0, 1, 0 if coding == "binary" else -1)


def perceptron(
    x: Real[np.ndarray, "rows inputs"],
    weights: Real[np.ndarray, " inputs"],
    bias: Scalar = 0.0,
    *,
    coding: Coding = "binary",
) -> Int[np.ndarray, " rows"]:
    """Return y = step(w_0 + Σ_i w_i x_i) of every row.

    Source: Rosenblatt 1958, The perceptron, Psychological Review 65(6).

    >>> from gradlab.nn.perceptron.tables import OR
    >>> perceptron(OR.inputs, np.array([1.0, 1.0]), -0.5, coding="signed")
    array([-1,  1,  1,  1])
    """
    return step(weighted_sum(x, weights, bias), coding)


def share_right(predictions: Real[np.ndarray, " rows"], labels: Real[np.ndarray, " rows"]) -> float:
    """Return the share of rows with f(x_i) = y_i, which learning wants to bring to 1.

    >>> share_right(np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0]))
    0.75
    """
    return float(np.mean(predictions == labels))
